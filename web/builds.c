/* When builds changed; see builds.h. */
#include "web/builds.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/cleanup.h"

static void profile_freep(struct profile **p)
{
	profile_free(*p);
}

/* One build of a file, and when it ran first. */
struct build {
	char *path, *id;
	uint64_t first_ns;
};

struct found {
	struct build build[BUILDS_MAX];
	size_t n, left_out;
};

static void found_done(struct found *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->build[i].path);
		free(f->build[i].id);
	}
}

/* ret[i]: whether object i is in a sample's stack. The caller frees. */
static bool *used_objects(const struct profile *p)
{
	_cleanup_free_ bool *stacks = calloc(p->n_stacks + 1, sizeof(*stacks));
	bool *objects = calloc(p->n_objects + 1, sizeof(*objects));

	if (!stacks || !objects) {
		free(objects);
		return NULL;
	}
	for (uint32_t i = 0; i < p->n_samples; i++)
		stacks[p->samples[i].stack] = true;
	/* A parent's number is less than its own. */
	for (uint32_t i = p->n_stacks; i-- > 1;) {
		if (!stacks[i])
			continue;
		stacks[p->stacks[i].parent] = true;
		objects[p->locations[p->stacks[i].location].object] = true;
	}
	return objects;
}

static bool is_build(const struct profile *p, const bool *used, uint32_t i)
{
	const struct profile_object *o = &p->objects[i];

	return used[i] && o->kind == PROFILE_OBJECT_FILE && profile_str(p, o->build_id)[0];
}

static bool is_replaced(const struct profile *p, const bool *used, uint32_t i)
{
	for (uint32_t k = 0; k < p->n_objects; k++)
		if (is_build(p, used, k) && p->objects[k].path == p->objects[i].path &&
		    p->objects[k].build_id != p->objects[i].build_id)
			return true;
	return false;
}

/* The same file may be several objects: by owner, or after a change of its inode. */
static bool is_known(const struct found *f, const char *path, const char *id)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->build[i].path, path) && !strcmp(f->build[i].id, id))
			return true;
	return false;
}

static int add_build(struct found *f, const char *path, const char *id)
{
	struct build *b = &f->build[f->n];

	if (is_known(f, path, id))
		return 0;
	if (f->n == BUILDS_MAX) {
		f->left_out++;
		return 0;
	}
	*b = (struct build){.path = strdup(path), .id = strdup(id)};
	f->n++;
	return b->path && b->id ? 0 : -ENOMEM;
}

static int query(struct store *s, const struct store_query *q, uint64_t from_ns, uint64_t until_ns,
		 struct profile **ret, bool **ret_used, struct err *err)
{
	static const char *const no_labels[] = {NULL};
	struct store_query part = *q;
	int r;

	part.from_ns = from_ns;
	part.until_ns = until_ns;
	r = store_query_profile(s, &part, no_labels, false, ret, err);
	if (r < 0)
		return r;
	*ret_used = used_objects(*ret);
	return *ret_used ? 0 : -ENOMEM;
}

/* All builds of files that have more than one in the range. */
static int find_replaced(struct store *s, const struct store_query *q, struct found *f,
			 struct err *err)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	_cleanup_free_ bool *used = NULL;
	int r = query(s, q, q->from_ns, q->until_ns, &p, &used, err);

	for (uint32_t i = 0; r == 0 && i < p->n_objects; i++)
		if (is_build(p, used, i) && is_replaced(p, used, i))
			r = add_build(f, profile_str(p, p->objects[i].path),
				      profile_str(p, p->objects[i].build_id));
	return r;
}

/* 1 where a build ran in a range, 0 where not. */
static int ran(struct store *s, const struct store_query *q, uint64_t from_ns, uint64_t until_ns,
	       const struct build *b, struct err *err)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	_cleanup_free_ bool *used = NULL;
	int r = query(s, q, from_ns, until_ns, &p, &used, err);

	for (uint32_t i = 0; r == 0 && i < p->n_objects; i++)
		if (is_build(p, used, i) && !strcmp(profile_str(p, p->objects[i].path), b->path) &&
		    !strcmp(profile_str(p, p->objects[i].build_id), b->id))
			return 1;
	return r;
}

/* It ran in the range: in whose first half, and so on. */
static int find_first(struct store *s, const struct store_query *q, struct build *b,
		      struct err *err)
{
	uint64_t from = q->from_ns, until = q->until_ns;

	while (until - from > BUILDS_EXACT_NS) {
		uint64_t middle = from + (until - from) / 2;
		int r = ran(s, q, from, middle, b, err);

		if (r < 0)
			return r;
		if (r)
			until = middle;
		else
			from = middle;
	}
	b->first_ns = from;
	return 0;
}

static int by_path_and_time(const void *a, const void *b)
{
	const struct build *x = a, *y = b;
	int r = strcmp(x->path, y->path);

	return r ? r : (x->first_ns > y->first_ns) - (x->first_ns < y->first_ns);
}

static int by_time(const void *a, const void *b)
{
	const struct builds_change *x = a, *y = b;

	return (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns);
}

static int add_change(struct builds *to, const struct build *before, const struct build *after)
{
	struct builds_change c = {
		.path = strdup(after->path),
		.before = strdup(before->id),
		.after = strdup(after->id),
		.at_ns = after->first_ns,
		.from_ns = before->first_ns,
	};

	to->change[to->n++] = c;
	return c.path && c.before && c.after ? 0 : -ENOMEM;
}

/*
 * Builds that follow each other. The first of a file ran from the range's start on, as far as is
 * known; the last until its end. Two that began within the same second have no order.
 */
static int make_changes(const struct store_query *q, const struct found *f, struct builds *to)
{
	int r = 0;

	to->change = calloc(f->n + 1, sizeof(*to->change));
	if (!to->change)
		return -ENOMEM;
	for (size_t i = 1; i < f->n && r == 0; i++) {
		const struct build *before = &f->build[i - 1], *after = &f->build[i];
		bool begins = i < 2 || strcmp(f->build[i - 2].path, before->path);
		bool goes_on = i + 1 < f->n && !strcmp(f->build[i + 1].path, after->path);

		if (strcmp(before->path, after->path) || before->first_ns == after->first_ns)
			continue;
		r = add_change(to, before, after);
		if (begins)
			to->change[to->n - 1].from_ns = q->from_ns;
		to->change[to->n - 1].until_ns = goes_on ? f->build[i + 1].first_ns : q->until_ns;
	}
	qsort(to->change, to->n, sizeof(*to->change), by_time);
	to->left_out = f->left_out;
	return r;
}

int builds_find(struct store *s, const struct store_query *q, struct builds *ret, struct err *err)
{
	_cleanup_(found_done) struct found f = {};
	struct builds b = {};
	int r = find_replaced(s, q, &f, err);

	for (size_t i = 0; i < f.n && r == 0; i++)
		r = find_first(s, q, &f.build[i], err);
	if (r == 0) {
		qsort(f.build, f.n, sizeof(f.build[0]), by_path_and_time);
		r = make_changes(q, &f, &b);
	}
	if (r < 0)
		builds_done(&b);
	else
		*ret = b;
	return r;
}

void builds_done(struct builds *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->change[i].path);
		free(b->change[i].before);
		free(b->change[i].after);
	}
	free(b->change);
	*b = (struct builds){};
}
