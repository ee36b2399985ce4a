/*
 * When a file of another build took a file's place: the same path with another build id. Found by
 * asking the store for halves of the range, because only stacks tell which build ran when.
 */
#pragma once

#include "storage/store.h"

#include <stddef.h>
#include <stdint.h>

#define BUILDS_MAX	64 /* builds whose first moment is looked for in one answer */
#define BUILDS_EXACT_NS 1000000000 /* moments are known to a second */

struct builds_change {
	char *path, *before, *after; /* build ids, lower-case hex */
	uint64_t at_ns; /* the second in which the new one ran first */
	uint64_t from_ns, until_ns; /* the range around it in which these two ran */
};

struct builds {
	struct builds_change *change; /* in order of time */
	size_t n;
	size_t left_out; /* builds past BUILDS_MAX */
};

/* 0, or what the store says; takes a few times as long as the profile of the range. */
int builds_find(struct store *s, const struct store_query *query, struct builds *ret,
		struct err *err);
void builds_done(struct builds *b);
