/*
 * Tables in the pool as the kernel sees them: what it was told of an object leads to that object's
 * rules or to nothing, whatever is loaded, evicted and forgotten; and nobody takes more than his.
 */
#include "profiler/collector/tables.h"

#include "profiler/collector/rule_book.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define OBJECTS	  24u
#define CHUNKS	  4u
#define SECOND	  1000000000ull
#define UNIT	  (1ull << UNWIND_USED_SHIFT)
#define PAGE_FULL UNWIND_PAGE_ROWS_MAX
#define NO_TABLE  UINT32_MAX /* look_up(): the page is not loaded */

struct bench {
	struct tables *tables;
	struct unwind_dictionary *dictionary;
	struct unwind_chunk *chunk[CHUNKS];
	uint32_t n_chunks;
	struct abi_object_info info[OBJECTS]; /* what the kernel was told */
	struct unwind_table table[OBJECTS]; /* whose */
	uint32_t domain[OBJECTS];
	uint64_t now_ns, settled;
	uint32_t random;
};

static int map_chunk(void *ctx, uint32_t number, struct unwind_chunk **ret)
{
	struct bench *b = ctx;

	assert_in_range(number, 0, b->n_chunks);
	assert_true(number < CHUNKS);
	if (number < b->n_chunks) {
		*ret = b->chunk[number];
		return 0;
	}
	b->chunk[number] = calloc(1, sizeof(*b->chunk[number]));
	assert_non_null(b->chunk[number]);
	*ret = b->chunk[b->n_chunks++];
	return 0;
}

/* The kernel keeps them; whoever still has their old addresses reads nonsense. */
static void unmap_chunks(void *ctx)
{
	struct bench *b = ctx;

	for (uint32_t i = 0; i < b->n_chunks; i++) {
		struct unwind_chunk *moved = malloc(sizeof(*moved));

		assert_non_null(moved);
		memcpy(moved, b->chunk[i], sizeof(*moved));
		memset(b->chunk[i], 0xa5, sizeof(*moved));
		free(b->chunk[i]);
		b->chunk[i] = moved;
	}
}

static int tell(void *ctx, const struct abi_file_key *key, const struct abi_object_info *info)
{
	struct bench *b = ctx;

	assert_in_range(info->number, 1, OBJECTS - 1);
	assert_int_equal(key->ino, info->number);
	b->info[info->number] = *info;
	return 0;
}

static void settle(void *ctx)
{
	((struct bench *)ctx)->settled++;
}

static void begin_with(struct bench *b, uint64_t budget)
{
	struct tables_kernel kernel = {.ctx = b,
				       .dictionary = b->dictionary,
				       .map_chunk = map_chunk,
				       .unmap_chunks = unmap_chunks,
				       .tell = tell,
				       .settle = settle};

	assert_int_equal(tables_new(&kernel, budget, &b->tables), 0);
}

static int begin(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->dictionary = calloc(1, sizeof(*b->dictionary));
	assert_non_null(b->dictionary);
	b->now_ns = 100 * SECOND;
	b->random = 99;
	begin_with(b, 1);
	*state = b;
	return 0;
}

static void free_table(struct unwind_table *t)
{
	free(t->rules);
	free(t->rows);
	free(t->pages);
	*t = (struct unwind_table){};
}

