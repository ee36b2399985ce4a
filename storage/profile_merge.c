/*
 * Adding one profile to another: numbers of the one become numbers of the other, as far as samples need them.
 *
 * A merge that fails (memory, or a table's maximum) leaves `into` valid, with part of `from` in it.
 */
#include "profiler/base/cleanup.h"
#include "storage/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNSEEN UINT32_MAX

/* For each table: number in from -> number in into, UNSEEN until first needed. */
struct remap {
	struct profile *into;
	const struct profile *from;
	uint32_t *string, *object, *function, *location, *stack, *labels;
};

static void remap_done(struct remap *m)
{
	free(m->string);
	free(m->object);
	free(m->function);
	free(m->location);
	free(m->stack);
	free(m->labels);
}

static uint32_t *unseen_new(uint32_t n)
{
	uint32_t *map = malloc(((size_t)n + 1) * sizeof(*map));

	if (map)
		memset(map, 0xff, ((size_t)n + 1) * sizeof(*map));
	return map;
}

static int remap_init(struct remap *m, struct profile *into, const struct profile *from)
{
	*m = (struct remap){
		.into = into,
		.from = from,
		.string = unseen_new(from->n_strings),
		.object = unseen_new(from->n_objects),
		.function = unseen_new(from->n_functions),
		.location = unseen_new(from->n_locations),
		.stack = unseen_new(from->n_stacks),
		.labels = unseen_new(from->n_labels),
	};
	if (m->string && m->object && m->function && m->location && m->stack && m->labels)
		return 0;
	return -ENOMEM;
}

/* Remember id under *slot unless it is an error; 0 or that error. */
static int keep(uint32_t *slot, int64_t id)
{
	if (id < 0)
		return (int)id;
	*slot = (uint32_t)id;
	return 0;
}

static int map_string(struct remap *m, uint32_t id, uint32_t *ret)
{
	int r = 0;

	if (m->string[id] == UNSEEN)
		r = keep(&m->string[id], profile_string(m->into, profile_str(m->from, id)));
	*ret = m->string[id];
	return r;
}

static int map_object(struct remap *m, uint32_t id)
{
	struct profile_object o = m->from->objects[id];
	int r;

	if (m->object[id] != UNSEEN)
		return 0;
	r = map_string(m, o.path, &o.path);
	if (r < 0)
		return r;
	r = map_string(m, o.build_id, &o.build_id);
	if (r < 0)
		return r;
	return keep(&m->object[id], profile_object(m->into, &o));
}

static int map_function(struct remap *m, uint32_t id)
{
	struct profile_function f = m->from->functions[id];
	int r;

	if (m->function[id] != UNSEEN)
		return 0;
	r = map_string(m, f.name, &f.name);
	if (r < 0)
		return r;
	r = map_string(m, f.system_name, &f.system_name);
	if (r < 0)
		return r;
	r = map_string(m, f.file, &f.file);
	if (r < 0)
		return r;
	return keep(&m->function[id], profile_function(m->into, &f));
}

static int copy_lines(struct remap *m, const struct profile_location *l, uint32_t to)
{
	_cleanup_free_ struct profile_line *lines = calloc(l->n_lines + 1, sizeof(*lines));

	if (!lines)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->n_lines; i++) {
		int r;

		lines[i] = m->from->lines[l->first_line + i];
		r = map_function(m, lines[i].function);
		if (r < 0)
			return r;
		lines[i].function = m->function[lines[i].function];
	}
	return profile_set_lines(m->into, to, lines, l->n_lines);
}

/* A name that into has already stays: both are answers about the same bytes. */
static int map_location(struct remap *m, uint32_t id)
{
	const struct profile_location *l = &m->from->locations[id];
	enum profile_naming have;
	int r;

	if (m->location[id] != UNSEEN)
		return 0;
	r = map_object(m, l->object);
	if (r < 0)
		return r;
	r = keep(&m->location[id], profile_location(m->into, m->object[l->object], l->offset));
	if (r < 0)
		return r;
	have = m->into->locations[m->location[id]].naming;
	if (l->naming == PROFILE_UNNAMED || have == PROFILE_NAMED || have == l->naming)
		return 0;
	return copy_lines(m, l, m->location[id]);
}

/* Parents have smaller numbers, so one pass down marks what is needed and one pass up maps it. */
static int map_stacks(struct remap *m)
{
	const struct profile *from = m->from;
	_cleanup_free_ bool *needed = calloc(from->n_stacks, sizeof(*needed));
	int r;

	if (!needed)
		return -ENOMEM;
	for (uint32_t i = 0; i < from->n_samples; i++)
		needed[from->samples[i].stack] = true;
	for (uint32_t i = from->n_stacks - 1; i > 0; i--)
		if (needed[i])
			needed[from->stacks[i].parent] = true;
	m->stack[0] = 0;
	for (uint32_t i = 1; i < from->n_stacks; i++) {
		const struct profile_stack *s = &from->stacks[i];

		if (!needed[i])
			continue;
		r = map_location(m, s->location);
		if (r < 0)
			return r;
		r = keep(&m->stack[i],
			 profile_stack(m->into, m->stack[s->parent], m->location[s->location]));
		if (r < 0)
			return r;
	}
	return 0;
}

static int map_labels(struct remap *m, uint32_t id)
{
	struct profile_labels l = m->from->labels[id];
	int r = 0;

	if (m->labels[id] != UNSEEN)
		return 0;
	for (uint32_t i = 0; i < PROFILE_LABEL_COUNT && r >= 0; i++) {
		uint32_t string;

		if (!(l.has & (1u << i)) || profile_label_is_number((enum profile_label)i))
			continue;
		r = map_string(m, (uint32_t)l.value[i], &string);
		l.value[i] = string;
	}
	for (uint32_t i = 0; i < l.n_extra && r >= 0; i++) {
		r = map_string(m, l.extra[i].key, &l.extra[i].key);
		if (r >= 0)
			r = map_string(m, l.extra[i].value, &l.extra[i].value);
	}
	if (r < 0)
		return r;
	return keep(&m->labels[id], profile_labels(m->into, &l));
}

static int merge_samples(struct remap *m)
{
	for (uint32_t i = 0; i < m->from->n_samples; i++) {
		const struct profile_sample *s = &m->from->samples[i];
		int r = map_labels(m, s->labels);

		if (r < 0)
			return r;
		r = profile_add_sample(m->into, s->time_ns, m->stack[s->stack],
				       m->labels[s->labels], s->count);
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
	_cleanup_(remap_done) struct remap m = {};
	int r;

	if (into->period_ns && from->period_ns && into->period_ns != from->period_ns)
		return -EINVAL;
	r = remap_init(&m, into, from);
	if (r < 0)
		return r;
	r = map_stacks(&m);
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
