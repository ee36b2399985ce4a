/*
 * How user walks end: by process name and by object, with the reasons and the places of those that
 * did not reach their root.
 *
 * An object answers for the stacks that went through it to their root, and for those that were
 * lost in it. Names past QUALITY_NAMES_MAX share one entry; of an entry's places the commonest
 * QUALITY_PLACES are kept, by the rule of Metwally, Agrawal and El Abbadi ("Efficient computation
 * of frequent and top-k elements in data streams", 2005): a new place takes the rarest one's count.
 * Not thread-safe.
 */
#pragma once

#include "bpf/abi.h"
#include "profiler/base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUALITY_PLACES	  4
#define QUALITY_NAMES_MAX 1024

/* Where walks ended. */
struct quality_place {
	uint32_t object; /* its number */
	enum abi_end end;
	uint64_t offset; /* in the object */
	uint64_t count; /* at most so many; 0: an unused entry */
};

struct quality_ends {
	uint64_t complete, incomplete;
	uint64_t reason[ABI_END_COUNT];
	struct quality_place place[QUALITY_PLACES];
};

/* Whether a walk that ended so left out frames that are there. */
bool quality_is_incomplete(enum abi_end end);

/* Count a walk that ended at (object, offset); the place is of no use where it is complete. */
void quality_count(struct quality_ends *e, enum abi_end end, uint32_t object, uint64_t offset);

struct quality_name {
	char comm[ABI_COMM_BYTES]; /* the process's; "" for all past the maximum */
	struct quality_ends ends;
};

struct quality {
	struct quality_name *name;
	uint32_t n, cap;
	struct idmap by_name;
};

void quality_done(struct quality *q); /* a zeroed one is empty */

/* The entry of a process name; the shared one where there are too many. NULL: no memory. */
struct quality_ends *quality_of_name(struct quality *q, const char comm[ABI_COMM_BYTES]);

/* One of those with most incomplete walks. Borrowed. */
struct quality_rank {
	const struct quality_ends *ends;
	const void *whose; /* a struct quality_name, a struct object */
};

/*
 * Among the n of ranks, most first, take in another where it is one of the max poorest; one without
 * incomplete walks is not. How many they are now.
 */
size_t quality_rank(struct quality_rank *ranks, size_t n, size_t max,
		    const struct quality_ends *ends, const void *whose);
/* The names with most incomplete walks, most first; how many, at most max. */
size_t quality_poorest(const struct quality *q, struct quality_rank *ret, size_t max);
