/* web/import/import.c: which format it is, gzip, pieces, lines that are too long, batches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/web/import_into.h"
#include "web/gzip.h"

#define HEAD "#hearth-samples 1\n"

static void check(const char *bytes, size_t len, const char *expected)
{
	for (size_t step = 0; step < 4; step++) {
		struct err err = {};
		char *got = import_into(IMPORT_UNKNOWN, bytes, len, step, false, NULL, &err);

		if (!got)
			fail_msg("%s", err_text(&err));
		assert_string_equal(got, expected);
		free(got);
	}
}

static void check_text(const char *text, const char *expected)
{
	check(text, strlen(text), expected);
}

static void the_first_line_tells_the_format(void **state)
{
	(void)state;
	check_text(HEAD "stack\t1\tf;g\nsample\t5\t1\t1\tc\tt\t1\t2\n", "c;f;g 2\n");
	check_text("c;f;g 2\n", "c;f;g 2\n");
	check_text("\n# a comment\nc;f;g 2", "c;f;g 2\n");
	check_text("c 7 1.000: cycles:\n\t12 f (/a)\n\n", "c;f 1\n");
	check_text("", "");
	check_text("\xc3\xa4\xc3\xb6;f 1\n", "\xc3\xa4\xc3\xb6;f 1\n");
	check_text("\n", "");
	/* sample type samples/count, a sample of 3, strings "", samples, count */
	check("\x0a\x04\x08\x01\x10\x02\x12\x02\x10\x03\x32\x00\x32\x07samples\x32\x05"
	      "count",
	      28, "- 3\n");
}

static void pack(struct buf *out, const char *text)
{
	struct gzip *g;

	assert_int_equal(gzip_begin(&g, out, 6), 0);
	assert_int_equal(gzip_add(g, text, strlen(text)), 0);
	assert_int_equal(gzip_end(g), 0);
}

static void gzip_is_unpacked_also_in_several_members(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1u << 20);
	pack(&b, "c;f 1\nc;");
	pack(&b, "g 2\n");
	buf_add(&b, "\0\0", 2);
	check((const char *)b.data, b.len, "c;f 1\nc;g 2\n");
	buf_done(&b);
}

static void damaged_gzip_is_told(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1u << 20);
	pack(&b, "c;f 1\n");
	import_into_refused(IMPORT_UNKNOWN, b.data, b.len - 1, -EBADMSG, "ends in the middle");
	import_into_refused(IMPORT_UNKNOWN, b.data, 3, -EBADMSG, "ends in the middle");
	b.data[b.len - 6] ^= 1; /* its checksum */
	import_into_refused(IMPORT_UNKNOWN, b.data, b.len, -EBADMSG, "gzip stream is damaged");
	buf_done(&b);
}

static void endless_lines_are_refused(void **state)
{
	size_t len = IMPORT_LINE_BYTES_MAX + 2;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	memset(text, 'a', len);
	memcpy(text, "c;f 1\n", 6);
	for (int f = IMPORT_UNKNOWN; f < IMPORT_FORMAT_COUNT; f++)
		if (f == IMPORT_UNKNOWN || f == IMPORT_FOLDED)
			import_into_refused((enum import_format)f, text, len, -EBADMSG, "line 2");
	memset(text, 'a', len);
	import_into_refused(IMPORT_UNKNOWN, text, len, -EFBIG, "line 1: longer than");
	free(text);
}

/* ---- batches ---- */

struct seen {
	uint32_t batches, fresh;
	uint64_t samples;
	struct import_batch last;
};

static int look(void *arg, const struct import_batch *b)
{
	struct seen *s = arg;

	if (s->batches) {
		assert_true(b->fresh || b->strings == s->last.p->n_strings || b->p != s->last.p ||
			    b->stacks <= b->p->n_stacks);
	}
	assert_true(b->strings <= b->p->n_strings && b->stacks <= b->p->n_stacks);
	assert_true(!b->fresh || (b->strings == 1 && b->stacks == 1 && b->labels == 0));
	assert_true(b->p->n_samples <= IMPORT_BATCH_SAMPLES);
	s->batches++;
	s->fresh += b->fresh;
	s->samples += profile_sample_count(b->p);
	s->last = *b;
	return 0;
}

/* Names that never come back must not fill the memory: the profile begins anew. */
static void a_file_of_any_length_takes_bounded_tables(void **state)
{
	static char line[4096];
	struct seen seen = {};
	struct import_options o = {.format = IMPORT_FOLDED,
				   .name = "x",
				   .at_ms = IMPORT_INTO_AT_MS,
				   .take = look,
				   .arg = &seen};
	struct err err = {};
	struct import *w;

	(void)state;
	assert_int_equal(import_new(&o, &w), 0);
	memset(line, 'n', sizeof(line));
	memcpy(line, "c;", 2);
	memcpy(line + sizeof(line) - 3, " 1\n", 3);
	for (unsigned int i = 0; i < 15000; i++) {
		int n = snprintf(line + 2, 16, "%u", i);

		line[2 + n] = 'n';
		if (import_add(w, line, sizeof(line), &err) < 0)
			fail_msg("%s", err_text(&err));
	}
	assert_int_equal(import_end(w, &err), 0);
	import_free(w);
	assert_int_equal(seen.samples, 15000);
	assert_true(seen.fresh >= 2 && seen.fresh <= 4); /* 60 MB of names, 32 MB at a time */
	assert_true(seen.batches > 10);
}

static int refuse(void *arg, const struct import_batch *b)
{
	(void)arg;
	(void)b;
	return -ENOSPC;
}

static void what_the_taker_says_ends_it(void **state)
{
	struct import_options o = {
		.format = IMPORT_FOLDED, .name = "x", .at_ms = 5, .take = refuse};
	struct err err = {};
	struct import *w;

	(void)state;
	assert_int_equal(import_new(&o, &w), 0);
	assert_int_equal(import_add(w, "a;b 1\n", 6, &err), 0);
	assert_int_equal(import_end(w, &err), -ENOSPC);
	assert_string_equal(err_text(&err), strerror(ENOSPC));
	import_free(w);
}

static void formats_have_names(void **state)
{
	(void)state;
	assert_int_equal(import_format_parse("perf"), IMPORT_PERF);
	assert_int_equal(import_format_parse("Perf"), -ENOENT);
	assert_string_equal(import_format_name(IMPORT_SAMPLES), "samples");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_tells_the_format),
		cmocka_unit_test(gzip_is_unpacked_also_in_several_members),
		cmocka_unit_test(damaged_gzip_is_told),
		cmocka_unit_test(endless_lines_are_refused),
		cmocka_unit_test(a_file_of_any_length_takes_bounded_tables),
		cmocka_unit_test(what_the_taker_says_ends_it),
		cmocka_unit_test(formats_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
