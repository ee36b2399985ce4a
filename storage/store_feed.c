/*
 * Feeds: ids of a live profile as numbers of the dictionary, and names to and fro.
 *
 * A feed remembers, for every id of its live profile, the number that it has, so that in a steady
 * state a flush looks nothing up by content.
 */
#include "storage/store_private.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNSEEN UINT32_MAX

/* ---- feeds ---- */

int store_feed_new(struct store *s, struct profile *live, struct store_feed **ret)
{
	struct store_feed *f;

	if (!s->writer || live->merge)
		return -EINVAL;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->store = s;
	f->live = live;
	f->epoch = s->growth.dict->epoch;
	f->next = s->feeds;
	s->feeds = f;
	*ret = f;
	return 0;
}

void store_feed_set_imported(struct store_feed *f)
{
	f->imported = true;
}

void store_feed_forget(struct store_feed *f)
{
	f->n_string = f->n_object = f->n_function = f->n_location = 0;
	f->n_stack = f->n_labels = f->n_class = f->n_named = 0;
	f->new_from = 0;
}

void store_feed_detach(struct store_feed *f)
{
	struct store_feed **at = &f->store->feeds;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	f->store = NULL;
}

uint64_t store_feed_epoch(const struct store_feed *f)
{
	return f->epoch;
}

size_t store_feed_bytes(const struct store_feed *f)
{
	const struct store *s = f->store;

	if (!s)
		return 0;
	return dict_bytes(s->growth.dict) + (s->previous.dict ? dict_bytes(s->previous.dict) : 0);
}

struct store_feed *store_feed_free(struct store_feed *f)
{
	if (!f)
		return NULL;
	if (f->store)
		store_feed_detach(f);
	free(f->string);
	free(f->object);
	free(f->function);
	free(f->location);
	free(f->stack);
	free(f->labels);
	free(f->class);
	free(f->named);
	free(f);
	return NULL;
}

/*
 * Bring a table of numbers to n entries; new ones are UNSEEN. The arrays grow with the live
 * profile's own.
 */
static int widen(uint32_t **table, uint32_t *have, uint32_t n)
{
	uint32_t *wider;

	if (n <= *have && *table)
		return 0;
	wider = realloc(*table, ((size_t)n + n / 4 + 1) * sizeof(*wider));
	if (!wider)
		return -ENOMEM;
	*table = wider;
	memset(wider + *have, 0xff, (n - *have) * sizeof(*wider));
	*have = n;
	return 0;
}

int store_feed_widen(struct store_feed *f)
{
	const struct profile *p = f->live;
	int r = widen(&f->string, &f->n_string, p->n_strings);

	if (r >= 0)
		r = widen(&f->object, &f->n_object, p->n_objects);
	if (r >= 0)
		r = widen(&f->function, &f->n_function, p->n_functions);
	if (r >= 0)
		r = widen(&f->location, &f->n_location, p->n_locations);
	if (r >= 0)
		r = widen(&f->stack, &f->n_stack, p->n_stacks);
	if (r >= 0)
		r = widen(&f->labels, &f->n_labels, p->n_labels);
	if (r >= 0)
		r = widen(&f->class, &f->n_class, p->n_labels);
	if (r >= 0 && f->n_named < p->n_locations) {
		struct store_feed_named *named = realloc(
			f->named, ((size_t)p->n_locations + p->n_locations / 4) * sizeof(*named));

		if (!named)
			return -ENOMEM;
		memset(named + f->n_named, 0, (p->n_locations - f->n_named) * sizeof(*named));
		f->named = named;
		f->n_named = p->n_locations;
	}
	return r;
}

/* ---- numbers of the live profile's entries ---- */

static int keep(uint32_t *slot, int64_t id)
{
	if (id < 0)
		return (int)id;
	*slot = (uint32_t)id;
	return 0;
}

static int number_string(struct store_feed *f, uint32_t id, uint32_t *ret)
{
	int r = 0;

	if (f->string[id] == UNSEEN)
		r = keep(&f->string[id],
			 growth_string(&f->store->growth, profile_str(f->live, id)));
	*ret = f->string[id];
	return r;
}

static int number_object(struct store_feed *f, uint32_t id)
{
	struct profile_object o = f->live->objects[id];
	int r;

	if (f->object[id] != UNSEEN)
		return 0;
	r = number_string(f, o.path, &o.path);
	if (r >= 0)
		r = number_string(f, o.build_id, &o.build_id);
	return r < 0 ? r : keep(&f->object[id], growth_object(&f->store->growth, &o));
}

