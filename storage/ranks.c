/* Adaptive ranks; see ranks.h. */
#include "storage/ranks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ranks_init(struct ranks *r, uint32_t n)
{
	*r = (struct ranks){.n = n, .current = 1};
	r->seen = malloc(((size_t)n + 1) * sizeof(*r->seen));
	r->place = malloc(((size_t)n + 1) * sizeof(*r->place));
	r->epoch = calloc((size_t)n + 1, sizeof(*r->epoch));
	if (r->seen && r->place && r->epoch)
		return 0;
	ranks_done(r);
	return -ENOMEM;
}

void ranks_done(struct ranks *r)
{
	free(r->seen);
	free(r->place);
	free(r->epoch);
	*r = (struct ranks){};
}

void ranks_reset(struct ranks *r)
{
	r->current++;
	r->n_seen = 0;
}

uint32_t ranks_of(const struct ranks *r, uint32_t number)
{
	return r->epoch[number] == r->current ? 1 + r->place[number] : 0;
}

uint32_t ranks_at(const struct ranks *r, uint32_t rank)
{
	return r->seen[rank - 1].number;
}

/* The first place whose count is not above count. */
static uint32_t first_not_above(const struct ranks *r, uint32_t count)
{
	uint32_t low = 0, high = r->n_seen;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (r->seen[middle].count > count)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void ranks_add(struct ranks *r, uint32_t number)
{
	uint32_t at, to;
	struct ranks_seen moved;

	if (r->epoch[number] != r->current) {
		r->epoch[number] = r->current;
		r->place[number] = r->n_seen;
		r->seen[r->n_seen++] = (struct ranks_seen){.number = number, .count = 1};
		return;
	}
	at = r->place[number];
	to = first_not_above(r, r->seen[at].count);
	moved = r->seen[to];
	r->seen[to] = r->seen[at];
	r->seen[at] = moved;
	r->place[moved.number] = at;
	r->place[number] = to;
	r->seen[to].count++;
}
