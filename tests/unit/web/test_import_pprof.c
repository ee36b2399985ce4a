/* web/import/pprof.c: our own pprof comes back, others are read, damaged ones are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/web/build.h"
#include "tests/unit/web/import_into.h"
#include "web/export/protobuf.h"

static void an_export_comes_back_as_it_was(void **state)
{
	struct profile *p = build_typical();
	size_t len;
	char *packed = build_export(EXPORT_PPROF, p, NULL, &len), *got;
	struct err err = {};

	(void)state;
	got = import_into(IMPORT_UNKNOWN, packed, len, 0, false, NULL, &err);
	if (!got)
		fail_msg("%s", err_text(&err));
	assert_string_equal(got, "a;main 1\n"
				 "a;main;work;inner_[i] 7\n"
				 "a;main;work;inner_[i];do_syscall_64_[k] 7\n"
				 "b_b;[incomplete: no-frame-pointer];libx.so+0x1234 3\n"
				 /* pprof has no empty stacks: the export says so in a frame */
				 "b_b;[no stack] 7\n"
				 "b_b;main;[jit]_[j] 4\n");
	free(got);
	free(packed);
	profile_free(p);
}

/* ---- made by hand ---- */

struct made {
	struct buf all, part, inner;
};

static void add_message(struct made *m, uint32_t field)
{
	protobuf_message(&m->all, field, &m->part);
	buf_clear(&m->part);
}

static void add_type(struct made *m, uint32_t field, uint64_t type, uint64_t unit)
{
	protobuf_number(&m->part, 1, type);
	protobuf_number(&m->part, 2, unit);
	add_message(m, field);
}

static void add_strings(struct made *m, const char *const *strings)
{
	for (; *strings; strings++)
		protobuf_bytes(&m->all, 6, *strings, strlen(*strings));
}

static void begin(struct made *m)
{
	buf_init(&m->all, 1u << 20);
	buf_init(&m->part, 1u << 20);
	buf_init(&m->inner, 1u << 20);
}

static void end(struct made *m)
{
	buf_done(&m->all);
	buf_done(&m->part);
	buf_done(&m->inner);
}

/* As Go writes it: nanoseconds too, labels with numbers, addresses of a process. */
static void make_typical(struct made *m)
{
	static const char *const strings[] = {
		"",	  "samples", "count",	 "cpu",	   "nanoseconds", "/bin/srv",
		"main.f", "f.go",    "requests", "tenant", "a b",	  NULL};

	/* Go begins with the time. */
	protobuf_number(&m->all, 9, 1795000000999000000);
	add_type(m, 1, 1, 2);
	add_type(m, 1, 3, 4);
	/* unpacked: locations 9 (the leaf) and 8, values 3 and 30 ms */
	protobuf_number(&m->part, 1, 9);
	protobuf_number(&m->part, 1, 8);
	protobuf_number(&m->part, 2, 3);
	protobuf_number(&m->part, 2, 30000000);
	protobuf_number(&m->inner, 1, 8);
	protobuf_number(&m->inner, 3, 42);
	protobuf_message(&m->part, 3, &m->inner);
	buf_clear(&m->inner);
	protobuf_number(&m->inner, 1, 9);
	protobuf_number(&m->inner, 2, 10);
	protobuf_message(&m->part, 3, &m->inner);
	buf_clear(&m->inner);
	add_message(m, 2);
	/* mapping 1: from 0x400000, file offset 0x1000 */
	protobuf_number(&m->part, 1, 1);
	protobuf_number(&m->part, 2, 0x400000);
	protobuf_number(&m->part, 3, 0x500000);
	protobuf_number(&m->part, 4, 0x1000);
	protobuf_number(&m->part, 5, 5);
	add_message(m, 3);
	/* location 9: without lines */
	protobuf_number(&m->part, 1, 9);
	protobuf_number(&m->part, 2, 1);
	protobuf_number(&m->part, 3, 0x400234);
	add_message(m, 4);
	/* location 8: function 4, line 12 */
	protobuf_number(&m->part, 1, 8);
	protobuf_number(&m->part, 2, 1);
	protobuf_number(&m->inner, 1, 4);
	protobuf_number(&m->inner, 2, 12);
	protobuf_message(&m->part, 4, &m->inner);
	buf_clear(&m->inner);
	add_message(m, 4);
	protobuf_number(&m->part, 1, 4);
	protobuf_number(&m->part, 2, 6);
	protobuf_number(&m->part, 4, 7);
	add_message(m, 5);
	add_strings(m, strings);
	add_type(m, 11, 3, 4);
	protobuf_number(&m->all, 12, 10000000);
}

