/* Ranks by frequency: held against a plain count of what was seen. */
#include "storage/ranks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NUMBERS 50

static void ranks_follow_frequency(void **state)
{
	struct ranks r;

	(void)state;
	assert_int_equal(ranks_init(&r, 10), 0);
	assert_int_equal(ranks_of(&r, 3), 0);
	ranks_add(&r, 3);
	ranks_add(&r, 4);
	assert_int_equal(ranks_of(&r, 3), 1);
	ranks_add(&r, 4);
	assert_int_equal(ranks_of(&r, 4), 1);
	assert_int_equal(ranks_of(&r, 3), 2);
	assert_int_equal(ranks_at(&r, 2), 3);
	ranks_done(&r);
}

/* A number and its rank lead to each other, and nobody stands before one that was seen more. */
static void assert_ordered(const struct ranks *r, const uint32_t *count)
{
	uint32_t seen = 0;

	for (uint32_t i = 0; i < NUMBERS; i++) {
		uint32_t rank = ranks_of(r, i);

		assert_int_equal(rank != 0, count[i] != 0);
		seen += rank != 0;
		if (rank)
			assert_int_equal(ranks_at(r, rank), i);
	}
	assert_int_equal(r->n_seen, seen);
	for (uint32_t rank = 2; rank <= seen; rank++)
		assert_true(count[ranks_at(r, rank - 1)] >= count[ranks_at(r, rank)]);
}

static void the_order_is_that_of_counts_in_each_context(void **state)
{
	uint32_t count[NUMBERS], random = 1;
	struct ranks r;

	(void)state;
	assert_int_equal(ranks_init(&r, NUMBERS), 0);
	for (int context = 0; context < 20; context++) {
		memset(count, 0, sizeof(count));
		ranks_reset(&r);
		for (int i = 0; i < 300; i++) {
			uint32_t number;

			random = random * 1664525 + 1013904223;
			/* Small ones more often, the last ones too. */
			number = (random >> 16) % (1 + (random >> 24) % NUMBERS);
			ranks_add(&r, number);
			count[number]++;
			assert_ordered(&r, count);
		}
	}
	assert_int_equal(r.err, 0);
	ranks_done(&r);
}

static void a_count_may_be_larger_than_all_numbers(void **state)
{
	uint32_t count[NUMBERS] = {};
	struct ranks r;

	(void)state;
	assert_int_equal(ranks_init(&r, NUMBERS), 0);
	ranks_add(&r, 0);
	count[0] = 1;
	for (; count[NUMBERS - 1] < 10000; count[NUMBERS - 1]++)
		ranks_add(&r, NUMBERS - 1);
	assert_ordered(&r, count);
	for (; count[0] < 10001; count[0]++)
		ranks_add(&r, 0);
	assert_ordered(&r, count);
	assert_int_equal(ranks_of(&r, 0), 1);
	ranks_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranks_follow_frequency),
		cmocka_unit_test(the_order_is_that_of_counts_in_each_context),
		cmocka_unit_test(a_count_may_be_larger_than_all_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
