/* Marks into pages: what a page says of itself, where one begins, and the maxima. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "symbolizer/unwind/marks.h"

static struct unwind_rule rules[] = {
	{}, {.kind = UNWIND_KIND_CFA, .base = 7}, {.kind = UNWIND_KIND_CFA, .base = 6}};

static struct unwind_table split(const struct unwind_mark *v, size_t n)
{
	struct unwind_table t = {.rules = rules, .n_rules = 3};

	assert_int_equal(unwind_split(v, n, &t), 0);
	return t;
}

static void done(struct unwind_table *t)
{
	t->rules = NULL;
	unwind_table_done(t);
}

static void assert_row(const struct unwind_table *t, uint32_t i, uint16_t low, uint16_t rule)
{
	assert_true(i < t->n_rows);
	assert_int_equal(t->rows[i].low, low);
	assert_int_equal(t->rows[i].rule, rule);
}

static void assert_page(const struct unwind_table *t, uint32_t i, uint32_t number, uint32_t first,
			uint32_t n)
{
	assert_true(i < t->n_pages);
	assert_int_equal(t->pages[i].number, number);
	assert_int_equal(t->pages[i].first_row, first);
	assert_int_equal(t->pages[i].n_rows, n);
}

static void a_page_that_begins_in_a_hole_says_so(void **state)
{
	const struct unwind_mark v[] = {{0x10010, 1}, {0x10020, 0}};
	struct unwind_table t = split(v, 2);

	(void)state;
	assert_int_equal(t.n_pages, 1);
	assert_page(&t, 0, 1, 0, 3);
	assert_row(&t, 0, 0, 0);
	assert_row(&t, 1, 0x10, 1);
	assert_row(&t, 2, 0x20, 0);
	assert_int_equal(t.kinds[UNWIND_KIND_HOLE], 2);
	assert_int_equal(t.kinds[UNWIND_KIND_CFA], 1);
	done(&t);
}

static void a_rule_that_reaches_into_pages_begins_each(void **state)
{
	const struct unwind_mark v[] = {{0xfff0, 1}, {0x2fff0, 2}, {0x30000, 0}};
	struct unwind_table t = split(v, 3);

	(void)state;
	assert_int_equal(t.n_pages, 3);
	assert_page(&t, 0, 0, 0, 2);
	assert_page(&t, 1, 1, 2, 1);
	assert_page(&t, 2, 2, 3, 2);
	assert_row(&t, 2, 0, 1);
	assert_row(&t, 3, 0, 1);
	assert_row(&t, 4, 0xfff0, 2);
	done(&t);
}

static void pages_of_holes_are_not_there(void **state)
{
	const struct unwind_mark v[] = {{0x0, 1}, {0x8, 0}, {0x50000, 2}, {0x50008, 0}};
	struct unwind_table t = split(v, 4);

	(void)state;
	assert_int_equal(t.n_pages, 2);
	assert_page(&t, 1, 5, 2, 2);
	done(&t);
}

static void every_offset_is_found_again(void **state)
{
	const struct unwind_mark v[] = {
		{0xfff0, 1}, {0xfff8, 2}, {0x10004, 0}, {0x10008, 1}, {0x20000, 0}};
	struct unwind_table t = split(v, 5);

	(void)state;
	for (uint32_t at = 0xffe0; at < 0x20010; at++) {
		const struct unwind_rule *r = unwind_table_find(&t, at);
		uint32_t want = 0;

		for (size_t i = 0; i < 5; i++)
			if (v[i].offset <= at)
				want = v[i].rule;
		assert_ptr_equal(r, want ? &rules[want] : NULL);
	}
	assert_null(unwind_table_find(&t, UINT64_MAX));
	assert_null(unwind_table_find(&t, 1ull << 48 | 0xfff0));
	done(&t);
}

static void a_page_of_too_many_rows_is_refused(void **state)
{
	size_t n = UNWIND_PAGE_ROWS_MAX + 1;
	struct unwind_mark *v = calloc(n, sizeof(*v));
	struct unwind_table t = {.rules = rules, .n_rules = 3, .n_rows = 7};

	(void)state;
	for (size_t i = 0; i < n; i++)
		v[i] = (struct unwind_mark){(uint32_t)(0x10000 + 2 * i), 1 + (uint32_t)(i & 1)};
	assert_int_equal(unwind_split(v, n, &t), -E2BIG);
	assert_int_equal(t.n_rows, 7);
	assert_null(t.rows);
	assert_int_equal(unwind_split(v, n - 1, &t), 0);
	assert_int_equal(t.n_rows, UNWIND_PAGE_ROWS_MAX);
	done(&t);
	free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_that_begins_in_a_hole_says_so),
		cmocka_unit_test(a_rule_that_reaches_into_pages_begins_each),
		cmocka_unit_test(pages_of_holes_are_not_there),
		cmocka_unit_test(every_offset_is_found_again),
		cmocka_unit_test(a_page_of_too_many_rows_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
