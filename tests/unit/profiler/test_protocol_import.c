/* Bodies of IMPORT messages: back as they were, and what a worker gone bad may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/jail/protocol_import.h"
#include "web/export/export.h"

static const struct protocol_import_rules rules = {.domain = 1001, .identity = 77, .name = "x"};

static const char stream[] = "#hearth-samples 1\n#period-ns\t10101010\n"
			     "stack\t1\tmain;work;inner_[i];call_[k]\n"
			     "stack\t2\t[incomplete: why];a\n"
			     "stack\t3\t\n"
			     "sample\t1000\t1\t2\tc\tt\t1\t7\tuid=0\tzone=eu\n"
			     "sample\t900\t1\t2\tc\tt\t2\t1\tuid=0\tzone=eu\n"
			     "sample\t900\t\t\t\t\t3\t18446744073709551615\n";

/* ---- there and back ---- */

struct link {
	struct profile *there; /* what the receiver has */
	struct buf body; /* the last batch */
	struct buf text; /* exports of all batches */
	int batches;
};

static int send_over(void *arg, const struct import_batch *b)
{
	struct link *l = arg;
	int r;

	buf_clear(&l->body);
	assert_int_equal(protocol_import_batch_write(&l->body, b), 0);
	r = protocol_import_batch_is_fresh(l->body.data, l->body.len);
	assert_int_equal(r, b->fresh);
	if (r) {
		profile_free(l->there);
		assert_int_equal(profile_new(false, &l->there), 0);
	}
	assert_int_equal(protocol_import_batch_apply(l->body.data, l->body.len, &rules, l->there),
			 0);
	assert_int_equal(export_write(EXPORT_SAMPLES, l->there, NULL, &l->text, NULL), 0);
	profile_clear_samples(l->there);
	l->batches++;
	return 0;
}

static struct import *begin(struct link *l)
{
	struct import_options o = {
		.format = IMPORT_SAMPLES, .name = "x", .at_ms = 5, .take = send_over, .arg = l};
	struct import *w;

	*l = (struct link){};
	buf_init(&l->body, 64u << 20);
	buf_init(&l->text, 64u << 20);
	assert_int_equal(import_new(&o, &w), 0);
	return w;
}

static void done(struct link *l, struct import *w)
{
	import_free(w);
	profile_free(l->there);
	buf_done(&l->body);
	buf_done(&l->text);
}

static void a_batch_comes_back_as_it_was(void **state)
{
	struct link l;
	struct import *w = begin(&l);
	const struct profile_object *o;

	(void)state;
	assert_int_equal(import_add(w, stream, strlen(stream), NULL), 0);
	assert_int_equal(import_end(w, NULL), 0);
	assert_int_equal(l.batches, 1);
	assert_string_equal(buf_str(&l.text),
			    "#hearth-samples 1\n#period-ns\t10101010\n"
			    "stack\t1\t[incomplete: why];a\n"
			    "sample\t900\t1\t2\tc\tt\t1\t1\tuid=0\timport=x\tzone=eu\n"
			    "stack\t2\t\n"
			    "sample\t900\t\t\t\t\t2\t18446744073709551615\timport=x\n"
			    "stack\t3\tmain;work;inner_[i];call_[k]\n"
			    "sample\t1000\t1\t2\tc\tt\t3\t7\tuid=0\timport=x\tzone=eu\n");
	/* What the receiver decides. */
	o = &l.there->objects[l.there->locations[0].object];
	assert_int_equal(o->domain, 1001);
	assert_int_equal(o->identity, 77);
	done(&l, w);
}

static void numbers_go_on_from_batch_to_batch(void **state)
{
	struct link l;
	struct import *w = begin(&l);
	char line[128];

	(void)state;
	assert_int_equal(import_add(w, stream, strlen(stream), NULL), 0);
	for (uint32_t i = 0; i < 2 * IMPORT_BATCH_SAMPLES; i++) {
		int n = snprintf(line, sizeof(line),
				 "stack\t%u\tmain;f%u;g\nsample\t%u\t1\t1\tc\tt%u\t%u\n", i % 9999,
				 i % 777, i, i % 333, i % 9999);

		assert_int_equal(import_add(w, line, (size_t)n, NULL), 0);
	}
	assert_int_equal(import_end(w, NULL), 0);
	assert_int_equal(l.batches, 3);
	assert_int_equal(l.there->n_labels, 2 + 333);
	assert_non_null(strstr(buf_str(&l.text), "main;f776;g"));
	done(&l, w);
}

