/*
 * The walk's look-up: for every offset of a file the rule that its table has, whatever the number
 * of rows of a page; and what it says where there is none. Whole walks are tests/replay's.
 */
#include "tests/replay/walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define PAGES	 3u
#define ROWS_MAX 700u

static uint32_t random_state = 77;

static uint32_t random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

/* n_rows rows in each of PAGES pages from the first on, at random places. */
static void make_table(struct unwind_table *t, uint32_t first, uint32_t n_rows)
{
	t->n_rules = 40;
	t->n_pages = PAGES;
	t->n_rows = PAGES * n_rows;
	t->rules = calloc(t->n_rules, sizeof(*t->rules));
	t->pages = calloc(t->n_pages, sizeof(*t->pages));
	t->rows = calloc(t->n_rows, sizeof(*t->rows));
	assert_true(t->rules && t->pages && t->rows);
	for (uint32_t i = 1; i < t->n_rules; i++)
		t->rules[i] = (struct unwind_rule){
			.kind = UNWIND_KIND_CFA, .base = 7, .cfa_offset = (int32_t)i};
	for (uint32_t i = 0; i < PAGES; i++)
		t->pages[i] = (struct unwind_page){first + 2 * i, i * n_rows, n_rows};
	for (uint32_t i = 0; i < t->n_rows; i++) {
		uint32_t in_page = i % n_rows, step = 65536 / n_rows;

		t->rows[i].low = in_page ? (uint16_t)(in_page * step + random_below(step)) : 0;
		t->rows[i].rule = (uint16_t)random_below(t->n_rules);
	}
}

static void check_offset(const struct replay_kernel *k, const struct unwind_table *t,
			 uint64_t offset)
{
	static const struct unwind_rule hole;
	const struct unwind_rule *want = unwind_table_find(t, offset);

	/* Searched, and met again. */
	for (int i = 0; i < 2; i++) {
		int number = replay_rule(k, 1, offset);

		assert_in_range(number, 0, UNWIND_RULES_MAX - 1);
		assert_memory_equal(&k->dictionary->rule[number], want ? want : &hole,
				    sizeof(hole));
	}
}

static void check_table(uint32_t n_rows)
{
	struct unwind_table t = {};
	struct replay_kernel k;

	make_table(&t, random_below(4), n_rows);
	assert_int_equal(replay_kernel_init(&k), 0);
	assert_int_equal(replay_kernel_add(&k, "file"), 1);
	assert_int_equal(replay_kernel_load(&k, 1, &t), 0);
	for (uint32_t i = 0; i < PAGES; i++) {
		uint64_t page = (uint64_t)t.pages[i].number << UNWIND_PAGE_BITS;

		for (uint32_t j = 0; j < n_rows; j++) {
			uint64_t at = page + t.rows[t.pages[i].first_row + j].low;

			check_offset(&k, &t, at);
			check_offset(&k, &t, at + 1);
			check_offset(&k, &t, at - 1);
		}
		check_offset(&k, &t, page + 65535);
		check_offset(&k, &t, page + 65536); /* the page between is a hole */
	}
	check_offset(&k, &t, 0);
	check_offset(&k, &t, UINT32_MAX);
	replay_kernel_done(&k);
	unwind_table_done(&t);
}

static void every_offset_has_the_rule_of_its_table(void **state)
{
	(void)state;
	for (uint32_t n_rows = 1; n_rows <= 70; n_rows++)
		check_table(n_rows);
	check_table(127);
	check_table(128);
	check_table(ROWS_MAX);
	check_table(UNWIND_PAGE_ROWS_MAX);
}

static void what_has_no_table_is_no_hole(void **state)
{
	struct unwind_table none = {};
	struct replay_kernel k;

	(void)state;
	assert_int_equal(replay_kernel_init(&k), 0);
	assert_int_equal(replay_kernel_add(&k, "file"), 1);
	assert_true(replay_rule(&k, 1, 0x1000) < 0);
	assert_int_equal(replay_kernel_load(&k, 1, &none), 0);
	assert_int_equal(replay_rule(&k, 1, 0x1000), 0);
	replay_kernel_done(&k);
}

/* Another file's table takes the place of one that went, and some of its rules' numbers. */
static void what_was_taken_out_is_met_no_more(void **state)
{
	struct replay_kernel k;

	(void)state;
	assert_int_equal(replay_kernel_init(&k), 0);
	assert_int_equal(replay_kernel_add(&k, "file"), 1);
	for (int round = 0; round < 20; round++) {
		struct unwind_table t = {};

		make_table(&t, 0, 30);
		for (uint32_t i = 1; i < t.n_rules; i++)
			t.rules[i].cfa_offset = (int32_t)random_below(1000);
		assert_int_equal(replay_kernel_load(&k, 1, &t), 0);
		for (uint32_t i = 0; i < t.n_rows / PAGES; i++)
			check_offset(&k, &t, t.rows[i].low);
		tables_forget(k.tables, 1);
		unwind_table_done(&t);
	}
	replay_kernel_done(&k);
}

/* As user space leaves it when it evicts a page. */
static void a_page_that_is_not_loaded_is_no_hole(void **state)
{
	struct tables_object object = {.number = 1};
	struct unwind_table t = {};
	struct replay_kernel k;

	(void)state;
	make_table(&t, 0, 100);
	assert_int_equal(replay_kernel_init(&k), 0);
	assert_int_equal(replay_kernel_add(&k, "file"), 1);
	assert_int_equal(tables_add(k.tables, &object, &t, 0), 0);
	assert_true(replay_rule(&k, 1, t.rows[0].low) >= 0);
	k.chunk[0]->word[k.object[1].info.pages_at] = 0;
	k.chunk[0]->word[k.object[1].info.pages_at + 1] = 0;
	replay_forget();
	assert_true(replay_rule(&k, 1, t.rows[0].low) < 0);
	assert_true(replay_rule(&k, 1, 2 << UNWIND_PAGE_BITS) >= 0);
	replay_kernel_done(&k);
	unwind_table_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_offset_has_the_rule_of_its_table),
		cmocka_unit_test(what_has_no_table_is_no_hole),
		cmocka_unit_test(what_was_taken_out_is_met_no_more),
		cmocka_unit_test(a_page_that_is_not_loaded_is_no_hole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
