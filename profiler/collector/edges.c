/* A set-associative cache of edges; see edges.h. */
#include "profiler/collector/edges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 64

_Static_assert(sizeof(struct edges_set) == LINE_BYTES, "a set is a line");

int edges_new(struct edges *ret)
{
	ret->sets = aligned_alloc(LINE_BYTES, EDGES_SETS * sizeof(*ret->sets));
	if (!ret->sets)
		return -ENOMEM;
	edges_clear(ret);
	return 0;
}

void edges_done(struct edges *e)
{
	free(e->sets);
	e->sets = NULL;
}

void edges_clear(struct edges *e)
{
	memset(e->sets, 0, EDGES_SETS * sizeof(*e->sets));
}

/*
 * Offsets and objects are another's choice: whoever makes them collide makes his own frames dearer,
 * by what an index costs.
 */
uint64_t edges_path(uint64_t path, uint32_t object, uint64_t offset)
{
	uint64_t hash = (path ^ offset ^ (uint64_t)object << 40) * 0x9e3779b97f4a7c15ull;

	return hash ^ hash >> 29;
}

struct edges_set *edges_fetch(const struct edges *e, uint64_t path)
{
	struct edges_set *set = &e->sets[path * 0xff51afd7ed558ccdull >> 32 & (EDGES_SETS - 1)];

	__builtin_prefetch(set, 1);
	return set;
}

uint32_t edges_find(const struct edges_set *set, uint32_t from, uint32_t object, uint64_t offset)
{
	for (unsigned int i = 0; i < EDGES_WAYS; i++)
		if (set->offset[i] == offset && set->object[i] == object && set->from[i] == from)
			return set->to[i];
	return 0;
}

void edges_add(struct edges_set *set, uint32_t from, uint32_t object, uint64_t offset, uint32_t to)
{
	unsigned int i = set->oldest;

	set->offset[i] = offset;
	set->object[i] = object;
	set->from[i] = from;
	set->to[i] = to;
	set->oldest = (i + 1) % EDGES_WAYS;
}
