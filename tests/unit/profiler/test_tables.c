/*
 * Tables in the pool as the kernel sees them: what it was told of an object leads to that object's
 * rules or to nothing; what is asked for, loaded and evicted.
 */
#include "tests/unit/profiler/tables_bench.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void a_table_that_fits_is_loaded_whole(void **state)
{
	struct tables_bench *b = *state;
	struct tables_counts c;

	bench_make_table(&b->table[1], 5, 8, 3, 100, 40, 0);
	assert_int_equal(bench_add(b, 1), 0);
	assert_int_equal(bench_check_object(b, 1), 800);
	assert_int_equal(bench_look_up(b, 1, 6, 0), RULE_BOOK_HOLE); /* between two pages */
	assert_int_equal(bench_look_up(b, 1, 4, 0), RULE_BOOK_HOLE);
	assert_int_equal(bench_look_up(b, 1, 27, 0), RULE_BOOK_HOLE);
	tables_count(b->tables, &c);
	assert_int_equal(c.pages, 8);
	assert_int_equal(c.objects, 1);
	assert_int_equal(c.loaded, 8);
	assert_int_equal(c.rules, 40 + RULE_BOOK_FULL + 1);
}

static void a_file_without_a_table_is_all_holes(void **state)
{
	struct tables_bench *b = *state;
	struct tables_object o = bench_object(b, 1);

	assert_int_equal(bench_look_up(b, 1, 0, 0), NO_TABLE);
	for (int i = 0; i < 3; i++)
		assert_int_equal(tables_none(b->tables, &o), 0);
	assert_int_equal(bench_look_up(b, 1, 0, 0), RULE_BOOK_HOLE);
	assert_int_equal(bench_look_up(b, 1, 77, 0), RULE_BOOK_HOLE);
	bench_check_all(b);
}

static void a_miss_asks_once_in_a_while(void **state)
{
	struct tables_bench *b = *state;

	assert_true(tables_miss(b->tables, 1, 0, b->now_ns));
	assert_false(tables_miss(b->tables, 1, 0, b->now_ns + TABLES_ASK_NS - 1));
	assert_true(tables_miss(b->tables, 2, 0, b->now_ns));
	assert_true(tables_miss(b->tables, 1, 0, b->now_ns + TABLES_ASK_NS));
}

static void what_brings_nothing_is_asked_for_less_and_less_often(void **state)
{
	struct tables_bench *b = *state;
	uint64_t wait = TABLES_ASK_NS;

	/* An index that finds no room. */
	b->domain[1] = 1;
	bench_make_table(&b->table[1], 0, 2, UNWIND_PAGES_MAX - 1, 1, 1, 0);
	assert_true(tables_miss(b->tables, 1, 0, b->now_ns));
	for (int i = 0; i < 10; i++) {
		assert_int_equal(bench_add(b, 1), -ENOSPC);
		wait = wait < TABLES_ASK_MAX_NS ? 2 * wait : wait;
		assert_false(tables_miss(b->tables, 1, 0, b->now_ns + wait - 1));
		b->now_ns += wait;
		assert_true(tables_miss(b->tables, 1, 0, b->now_ns));
	}
	assert_int_equal(wait, TABLES_ASK_MAX_NS);
	bench_make_table(&b->table[1], 0, 2, 1, 10, 1, 0);
	assert_int_equal(bench_add(b, 1), 0);
	assert_true(tables_miss(b->tables, 1, 0, b->now_ns + TABLES_ASK_NS));
}

static void a_table_that_is_not_there_for_now_is_asked_for_again(void **state)
{
	struct tables_bench *b = *state;
	uint64_t wait = TABLES_ASK_NS;

	assert_true(tables_miss(b->tables, 1, 0, b->now_ns));
	for (int i = 0; i < 10; i++) {
		tables_later(b->tables, 1);
		assert_int_equal(bench_look_up(b, 1, 0, 0), NO_TABLE);
		wait = wait < TABLES_ASK_MAX_NS ? 2 * wait : wait;
		assert_false(tables_miss(b->tables, 1, 0, b->now_ns + wait - 1));
		b->now_ns += wait;
		assert_true(tables_miss(b->tables, 1, 0, b->now_ns));
	}
	bench_make_table(&b->table[1], 0, 2, 1, 10, 1, 0);
	assert_int_equal(bench_add(b, 1), 0);
	assert_int_equal(bench_check_object(b, 1), 20);
}

