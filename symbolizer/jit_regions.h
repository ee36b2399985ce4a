/*
 * What run-time compiled code is called: disjoint regions of addresses, each with its name, its
 * source lines where they are known, and the moment from which it is called so.
 *
 * Code that is loaded where other code lay takes all of its place: a method is gone as a whole, so
 * what is left of it at the sides has no name any more. What went lately is remembered, so that a
 * sample of before is named as it was then. Everything is bounded by the bytes that it is born
 * with. Not thread-safe.
 */
#pragma once

#include "profiler/base/hash.h"
#include "symbolizer/jit_lines.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JIT_REGIONS_GONE_MAX 8192 /* regions that went, the latest */
#define JIT_NAME_BYTES_MAX   4096 /* longer names end in an ellipsis */

struct jit_region {
	uint64_t start, end; /* [start, end) */
	uint64_t since_ns, until_ns; /* [since, until); until only of what has gone */
	struct jit_lines *lines; /* its own; files are where they begin in text; NULL: none */
	uint32_t name; /* where it begins in text */
};

/* What is known of an address; strings are borrowed until the next change. */
struct jit_place {
	const char *name; /* NULL: nobody knows anything */
	const char *file; /* NULL: unknown, and so is the line */
	uint32_t line;
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
	struct jit_lines_draft draft; /* of code that is loaded next */
	bool has_draft;
	size_t lines_bytes;
	uint64_t first_line; /* the lowest offset of a line in any code; UINT64_MAX: none */
	bool lines_left_out; /* for lack of memory */
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
 * Lines of the code that is loaded next, if it is loaded at code: one after the other, addresses as
 * that has them. They may take half of the memory; where that is full, lines are left out, and
 * names are not. jit_regions_load() says -EBADMSG for garbage; then the code is there without.
 */
void jit_regions_begin_lines(struct jit_regions *r, uint64_t code);
void jit_regions_add_line(struct jit_regions *r, uint64_t address, uint32_t line, const char *file,
			  size_t file_len);
/*
 * The code that begins at from begins at to since time_ns. What is not known as code at from is not
 * known at to either. As jit_regions_load().
 */
int jit_regions_move(struct jit_regions *r, uint64_t from, uint64_t to, uint64_t size,
		     uint64_t time_ns);
/* What was known of the code at address at time_ns. */
struct jit_place jit_regions_find(const struct jit_regions *r, uint64_t address, uint64_t time_ns);
