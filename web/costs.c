/* Samples by place; see costs.h. One walk over the stacks of all samples. */
#include "web/costs.h"

#include <errno.h>
#include <stdlib.h>

void costs_done(struct costs *c)
{
	free(c->self);
	free(c->total);
	*c = (struct costs){};
}

struct walk {
	const struct profile *p;
	struct costs *costs;
	uint32_t *seen; /* by place: the sample that had it last, counted from 1 */
	costs_place place_of;
	void *ctx;
};

static void add_location(struct walk *w, uint32_t sample, uint32_t location, bool leaf)
{
	uint64_t count = w->p->samples[sample].count;
	uint32_t frames = profile_location_frames(w->p, location);

	for (uint32_t i = 0; i < frames; i++) {
		int64_t place = w->place_of(w->ctx, w->p, location, i);

		if (place < 0 || (size_t)place >= w->costs->n)
			continue;
		if (leaf && i == 0)
			w->costs->self[place] += count;
		if (w->seen[place] != sample + 1)
			w->costs->total[place] += count;
		w->seen[place] = sample + 1;
	}
}

int costs_of(const struct profile *p, size_t n, costs_place place_of, void *ctx, struct costs *ret)
{
	struct costs c = {
		.self = calloc(n + 1, sizeof(*c.self)),
		.total = calloc(n + 1, sizeof(*c.total)),
		.n = n,
	};
	struct walk w = {p, &c, calloc(n + 1, sizeof(*w.seen)), place_of, ctx};

	if (!c.self || !c.total || !w.seen) {
		costs_done(&c);
		free(w.seen);
		return -ENOMEM;
	}
	for (uint32_t s = 0; s < p->n_samples; s++)
		for (uint32_t at = p->samples[s].stack; at; at = p->stacks[at].parent)
			add_location(&w, s, p->stacks[at].location, at == p->samples[s].stack);
	free(w.seen);
	*ret = c;
	return 0;
}
