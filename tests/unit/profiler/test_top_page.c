/* A page of a terminal: what stands where, and that names stay text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "profiler/top/page.h"

static void assert_printed(struct top_page *p, const char *expected)
{
	struct buf out;

	buf_init(&out, 10000);
	top_page_sort(p);
	assert_int_equal(top_page_print(p, &out), 0);
	assert_string_equal(buf_str(&out), expected);
	buf_done(&out);
	top_page_done(p);
}

static void runs_stand_at_their_places(void **state)
{
	struct top_page p;

	(void)state;
	top_page_init(&p);
	top_page_clear(&p, 3, 10);
	assert_int_equal(top_page_add(&p, 2, 4, 9, TOP_STYLE_PLAIN, false, "c"), 5);
	assert_int_equal(top_page_add(&p, 0, 1, 3, TOP_STYLE_HEAD, true, "a"), 4);
	assert_int_equal(top_page_add(&p, 0, 4, 2, TOP_STYLE_PLAIN, false, "bbb"), 6);
	assert_printed(&p, " a  b\xe2\x80\xa6\n\n    c\n");
}

static void what_lies_outside_is_left_out(void **state)
{
	struct top_page p;

	(void)state;
	top_page_init(&p);
	top_page_clear(&p, 1, 4);
	top_page_add(&p, 1, 0, 4, TOP_STYLE_PLAIN, false, "below");
	top_page_add(&p, 0, 4, 4, TOP_STYLE_PLAIN, false, "right");
	assert_int_equal(top_page_add(&p, 0, 2, 400, TOP_STYLE_PLAIN, true, "x"), 4);
	assert_printed(&p, "  x\n");
}

static void names_neither_steer_nor_turn(void **state)
{
	struct top_page p;

	(void)state;
	top_page_init(&p);
	top_page_clear(&p, 1, 40);
	top_page_add(&p, 0, 0, 40, TOP_STYLE_PLAIN, false,
		     "\x1b[2J\a\n\t\xc2\x9b\xe2\x80\xae\xff|\xc3\xa4");
	assert_printed(&p, "?[2J??????|\xc3\xa4\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_stand_at_their_places),
		cmocka_unit_test(what_lies_outside_is_left_out),
		cmocka_unit_test(names_neither_steer_nor_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
