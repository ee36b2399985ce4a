/*
 * Adding one profile to another, number by number (profile_map.c does the numbers).
 *
 * A merge that fails (memory, or a table's maximum) leaves `into` valid, with part of `from` in it.
 */
#include "profiler/base/cleanup.h"
#include "storage/profile_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNSEEN UINT32_MAX

static int map_labels(struct profile_map *m, uint32_t id, uint32_t *slot)
{
	struct profile_labels l = m->from->labels[id];
	int64_t to;
	int r;

	if (*slot != UNSEEN)
		return 0;
	r = profile_map_label_strings(m, &l);
	if (r < 0)
		return r;
	to = profile_labels(m->into, &l);
	if (to < 0)
		return (int)to;
	*slot = (uint32_t)to;
	return 0;
}

static int merge_samples(struct profile_map *m)
{
	_cleanup_free_ uint32_t *labels = malloc(((size_t)m->from->n_labels + 1) * sizeof(*labels));

	if (!labels)
		return -ENOMEM;
	memset(labels, 0xff, ((size_t)m->from->n_labels + 1) * sizeof(*labels));
	for (uint32_t i = 0; i < m->from->n_samples; i++) {
		const struct profile_sample *s = &m->from->samples[i];
		uint32_t stack;
		int r = profile_map_stack(m, s->stack, &stack);

		if (r < 0)
			return r;
		r = map_labels(m, s->labels, &labels[s->labels]);
		if (r < 0)
			return r;
		r = profile_add_sample(m->into, s->time_ns, stack, labels[s->labels], s->count);
		if (r < 0)
			return r;
	}
	return 0;
}

static int merge_losses(struct profile *into, const struct profile *from)
{
	for (uint32_t i = 0; i < from->n_losses; i++) {
		int r = profile_add_loss(into, profile_str(from, from->losses[i].reason),
					 from->losses[i].count);

		if (r < 0)
			return r;
	}
	return 0;
}

/* A range of 0 to 0 says nothing. */
static void merge_range(struct profile *into, const struct profile *from)
{
	if (!from->end_ns)
		return;
	if (!into->end_ns || from->start_ns < into->start_ns)
		into->start_ns = from->start_ns;
	if (from->end_ns > into->end_ns)
		into->end_ns = from->end_ns;
}

int profile_merge(struct profile *into, const struct profile *from)
{
	_cleanup_(profile_map_done) struct profile_map m = {};
	int r;

	if (into->period_ns && from->period_ns && into->period_ns != from->period_ns)
		return -EINVAL;
	r = profile_map_init(&m, into, from);
	if (r < 0)
		return r;
	r = merge_samples(&m);
	if (r < 0)
		return r;
	r = merge_losses(into, from);
	if (r < 0)
		return r;
	merge_range(into, from);
	if (!into->period_ns)
		into->period_ns = from->period_ns;
	return 0;
}
