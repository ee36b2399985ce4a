/*
 * Tables: the unwind tables of objects in the kernel's pool, by 64 KiB pages of their files.
 *
 * A table that fits is loaded whole; where the pool is short, only the pages that samples asked
 * for. Past the budget the pages that no walk used for longest go; the table of one whose page is
 * asked for again is had again from wherever it came (the caller's cache or compiler). Owners other
 * than root have a share each, so that nobody's crafted files push out everybody's tables. Not
 * thread-safe.
 */
#pragma once

#include "bpf/abi.h"
#include "profiler/base/err.h"
#include "symbolizer/unwind/unwind.h"

#include <stdbool.h>
#include <stdint.h>

#define TABLES_BUDGET_BYTES (24u << 20)
/* Of the pool and of the dictionary, for all files of one domain that is not root's. */
#define TABLES_SHARE 4
/* A table is not asked for again sooner; while it brings nothing twice as late each time. */
#define TABLES_ASK_NS	  250000000ull
#define TABLES_ASK_MAX_NS 16000000000ull

/* What the kernel side gives; every function returns 0 or negative errno. */
struct tables_kernel {
	void *ctx;
	struct unwind_dictionary *dictionary; /* zeroed, mapped, read by the kernel */
	/* A new chunk of the pool, or the memory of one again, after unmap_chunks(). */
	int (*map_chunk)(void *ctx, uint32_t number, struct unwind_chunk **ret);
	void (*unmap_chunks)(void *ctx); /* NULL: they stay mapped */
	int (*tell)(void *ctx, const struct abi_file_key *key, const struct abi_object_info *info);
	/* Returns when no walk that was under way at the call is any more. */
	void (*settle)(void *ctx);
};

/* The file whose table it is. */
struct tables_object {
	uint32_t number; /* of objects.h */
	uint32_t domain;
	struct abi_file_key key;
};

struct tables_counts {
	uint64_t pool_bytes; /* taken of the pool: rows and page entries */
	uint64_t chunk_bytes; /* the pool's memory */
	uint64_t rows;
	uint64_t pages; /* loaded */
	uint64_t objects; /* with a table */
	uint64_t rules;
	uint64_t loaded, evicted; /* pages, since the start */
	uint64_t refused; /* pages that found no room: everything else was in use */
};

struct tables;

int tables_new(const struct tables_kernel *kernel, uint64_t budget_bytes, struct tables **ret);
struct tables *tables_free(struct tables *t);

/*
 * A frame of object came without a table page for its offset, at now_ns (CLOCK_MONOTONIC). True:
 * its table is to be asked for, and tables_add() or tables_none() to be called with the answer.
 */
bool tables_miss(struct tables *t, uint32_t number, uint64_t offset, uint64_t now_ns);

/*
 * The table of an object has come; copied. 0, -ENOMEM, or -ENOSPC when not even its index found
 * room: it is asked for again later.
 */
int tables_add(struct tables *t, const struct tables_object *object,
	       const struct unwind_table *table, uint64_t now_ns);
/* There is none: its code is walked by frame pointer. */
int tables_none(struct tables *t, const struct tables_object *object);

/* There is none for now: it is missed again, later each time. */
void tables_later(struct tables *t, uint32_t number);

/* The object is forgotten: the kernel has been told, its number will go to another. */
void tables_forget(struct tables *t, uint32_t number);

/* A batch is done: the pool's memory, as much as it touched, need not be mapped here as well. */
void tables_rest(struct tables *t);

void tables_count(const struct tables *t, struct tables_counts *ret);
