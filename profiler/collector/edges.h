/*
 * The edges of the live profile's prefix tree that samples took last, by what a record says of a
 * frame: from a node over (object, offset) to the next one.
 *
 * The tree's own indexes know them all, in four lines of memory a frame, one behind the other and
 * cold when a round begins. Here a frame is one line: a set of EDGES_WAYS edges, of which a new one
 * replaces the oldest. Its set follows from the frames up to it alone, so the sets of a whole
 * stack are fetched at once, before the first of them is looked into. An edge that is not found is
 * not new, only forgotten. Not thread-safe.
 */
#pragma once

#include <stdint.h>

#define EDGES_SETS 16384u /* a power of two; 1 MB */
#define EDGES_WAYS 3u

/* One cache line. */
struct edges_set {
	uint64_t offset[EDGES_WAYS];
	uint32_t object[EDGES_WAYS];
	uint32_t from[EDGES_WAYS];
	uint32_t to[EDGES_WAYS]; /* 0: none; no edge leads to the empty stack */
	uint32_t oldest;
};

struct edges {
	struct edges_set *sets; /* on a line's boundary */
};

int edges_new(struct edges *ret); /* 0 or -ENOMEM */
void edges_done(struct edges *e); /* zeroed ones are allowed */
void edges_clear(struct edges *e);

/* A path of frames and one more; the empty one is 0. Equal paths are equal, others rarely. */
uint64_t edges_path(uint64_t path, uint32_t object, uint64_t offset);
/* The set for the last edge of a path; it is on its way from memory then. */
struct edges_set *edges_fetch(const struct edges *e, uint64_t path);

/* Where the edge leads, or 0. */
uint32_t edges_find(const struct edges_set *set, uint32_t from, uint32_t object, uint64_t offset);
void edges_add(struct edges_set *set, uint32_t from, uint32_t object, uint64_t offset, uint32_t to);
