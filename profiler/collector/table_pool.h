/*
 * The allocator of the kernel's table pool: places of words in chunks that grow up to a maximum.
 *
 * A place is what bpf/unwind_table.h says; what is allocated lies in one chunk and is exactly as
 * large as asked for. The memory of a chunk is had when its words are, and only then. Best fit over
 * a sorted list of free pieces, which join when they meet. Not thread-safe.
 */
#pragma once

#include "bpf/unwind_table.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Give the memory of chunk number: a new one (from 0 on, in order), or one given before, after
 * table_pool_rest(). 0 or negative errno.
 */
typedef int (*table_pool_grow_fn)(void *ctx, uint32_t number, struct unwind_chunk **ret);

struct table_pool;

/* max_bytes is rounded down to chunks, at least one. Nothing is allocated yet. */
int table_pool_new(uint64_t max_bytes, table_pool_grow_fn grow, void *ctx, struct table_pool **ret);
struct table_pool *table_pool_free(struct table_pool *p); /* the chunks are the grower's */

/*
 * The place of words (at least 1) of them, aligned to align words (a power of two); never 0.
 * -ENOSPC: no piece is large enough and the pool is as large as it may be; -E2BIG: more than a
 * chunk; or what the grower says.
 */
int64_t table_pool_take(struct table_pool *p, uint32_t words, uint32_t align);
/* Give back what was taken so. */
void table_pool_give(struct table_pool *p, uint32_t place, uint32_t words);

/*
 * The words at place, which was taken; borrowed until table_pool_rest(). NULL: the grower cannot
 * give the memory of its chunk again.
 */
uint32_t *table_pool_words(struct table_pool *p, uint32_t place);
/* The memory of the chunks is not touched any more: it may be unmapped. False: none was in use. */
bool table_pool_rest(struct table_pool *p);

uint64_t table_pool_used_bytes(const struct table_pool *p); /* taken */
uint64_t table_pool_bytes(const struct table_pool *p); /* of all chunks that there are */
uint64_t table_pool_max_bytes(const struct table_pool *p);
