/* A dictionary that grows; see growth.h. */
#include "storage/growth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void restart_pending(struct growth *g)
{
	chunk_clear(&g->pending);
	for (int k = 0; k < CHUNK_KINDS; k++)
		g->pending.first[k] = dict_count(g->dict, (enum chunk_kind)k);
}

int growth_init(struct growth *g, uint64_t epoch)
{
	int r;

	*g = (struct growth){};
	r = dict_new(epoch, false, &g->dict);
	if (r < 0)
		return r;
	restart_pending(g);
	return 0;
}

void growth_done(struct growth *g)
{
	dict_free(g->dict);
	chunk_done(&g->pending);
	idmap_done(&g->classes);
	free(g->class_of);
	*g = (struct growth){};
}

void growth_loaded(struct growth *g)
{
	const struct profile *t = g->dict->tables;

	restart_pending(g);
	g->named = g->nameless = 0;
	for (uint32_t i = 0; i < t->n_locations; i++) {
		g->named += t->locations[i].naming == PROFILE_NAMED;
		g->nameless += t->locations[i].naming == PROFILE_NAMELESS;
	}
}

void growth_take(struct growth *g, struct chunk *ret)
{
	chunk_done(ret);
	*ret = g->pending;
	g->pending = (struct chunk){};
	restart_pending(g);
}

/* id is that of the dictionary; remember the entry when it is a new one. */
static int64_t remember(struct growth *g, enum chunk_kind kind, int64_t id)
{
	struct chunk *c = &g->pending;
	uint32_t i = c->n[kind];
	const struct profile *t = g->dict->tables;
	int r;

	if (id < 0 || (uint64_t)id != (uint64_t)c->first[kind] + i)
		return id;
	r = chunk_reserve(c, kind, 1);
	if (r < 0) {
		g->torn = true;
		return r;
	}
	switch (kind) {
	case CHUNK_OBJECT:
		c->objects[i] = t->objects[id];
		break;
	case CHUNK_FUNCTION:
		c->functions[i] = t->functions[id];
		break;
	case CHUNK_LOCATION:
		c->locations[i] =
			(struct chunk_location){t->locations[id].object, t->locations[id].offset};
		break;
	default:
		c->stacks[i] = t->stacks[id];
		break;
	}
	c->n[kind]++;
	return id;
}

int64_t growth_string(struct growth *g, const char *s)
{
	struct chunk *c = &g->pending;
	int64_t id = profile_string(g->dict->tables, s);
	int r;

	if (id < 0 || (uint64_t)id != (uint64_t)c->first[CHUNK_STRING] + c->n[CHUNK_STRING])
		return id;
	r = chunk_add_string(c, profile_str(g->dict->tables, (uint32_t)id),
			     strlen(profile_str(g->dict->tables, (uint32_t)id)));
	if (r < 0) {
		g->torn = true;
		return r;
	}
	return id;
}

int64_t growth_object(struct growth *g, const struct profile_object *o)
{
	return remember(g, CHUNK_OBJECT, profile_object(g->dict->tables, o));
}

int64_t growth_function(struct growth *g, const struct profile_function *f)
{
	return remember(g, CHUNK_FUNCTION, profile_function(g->dict->tables, f));
}

int64_t growth_location(struct growth *g, uint32_t object, uint64_t offset)
{
	return remember(g, CHUNK_LOCATION, profile_location(g->dict->tables, object, offset));
}

int64_t growth_stack(struct growth *g, uint32_t parent, uint32_t location)
{
	return remember(g, CHUNK_STACK, profile_stack(g->dict->tables, parent, location));
}

/* ---- label sets and their classes ---- */

static uint64_t label_or_none(const struct profile_labels *l, enum profile_label which)
{
	return l->has & (1u << which) ? l->value[which] : 0;
}

static int class_add(struct growth *g, uint64_t hash, const struct growth_class *class)
{
	if (g->n_classes == g->cap_classes) {
		uint32_t cap = g->cap_classes ? 2 * g->cap_classes : 64;
		struct growth_class *more = realloc(g->class_of, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		g->class_of = more;
		g->cap_classes = cap;
	}
	g->class_of[g->n_classes] = *class;
	return idmap_add(&g->classes, hash, g->n_classes++);
}

/*
 * What runs the same code hits the same stacks; threads of a pool have numbered names, so these
 * stay out. Sums know of a sample no more than its class: the two labels are really equal.
 */
static int find_class(struct growth *g, const struct profile_labels *l, uint32_t labels,
		      uint32_t *ret)
{
	struct growth_class class = {.comm = label_or_none(l, PROFILE_LABEL_COMM),
				     .exe = label_or_none(l, PROFILE_LABEL_EXE),
				     .labels = labels};
	const uint64_t key[] = {class.comm, class.exe};
	uint64_t hash = hash_bytes(key, sizeof(key));
	uint32_t at, i;

	for (i = idmap_first(&g->classes, hash, &at); i != IDMAP_NONE;
	     i = idmap_next(&g->classes, hash, &at)) {
		const struct growth_class *have = &g->class_of[i];

		if (have->comm == class.comm && have->exe == class.exe) {
			*ret = have->labels;
			return 0;
		}
	}
	*ret = labels;
	return class_add(g, hash, &class);
}

int64_t growth_labels(struct growth *g, const struct profile_labels *l, uint32_t *ret_class)
{
	struct chunk *c = &g->pending;
	uint32_t id = g->dict->n_labels, class;
	int r = chunk_reserve(c, CHUNK_LABELS, 1);

	if (r < 0)
		return r;
	r = find_class(g, l, id, &class);
	if (r < 0)
		return r;
	c->labels[c->n[CHUNK_LABELS]++] = *l;
	g->dict->n_labels++;
	*ret_class = class;
	return id;
}

/* ---- names ---- */

int growth_name(struct growth *g, uint32_t location, const struct profile_line *lines, uint32_t n)
{
	struct profile *t = g->dict->tables;
	enum profile_naming before = t->locations[location].naming;
	uint32_t lines_before = t->n_lines;
	int r;

	if (n > CHUNK_LINES_MAX)
		n = CHUNK_LINES_MAX;
	r = profile_set_lines(t, location, lines, n);
	if (r < 0)
		return r;
	if (t->n_lines == lines_before && t->locations[location].naming == before)
		return 0; /* it had this name */
	g->named += (n > 0) - (before == PROFILE_NAMED);
	g->nameless += (n == 0) - (before == PROFILE_NAMELESS);
	r = chunk_add_naming(&g->pending, location, lines, n);
	if (r < 0)
		g->torn = true;
	return r;
}
