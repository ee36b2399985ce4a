/*
 * Intervals that nest or overlap, flattened to a sorted list of segments: one binary search finds
 * the innermost interval over a position. Pure; positions are 32-bit distances from a base of the
 * caller's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SEGMENT_NONE UINT32_MAX /* an id: no interval here */

struct interval {
	uint32_t start; /* [start, end) */
	uint32_t end;
	uint32_t depth; /* of equal intervals the deeper one is the inner one */
	uint32_t id;
};

struct segment {
	uint32_t start; /* up to the next segment's start */
	uint32_t id;
};

/*
 * Flatten v[0, n), which is sorted in place; empty intervals are left out. Where two overlap
 * without nesting, the one that starts later owns what both cover. *ret is the caller's to free,
 * NULL when there is nothing. 0 or -ENOMEM.
 */
int segments_build(struct interval *v, size_t n, struct segment **ret, size_t *ret_n);

/* The id of the innermost interval over at, or SEGMENT_NONE. */
uint32_t segments_find(const struct segment *v, size_t n, uint32_t at);