/* ---- gone bad ---- */

static int apply_fresh(const void *body, size_t len)
{
	struct profile *p;
	int r;

	assert_int_equal(profile_new(false, &p), 0);
	r = protocol_import_batch_apply(body, len, &rules, p);
	profile_free(p);
	return r;
}

static void every_cut_and_what_is_left_over_is_refused(void **state)
{
	struct link l;
	struct import *w = begin(&l);

	(void)state;
	import_add(w, stream, strlen(stream), NULL);
	import_end(w, NULL);
	assert_int_equal(apply_fresh(l.body.data, l.body.len), 0);
	for (size_t len = 0; len < l.body.len; len++)
		assert_int_equal(apply_fresh(l.body.data, len), -EBADMSG);
	buf_add_u8(&l.body, 0);
	assert_int_equal(apply_fresh(l.body.data, l.body.len), -EBADMSG);
	done(&l, w);
}

static void every_changed_byte_is_refused_or_harmless(void **state)
{
	struct link l;
	struct import *w = begin(&l);

	(void)state;
	import_add(w, stream, strlen(stream), NULL);
	import_end(w, NULL);
	for (size_t i = 0; i < l.body.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			int r;

			l.body.data[i] ^= (uint8_t)(1 << bit);
			r = apply_fresh(l.body.data, l.body.len);
			assert_true(r == 0 || r == -EBADMSG);
			l.body.data[i] ^= (uint8_t)(1 << bit);
		}
	done(&l, w);
}

#define HEAD "\x01\0\0\0\0\0\0\0\0" /* fresh, no period */
#define NONE "\0" /* of a table */
/* strings: f import x native; functions: f; locations: f */
#define NAMES              \
	"\x04\x01"         \
	"f\x06"            \
	"import\x01x\x06"  \
	"native"           \
	"\x01\x01\x01\0\0" \
	"\x01\0\x01\0\0\0"
#define STACK  "\x01\x01\0"
#define LABELS "\x01\0\x01\x02\x03"
#define SAMPLE "\x01\x02\x01\0\x01"

