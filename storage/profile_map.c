/* Numbers of one profile as numbers of another; see profile_map.h. */
#include "storage/profile_map.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNSEEN UINT32_MAX

void profile_map_done(struct profile_map *m)
{
	free(m->string);
	free(m->object);
	free(m->function);
	free(m->location);
	free(m->stack);
	free(m->path);
	*m = (struct profile_map){};
}

static uint32_t *unseen_new(uint32_t n)
{
	uint32_t *map = malloc(((size_t)n + 1) * sizeof(*map));

	if (map)
		memset(map, 0xff, ((size_t)n + 1) * sizeof(*map));
	return map;
}

int profile_map_init(struct profile_map *m, struct profile *into, const struct profile *from)
{
	*m = (struct profile_map){
		.into = into,
		.from = from,
		.string = unseen_new(from->n_strings),
		.object = unseen_new(from->n_objects),
		.function = unseen_new(from->n_functions),
		.location = unseen_new(from->n_locations),
		.stack = unseen_new(from->n_stacks),
	};
	if (!m->string || !m->object || !m->function || !m->location || !m->stack) {
		profile_map_done(m);
		return -ENOMEM;
	}
	m->string[0] = m->stack[0] = 0;
	m->append = into->n_strings == 1 && into->n_stacks == 1 && !into->n_objects &&
		    !into->n_functions && !into->n_locations;
	return 0;
}

/* Remember id under *slot unless it is an error; 0 or that error. */
static int keep(uint32_t *slot, int64_t id)
{
	if (id < 0)
		return (int)id;
	*slot = (uint32_t)id;
	return 0;
}

int profile_map_string(struct profile_map *m, uint32_t id, uint32_t *ret)
{
	const char *s = profile_str(m->from, id);
	int r = 0;

	if (m->string[id] == UNSEEN)
		r = keep(&m->string[id],
			 m->append ? profile_append_string(m->into, s, profile_str_len(m->from, id))
				   : profile_string(m->into, s));
	if (r >= 0)
		*ret = m->string[id];
	return r;
}

static int map_object(struct profile_map *m, uint32_t id)
{
	struct profile_object o = m->from->objects[id];
	int r;

	if (m->object[id] != UNSEEN)
		return 0;
	r = profile_map_string(m, o.path, &o.path);
	if (r < 0)
		return r;
	r = profile_map_string(m, o.build_id, &o.build_id);
	if (r < 0)
		return r;
	return keep(&m->object[id], m->append ? profile_append_objects(m->into, &o, 1)
					      : profile_object(m->into, &o));
}

static int map_function(struct profile_map *m, uint32_t id)
{
	struct profile_function f = m->from->functions[id];
	int r;

	if (m->function[id] != UNSEEN)
		return 0;
	r = profile_map_string(m, f.name, &f.name);
	if (r < 0)
		return r;
	r = profile_map_string(m, f.system_name, &f.system_name);
	if (r < 0)
		return r;
	r = profile_map_string(m, f.file, &f.file);
	if (r < 0)
		return r;
	return keep(&m->function[id], m->append ? profile_append_functions(m->into, &f, 1)
						: profile_function(m->into, &f));
}

static int copy_lines(struct profile_map *m, const struct profile_location *l, uint32_t to)
{
	struct profile_line few[8] = {};
	_cleanup_free_ struct profile_line *many = NULL;
	struct profile_line *lines = few;

	if (l->n_lines > sizeof(few) / sizeof(few[0]))
		lines = many = calloc(l->n_lines, sizeof(*lines));
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

/*
 * Both profiles have met whole stacks, one after the other, so that what follows here mostly
 * follows there: a look at the next row is several times cheaper than at an index.
 */
static int64_t find_location(struct profile_map *m, uint32_t object, uint64_t offset)
{
	uint32_t guess = m->next_location;
	int64_t id = guess;

	if (guess >= m->into->n_locations || m->into->locations[guess].object != object ||
	    m->into->locations[guess].offset != offset)
		id = profile_location(m->into, object, offset);
	m->next_location = (uint32_t)id + 1;
	return id;
}

static int64_t find_stack(struct profile_map *m, const struct profile_stack *s)
{
	uint32_t guess = s->parent + 1;

	if (guess < m->into->n_stacks && m->into->stacks[guess].parent == s->parent &&
	    m->into->stacks[guess].location == s->location)
		return guess;
	return profile_stack(m->into, s->parent, s->location);
}

/* A name that into has already stays: both are answers about the same bytes. */
static int map_location(struct profile_map *m, uint32_t id)
{
	const struct profile_location *l = &m->from->locations[id];
	enum profile_naming have;
	int r;

	if (m->location[id] != UNSEEN)
		return 0;
	r = map_object(m, l->object);
	if (r < 0)
		return r;
	r = keep(&m->location[id],
		 m->append ? profile_append_location(m->into, m->object[l->object], l->offset)
			   : find_location(m, m->object[l->object], l->offset));
	if (r < 0)
		return r;
	have = m->into->locations[m->location[id]].naming;
	if (l->naming == PROFILE_UNNAMED || have == PROFILE_NAMED || have == l->naming)
		return 0;
	return copy_lines(m, l, m->location[id]);
}

int profile_map_location(struct profile_map *m, uint32_t id, uint32_t *ret)
{
	int r = map_location(m, id);

	if (r >= 0)
		*ret = m->location[id];
	return r;
}

static int path_add(struct profile_map *m, uint32_t n, uint32_t id)
{
	if (n == m->cap_path) {
		uint32_t cap = m->cap_path ? 2 * m->cap_path : 256;
		uint32_t *path = realloc(m->path, cap * sizeof(*path));

		if (!path)
			return -ENOMEM;
		m->path = path;
		m->cap_path = cap;
	}
	m->path[n] = id;
	return 0;
}

int profile_map_stack(struct profile_map *m, uint32_t id, uint32_t *ret)
{
	uint32_t n = 0;
	int r;

	/* Up to the first that is mapped (the empty stack is), and down again. */
	for (uint32_t at = id; m->stack[at] == UNSEEN; at = m->from->stacks[at].parent) {
		r = path_add(m, n++, at);
		if (r < 0)
			return r;
	}
	while (n > 0) {
		uint32_t at = m->path[--n];
		const struct profile_stack *s = &m->from->stacks[at];
		struct profile_stack own;

		r = map_location(m, s->location);
		if (r < 0)
			return r;
		own = (struct profile_stack){m->stack[s->parent], m->location[s->location]};
		r = keep(&m->stack[at],
			 m->append ? profile_append_stacks(m->into, &own, 1) : find_stack(m, &own));
		if (r < 0)
			return r;
	}
	*ret = m->stack[id];
	return 0;
}

int profile_map_label_strings(struct profile_map *m, struct profile_labels *l)
{
	int r = 0;

	for (uint32_t i = 0; i < PROFILE_LABEL_COUNT && r >= 0; i++) {
		uint32_t string = 0;

		if (!(l->has & (1u << i)) || profile_label_is_number((enum profile_label)i))
			continue;
		r = profile_map_string(m, (uint32_t)l->value[i], &string);
		l->value[i] = string;
	}
	for (uint32_t i = 0; i < l->n_extra && r >= 0; i++) {
		r = profile_map_string(m, l->extra[i].key, &l->extra[i].key);
		if (r >= 0)
			r = profile_map_string(m, l->extra[i].value, &l->extra[i].value);
	}
	return r;
}