static void a_table_too_large_is_loaded_by_the_pages_that_were_missed(void **state)
{
	struct tables_bench *b = *state;

	bench_make_table(&b->table[1], 10, 20, 1, PAGE_FULL, 30, 0);
	tables_miss(b->tables, 1, 17ull << UNWIND_PAGE_BITS, b->now_ns);
	tables_miss(b->tables, 1, (20ull << UNWIND_PAGE_BITS) + 5, b->now_ns);
	assert_int_equal(bench_add(b, 1), 0);
	for (uint32_t page = 10; page < 30; page++)
		assert_int_equal(bench_is_loaded(b, 1, page), page == 17 || page == 20);
	/* The next miss adds to them. */
	tables_miss(b->tables, 1, 12ull << UNWIND_PAGE_BITS, b->now_ns);
	assert_int_equal(bench_add(b, 1), 0);
	for (uint32_t page = 10; page < 30; page++)
		assert_int_equal(bench_is_loaded(b, 1, page),
				 page == 12 || page == 17 || page == 20);
	bench_check_all(b);
	/* Misses that were served are forgotten. */
	bench_make_table(&b->table[1], 9, 21, 1, PAGE_FULL, 30, 0);
	tables_miss(b->tables, 1, 15ull << UNWIND_PAGE_BITS, b->now_ns);
	assert_int_equal(bench_add(b, 1), 0);
	for (uint32_t page = 9; page < 30; page++)
		assert_int_equal(bench_is_loaded(b, 1, page), page == 15);
}

static void only_the_memory_that_is_touched_is_mapped(void **state)
{
	struct tables_bench *b = *state;

	assert_null(tables_free(b->tables));
	bench_begin_with(b, CHUNKS * sizeof(struct unwind_chunk));
	bench_make_table(&b->table[1], 0, 30, 1, PAGE_FULL, 10, 0); /* two chunks */
	bench_make_table(&b->table[2], 0, 1, 1, 10, 10, 0);
	assert_int_equal(bench_add(b, 1), 0);
	assert_int_equal(b->n_chunks, 2);
	assert_int_equal(bench_add(b, 2), 0);
	b->mapped = 0;
	tables_rest(b->tables);
	tables_rest(b->tables);
	bench_make_table(&b->table[4], 0, 1, 1, 10, 10, 0);
	assert_int_equal(bench_add(b, 4), 0);
	assert_in_range(b->mapped, 1, 1);
	bench_check_all(b);
}

static void without_memory_nothing_changes(void **state)
{
	struct tables_bench *b = *state;

	bench_make_table(&b->table[1], 0, 3, 1, 100, 10, 0);
	bench_make_table(&b->table[2], 0, 3, 1, 100, 10, 50);
	bench_make_table(&b->table[4], 0, 3, 1, 100, 10, 90);
	assert_int_equal(bench_add(b, 1), 0);
	assert_int_equal(bench_add(b, 2), 0);
	tables_rest(b->tables);
	b->refuse = true;
	assert_int_equal(bench_add(b, 4), -ENOMEM);
	tables_forget(b->tables, 2);
	bench_make_table(&b->table[2], 1, 7, 1, 100, 10, 50);
	assert_int_equal(bench_add(b, 2), -ENOMEM);
	b->refuse = false;
	bench_make_table(&b->table[2], 0, 3, 1, 100, 10, 50);
	assert_int_equal(bench_check_object(b, 1), 300);
	assert_int_equal(bench_check_object(b, 2), 300);
	assert_false(bench_is_loaded(b, 4, 0));
	bench_check_all(b);
	assert_int_equal(bench_add(b, 4), 0);
	assert_int_equal(bench_check_object(b, 4), 300);
	bench_forget(b, 2);
	bench_check_all(b);
}

