/* A pool, a dictionary and the kernel's word of objects, in our own memory; see tables_bench.h. */
#include "tests/unit/profiler/tables_bench.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int map_chunk(void *ctx, uint32_t number, struct unwind_chunk **ret)
{
	struct tables_bench *b = ctx;

	assert_in_range(number, 0, b->n_chunks);
	assert_true(number < CHUNKS);
	b->mapped++;
	if (b->refuse)
		return -ENOMEM;
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
	struct tables_bench *b = ctx;

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
	struct tables_bench *b = ctx;

	assert_in_range(info->number, 1, OBJECTS - 1);
	assert_int_equal(key->ino, info->number);
	b->info[info->number] = *info;
	return 0;
}

static void settle(void *ctx)
{
	((struct tables_bench *)ctx)->settled++;
}

void bench_begin_with(struct tables_bench *b, uint64_t budget)
{
	struct tables_kernel kernel = {.ctx = b,
				       .dictionary = b->dictionary,
				       .map_chunk = map_chunk,
				       .unmap_chunks = unmap_chunks,
				       .tell = tell,
				       .settle = settle};

	assert_int_equal(tables_new(&kernel, budget, &b->tables), 0);
}

int bench_begin(void **state)
{
	struct tables_bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->dictionary = calloc(1, sizeof(*b->dictionary));
	assert_non_null(b->dictionary);
	b->now_ns = 100 * SECOND;
	b->random = 99;
	bench_begin_with(b, 1);
	*state = b;
	return 0;
}

void bench_free_table(struct unwind_table *t)
{
	free(t->rules);
	free(t->rows);
	free(t->pages);
	*t = (struct unwind_table){};
}

int bench_end(void **state)
{
	struct tables_bench *b = *state;

	assert_null(tables_free(b->tables));
	for (uint32_t i = 0; i < OBJECTS; i++)
		bench_free_table(&b->table[i]);
	for (uint32_t i = 0; i < b->n_chunks; i++)
		free(b->chunk[i]);
	free(b->dictionary);
	free(b);
	return 0;
}

uint32_t bench_random(struct tables_bench *b, uint32_t n)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 17;
	b->random ^= b->random << 5;
	return b->random % n;
}

void bench_make_table(struct unwind_table *t, uint32_t first, uint32_t n_pages, uint32_t step,
		      uint32_t n_rows, uint32_t n_rules, uint32_t seed)
{
	bench_free_table(t);
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

struct tables_object bench_object(const struct tables_bench *b, uint32_t number)
{
	return (struct tables_object){
		.number = number, .domain = b->domain[number], .key = {.ino = number}};
}

int bench_add(struct tables_bench *b, uint32_t number)
{
	struct tables_object o = bench_object(b, number);

	/* Before every second one the memory was elsewhere. */
	if (number % 2)
		tables_rest(b->tables);
	return tables_add(b->tables, &o, &b->table[number], b->now_ns);
}

struct unwind_page_ref *bench_entry(struct tables_bench *b, uint32_t number, uint32_t page)
{
	const struct abi_object_info *info = &b->info[number];
	uint32_t at = info->pages_at + (page - info->first_page) * (uint32_t)UNWIND_REF_WORDS;

	if (!info->pages_at || page - info->first_page >= info->n_pages)
		return NULL;
	return (void *)&b->chunk[at / UNWIND_CHUNK_WORDS]->word[at % UNWIND_CHUNK_WORDS];
}

uint32_t bench_look_up(struct tables_bench *b, uint32_t number, uint32_t page, uint16_t low)
{
	const struct unwind_page_ref *ref = bench_entry(b, number, page);
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

bool bench_is_loaded(struct tables_bench *b, uint32_t number, uint32_t page)
{
	return bench_look_up(b, number, page, 0) != NO_TABLE;
}

uint64_t bench_check_object(struct tables_bench *b, uint32_t number)
{
	const struct unwind_table *t = &b->table[number];
	uint64_t rows = 0;

	for (uint32_t i = 0; i < t->n_pages; i++) {
		const struct unwind_page *page = &t->pages[i];

		if (!bench_is_loaded(b, number, page->number))
			continue;
		rows += page->n_rows;
		for (uint32_t at = 0; at < page->n_rows; at += 1 + page->n_rows / 8) {
			const struct unwind_row *row = &t->rows[page->first_row + at];
			uint32_t rule = bench_look_up(b, number, page->number, row->low);

			assert_true(rule < UNWIND_RULES_MAX && rule != RULE_BOOK_FULL);
			assert_memory_equal(&b->dictionary->rule[rule], &t->rules[row->rule],
					    sizeof(struct unwind_rule));
		}
	}
	return rows;
}

void bench_check_all(struct tables_bench *b)
{
	uint64_t rows = 0, words = 0, of_domain[4] = {};
	struct tables_counts c;

	for (uint32_t i = 1; i < OBJECTS; i++) {
		uint64_t mine = bench_check_object(b, i);

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

void bench_forget(struct tables_bench *b, uint32_t number)
{
	b->info[number] = (struct abi_object_info){}; /* the kernel is told first */
	tables_forget(b->tables, number);
	bench_free_table(&b->table[number]);
}