static int end(void **state)
{
	struct bench *b = *state;

	assert_null(tables_free(b->tables));
	for (uint32_t i = 0; i < OBJECTS; i++)
		free_table(&b->table[i]);
	for (uint32_t i = 0; i < b->n_chunks; i++)
		free(b->chunk[i]);
	free(b->dictionary);
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

/* n_pages pages from first on, every step-th number, of n_rows rows each over n_rules rules. */
static void make_table(struct unwind_table *t, uint32_t first, uint32_t n_pages, uint32_t step,
		       uint32_t n_rows, uint32_t n_rules, uint32_t seed)
{
	free_table(t);
	t->n_rules = n_rules + 1;
	t->n_pages = n_pages;
	t->n_rows = n_pages * n_rows;
	t->rules = calloc(t->n_rules, sizeof(*t->rules));
	t->pages = calloc(n_pages, sizeof(*t->pages));
	t->rows = calloc(t->n_rows, sizeof(*t->rows));
	assert_true(t->rules && t->pages && t->rows);
	for (uint32_t i = 1; i < t->n_rules; i++)
		t->rules[i] = (struct unwind_rule){.kind = UNWIND_KIND_CFA,
						   .base = 7,
						   .ra = UNWIND_AT_CFA,
						   .cfa_offset = (int32_t)(seed + i)};
	for (uint32_t i = 0; i < n_pages; i++)
		t->pages[i] = (struct unwind_page){first + i * step, i * n_rows, n_rows};
	for (uint32_t i = 0; i < t->n_rows; i++)
		t->rows[i] = (struct unwind_row){(uint16_t)(i % n_rows * 4),
						 (uint16_t)((i + seed) % t->n_rules)};
}

static struct tables_object object_of(const struct bench *b, uint32_t number)
{
	return (struct tables_object){
		.number = number, .domain = b->domain[number], .key = {.ino = number}};
}

static int add(struct bench *b, uint32_t number)
{
	struct tables_object o = object_of(b, number);

	/* Before every second one the memory was elsewhere. */
	if (number % 2)
		tables_rest(b->tables);
	return tables_add(b->tables, &o, &b->table[number], b->now_ns);
}

/* The kernel's entry of a page of the file; NULL: it looks at none. */
static struct unwind_page_ref *entry(struct bench *b, uint32_t number, uint32_t page)
{
	const struct abi_object_info *info = &b->info[number];
	uint32_t at = info->pages_at + (page - info->first_page) * (uint32_t)UNWIND_REF_WORDS;

	if (!info->pages_at || page - info->first_page >= info->n_pages)
		return NULL;
	return (void *)&b->chunk[at / UNWIND_CHUNK_WORDS]->word[at % UNWIND_CHUNK_WORDS];
}

/* As the walk does, but row by row: the number of the rule, or NO_TABLE. */
static uint32_t look_up(struct bench *b, uint32_t number, uint32_t page, uint16_t low)
{
	const struct unwind_page_ref *ref = entry(b, number, page);
	const struct unwind_row *row;
	uint32_t n, at, rule = RULE_BOOK_HOLE;

	if (!ref)
		return b->info[number].pages_at ? RULE_BOOK_HOLE : NO_TABLE;
	if (!(ref->rows & UNWIND_REF_LOADED))
		return NO_TABLE;
	n = UNWIND_REF_N(ref->rows);
	at = UNWIND_REF_AT(ref->rows);
	if (n == 0)
		return RULE_BOOK_HOLE;
	assert_in_range(n, 1u << UNWIND_REF_LOG2(ref->rows),
			(2u << UNWIND_REF_LOG2(ref->rows)) - 1);
	assert_int_equal(at / UNWIND_CHUNK_WORDS, (at + n - 1) / UNWIND_CHUNK_WORDS);
	row = (const void *)&b->chunk[at / UNWIND_CHUNK_WORDS]->word[at % UNWIND_CHUNK_WORDS];
	for (uint32_t i = 0; i < n && row[i].low <= low; i++)
		rule = row[i].rule;
	return rule;
}

static bool is_loaded(struct bench *b, uint32_t number, uint32_t page)
{
	return look_up(b, number, page, 0) != NO_TABLE;
}

/* Some rows of every page that is loaded are the table's own. How many rows are loaded. */
static uint64_t check_object(struct bench *b, uint32_t number)
{
	const struct unwind_table *t = &b->table[number];
	uint64_t rows = 0;

	for (uint32_t i = 0; i < t->n_pages; i++) {
		const struct unwind_page *page = &t->pages[i];

		if (!is_loaded(b, number, page->number))
			continue;
		rows += page->n_rows;
		for (uint32_t at = 0; at < page->n_rows; at += 1 + page->n_rows / 8) {
			const struct unwind_row *row = &t->rows[page->first_row + at];
			uint32_t rule = look_up(b, number, page->number, row->low);

			assert_true(rule < UNWIND_RULES_MAX && rule != RULE_BOOK_FULL);
			assert_memory_equal(&b->dictionary->rule[rule], &t->rules[row->rule],
					    sizeof(struct unwind_rule));
		}
	}
	return rows;
}

/* What the kernel sees, what is counted, and that nobody has more than his share. */
static void check_all(struct bench *b)
{
	uint64_t rows = 0, words = 0, of_domain[4] = {};
	struct tables_counts c;

	for (uint32_t i = 1; i < OBJECTS; i++) {
		uint64_t mine = check_object(b, i);

		rows += mine;
		mine += b->info[i].n_pages * UNWIND_REF_WORDS;
		words += mine;
		of_domain[b->domain[i]] += mine;
	}
	tables_count(b->tables, &c);
	assert_int_equal(c.rows, rows);
	assert_int_equal(c.pool_bytes, words * 4);
	for (uint32_t domain = 1; domain < 4; domain++)
		assert_true(of_domain[domain] <= UNWIND_CHUNK_WORDS / TABLES_SHARE);
}

static void forget(struct bench *b, uint32_t number)
{
	b->info[number] = (struct abi_object_info){}; /* the kernel is told first */
	tables_forget(b->tables, number);
	free_table(&b->table[number]);
}

static void a_table_that_fits_is_loaded_whole(void **state)
{
	struct bench *b = *state;
	struct tables_counts c;

	make_table(&b->table[1], 5, 8, 3, 100, 40, 0);
	assert_int_equal(add(b, 1), 0);
	assert_int_equal(check_object(b, 1), 800);
	assert_int_equal(look_up(b, 1, 6, 0), RULE_BOOK_HOLE); /* between two pages */
	assert_int_equal(look_up(b, 1, 4, 0), RULE_BOOK_HOLE);
	assert_int_equal(look_up(b, 1, 27, 0), RULE_BOOK_HOLE);
	tables_count(b->tables, &c);
	assert_int_equal(c.pages, 8);
	assert_int_equal(c.objects, 1);
	assert_int_equal(c.loaded, 8);
	assert_int_equal(c.rules, 40 + RULE_BOOK_FULL + 1);
}

static void a_file_without_a_table_is_all_holes(void **state)
{
	struct bench *b = *state;
	struct tables_object o = object_of(b, 1);

	assert_int_equal(look_up(b, 1, 0, 0), NO_TABLE);
	for (int i = 0; i < 3; i++)
		assert_int_equal(tables_none(b->tables, &o), 0);
	assert_int_equal(look_up(b, 1, 0, 0), RULE_BOOK_HOLE);
	assert_int_equal(look_up(b, 1, 77, 0), RULE_BOOK_HOLE);
	check_all(b);
}

static void a_miss_asks_once_in_a_while(void **state)
{
	struct bench *b = *state;

	assert_true(tables_miss(b->tables, 1, 0, b->now_ns));
	assert_false(tables_miss(b->tables, 1, 0, b->now_ns + TABLES_ASK_NS - 1));
	assert_true(tables_miss(b->tables, 2, 0, b->now_ns));
	assert_true(tables_miss(b->tables, 1, 0, b->now_ns + TABLES_ASK_NS));
}

static void what_brings_nothing_is_asked_for_less_and_less_often(void **state)
{
	struct bench *b = *state;
	uint64_t wait = TABLES_ASK_NS;

	/* An index that finds no room. */
	b->domain[1] = 1;
	make_table(&b->table[1], 0, 2, UNWIND_PAGES_MAX - 1, 1, 1, 0);
	assert_true(tables_miss(b->tables, 1, 0, b->now_ns));
	for (int i = 0; i < 10; i++) {
		assert_int_equal(add(b, 1), -ENOSPC);
		wait = wait < TABLES_ASK_MAX_NS ? 2 * wait : wait;
		assert_false(tables_miss(b->tables, 1, 0, b->now_ns + wait - 1));
		b->now_ns += wait;
		assert_true(tables_miss(b->tables, 1, 0, b->now_ns));
	}
	assert_int_equal(wait, TABLES_ASK_MAX_NS);
	make_table(&b->table[1], 0, 2, 1, 10, 1, 0);
	assert_int_equal(add(b, 1), 0);
	assert_true(tables_miss(b->tables, 1, 0, b->now_ns + TABLES_ASK_NS));
}

static void a_table_too_large_is_loaded_by_the_pages_that_were_missed(void **state)
{
	struct bench *b = *state;

	make_table(&b->table[1], 10, 20, 1, PAGE_FULL, 30, 0);
	tables_miss(b->tables, 1, 17ull << UNWIND_PAGE_BITS, b->now_ns);
	tables_miss(b->tables, 1, (20ull << UNWIND_PAGE_BITS) + 5, b->now_ns);
	assert_int_equal(add(b, 1), 0);
	for (uint32_t page = 10; page < 30; page++)
		assert_int_equal(is_loaded(b, 1, page), page == 17 || page == 20);
	/* The next miss adds to them. */
	tables_miss(b->tables, 1, 12ull << UNWIND_PAGE_BITS, b->now_ns);
	assert_int_equal(add(b, 1), 0);
	for (uint32_t page = 10; page < 30; page++)
		assert_int_equal(is_loaded(b, 1, page), page == 12 || page == 17 || page == 20);
	check_all(b);
	/* Misses that were served are forgotten. */
	make_table(&b->table[1], 9, 21, 1, PAGE_FULL, 30, 0);
	tables_miss(b->tables, 1, 15ull << UNWIND_PAGE_BITS, b->now_ns);
	assert_int_equal(add(b, 1), 0);
	for (uint32_t page = 9; page < 30; page++)
		assert_int_equal(is_loaded(b, 1, page), page == 15);
}

/* A chunk full of objects 1 to 15, one full page each. */
static void fill(struct bench *b, uint32_t domain)
{
	for (uint32_t i = 1; i <= 15; i++) {
		make_table(&b->table[i], 0, 1, 1, PAGE_FULL, 10, 100 * i);
		b->domain[i] = domain;
		tables_miss(b->tables, i, 0, b->now_ns);
		assert_int_equal(add(b, i), 0);
	}
}

static void what_was_not_used_for_longest_is_evicted(void **state)
{
	struct bench *b = *state;
	struct tables_counts c;

	fill(b, 0);
	for (uint32_t i = 1; i <= 15; i++)
		assert_true(is_loaded(b, i, 0));
	b->now_ns += 10 * UNIT;
	for (uint32_t i = 1; i <= 15; i++)
		if (i != 7)
			entry(b, i, 0)->used = (uint32_t)(b->now_ns >> UNWIND_USED_SHIFT);
	make_table(&b->table[16], 0, 1, 1, PAGE_FULL, 10, 5000);
	tables_miss(b->tables, 16, 0, b->now_ns);
	assert_int_equal(add(b, 16), 0);
	assert_true(is_loaded(b, 16, 0));
	for (uint32_t i = 1; i <= 15; i++)
		assert_int_equal(is_loaded(b, i, 0), i != 7);
	check_all(b);
	tables_count(b->tables, &c);
	assert_int_equal(c.evicted, 1);
	assert_true(b->settled > 0);
}

static void a_walk_may_read_what_is_evicted_until_it_has_ended(void **state)
{
	struct bench *b = *state;

	make_table(&b->table[1], 0, 15, 1, PAGE_FULL, 10, 0);
	for (uint32_t page = 0; page < 15; page++)
		tables_miss(b->tables, 1, (uint64_t)page << UNWIND_PAGE_BITS, b->now_ns);
	assert_int_equal(add(b, 1), 0);
	assert_int_equal(b->settled, 0);
	b->now_ns += 10 * UNIT;
	make_table(&b->table[2], 0, 1, 1, PAGE_FULL, 10, 5000);
	tables_miss(b->tables, 2, 0, b->now_ns);
	assert_int_equal(add(b, 2), 0);
	assert_int_equal(check_object(b, 1), 13 * PAGE_FULL); /* one for it, one for the next */
	assert_int_equal(b->settled, 1);
}

static void what_is_in_use_stays_and_the_newcomer_is_refused(void **state)
{
	struct bench *b = *state;
	struct tables_counts c;

	fill(b, 0);
	make_table(&b->table[16], 0, 1, 1, PAGE_FULL, 10, 5000);
	tables_miss(b->tables, 16, 0, b->now_ns);
	assert_int_equal(add(b, 16), 0);
	assert_false(is_loaded(b, 16, 0));
	for (uint32_t i = 1; i <= 15; i++)
		assert_true(is_loaded(b, i, 0));
	tables_count(b->tables, &c);
	assert_int_equal(c.refused, 1);
	assert_int_equal(c.evicted, 0);
	check_all(b);
}

static void an_owner_past_his_share_loses_his_own_pages(void **state)
{
	struct bench *b = *state;

	make_table(&b->table[1], 0, 1, 1, PAGE_FULL, 10, 0);
	assert_int_equal(add(b, 1), 0); /* root's, and the oldest */
	for (uint32_t i = 2; i <= 9; i++) {
		b->now_ns += 5 * UNIT;
		b->domain[i] = 1;
		make_table(&b->table[i], 0, 1, 1, PAGE_FULL, 10, 100 * i);
		tables_miss(b->tables, i, 0, b->now_ns);
		assert_int_equal(add(b, i), 0);
		assert_true(is_loaded(b, i, 0));
		check_all(b);
	}
	assert_true(is_loaded(b, 1, 0));
	assert_false(is_loaded(b, 2, 0));
}

/* Many small pages that may go, and then large ones: each small one that goes is not enough. */
static void a_share_holds_also_where_one_eviction_is_too_little(void **state)
{
	struct bench *b = *state;

	b->domain[1] = b->domain[2] = 1;
	make_table(&b->table[1], 0, 4000, 1, 8, 10, 0);
	assert_int_equal(add(b, 1), 0);
	b->now_ns += 5 * UNIT;
	for (uint32_t i = 200; i < 4000; i++)
		entry(b, 1, i)->used = (uint32_t)(b->now_ns >> UNWIND_USED_SHIFT);
	make_table(&b->table[2], 0, 4, 1, PAGE_FULL, 10, 500);
	for (uint32_t i = 0; i < 4; i++)
		tables_miss(b->tables, 2, (uint64_t)i << UNWIND_PAGE_BITS, b->now_ns);
	assert_int_equal(add(b, 2), 0);
	check_all(b);
}

static void an_owners_rules_past_his_share_say_that_they_are_not_there(void **state)
{
	struct bench *b = *state;
	uint32_t n = UNWIND_RULES_MAX / TABLES_SHARE, full = 0;

	b->domain[1] = 1;
	make_table(&b->table[1], 0, 2, 1, 6000, 11000, 0);
	assert_int_equal(add(b, 1), 0);
	for (uint32_t i = 0; i < 12000; i++) {
		uint32_t rule = look_up(b, 1, i / 6000, b->table[1].rows[i].low);

		assert_true(rule != NO_TABLE);
		full += rule == RULE_BOOK_FULL;
	}
	assert_in_range(full, 11000 - n, 12000 - n);
	/* Root's still find room. */
	make_table(&b->table[2], 0, 1, 1, 100, 50, 1000000);
	assert_int_equal(add(b, 2), 0);
	assert_int_equal(check_object(b, 2), 100);
}

static void rules_of_forgotten_tables_are_free_again(void **state)
{
	struct bench *b = *state;
	struct tables_counts c;

	for (uint32_t i = 0; i < 12; i++) {
		make_table(&b->table[1], 0, 1, 1, 12000, 12000, i * 20000);
		assert_int_equal(add(b, 1), 0);
		assert_int_equal(check_object(b, 1), 12000);
		forget(b, 1);
	}
	tables_count(b->tables, &c);
	assert_int_equal(c.rules, RULE_BOOK_FULL + 1);
	assert_int_equal(c.pool_bytes, 0);
	assert_int_equal(c.objects, 0);
}

static void another_table_of_the_same_object_takes_the_old_ones_place(void **state)
{
	struct bench *b = *state;
	struct tables_object o = object_of(b, 1);

	make_table(&b->table[1], 5, 8, 1, 100, 40, 0);
	assert_int_equal(add(b, 1), 0);
	make_table(&b->table[1], 2, 3, 1, 50, 40, 300);
	assert_int_equal(add(b, 1), 0);
	assert_int_equal(check_object(b, 1), 150);
	check_all(b);
	assert_int_equal(tables_none(b->tables, &o), 0);
	free_table(&b->table[1]);
	check_all(b);
}

/* From the file's first page to the last that any may have: its index is a chunk. */
static void the_widest_file_costs_its_owner_alone(void **state)
{
	struct bench *b = *state;
	int r;

	b->domain[1] = 1;
	make_table(&b->table[1], 0, 2, UNWIND_PAGES_MAX - 1, 1, 1, 0);
	r = add(b, 1);
	assert_int_equal(r, -ENOSPC);
	make_table(&b->table[2], 0, 1, 1, 10, 5, 0);
	assert_int_equal(add(b, 2), 0);
	assert_int_equal(check_object(b, 2), 10);
	check_all(b);
}

static void random_loads_and_losses_never_show_a_wrong_rule(void **state)
{
	struct bench *b = *state;
	struct tables_counts c;

	for (uint32_t i = 1; i < OBJECTS; i++)
		b->domain[i] = i % 4;
	for (uint32_t round = 0; round < 3000; round++) {
		uint32_t i = 1 + random_below(b, OBJECTS - 1), what = random_below(b, 10);
		struct unwind_table *t = &b->table[i];

		b->now_ns += random_below(b, 2) * UNIT;
		if (what == 0) {
			forget(b, i);
		} else if (!t->n_pages) {
			make_table(t, random_below(b, 50), 1 + random_below(b, 8),
				   1 + random_below(b, 3), 1 + random_below(b, 9000),
				   1 + random_below(b, 300), random_below(b, 1000));
		} else {
			const struct unwind_page *p = &t->pages[random_below(b, t->n_pages)];
			struct unwind_page_ref *ref = entry(b, i, p->number);

			if (ref)
				ref->used = (uint32_t)(b->now_ns >> UNWIND_USED_SHIFT);
			tables_miss(b->tables, i, (uint64_t)p->number << UNWIND_PAGE_BITS,
				    b->now_ns);
			assert_true(add(b, i) == 0 || !b->info[i].pages_at);
		}
		if (round % 8 == 0)
			check_all(b);
	}
	tables_count(b->tables, &c);
	assert_true(c.evicted > 100 && c.loaded > 1000);
	for (uint32_t i = 1; i < OBJECTS; i++)
		forget(b, i);
	tables_count(b->tables, &c);
	assert_int_equal(c.pool_bytes, 0);
	assert_int_equal(c.rules, RULE_BOOK_FULL + 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_table_that_fits_is_loaded_whole),
		TEST(a_file_without_a_table_is_all_holes),
		TEST(a_miss_asks_once_in_a_while),
		TEST(what_brings_nothing_is_asked_for_less_and_less_often),
		TEST(a_table_too_large_is_loaded_by_the_pages_that_were_missed),
		TEST(what_was_not_used_for_longest_is_evicted),
		TEST(a_walk_may_read_what_is_evicted_until_it_has_ended),
		TEST(what_is_in_use_stays_and_the_newcomer_is_refused),
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
