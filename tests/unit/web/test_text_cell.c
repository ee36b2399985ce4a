/* web/export/text_cell.c: foreign text stays in its column. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "web/export/text_cell.h"

static void check(const char *s, size_t columns, bool pad, size_t used, const char *expected)
{
	struct buf out;

	buf_init(&out, 1000);
	assert_int_equal(text_cell_add(&out, s, columns, pad), used);
	assert_string_equal(buf_str(&out), expected);
	buf_done(&out);
}

static void text_is_cut_and_padded_by_code_points(void **state)
{
	(void)state;
	check("abc", 5, false, 3, "abc");
	check("abc", 5, true, 5, "abc  ");
	check("abc", 3, true, 3, "abc");
	check("abcd", 3, true, 3, "ab\xe2\x80\xa6");
	check("\xc3\xa4\xc3\xb6\xc3\xbc", 2, false, 2, "\xc3\xa4\xe2\x80\xa6");
	check("", 2, true, 2, "  ");
	check("abc", 0, true, 0, "");
	assert_int_equal(text_cell_columns("\xc3\xa4"
					   "b"),
			 2);
	assert_int_equal(text_cell_columns("\xc3"), 1);
	assert_int_equal(text_cell_columns(""), 0);
}

static void what_moves_text_does_not_leave(void **state)
{
	(void)state;
	check("\x1b[2J\r\n\t\x7f", 20, false, 8, "?[2J????");
	check("\xe2\x80\xae"
	      "a\xe2\x81\xa6"
	      "b\xc2\x9b",
	      20, false, 5, "?a?b?");
	check("torn \xc3", 20, false, 6, "torn ?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_cut_and_padded_by_code_points),
		cmocka_unit_test(what_moves_text_does_not_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
