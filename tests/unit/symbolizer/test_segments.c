/* Nested and overlapping intervals against a slow truth. */
#include "symbolizer/segments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/*
 * The slow truth: of the intervals over at the one that starts last, then the shortest, then the
 * deepest.
 */
static uint32_t innermost(const struct interval *v, size_t n, uint32_t at)
{
	const struct interval *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct interval *c = &v[i];

		if (at < c->start || at >= c->end)
			continue;
		if (!best || c->start > best->start ||
		    (c->start == best->start &&
		     (c->end < best->end || (c->end == best->end && c->depth > best->depth))))
			best = c;
	}
	return best ? best->id : SEGMENT_NONE;
}

static void check(struct interval *v, size_t n, uint32_t end)
{
	struct segment *segments;
	size_t n_segments;

	assert_int_equal(segments_build(v, n, &segments, &n_segments), 0);
	assert_true(n_segments <= 2 * n);
	for (uint32_t at = 0; at < end; at++)
		assert_int_equal(segments_find(segments, n_segments, at), innermost(v, n, at));
	free(segments);
}

static void nothing_gives_nothing(void **state)
{
	struct segment *segments;
	size_t n;

	(void)state;
	assert_int_equal(segments_build(NULL, 0, &segments, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(segments_find(segments, n, 5), SEGMENT_NONE);
}

static void nested_intervals_are_found_innermost(void **state)
{
	struct interval v[] = {{10, 50, 0, 1}, {20, 40, 1, 2}, {20, 30, 2, 3}, {60, 70, 0, 4}};

	(void)state;
	check(v, 4, 80);
}

static void of_equal_intervals_the_deeper_one_wins(void **state)
{
	struct interval v[] = {{5, 9, 2, 7}, {5, 9, 1, 8}, {5, 9, 0, 9}};

	(void)state;
	check(v, 3, 12);
}

static void an_interval_does_not_end_before_one_inside_of_it_overlaps_it(void **state)
{
	struct interval v[] = {
		{0, 10, 0, 1}, {5, 15, 0, 2}, {12, 14, 0, 3}, {14, 14, 0, 4}, {9, 3, 0, 5}};

	(void)state;
	check(v, 5, 20);
}

/* Starts are distinct, for of overlapping equals only the order of starts is promised. */
static void any_distinct_starts_agree_with_the_slow_truth(void **state)
{
	(void)state;
	srand(7);
	for (int round = 0; round < 200; round++) {
		struct interval v[12];

		for (uint32_t i = 0; i < 12; i++) {
			uint32_t start = i * 8 + (uint32_t)(rand() % 8);

			v[i] = (struct interval){start, start + (uint32_t)(rand() % 60), 0, i};
		}
		check(v, 12, 200);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_gives_nothing),
		cmocka_unit_test(nested_intervals_are_found_innermost),
		cmocka_unit_test(of_equal_intervals_the_deeper_one_wins),
		cmocka_unit_test(an_interval_does_not_end_before_one_inside_of_it_overlaps_it),
		cmocka_unit_test(any_distinct_starts_agree_with_the_slow_truth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