static void every_field_is_checked(void **state)
{
#define BODY(text)                     \
	{                              \
		text, sizeof(text) - 1 \
	}
	static const struct {
		const char *body;
		size_t len;
	} wrong[] = {
		BODY("\x01\0\0\0\0\0\0\0\x80" NONE NONE NONE NONE NONE NONE), /* period */
		BODY(HEAD "\xff\xff\xff\xff\x0f"), /* so many strings */
		BODY(HEAD "\x01\x02"
			  "f" NONE NONE NONE NONE NONE), /* a string too long */
		BODY(HEAD "\x01\x01\0" NONE NONE NONE NONE NONE), /* NUL in it */
		BODY(HEAD "\x02\x01"
			  "f\x01"
			  "f" NONE NONE NONE NONE NONE), /* one twice */
		BODY(HEAD "\x01\0" NONE NONE NONE NONE NONE), /* the empty one, which is there */
		BODY(HEAD NONE "\x01\x01\0\0\0" NONE NONE NONE NONE), /* a function's string */
		BODY(HEAD NONE "\x01\0\0\0\xff\xff\xff\xff\x7f" NONE NONE NONE NONE), /* line */
		BODY(HEAD NONE "\x02\0\0\0\0\0\0\0\0" NONE NONE NONE NONE), /* one twice */
		BODY(HEAD NONE NONE "\x01\0\x01\0\0\0" NONE NONE NONE), /* a line's function */
		BODY(HEAD NONE "\x01\0\0\0\0"
			       "\x01\0\x01\0\0\0" NONE NONE NONE), /* no kind's word */
		BODY(HEAD "\x01\x06"
			  "native"
			  "\x01\0\0\0\0"
			  "\x01\0\0" NONE NONE NONE), /* no line */
		BODY(HEAD "\x01\x06"
			  "native"
			  "\x01\0\0\0\0"
			  "\x01\0\x81\x02" NONE NONE NONE),
		BODY(HEAD NONE NONE "\x01\x06\0" NONE NONE NONE), /* a kind that there is not */
		BODY(HEAD NONE NONE "\x01\x05\x01" NONE NONE NONE), /* a reason's string */
		BODY(HEAD NONE NONE "\x02\x05\0\x05\0" NONE NONE NONE), /* one twice */
		BODY(HEAD NAMES "\x01\0\0" NONE NONE), /* a stack that is its own parent */
		BODY(HEAD NAMES "\x01\x02\0" NONE NONE), /* a parent before the first */
		BODY(HEAD NAMES "\x01\x01\x01" NONE NONE), /* a location */
		BODY(HEAD NAMES "\x02\x01\0\x02\0" NONE NONE), /* one twice */
		BODY(HEAD NAMES STACK "\x01\0\0" NONE), /* a set without our label */
		BODY(HEAD NAMES STACK "\x01\0\x01\x02\x01" NONE), /* with another value */
		BODY(HEAD NAMES STACK "\x01\0\x01\x02\x05" NONE), /* a string */
		BODY(HEAD NAMES STACK "\x01\0\x11" NONE), /* so many others */
		BODY(HEAD NAMES STACK "\x01\x80\x80\x04\x01\x02\x03" NONE), /* a label */
		BODY(HEAD NAMES STACK "\x02\0\x01\x02\x03\0\x01\x02\x03" NONE), /* one twice */
		BODY(HEAD NAMES STACK LABELS "\x01\x02\x02\0\x01"), /* a sample's stack */
		BODY(HEAD NAMES STACK LABELS "\x01\x02\x01\x01\x01"), /* labels */
		BODY(HEAD NAMES STACK LABELS "\x01\x02\x01\0\0"), /* count */
		BODY(HEAD NAMES STACK LABELS "\x01\x01\x01\0\x01"), /* before 1970 */
		BODY(HEAD NAMES STACK LABELS "\x01\x80\x80\x80\x80\x80\x80\x04\x01\0\x01"),
	};
	static const char good[] = HEAD NAMES STACK LABELS SAMPLE;

	(void)state;
	assert_int_equal(apply_fresh(good, sizeof(good) - 1), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (apply_fresh(wrong[i].body, wrong[i].len) != -EBADMSG)
			fail_msg("body %zu is taken", i);
	assert_int_equal(protocol_import_batch_is_fresh("", 0), -EBADMSG);
	assert_int_equal(protocol_import_batch_is_fresh("\2", 1), -EBADMSG);
}

/* ---- requests and counts ---- */

static void requests_and_counts_come_back(void **state)
{
	struct protocol_import_request q = {
		.format = IMPORT_UNKNOWN, .at_ms = 12, .name = "a name"};
	struct protocol_import_request back;
	struct import_counts c = {1, 2, 3, 4}, c_back;
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	protocol_import_request_write(&b, &q);
	assert_int_equal(protocol_import_request_parse(b.data, b.len, &back), 0);
	assert_int_equal(back.format, IMPORT_UNKNOWN);
	assert_int_equal(back.at_ms, 12);
	assert_string_equal(back.name, "a name");
	for (size_t len = 0; len < b.len; len++)
		assert_int_equal(protocol_import_request_parse(b.data, len, &back), -EBADMSG);
	b.data[0] = IMPORT_FORMAT_COUNT + 1;
	assert_int_equal(protocol_import_request_parse(b.data, b.len, &back), -EBADMSG);
	b.data[0] = 0;
	b.data[b.len - 1] = '\0';
	assert_int_equal(protocol_import_request_parse(b.data, b.len, &back), -EBADMSG);
	buf_clear(&b);
	protocol_import_counts_write(&b, &c);
	assert_int_equal(protocol_import_counts_parse(b.data, b.len, &c_back), 0);
	assert_memory_equal(&c, &c_back, sizeof(c));
	assert_int_equal(protocol_import_counts_parse(b.data, b.len - 1, &c_back), -EBADMSG);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_comes_back_as_it_was),
		cmocka_unit_test(numbers_go_on_from_batch_to_batch),
		cmocka_unit_test(every_cut_and_what_is_left_over_is_refused),
		cmocka_unit_test(every_changed_byte_is_refused_or_harmless),
		cmocka_unit_test(every_field_is_checked),
		cmocka_unit_test(requests_and_counts_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
