/* Nobody takes more of the pool than his, and what is forgotten is free again, in any order. */
#include "tests/unit/profiler/tables_bench.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void an_owner_past_his_share_loses_his_own_pages(void **state)
{
	struct tables_bench *b = *state;

	bench_make_table(&b->table[1], 0, 1, 1, PAGE_FULL, 10, 0);
	assert_int_equal(bench_add(b, 1), 0); /* root's, and the oldest */
	for (uint32_t i = 2; i <= 9; i++) {
		b->now_ns += 5 * UNIT;
		b->domain[i] = 1;
		bench_make_table(&b->table[i], 0, 1, 1, PAGE_FULL, 10, 100 * i);
		tables_miss(b->tables, i, 0, b->now_ns);
		assert_int_equal(bench_add(b, i), 0);
		assert_true(bench_is_loaded(b, i, 0));
		bench_check_all(b);
	}
	assert_true(bench_is_loaded(b, 1, 0));
	assert_false(bench_is_loaded(b, 2, 0));
}

/* Many small pages that may go, and then large ones: each small one that goes is not enough. */
static void a_share_holds_also_where_one_eviction_is_too_little(void **state)
{
	struct tables_bench *b = *state;

	b->domain[1] = b->domain[2] = 1;
	bench_make_table(&b->table[1], 0, 4000, 1, 8, 10, 0);
	assert_int_equal(bench_add(b, 1), 0);
	b->now_ns += 5 * UNIT;
	for (uint32_t i = 200; i < 4000; i++)
		bench_entry(b, 1, i)->used = (uint32_t)(b->now_ns >> UNWIND_USED_SHIFT);
	bench_make_table(&b->table[2], 0, 4, 1, PAGE_FULL, 10, 500);
	for (uint32_t i = 0; i < 4; i++)
		tables_miss(b->tables, 2, (uint64_t)i << UNWIND_PAGE_BITS, b->now_ns);
	assert_int_equal(bench_add(b, 2), 0);
	bench_check_all(b);
}

static void an_owners_rules_past_his_share_say_that_they_are_not_there(void **state)
{
	struct tables_bench *b = *state;
	uint32_t n = UNWIND_RULES_MAX / TABLES_SHARE, full = 0;

	b->domain[1] = 1;
	bench_make_table(&b->table[1], 0, 2, 1, 6000, 11000, 0);
	assert_int_equal(bench_add(b, 1), 0);
	for (uint32_t i = 0; i < 12000; i++) {
		uint32_t rule = bench_look_up(b, 1, i / 6000, b->table[1].rows[i].low);

		assert_true(rule != NO_TABLE);
		full += rule == RULE_BOOK_FULL;
	}
	assert_in_range(full, 11000 - n, 12000 - n);
	/* Root's still find room. */
	bench_make_table(&b->table[2], 0, 1, 1, 100, 50, 1000000);
	assert_int_equal(bench_add(b, 2), 0);
	assert_int_equal(bench_check_object(b, 2), 100);
}

static void rules_of_forgotten_tables_are_free_again(void **state)
{
	struct tables_bench *b = *state;
	struct tables_counts c;

	for (uint32_t i = 0; i < 12; i++) {
		bench_make_table(&b->table[1], 0, 1, 1, 12000, 12000, i * 20000);
		assert_int_equal(bench_add(b, 1), 0);
		assert_int_equal(bench_check_object(b, 1), 12000);
		bench_forget(b, 1);
	}
	tables_count(b->tables, &c);
	assert_int_equal(c.rules, RULE_BOOK_FULL + 1);
	assert_int_equal(c.pool_bytes, 0);
	assert_int_equal(c.objects, 0);
}

static void another_table_of_the_same_object_takes_the_old_ones_place(void **state)
{
	struct tables_bench *b = *state;
	struct tables_object o = bench_object(b, 1);

	bench_make_table(&b->table[1], 5, 8, 1, 100, 40, 0);
	assert_int_equal(bench_add(b, 1), 0);
	bench_make_table(&b->table[1], 2, 3, 1, 50, 40, 300);
	assert_int_equal(bench_add(b, 1), 0);
	assert_int_equal(bench_check_object(b, 1), 150);
	bench_check_all(b);
	assert_int_equal(tables_none(b->tables, &o), 0);
	bench_free_table(&b->table[1]);
	bench_check_all(b);
}

/* From the file's first page to the last that any may have: its index is a chunk. */
static void the_widest_file_costs_its_owner_alone(void **state)
{
	struct tables_bench *b = *state;
	int r;

	b->domain[1] = 1;
	bench_make_table(&b->table[1], 0, 2, UNWIND_PAGES_MAX - 1, 1, 1, 0);
	r = bench_add(b, 1);
	assert_int_equal(r, -ENOSPC);
	bench_make_table(&b->table[2], 0, 1, 1, 10, 5, 0);
	assert_int_equal(bench_add(b, 2), 0);
	assert_int_equal(bench_check_object(b, 2), 10);
	bench_check_all(b);
}

static void random_loads_and_losses_never_show_a_wrong_rule(void **state)
{
	struct tables_bench *b = *state;
	struct tables_counts c;

	for (uint32_t i = 1; i < OBJECTS; i++)
		b->domain[i] = i % 4;
	for (uint32_t round = 0; round < 3000; round++) {
		uint32_t i = 1 + bench_random(b, OBJECTS - 1), what = bench_random(b, 10);
		struct unwind_table *t = &b->table[i];

		b->now_ns += bench_random(b, 2) * UNIT;
		if (what == 0) {
			bench_forget(b, i);
		} else if (!t->n_pages) {
			bench_make_table(t, bench_random(b, 50), 1 + bench_random(b, 8),
					 1 + bench_random(b, 3), 1 + bench_random(b, 9000),
					 1 + bench_random(b, 300), bench_random(b, 1000));
		} else {
			const struct unwind_page *p = &t->pages[bench_random(b, t->n_pages)];
			struct unwind_page_ref *ref = bench_entry(b, i, p->number);

			if (ref)
				ref->used = (uint32_t)(b->now_ns >> UNWIND_USED_SHIFT);
			tables_miss(b->tables, i, (uint64_t)p->number << UNWIND_PAGE_BITS,
				    b->now_ns);
			assert_true(bench_add(b, i) == 0 || !b->info[i].pages_at);
		}
		if (round % 8 == 0)
			bench_check_all(b);
	}
	tables_count(b->tables, &c);
	assert_true(c.evicted > 100 && c.loaded > 1000);
	for (uint32_t i = 1; i < OBJECTS; i++)
		bench_forget(b, i);
	tables_count(b->tables, &c);
	assert_int_equal(c.pool_bytes, 0);
	assert_int_equal(c.rules, RULE_BOOK_FULL + 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_begin, bench_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_owner_past_his_share_loses_his_own_pages),
		TEST(a_share_holds_also_where_one_eviction_is_too_little),
		TEST(an_owners_rules_past_his_share_say_that_they_are_not_there),
		TEST(rules_of_forgotten_tables_are_free_again),
		TEST(another_table_of_the_same_object_takes_the_old_ones_place),
		TEST(the_widest_file_costs_its_owner_alone),
		TEST(random_loads_and_losses_never_show_a_wrong_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
