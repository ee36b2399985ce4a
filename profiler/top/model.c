/* What `hearth top` knows of one range of time; see model.h. */
#include "profiler/top/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/cleanup.h"

void top_model_done(struct top_model *m)
{
	tree_done(&m->tree);
	profile_free(m->profile);
	free(m->function);
	free(m->self);
	free(m->total);
	free(m->parent);
	free(m->end);
	free(m->hit);
	*m = (struct top_model){};
}

const struct frames_frame *top_model_frame(const struct top_model *m, uint32_t place)
{
	return &m->tree.frames.frame[m->tree.node[m->tree.order[place]].frame];
}

const char *top_model_frame_name(const struct top_model *m, uint32_t place)
{
	return export_strings_at(&m->tree.frames.strings, top_model_frame(m, place)->name);
}

static bool is_code(const struct frames_frame *f)
{
	return f->kind < PROFILE_FRAME_COUNT;
}

/* ---- the tree ---- */

static int read_samples(struct top_model *m, const char *const *by)
{
	_cleanup_(export_rows_done) struct export_rows rows = {};
	int r = export_rows_init(&rows, m->profile);

	if (r == 0)
		r = tree_add(&m->tree, m->profile, &rows, by, TREE_NOW);
	if (r == 0)
		r = tree_order(&m->tree);
	if (r < 0)
		return r;
	m->samples = rows.samples;
	for (size_t i = 0; i < rows.n; i++)
		if (rows.reason[rows.row[i].stack] != EXPORT_COMPLETE)
			m->incomplete += rows.row[i].count;
	for (uint32_t i = 0; i < m->profile->n_losses; i++)
		m->lost += m->profile->losses[i].count;
	return 0;
}

static int allocate(struct top_model *m)
{
	size_t n = m->tree.n;

	m->self = calloc(n, sizeof(*m->self));
	m->total = calloc(n, sizeof(*m->total));
	m->parent = calloc(n, sizeof(*m->parent));
	m->end = calloc(n, sizeof(*m->end));
	m->hit = calloc(m->tree.frames.n, sizeof(*m->hit));
	return m->self && m->total && m->parent && m->end && m->hit ? 0 : -ENOMEM;
}

/* Parents and ends of subtrees: the depths of a preorder say both. */
static int link_places(struct top_model *m)
{
	_cleanup_free_ uint32_t *place = calloc(m->tree.n, sizeof(*place));

	if (!place)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->tree.n; i++) {
		place[m->tree.order[i]] = i;
		m->end[i] = i + 1;
	}
	for (uint32_t i = m->tree.n; i-- > 1;) {
		uint32_t up = place[m->tree.node[m->tree.order[i]].parent];

		m->parent[i] = up;
		if (m->end[i] > m->end[up])
			m->end[up] = m->end[i];
	}
	return 0;
}

/* Each name is tried once, however many nodes have it. */
static void match_frames(struct top_model *m, const regex_t *filter)
{
	const struct frames *f = &m->tree.frames;

	for (uint32_t i = 0; i < f->n; i++)
		m->hit[i] = is_code(&f->frame[i]) &&
			    (!filter || regexec(filter, frames_name(f, i), 0, NULL, 0) == 0);
}

/* Stacks without a match leave the tree: from the root on, a match holds for all that it calls. */
static void count_left(struct top_model *m)
{
	uint32_t inside = m->filtered ? 0 : m->tree.n; /* end of the outermost match */

	for (uint32_t i = 0; i < m->tree.n; i++) {
		const struct tree_node *node = &m->tree.node[m->tree.order[i]];

		if (i >= inside && m->hit[node->frame])
			inside = m->end[i];
		m->self[i] = i < inside ? node->self[TREE_NOW] : 0;
	}
	for (uint32_t i = m->tree.n; i-- > 0;) {
		m->total[i] += m->self[i];
		if (i)
			m->total[m->parent[i]] += m->total[i];
	}
	m->matched = m->total[0];
}

/* ---- functions ---- */

struct counting {
	struct top_model *m;
	struct idmap index;
	uint32_t cap;
	uint32_t *path; /* functions + 1 from the root to where the walk is; 0: no code */
};

static void counting_done(struct counting *c)
{
	idmap_done(&c->index);
	free(c->path);
}