/* A chunk full of objects 1 to 15, one full page each. */
static void fill(struct tables_bench *b, uint32_t domain)
{
	for (uint32_t i = 1; i <= 15; i++) {
		bench_make_table(&b->table[i], 0, 1, 1, PAGE_FULL, 10, 100 * i);
		b->domain[i] = domain;
		tables_miss(b->tables, i, 0, b->now_ns);
		assert_int_equal(bench_add(b, i), 0);
	}
}

static void what_was_not_used_for_longest_is_evicted(void **state)
{
	struct tables_bench *b = *state;
	struct tables_counts c;

	fill(b, 0);
	for (uint32_t i = 1; i <= 15; i++)
		assert_true(bench_is_loaded(b, i, 0));
	b->now_ns += 10 * UNIT;
	for (uint32_t i = 1; i <= 15; i++)
		if (i != 7)
			bench_entry(b, i, 0)->used = (uint32_t)(b->now_ns >> UNWIND_USED_SHIFT);
	bench_make_table(&b->table[16], 0, 1, 1, PAGE_FULL, 10, 5000);
	tables_miss(b->tables, 16, 0, b->now_ns);
	assert_int_equal(bench_add(b, 16), 0);
	assert_true(bench_is_loaded(b, 16, 0));
	for (uint32_t i = 1; i <= 15; i++)
		assert_int_equal(bench_is_loaded(b, i, 0), i != 7);
	bench_check_all(b);
	tables_count(b->tables, &c);
	assert_int_equal(c.evicted, 1);
	assert_true(b->settled > 0);
}

static void a_walk_may_read_what_is_evicted_until_it_has_ended(void **state)
{
	struct tables_bench *b = *state;

	bench_make_table(&b->table[1], 0, 15, 1, PAGE_FULL, 10, 0);
	for (uint32_t page = 0; page < 15; page++)
		tables_miss(b->tables, 1, (uint64_t)page << UNWIND_PAGE_BITS, b->now_ns);
	assert_int_equal(bench_add(b, 1), 0);
	assert_int_equal(b->settled, 0);
	b->now_ns += 10 * UNIT;
	bench_make_table(&b->table[2], 0, 1, 1, PAGE_FULL, 10, 5000);
	tables_miss(b->tables, 2, 0, b->now_ns);
	assert_int_equal(bench_add(b, 2), 0);
	assert_int_equal(bench_check_object(b, 1),
			 13 * PAGE_FULL); /* one for it, one for the next */
	assert_int_equal(b->settled, 1);
}

static void what_is_in_use_stays_and_the_newcomer_is_refused(void **state)
{
	struct tables_bench *b = *state;
	struct tables_counts c;

	fill(b, 0);
	bench_make_table(&b->table[16], 0, 1, 1, PAGE_FULL, 10, 5000);
	tables_miss(b->tables, 16, 0, b->now_ns);
	assert_int_equal(bench_add(b, 16), 0);
	assert_false(bench_is_loaded(b, 16, 0));
	for (uint32_t i = 1; i <= 15; i++)
		assert_true(bench_is_loaded(b, i, 0));
	tables_count(b->tables, &c);
	assert_int_equal(c.refused, 1);
	assert_int_equal(c.evicted, 0);
	bench_check_all(b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_begin, bench_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_table_that_fits_is_loaded_whole),
		TEST(a_file_without_a_table_is_all_holes),
		TEST(a_miss_asks_once_in_a_while),
		TEST(what_brings_nothing_is_asked_for_less_and_less_often),
		TEST(a_table_that_is_not_there_for_now_is_asked_for_again),
		TEST(a_table_too_large_is_loaded_by_the_pages_that_were_missed),
		TEST(only_the_memory_that_is_touched_is_mapped),
		TEST(without_memory_nothing_changes),
		TEST(what_was_not_used_for_longest_is_evicted),
		TEST(a_walk_may_read_what_is_evicted_until_it_has_ended),
		TEST(what_is_in_use_stays_and_the_newcomer_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
