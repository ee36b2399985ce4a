/*
 * What run-time compiled code is called: disjoint regions of addresses, each with its name and the
 * moment from which it is called so.
 *
 * Code that is loaded where other code lay takes all of its place: a method is gone as a whole, so
 * what is left of it at the sides has no name any more. What went lately is remembered, so that a
 * sample of before is named as it was then. Everything is bounded by the bytes that it is born
 * with. Not thread-safe.
 */
#pragma once

#include "profiler/base/hash.h"

#include <stddef.h>
#include <stdint.h>

#define JIT_REGIONS_GONE_MAX 8192 /* regions that went, the latest */
#define JIT_NAME_BYTES_MAX   4096 /* longer names end in an ellipsis */

struct jit_region {
	uint64_t start, end; /* [start, end) */
	uint64_t since_ns, until_ns; /* [since, until); until only of what has gone */
	uint32_t name; /* where it begins in text */
};

struct jit_chunk;

struct jit_regions {
	size_t bytes_max, bytes;
	struct jit_chunk **chunks; /* in order of addresses; none is empty */
	size_t n_chunks, cap_chunks;
	size_t n; /* regions */
	struct jit_region *gone; /* a ring */
	size_t n_gone; /* all that ever went */
	char *text; /* names, each once, ended by NUL */
	size_t text_bytes, text_cap, n_names;
	struct idmap by_name;
};

void jit_regions_init(struct jit_regions *r, size_t bytes_max);
void jit_regions_clear(struct jit_regions *r); /* empty again, its memory given back */

/*
 * Code of that name at [start, end) from time_ns on, 0 where there are no times. An empty region
 * changes nothing; code without a name takes the place of what lay there. 0 or -ENOMEM, also for
 * the maximum: then nothing in r is to be believed, and it is to be cleared.
 */
int jit_regions_load(struct jit_regions *r, uint64_t start, uint64_t end, const char *name,
		     size_t name_len, uint64_t time_ns);
/*
 * The code that begins at from begins at to since time_ns. What is not known as code at from is not
 * known at to either. As jit_regions_load().
 */
int jit_regions_move(struct jit_regions *r, uint64_t from, uint64_t to, uint64_t size,
		     uint64_t time_ns);
/* What the code at address was called at time_ns, borrowed until the next change; NULL: unknown. */
const char *jit_regions_find(const struct jit_regions *r, uint64_t address, uint64_t time_ns);