static int number_function(struct store_feed *f, uint32_t id)
{
	struct profile_function fn = f->live->functions[id];
	int r;

	if (f->function[id] != UNSEEN)
		return 0;
	r = number_string(f, fn.name, &fn.name);
	if (r >= 0)
		r = number_string(f, fn.system_name, &fn.system_name);
	if (r >= 0)
		r = number_string(f, fn.file, &fn.file);
	return r < 0 ? r : keep(&f->function[id], growth_function(&f->store->growth, &fn));
}

static int number_location(struct store_feed *f, uint32_t id)
{
	const struct profile_location *l = &f->live->locations[id];
	int r;

	if (f->location[id] != UNSEEN)
		return 0;
	r = number_object(f, l->object);
	if (r < 0)
		return r;
	if (id < f->new_from)
		f->new_from = id;
	f->named[id] = (struct store_feed_named){};
	return keep(&f->location[id],
		    growth_location(&f->store->growth, f->object[l->object], l->offset));
}

/*
 * Parents first. Stacks are hundreds deep, so this is no recursion: each pass numbers the first
 * that can be.
 */
int store_feed_stack(struct store_feed *f, uint32_t id)
{
	const struct profile_stack *stacks = f->live->stacks;
	_cleanup_free_ uint32_t *path = NULL;
	uint32_t n = 0, at;
	int r;

	f->stack[0] = 0;
	if (f->stack[id] != UNSEEN)
		return 0;
	for (at = id; f->stack[at] == UNSEEN; at = stacks[at].parent)
		n++;
	path = malloc(n * sizeof(*path));
	if (!path)
		return -ENOMEM;
	for (at = id, n = 0; f->stack[at] == UNSEEN; at = stacks[at].parent)
		path[n++] = at;
	while (n > 0) {
		at = path[--n];
		r = number_location(f, stacks[at].location);
		if (r < 0)
			return r;
		r = keep(&f->stack[at], growth_stack(&f->store->growth, f->stack[stacks[at].parent],
						     f->location[stacks[at].location]));
		if (r < 0)
			return r;
	}
	return 0;
}

int store_feed_labels(struct store_feed *f, uint32_t id)
{
	struct profile_labels l = f->live->labels[id];
	uint32_t class;
	int r = 0;

	if (f->labels[id] != UNSEEN)
		return 0;
	for (uint32_t i = 0; i < PROFILE_LABEL_COUNT && r >= 0; i++) {
		uint32_t string = 0;

		if (!(l.has & (1u << i)) || profile_label_is_number((enum profile_label)i))
			continue;
		r = number_string(f, (uint32_t)l.value[i], &string);
		l.value[i] = string;
	}
	for (uint32_t i = 0; i < l.n_extra && r >= 0; i++) {
		r = number_string(f, l.extra[i].key, &l.extra[i].key);
		if (r >= 0)
			r = number_string(f, l.extra[i].value, &l.extra[i].value);
	}
	if (r < 0)
		return r;
	r = keep(&f->labels[id], growth_labels(&f->store->growth, &l, &class));
	if (r >= 0)
		f->class[id] = class;
	return r;
}

/* ---- names ---- */

static int name_in_dict(struct store_feed *f, uint32_t id)
{
	const struct profile_location *l = &f->live->locations[id];
	_cleanup_free_ struct profile_line *lines = calloc(l->n_lines + 1, sizeof(*lines));
	int r;

	if (!lines)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->n_lines; i++) {
		lines[i] = f->live->lines[l->first_line + i];
		r = number_function(f, lines[i].function);
		if (r < 0)
			return r;
		lines[i].function = f->function[lines[i].function];
	}
	return growth_name(&f->store->growth, f->location[id], lines, l->n_lines);
}

static int64_t live_function(struct store_feed *f, const struct profile *from, uint32_t function)
{
	const struct profile_function *have = &from->functions[function];
	int64_t name = profile_string(f->live, profile_str(from, have->name));
	int64_t system_name = profile_string(f->live, profile_str(from, have->system_name));
	int64_t file = profile_string(f->live, profile_str(from, have->file));
	struct profile_function fn = {(uint32_t)name, (uint32_t)system_name, (uint32_t)file,
				      have->start_line};

	if (name < 0 || system_name < 0 || file < 0)
		return -ENOMEM;
	return profile_function(f->live, &fn);
}

