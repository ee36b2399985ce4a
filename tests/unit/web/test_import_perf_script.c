/* web/import/perf_script.c: samples of perf script's text, with its many shapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/buf.h"
#include "tests/unit/web/import_into.h"

static void a_sample_has_its_stack_its_thread_and_its_moment(void **state)
{
	(void)state;
	import_into_check(
		IMPORT_PERF,
		"# captured on: Fri\n"
		"tmux: server  1234/1240 [001]  2345.678901:   10101010 cpu-clock:pppH: \n"
		"\tffffffffa1234567 do_syscall_64+0x57 ([kernel.kallsyms])\n"
		"\t    7f0000001234 inner (inlined)\n"
		"\t    7f0000001234 outer(int)+0x12 (/usr/bin/tmux)\n"
		"\t    7f0000005678 [unknown] (/usr/lib/libc.so.6 (deleted))\n"
		"\n"
		"a 12 b  77 2346.001999: cpu-clock:pppH: \n"
		"\t    7f0000001234 Interpreter (/tmp/perf-77.map)\n"
		"\t            1234 [unknown] ([unknown])\n"
		"\t            1234 alone (inlined)\n"
		"  main.c:12\n",
		"#period-ns\t10101010\nstack\t1\t[libc.so.6 "
		"(deleted)];outer(int);inner_[i];do_syscall_64_[k]\n"
		"sample\t1795000000123\t1234\t1240\ttmux: server\ttmux: server\t1\t1\timport=x\n"
		"stack\t2\talone;[unknown];Interpreter_[j]\n"
		"sample\t1795000000446\t\t77\ta 12 b\ta 12 b\t2\t1\timport=x\n");
}

static void without_call_chains_the_frame_stands_behind_the_event(void **state)
{
	(void)state;
	import_into_check(
		IMPORT_PERF,
		"            bash  77 [000] 1.000000:   5 cycles:  ffffffff81 f+0x1 (/a)\n"
		"            bash  77 [000] 1.500000:   5 cycles:  ffffffff82 g+0x2 (/a)\n",
		"stack\t1\tf\nsample\t1795000000123\t\t77\tbash\tbash\t1\t1\timport=x\n"
		"stack\t2\tg\n"
		"sample\t1795000000623\t\t77\tbash\tbash\t2\t1\timport=x\n");
}

/* As perf names a thread that ended while its last sample was taken. */
static void a_thread_that_is_gone_has_no_number(void **state)
{
	(void)state;
	import_into_check(IMPORT_PERF,
			  ":-1    -1 [000] 1.000000:   5 cycles:  ffffffff81 f+0x1 (/a)\n"
			  ":-1 -1/-1 [000] 1.500000:   5 cycles:  ffffffff81 f+0x1 (/a)\n",
			  "stack\t1\tf\n"
			  "sample\t1795000000123\t\t\t:-1\t:-1\t1\t1\timport=x\n"
			  "sample\t1795000000623\t\t\t:-1\t:-1\t1\t1\timport=x\n");
}

static void other_events_are_left_out_and_counted(void **state)
{
	static const char text[] = "a 7 1.000: cycles:\n\t12 f (/a)\n\n"
				   "a 7 1.001: instructions:\n\t12 g (/a)\n\n"
				   "a 7 1.002: cycles:\n\tsource.c:12\n\t12 f (/a)\n\n";
	struct import_counts counts;
	struct err err = {};
	char *got = import_into(IMPORT_PERF, text, strlen(text), 0, false, &counts, &err);

	(void)state;
	assert_string_equal(got, "a;f 2\n");
	assert_int_equal(counts.samples, 2);
	assert_int_equal(counts.entries, 2);
	assert_int_equal(counts.other_events, 1);
	assert_int_equal(counts.lines_skipped, 1);
	free(got);
}

