/* What is said of a table: every figure, and why there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <string.h>

#include "profiler/cli/table_report.h"

static struct buf out;

static int begin(void **state)
{
	(void)state;
	buf_init(&out, 1u << 20);
	return 0;
}

static int end(void **state)
{
	(void)state;
	buf_done(&out);
	return 0;
}

static struct protocol_table sample(void)
{
	return (struct protocol_table){
		.compile_ns = 2500000,
		.table = {.n_rules = 4,
			  .n_rows = 100,
			  .n_pages = 3,
			  .n_fdes = 20,
			  .n_cfi_rows = 90,
			  .kinds = {[UNWIND_KIND_HOLE] = 10, [UNWIND_KIND_CFA] = 90},
			  .machine = EM_X86_64,
			  .source = UNWIND_SOURCE_EH_FRAME},
	};
}

static void assert_says(const char *text)
{
	if (!strstr(buf_str(&out), text))
		fail_msg("\"%s\" is missing in:\n%s", text, buf_str(&out));
}

static void words_have_every_figure(void **state)
{
	struct protocol_table t = sample();

	(void)state;
	table_report_words("/lib/a.so", &t, &out);
	assert_says("/lib/a.so: .eh_frame\n");
	assert_says("100 in 3 pages, of 90 rows of CFI");
	assert_says("448 bytes, 4.48 a row, with 4 rules");
	assert_says(" hole 10 cfa 90\n");
	assert_says("2.50 ms, 27778 ns a row of CFI, from 20 FDEs");
	assert_null(strstr(buf_str(&out), "verified"));
	assert_null(strstr(buf_str(&out), "corrupt"));
}

static void words_name_what_is_wrong(void **state)
{
	struct protocol_table t = sample();

	(void)state;
	t.table.n_bad = 5;
	t.table.n_overlaps = 6;
	t.judged = true;
	t.verdict.compared = 1000;
	t.verdict.mismatches = UNWIND_MISMATCHES_KEPT + 2;
	t.verdict.unsaid[UNWIND_KIND_EXPRESSION] = 3;
	t.verdict.refused = 11;
	t.verdict.entry = 12;
	t.verdict.derived = 13;
	t.table.n_derived = 14;
	t.verdict.mismatch[0] = (struct unwind_mismatch){0xabc, "another CFA"};
	table_report_words("a", &t, &out);
	assert_says("5 entries of CFI");
	assert_says("6 FDEs");
	assert_says(
		"1000 comparisons with libdw: 18 mismatches; 3 that no row can say; 11 of which "
		"libdw says nothing; 12 of an entry point without CFI; 13 of derived rows\n");
	assert_says("14 rows of code without CFI");
	assert_says("0xabc: another CFA\n");
	assert_says("and 2 more\n");
}

static void no_table_has_its_reason(void **state)
{
	struct protocol_table t = {.table = {.source = UNWIND_SOURCE_RELOCATABLE}};

	(void)state;
	table_report_words("a.o", &t, &out);
	assert_string_equal(buf_str(&out),
			    "a.o: no table: a relocatable object has no addresses yet\n");
}

static void json_has_the_same(void **state)
{
	struct protocol_table t = sample();
	struct json j;

	(void)state;
	t.judged = true;
	t.verdict.compared = 7;
	t.verdict.mismatches = 1;
	t.verdict.mismatch[0] = (struct unwind_mismatch){16, "a \"b\""};
	json_init(&j, &out);
	table_report_json("/a", &t, &j);
	assert_string_equal(
		buf_str(&out),
		"{\"path\":\"/a\",\"machine\":\"x86-64\",\"source\":\"eh_frame\",\"fdes\":20,"
		"\"cfi_rows\":90,\"derived_rows\":0,\"rows\":100,\"pages\":3,\"rules\":4,\"bytes\":"
		"448,"
		"\"bytes_per_row\":4.48,\"corrupt\":0,\"overlaps\":0,\"compile_ns\":2500000,"
		"\"kinds\":{\"hole\":10,\"cfa\":90,\"cfa-deref\":0,\"cfa-indexed\":0,\"plt\":0,"
		"\"jump\":0,"
		"\"signal\":0,\"end\":"
		"0,"
		"\"expression\":0,\"register\":0},\"verify\":{\"compared\":7,\"mismatches\":1,"
		"\"unsaid\":0,\"refused\":0,\"entry\":0,\"derived\":0,\"first\":[{\"address\":16,"
		"\"what\":\"a \\\"b\\\"\"}]}}");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(words_have_every_figure),
		TEST(words_name_what_is_wrong),
		TEST(no_table_has_its_reason),
		TEST(json_has_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
