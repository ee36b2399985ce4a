/*
 * Tables with a kernel made of memory: what it was told leads to rows and rules as a walk finds
 * them. For test_tables*.c.
 */
#pragma once

#include "profiler/collector/rule_book.h"
#include "profiler/collector/tables.h"

#include <stdbool.h>

#define OBJECTS	  24u
#define CHUNKS	  4u
#define SECOND	  1000000000ull
#define UNIT	  (1ull << UNWIND_USED_SHIFT)
#define PAGE_FULL UNWIND_PAGE_ROWS_MAX
#define NO_TABLE  UINT32_MAX /* bench_look_up(): the page is not loaded */

struct tables_bench {
	struct tables *tables;
	struct unwind_dictionary *dictionary;
	struct unwind_chunk *chunk[CHUNKS];
	uint32_t n_chunks;
	struct abi_object_info info[OBJECTS]; /* what the kernel was told */
	struct unwind_table table[OBJECTS]; /* whose */
	uint32_t domain[OBJECTS];
	uint64_t now_ns, settled;
	uint64_t mapped; /* calls for memory of the pool */
	bool refuse; /* there is none */
	uint32_t random;
};

void bench_begin_with(struct tables_bench *b, uint64_t budget);
int bench_begin(void **state);
void bench_free_table(struct unwind_table *t);
int bench_end(void **state);
uint32_t bench_random(struct tables_bench *b, uint32_t n);
/* n_pages pages from first on, every step-th number, of n_rows rows each over n_rules rules. */
void bench_make_table(struct unwind_table *t, uint32_t first, uint32_t n_pages, uint32_t step,
		      uint32_t n_rows, uint32_t n_rules, uint32_t seed);
struct tables_object bench_object(const struct tables_bench *b, uint32_t number);
int bench_add(struct tables_bench *b, uint32_t number);
/* The kernel's entry of a page of the file; NULL: it looks at none. */
struct unwind_page_ref *bench_entry(struct tables_bench *b, uint32_t number, uint32_t page);
/* As the walk does, but row by row: the number of the rule, or NO_TABLE. */
uint32_t bench_look_up(struct tables_bench *b, uint32_t number, uint32_t page, uint16_t low);
bool bench_is_loaded(struct tables_bench *b, uint32_t number, uint32_t page);
/* Some rows of every page that is loaded are the table's own. How many rows are loaded. */
uint64_t bench_check_object(struct tables_bench *b, uint32_t number);
/* What the kernel sees, what is counted, and that nobody has more than his share. */
void bench_check_all(struct tables_bench *b);
void bench_forget(struct tables_bench *b, uint32_t number);