static void other_profilers_are_read(void **state)
{
	struct made m;
	struct err err = {};
	char *got;

	(void)state;
	begin(&m);
	make_typical(&m);
	got = import_into(IMPORT_UNKNOWN, m.all.data, m.all.len, 3, true, NULL, &err);
	if (!got)
		fail_msg("%s", err_text(&err));
	assert_string_equal(got, "#hearth-samples 1\n#period-ns\t10000000\n"
				 "stack\t1\tmain.f;srv+0x1234\n"
				 "sample\t1795000000999\t\t\t\t\t1\t3\timport=x\trequests=42\t"
				 "tenant=a b\n");
	free(got);
	end(&m);
}

static void every_cut_is_told_or_a_shorter_profile(void **state)
{
	struct made m;

	(void)state;
	begin(&m);
	make_typical(&m);
	for (size_t len = 0; len < m.all.len; len++) {
		struct err err = {};
		char *got = import_into(IMPORT_PPROF, m.all.data, len, 0, true, NULL, &err);

		if (!got)
			assert_true(err.code == -EBADMSG || err.code == -EOPNOTSUPP);
		free(got);
	}
	end(&m);
}

static void cpu_time_alone_tells_the_samples(void **state)
{
	static const char *const strings[] = {"", "cpu", "nanoseconds", NULL};
	struct made m;
	struct err err = {};
	char *got;

	(void)state;
	begin(&m);
	add_type(&m, 1, 1, 2);
	protobuf_number(&m.part, 2, 29999999);
	add_message(&m, 2);
	add_type(&m, 11, 1, 2);
	protobuf_number(&m.all, 12, 10000000);
	add_strings(&m, strings);
	got = import_into(IMPORT_PPROF, m.all.data, m.all.len, 0, false, NULL, &err);
	assert_string_equal(got, "- 3\n");
	free(got);
	end(&m);
}

static void refused(const char *const *strings, uint64_t location, uint64_t value, int code,
		    const char *sentence)
{
	struct made m;

	begin(&m);
	add_type(&m, 1, 1, 2);
	protobuf_number(&m.part, 1, location);
	protobuf_number(&m.part, 2, value);
	add_message(&m, 2);
	add_strings(&m, strings);
	import_into_refused(IMPORT_PPROF, m.all.data, m.all.len, code, sentence);
	end(&m);
}

static void what_cannot_be_samples_of_cpu_time_is_told(void **state)
{
	static const char *const heap[] = {"", "inuse_space", "bytes", NULL};
	static const char *const good[] = {"", "samples", "count", NULL};
	static const char *const cpu[] = {"", "cpu", "nanoseconds", NULL}; /* and no period */

	(void)state;
	refused(heap, 0, 1, -EOPNOTSUPP, "its first value is inuse_space");
	refused(cpu, 0, 1, -EOPNOTSUPP, "its first value is cpu");
	refused(good, 5, 1, -EBADMSG, "location 5, which is not there");
	refused(good, 0, (uint64_t)-3, -EBADMSG, "difference");
	import_into_refused(IMPORT_PPROF, "", 0, -EBADMSG, "not a pprof");
	import_into_refused(IMPORT_PPROF, "\x0b", 1, -EBADMSG, "not a pprof");
	import_into_refused(IMPORT_PPROF, "\x0a\xff\xff\xff\xff\x7f", 6, -EBADMSG, "not a pprof");
	import_into_refused(IMPORT_PPROF, "hello, world", 12, -EBADMSG, "not a pprof");
}

static void deep_stacks_are_refused(void **state)
{
	static const char *const good[] = {"", "samples", "count", NULL};
	struct made m;

	(void)state;
	begin(&m);
	add_type(&m, 1, 1, 2);
	for (int i = 0; i <= IMPORT_FRAMES_MAX; i++)
		buf_add_varint(&m.inner, 1);
	protobuf_message(&m.part, 1, &m.inner);
	add_message(&m, 2);
	add_strings(&m, good);
	import_into_refused(IMPORT_PPROF, m.all.data, m.all.len, -EFBIG, "more than 16384 frames");
	end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_export_comes_back_as_it_was),
		cmocka_unit_test(other_profilers_are_read),
		cmocka_unit_test(every_cut_is_told_or_a_shorter_profile),
		cmocka_unit_test(cpu_time_alone_tells_the_samples),
		cmocka_unit_test(what_cannot_be_samples_of_cpu_time_is_told),
		cmocka_unit_test(deep_stacks_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
