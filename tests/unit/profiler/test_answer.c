/* Rows as a table, CSV and JSON: widths, quotes, hostile text, long answers, what is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/cli/answer.h"

static struct buf got;
static int writes, fails_at;

static int take(void *arg, const void *data, size_t len, struct err *err)
{
	(void)arg;
	if (++writes == fails_at)
		return err_set(err, -ENOSPC, "full");
	return buf_add(&got, data, len);
}

static int set_up(void **state)
{
	(void)state;
	buf_init(&got, 64u << 20);
	writes = fails_at = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buf_done(&got);
	return 0;
}

static void begin(struct answer *a, enum answer_format f)
{
	static const char *const names[] = {"n", "name", "x"};

	assert_int_equal(answer_begin(a, f, names, 3, take, NULL), 0);
}

static void add(struct answer *a, uint64_t n, const char *name, double x)
{
	answer_u64(a, n);
	answer_text(a, name, strlen(name));
	if (x < 0)
		answer_null(a);
	else
		answer_double(a, x);
	assert_int_equal(answer_row(a, NULL), 0);
}

static void check(struct answer *a, const char *expected)
{
	assert_int_equal(answer_end(a, NULL), 0);
	assert_string_equal(buf_str(&got), expected);
	answer_done(a);
}

static void a_table_is_as_wide_as_it_needs_and_numbers_stand_right(void **state)
{
	struct answer a;

	(void)state;
	begin(&a, ANSWER_TABLE);
	add(&a, 7, "esc\x1b[31m rtl\xe2\x80\xae", 1.5);
	add(&a, 12345, "\xc3\xa4", -1);
	check(&a, "    n  name             x\n"
		  "    7  esc?[31m rtl?  1.5\n"
		  "12345  \xc3\xa4                 \n");
}

static void csv_quotes_what_needs_it(void **state)
{
	struct answer a;

	(void)state;
	begin(&a, ANSWER_CSV);
	add(&a, 1, "a,b", 0.1);
	add(&a, 2, "say \"x\"\n", -1);
	add(&a, UINT64_MAX, "", 2e20);
	check(&a, "n,name,x\r\n1,\"a,b\",0.1\r\n2,\"say \"\"x\"\"\n\",\r\n"
		  "18446744073709551615,,2e+20\r\n");
}

static void json_has_columns_rows_and_what_was_left_out(void **state)
{
	struct answer a;

	(void)state;
	begin(&a, ANSWER_JSON);
	add(&a, 1, "</script>\"", 0.25);
	answer_i64(&a, -3);
	answer_text(&a, "nul\0", 4);
	answer_null(&a);
	assert_int_equal(answer_row(&a, NULL), 0);
	a.rest_rows = 5;
	a.rest_samples = 77;
	check(&a, "{\"version\":1,\"columns\":[\"n\",\"name\",\"x\"],\"rows\":["
		  "[1,\"\\u003c/script\\u003e\\\"\",0.25],[-3,\"nul\\u0000\",null]],"
		  "\"more\":{\"rows\":5,\"samples\":77}}\n");
}

static void an_empty_answer_has_its_columns(void **state)
{
	static const char *const expected[] = {
		"n  name  x\n", "n,name,x\r\n",
		"{\"version\":1,\"columns\":[\"n\",\"name\",\"x\"],\"rows\":[]}\n"};
	struct answer a;

	(void)state;
	for (int f = ANSWER_TABLE; f <= ANSWER_JSON; f++) {
		buf_clear(&got);
		begin(&a, (enum answer_format)f);
		check(&a, expected[f]);
	}
}

/* Later rows may be wider than the first thousand; numbers stay whole. */
static void long_answers_leave_in_parts(void **state)
{
	struct answer a;
	size_t most = 0;

	(void)state;
	begin(&a, ANSWER_TABLE);
	for (uint64_t i = 0; i < 100000; i++) {
		add(&a, i * 1000000, "name", 0);
		most = a.out.len + a.cells.len > most ? a.out.len + a.cells.len : most;
	}
	assert_int_equal(answer_end(&a, NULL), 0);
	assert_true(most < 1u << 20);
	assert_true(writes > 3);
	assert_non_null(strstr(buf_str(&got), "\n99999000000  name  0\n"));
	answer_done(&a);
}

static void a_place_that_is_full_is_told(void **state)
{
	struct err err = {};
	struct answer a;

	(void)state;
	fails_at = 1;
	begin(&a, ANSWER_CSV);
	add(&a, 1, "a", 1);
	assert_int_equal(answer_end(&a, &err), -ENOSPC);
	assert_string_equal(err_text(&err), "full");
	answer_done(&a);
}

static void formats_are_parsed(void **state)
{
	enum answer_format f = ANSWER_TABLE;
	struct err err = {};

	(void)state;
	assert_int_equal(answer_format_parse("json", &f, &err), 0);
	assert_int_equal(f, ANSWER_JSON);
	assert_int_equal(answer_format_parse("xml", &f, &err), -EINVAL);
	assert_string_equal(err_text(&err), "\"xml\" is not table, csv or json");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_table_is_as_wide_as_it_needs_and_numbers_stand_right),
		TEST(csv_quotes_what_needs_it),
		TEST(json_has_columns_rows_and_what_was_left_out),
		TEST(an_empty_answer_has_its_columns),
		TEST(long_answers_leave_in_parts),
		TEST(a_place_that_is_full_is_told),
		TEST(formats_are_parsed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
