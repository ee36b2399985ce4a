/* The dictionary of rules: each once, kept while rows name it, and full without harm. */
#include "profiler/collector/rule_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define RULES  3000u /* of the random test */
#define ROUNDS 200000u

struct bench {
	struct unwind_dictionary *memory;
	struct rule_book *book;
	uint32_t random;
};

static int begin(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->memory = calloc(1, sizeof(*b->memory));
	assert_non_null(b->memory);
	b->random = 4711;
	assert_int_equal(rule_book_new(b->memory, &b->book), 0);
	*state = b;
	return 0;
}

static int end(void **state)
{
	struct bench *b = *state;

	assert_null(rule_book_free(b->book));
	free(b->memory);
	free(b);
	return 0;
}

static uint32_t random_below(struct bench *b, uint32_t n)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 17;
	b->random ^= b->random << 5;
	return b->random % n;
}

static struct unwind_rule rule_of(uint32_t i)
{
	return (struct unwind_rule){
		.kind = UNWIND_KIND_CFA, .base = 7, .ra = UNWIND_AT_CFA, .cfa_offset = (int32_t)i};
}

static uint32_t add(struct bench *b, uint32_t i)
{
	struct unwind_rule rule = rule_of(i);
	int number = rule_book_add(b->book, &rule, UNWIND_RULES_MAX);

	assert_in_range(number, RULE_BOOK_FULL, UNWIND_RULES_MAX - 1);
	if (number != RULE_BOOK_FULL)
		assert_memory_equal(&b->memory->rule[number], &rule, sizeof(rule));
	return (uint32_t)number;
}

static uint32_t add_held(struct bench *b, uint32_t i)
{
	uint32_t number = add(b, i);

	rule_book_hold(b->book, number, 1);
	return number;
}

static void holes_and_what_found_no_room_have_fixed_numbers(void **state)
{
	static const struct unwind_rule hole;
	struct bench *b = *state;

	assert_int_equal(rule_book_add(b->book, &hole, UNWIND_RULES_MAX), RULE_BOOK_HOLE);
	assert_memory_equal(&b->memory->rule[RULE_BOOK_HOLE], &hole, sizeof(hole));
	assert_int_equal(b->memory->rule[RULE_BOOK_FULL].kind, UNWIND_KIND_EXPRESSION);
	for (uint32_t number = RULE_BOOK_HOLE; number <= RULE_BOOK_FULL; number++) {
		rule_book_hold(b->book, number, 5);
		rule_book_drop(b->book, number, 5);
	}
	rule_book_release(b->book);
	assert_true(add_held(b, 1) > RULE_BOOK_FULL);
}

static void equal_rules_are_one(void **state)
{
	struct bench *b = *state;
	uint32_t first = add_held(b, 1), used = rule_book_used(b->book);

	assert_int_equal(add_held(b, 1), first);
	assert_int_equal(rule_book_used(b->book), used);
	assert_int_not_equal(add_held(b, 2), first);
	assert_int_equal(rule_book_used(b->book), used + 1);
}

static void a_place_is_given_again_only_after_the_release(void **state)
{
	struct bench *b = *state;
	uint32_t first = add_held(b, 1), used = rule_book_used(b->book);
	struct unwind_rule before = rule_of(1);

	rule_book_drop(b->book, first, 1);
	assert_int_not_equal(add_held(b, 2), first);
	assert_memory_equal(&b->memory->rule[first], &before, sizeof(before));
	assert_int_equal(rule_book_used(b->book), used + 1);
	rule_book_release(b->book);
	assert_int_equal(rule_book_used(b->book), used);
}

static void a_dropped_rule_that_is_found_again_stays(void **state)
{
	struct bench *b = *state;
	uint32_t first = add_held(b, 1), used = rule_book_used(b->book);

	rule_book_drop(b->book, first, 1);
	assert_int_equal(add_held(b, 1), first);
	rule_book_release(b->book);
	assert_int_equal(rule_book_used(b->book), used);
	assert_int_equal(add(b, 1), first);
}

static void a_rule_that_nobody_held_goes_with_the_release(void **state)
{
	struct bench *b = *state;
	uint32_t used = rule_book_used(b->book);

	add(b, 1);
	assert_int_equal(rule_book_used(b->book), used + 1);
	rule_book_release(b->book);
	assert_int_equal(rule_book_used(b->book), used);
}

