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
	free(r->first_of);
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

/* Somebody stands at this place now, the first with its count. */
static void begin_count(struct ranks *r, uint32_t count, uint32_t place)
{
	if (count >= r->cap_first_of) {
		uint32_t cap = count + count / 2 + 64;
		uint32_t *more = realloc(r->first_of, cap * sizeof(*more));

		if (!more) {
			r->err = -ENOMEM;
			return;
		}
		r->first_of = more;
		r->cap_first_of = cap;
	}
	r->first_of[count] = place;
}

static void add_unseen(struct ranks *r, uint32_t number)
{
	uint32_t place = r->n_seen++;

	r->epoch[number] = r->current;
	r->place[number] = place;
	r->seen[place] = (struct ranks_seen){.number = number, .count = 1};
	if (place == 0 || r->seen[place - 1].count != 1)
		begin_count(r, 1, place);
}

void ranks_add(struct ranks *r, uint32_t number)
{
	uint32_t at, to, count;

	if (r->err)
		return;
	if (r->epoch[number] != r->current) {
		add_unseen(r, number);
		return;
	}
	at = r->place[number];
	count = r->seen[at].count;
	to = r->first_of[count];
	r->seen[at].number = r->seen[to].number; /* their counts are equal */
	r->place[r->seen[at].number] = at;
	r->seen[to] = (struct ranks_seen){.number = number, .count = count + 1};
	r->place[number] = to;
	r->first_of[count] = to + 1; /* or nobody is left: then it begins anew */
	if (to == 0 || r->seen[to - 1].count != count + 1)
		begin_count(r, count + 1, to);
}