static int64_t add_function(struct counting *c, const struct top_function *f, uint64_t hash)
{
	struct top_model *m = c->m;

	if (m->n_functions == c->cap) {
		uint32_t cap = c->cap ? c->cap * 2 : 256;
		struct top_function *more = reallocarray(m->function, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		m->function = more;
		c->cap = cap;
	}
	if (idmap_add(&c->index, hash, m->n_functions) < 0)
		return -ENOMEM;
	m->function[m->n_functions] = *f;
	return m->n_functions++;
}

static int64_t find_function(struct counting *c, uint32_t group, const struct frames_frame *frame)
{
	struct top_function f = {group, frame->name, frame->object, frame->kind};
	uint32_t key[] = {group, frame->name, frame->object}, at;
	uint64_t hash = hash_bytes(key, sizeof(key));

	for (uint32_t id = idmap_first(&c->index, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&c->index, hash, &at)) {
		const struct top_function *known = &c->m->function[id];

		if (known->group == group && known->name == f.name && known->object == f.object)
			return id;
	}
	return add_function(c, &f, hash);
}

static int enter(struct counting *c, uint32_t place, uint32_t group)
{
	const struct tree_node *node = &c->m->tree.node[c->m->tree.order[place]];
	const struct frames_frame *frame = top_model_frame(c->m, place);
	struct top_function *f;
	int64_t id;

	c->path[c->m->tree.depth[place]] = 0;
	if (!is_code(frame))
		return 0;
	id = find_function(c, group, frame);
	if (id < 0)
		return (int)id;
	c->path[c->m->tree.depth[place]] = (uint32_t)id + 1;
	f = &c->m->function[id];
	f->self += node->self[TREE_NOW];
	if (f->active++ == 0)
		f->total += node->total[TREE_NOW];
	return 0;
}

static int count_functions(struct top_model *m, uint32_t n_labels)
{
	_cleanup_(counting_done) struct counting c = {.m = m};
	uint32_t deepest = 0, top = 0, group = 0;
	int r = 0;

	for (uint32_t i = 0; i < m->tree.n; i++)
		deepest = m->tree.depth[i] > deepest ? m->tree.depth[i] : deepest;
	c.path = calloc((size_t)deepest + 1, sizeof(*c.path));
	if (!c.path)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->tree.n && r == 0; i++) {
		for (; top > m->tree.depth[i]; top--)
			if (c.path[top - 1])
				m->function[c.path[top - 1] - 1].active--;
		if (n_labels && m->tree.depth[i] == n_labels)
			group = m->tree.order[i];
		r = enter(&c, i, group);
		top++;
	}
	return r;
}

/* Rows whose name does not match go. */
static void filter_functions(struct top_model *m, const regex_t *filter)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < m->n_functions; i++)
		if (!filter || regexec(filter, top_model_name(m, &m->function[i]), 0, NULL, 0) == 0)
			m->function[kept++] = m->function[i];
	m->hidden = m->n_functions - kept;
	m->n_functions = kept;
}

int top_model_init(struct top_model *m, struct profile *p, const char *const *by, bool grouped,
		   const regex_t *filter)
{
	uint32_t n_labels = 0;
	int r;

	*m = (struct top_model){.profile = p, .filtered = filter};
	while (grouped && by && by[n_labels])
		n_labels++;
	r = tree_init(&m->tree);
	if (r == 0)
		r = read_samples(m, by);
	if (r == 0)
		r = allocate(m);
	if (r == 0)
		r = link_places(m);
	if (r < 0)
		return r;
	match_frames(m, filter);
	count_left(m);
	r = count_functions(m, n_labels);
	filter_functions(m, filter);
	return r;
}

const char *top_model_name(const struct top_model *m, const struct top_function *f)
{
	return export_strings_at(&m->tree.frames.strings, f->name);
}

const char *top_model_object(const struct top_model *m, const struct top_function *f)
{
	return export_strings_at(&m->tree.frames.strings, f->object);
}

void top_model_group(const struct top_model *m, uint32_t group, struct buf *out)
{
	uint32_t label[EXPORT_BY_MAX], n = 0;

	for (; group && n < EXPORT_BY_MAX; group = m->tree.node[group].parent)
		label[n++] = m->tree.node[group].frame;
	for (uint32_t i = n; i-- > 0;) {
		buf_add_str(out, frames_name(&m->tree.frames, label[i]));
		if (i)
			buf_add_char(out, ' ');
	}
}