static void a_full_dictionary_says_so_and_has_room_again(void **state)
{
	struct bench *b = *state;
	uint32_t n = UNWIND_RULES_MAX - RULE_BOOK_FULL - 1;

	for (uint32_t i = 0; i < n; i++)
		assert_int_not_equal(add_held(b, i), RULE_BOOK_FULL);
	assert_int_equal(rule_book_used(b->book), UNWIND_RULES_MAX);
	assert_int_equal(add(b, n), RULE_BOOK_FULL);
	assert_int_not_equal(add(b, n - 1), RULE_BOOK_FULL); /* what is there is found */
	rule_book_drop(b->book, add(b, 77), 1);
	assert_int_equal(add(b, n), RULE_BOOK_FULL);
	rule_book_release(b->book);
	assert_int_not_equal(add_held(b, n), RULE_BOOK_FULL);
	assert_int_equal(add(b, 77), RULE_BOOK_FULL);
}

static void a_callers_maximum_bounds_new_rules_only(void **state)
{
	struct bench *b = *state;
	uint32_t number = add_held(b, 1);
	struct unwind_rule known = rule_of(1), other = rule_of(2);
	uint32_t max = rule_book_used(b->book);

	assert_int_equal(rule_book_add(b->book, &other, max), RULE_BOOK_FULL);
	assert_int_equal(rule_book_add(b->book, &known, max), number);
	assert_true(rule_book_add(b->book, &other, max + 1) > RULE_BOOK_FULL);
}

/* One step of the random test: a rule gets a row more or less, or all that has none goes. */
static void step(struct bench *b, uint32_t *rows, uint32_t *number)
{
	uint32_t i = random_below(b, RULES);

	if (random_below(b, 1000) == 0)
		rule_book_release(b->book);
	if (rows[i] && random_below(b, 2)) {
		rule_book_drop(b->book, number[i], 1);
		rows[i]--;
		return;
	}
	if (rows[i])
		assert_int_equal(add(b, i), number[i]);
	number[i] = add_held(b, i);
	assert_int_not_equal(number[i], RULE_BOOK_FULL);
	rows[i]++;
}

/* More additions than the index is long: it is made anew on the way. */
static void random_rows_agree_with_a_list_of_rules(void **state)
{
	struct bench *b = *state;
	uint32_t rows[RULES] = {}, number[RULES] = {}, held = 0;
	bool has[UNWIND_RULES_MAX] = {};

	for (uint32_t round = 0; round < ROUNDS; round++)
		step(b, rows, number);
	for (uint32_t i = 0; i < RULES; i++) {
		struct unwind_rule rule = rule_of(i);

		if (!rows[i])
			continue;
		assert_memory_equal(&b->memory->rule[number[i]], &rule, sizeof(rule));
		assert_false(has[number[i]]);
		has[number[i]] = true;
		held++;
	}
	rule_book_release(b->book);
	assert_int_equal(rule_book_used(b->book), held + RULE_BOOK_FULL + 1);
}

static void an_index_of_what_is_gone_is_made_anew(void **state)
{
	struct bench *b = *state;
	uint32_t stays = add_held(b, 0);

	for (uint32_t i = 1; i < 3 * UNWIND_RULES_MAX; i++) {
		rule_book_drop(b->book, add_held(b, i), 1);
		if (i % 20000 == 0)
			rule_book_release(b->book);
	}
	assert_int_equal(add(b, 0), stays);
	rule_book_release(b->book);
	assert_int_equal(rule_book_used(b->book), RULE_BOOK_FULL + 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(holes_and_what_found_no_room_have_fixed_numbers),
		TEST(equal_rules_are_one),
		TEST(a_place_is_given_again_only_after_the_release),
		TEST(a_dropped_rule_that_is_found_again_stays),
		TEST(a_rule_that_nobody_held_goes_with_the_release),
		TEST(a_full_dictionary_says_so_and_has_room_again),
		TEST(a_callers_maximum_bounds_new_rules_only),
		TEST(random_rows_agree_with_a_list_of_rules),
		TEST(an_index_of_what_is_gone_is_made_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