/* perf script -F leaves out offsets, files or symbols; names and files may hold blanks and (). */
static void a_frame_is_told_from_its_file(void **state)
{
	static const struct {
		const char *line, *frame;
	} cases[] = {
		{"12 f+0x1 (/a)", "f"},
		{"12 f (/a)", "f"},
		{"12 f+0x1", "f"},
		{"12 f", "f"},
		{"12 operator new(unsigned long)+0x5 (/a)", "operator new(unsigned long)"},
		{"12 operator new(unsigned long)", "operator new(unsigned long)"},
		{"12 void g<int>(int, char) const+0xaf (/a b (deleted))",
		 "void g<int>(int, char) const"},
		{"12 operator()(int) (/a)", "operator()(int)"},
		{"12 [unknown] (/lib/x.so)", "[x.so]"},
		{"12 [unknown] (/lib/x.so (deleted))", "[x.so (deleted)]"},
		{"12 (/lib/x.so)", "[x.so]"},
		{"12 [unknown] ([vdso])", "[vdso]"},
		{"12 [unknown] ([unknown])", "[unknown]"},
		{"12 [unknown]", "[unknown]"},
		{"12", "[unknown]"},
		/* No offset: no digits, not theirs, nothing before it. */
		{"12 f+0x (/a)", "f+0x"},
		{"12 f+0xg (/a)", "f+0xg"},
		{"12 +0x12 (/a)", "+0x12"},
		/* Brackets that do not match are the name's. */
		{"12 f) (/a)", "f)"},
		{"12 f /a)", "f /a)"},
		/* The kernel's by address or by file, the JIT's by file. */
		{"ffffffff81000000 f (/a)", "f_[k]"},
		{"12 f ([kernel.kallsyms])", "f_[k]"},
		{"12 f (/tmp/perf-7.map)", "f_[j]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {};
		char text[200], want[200], *got;

		snprintf(text, sizeof(text), "a 7 1.000: c:\n\t%s\n", cases[i].line);
		snprintf(want, sizeof(want), "a;%s 1\n", cases[i].frame);
		got = import_into(IMPORT_PERF, text, strlen(text), 0, false, NULL, &err);
		assert_string_equal(got, want);
		free(got);
	}
}

static void unix_times_stay_and_cpu_clocks_have_a_period(void **state)
{
	static const char text[] = "a 7 1795000111.222333: 10101010 task-clock:\n\t12 f (/a)\n";
	struct err err = {};
	char *got = import_into(IMPORT_PERF, text, strlen(text), 0, true, NULL, &err);

	(void)state;
	assert_string_equal(got, "#hearth-samples 1\n#period-ns\t10101010\nstack\t1\tf\n"
				 "sample\t1795000111222\t\t7\ta\ta\t1\t1\timport=x\n");
	free(got);
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
	static const char far[] = "a 7 1.000: c:\n\na 7 8796093021.000: c:\n";
	static const char *const wrong[] = {
		"hello\n",
		"a b c\n",
		"a 7\n",
		"a 7 1.000\n",
		"a 7 1.000:\n",
		"a 7 1.000: 12\n",
		"a 7 1.000: :\n",
		"a 7 1.0: cycles:\n",
		"a 7 1.0000000001: cycles:\n",
		"a 7 1.00x: cycles:\n",
		"a 7 9999999999999.000: cycles:\n",
		"a 7/ 1.000: cycles:\n",
		"a /7 1.000: cycles:\n",
		"7 1.000: cycles:\n",
		"\t12 f (/a)\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		import_into_refused(IMPORT_PERF, wrong[i], strlen(wrong[i]), -EBADMSG,
				    "line 1: not a sample of perf script");
	import_into_refused(IMPORT_PERF, far, strlen(far), -EBADMSG, "far from that of the first");
}

static void deep_stacks_are_refused(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1u << 20);
	buf_add_str(&b, "a 7 1.000: c:\n");
	for (int i = 0; i <= IMPORT_FRAMES_MAX; i++)
		buf_add_str(&b, "\t12 f (/a)\n");
	import_into_refused(IMPORT_PERF, b.data, b.len, -EFBIG, "more than 16384 frames");
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sample_has_its_stack_its_thread_and_its_moment),
		cmocka_unit_test(without_call_chains_the_frame_stands_behind_the_event),
		cmocka_unit_test(a_thread_that_is_gone_has_no_number),
		cmocka_unit_test(other_events_are_left_out_and_counted),
		cmocka_unit_test(a_frame_is_told_from_its_file),
		cmocka_unit_test(unix_times_stay_and_cpu_clocks_have_a_period),
		cmocka_unit_test(what_is_wrong_is_told_with_its_line),
		cmocka_unit_test(deep_stacks_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