/* What a dictionary knows of a location, into the live profile. */
static int name_in_live(struct store_feed *f, uint32_t id, const struct profile *from,
			const struct profile_location *l)
{
	_cleanup_free_ struct profile_line *lines = calloc(l->n_lines + 1, sizeof(*lines));

	if (!lines)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->n_lines; i++) {
		int64_t function;

		lines[i] = from->lines[l->first_line + i];
		function = live_function(f, from, lines[i].function);
		if (function < 0)
			return (int)function;
		lines[i].function = (uint32_t)function;
	}
	return profile_set_lines(f->live, id, lines, l->n_lines);
}

/* Where a dictionary has what is the live profile's location id; -ENOENT, -ENOMEM. */
static int64_t find_in(struct profile *tables, const struct profile *live, uint32_t id)
{
	const struct profile_location *l = &live->locations[id];
	struct profile_object o = live->objects[l->object];
	int64_t path = profile_find_string(tables, profile_str(live, o.path));
	int64_t build_id = profile_find_string(tables, profile_str(live, o.build_id)), object;

	if (path < 0 || build_id < 0)
		return path < 0 ? path : build_id;
	o.path = (uint32_t)path;
	o.build_id = (uint32_t)build_id;
	object = profile_find_object(tables, &o);
	return object < 0 ? object : profile_find_location(tables, (uint32_t)object, l->offset);
}

/* The epoch before may have the name. What nobody could name then may be asked again now. */
static int name_from_previous(struct store_feed *f, uint32_t id)
{
	struct profile *old;
	int64_t location;

	if (!f->store->previous.dict)
		return 0;
	old = f->store->previous.dict->tables;
	location = find_in(old, f->live, id);
	if (location < 0)
		return location == -ENOENT ? 0 : (int)location;
	if (old->locations[location].naming != PROFILE_NAMED)
		return 0;
	return name_in_live(f, id, old, &old->locations[location]);
}

static int name_location(struct store_feed *f, uint32_t id)
{
	const struct profile *tables = f->store->growth.dict->tables;
	const struct profile_location *l = &f->live->locations[id];
	const struct profile_location *have = &tables->locations[f->location[id]];
	int r = 0;

	/* What nobody could name when this store was written before may be asked again now. */
	if (l->naming == PROFILE_UNNAMED && have->naming == PROFILE_NAMED)
		r = name_in_live(f, id, tables, have);
	else if (l->naming == PROFILE_UNNAMED)
		r = name_from_previous(f, id);
	else if (l->naming == PROFILE_NAMELESS && have->naming == PROFILE_NAMED)
		r = name_in_live(f, id, tables, have);
	if (r >= 0)
		r = store_feed_widen(f); /* a name brings strings and functions */
	if (r < 0)
		return r;
	l = &f->live->locations[id];
	return l->naming == PROFILE_UNNAMED ? 0 : name_in_dict(f, id);
}

/*
 * A name without a sample is of one that an earlier live profile had: what it is called was found
 * out later. 1: such a location has its number now; 0: this epoch had no sample of it.
 */
static int number_sampled_before(struct store_feed *f, uint32_t id)
{
	int64_t location = find_in(f->store->growth.dict->tables, f->live, id);

	if (location < 0)
		return location == -ENOENT ? 0 : (int)location;
	f->location[id] = (uint32_t)location;
	return 1;
}

static bool is_told(const struct store_feed *f, uint32_t id)
{
	const struct profile_location *l = &f->live->locations[id];
	const struct store_feed_named *seen = &f->named[id];

	return seen->naming == 1 + l->naming && seen->first_line == l->first_line &&
	       seen->n_lines == l->n_lines;
}

static int tell_name(struct store_feed *f, uint32_t id)
{
	const struct profile_location *l = &f->live->locations[id];
	int r = 1;

	if (is_told(f, id))
		return 0;
	if (f->location[id] == UNSEEN)
		r = l->naming == PROFILE_NAMED ? number_sampled_before(f, id) : 0;
	if (r > 0)
		r = name_location(f, id);
	if (r < 0)
		return r;
	l = &f->live->locations[id];
	f->named[id] =
		(struct store_feed_named){l->first_line, l->n_lines, (uint8_t)(1 + l->naming)};
	return 0;
}

int store_feed_names(struct store_feed *f)
{
	uint32_t n = f->live->n_locations;
	int r = 0;

	/* What is new is mostly the last; the others may be tens of thousands. */
	for (uint32_t i = f->new_from < f->live->named_from ? f->new_from : f->live->named_from;
	     i < n && r >= 0; i++)
		r = tell_name(f, i);
	if (r < 0)
		return r;
	f->new_from = f->live->named_from = UINT32_MAX;
	return 0;
}
