/* Marks that say nothing new go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "symbolizer/unwind/marks.h"

static void assert_reduced(struct unwind_mark *v, size_t n, const struct unwind_mark *to, size_t m)
{
	assert_int_equal(unwind_reduce(v, n), m);
	for (size_t i = 0; i < m; i++) {
		assert_int_equal(v[i].offset, to[i].offset);
		assert_int_equal(v[i].rule, to[i].rule);
	}
}

static void neighbours_of_one_rule_become_one(void **state)
{
	struct unwind_mark v[] = {{10, 1}, {12, 1}, {14, 2}, {16, 2}, {18, 1}, {20, 0}};
	const struct unwind_mark to[] = {{10, 1}, {14, 2}, {18, 1}, {20, 0}};

	(void)state;
	assert_reduced(v, 6, to, 4);
}

static void of_marks_at_one_offset_the_last_counts(void **state)
{
	struct unwind_mark v[] = {{10, 1}, {12, 3}, {12, 4}, {12, 1}, {14, 2}, {14, 0}};
	const struct unwind_mark to[] = {{10, 1}, {14, 0}};

	(void)state;
	assert_reduced(v, 6, to, 2);
}

static void a_hole_before_everything_is_no_mark(void **state)
{
	struct unwind_mark v[] = {{0, 0}, {5, 0}, {10, 1}, {12, 0}};
	const struct unwind_mark to[] = {{10, 1}, {12, 0}};

	(void)state;
	assert_reduced(v, 4, to, 2);
	assert_int_equal(unwind_reduce(v, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_of_one_rule_become_one),
		cmocka_unit_test(of_marks_at_one_offset_the_last_counts),
		cmocka_unit_test(a_hole_before_everything_is_no_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
