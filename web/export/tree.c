/* The call tree; see tree.h. */
#include "web/export/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/cleanup.h"

#define TREE_NODES_MAX (1u << 27)
/*
 * A node's first children are a list, which most never outgrow; more are found by hash
 * (bench_export).
 */
#define TREE_LISTED_CHILDREN 8

int tree_init(struct tree *t)
{
	int64_t root;
	int r;

	*t = (struct tree){};
	r = frames_init(&t->frames);
	if (r < 0)
		return r;
	root = frames_add_plain(&t->frames, FRAMES_KIND_LABEL, "all");
	t->node = calloc(256, sizeof(*t->node));
	if (root < 0 || !t->node)
		return -ENOMEM;
	t->cap = 256;
	t->n = 1;
	return 0;
}

void tree_done(struct tree *t)
{
	frames_done(&t->frames);
	free(t->node);
	idmap_done(&t->index);
	free(t->order);
	free(t->depth);
	free(t->own);
}

static uint64_t child_hash(uint32_t parent, uint32_t frame)
{
	uint32_t key[2] = {parent, frame};

	return hash_bytes(key, sizeof(key));
}

/* 0 where there is none. */
static uint32_t child_find(const struct tree *t, uint32_t parent, uint32_t frame)
{
	const struct tree_node *p = &t->node[parent];
	uint32_t at, id;
	uint64_t hash;

	for (id = p->first_child; id; id = t->node[id].next)
		if (t->node[id].frame == frame)
			return id;
	if (p->n_children <= TREE_LISTED_CHILDREN)
		return 0;
	hash = child_hash(parent, frame);
	for (id = idmap_first(&t->index, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&t->index, hash, &at))
		if (t->node[id].parent == parent && t->node[id].frame == frame)
			return id;
	return 0;
}

static int64_t child_add(struct tree *t, uint32_t parent, uint32_t frame)
{
	struct tree_node *p;

	if (t->n == t->cap) {
		uint32_t cap = t->cap * 2;
		struct tree_node *node;

		if (t->cap >= TREE_NODES_MAX)
			return -E2BIG;
		node = realloc(t->node, cap * sizeof(*node));
		if (!node)
			return -ENOMEM;
		t->node = node;
		t->cap = cap;
	}
	p = &t->node[parent];
	t->node[t->n] = (struct tree_node){.parent = parent, .frame = frame};
	if (p->n_children++ < TREE_LISTED_CHILDREN) {
		t->node[t->n].next = p->first_child;
		p->first_child = t->n;
	} else if (idmap_add(&t->index, child_hash(parent, frame), t->n) < 0) {
		return -ENOMEM;
	}
	return t->n++;
}

static int64_t child(struct tree *t, uint32_t parent, uint32_t frame)
{
	uint32_t id = child_find(t, parent, frame);

	return id ? id : child_add(t, parent, frame);
}

/* ---- adding a profile: rows grouped by labels, so that each stack is placed once a group ---- */

struct walk {
	struct tree *tree;
	const struct profile *p;
	const struct export_rows *rows;
	enum tree_side side;
	struct frames_map map;
	uint32_t *group; /* by label set: number + 1 of the node its labels lead to; 0: not met */
	uint32_t n_groups;
	uint32_t *group_node;
	uint32_t *order; /* rows, by group */
	uint32_t *node, *made_for; /* by stack: its node, and for which group + 1 that holds */
	uint32_t *pending; /* stacks from the leaf down that have no node yet */
	uint32_t cap_pending;
};

static void walk_done(struct walk *w)
{
	frames_map_done(&w->map);
	free(w->group);
	free(w->group_node);
	free(w->order);
	free(w->node);
	free(w->made_for);
	free(w->pending);
}

static int walk_init(struct walk *w, struct tree *t, const struct profile *p,
		     const struct export_rows *rows, enum tree_side side)
{
	*w = (struct walk){.tree = t, .p = p, .rows = rows, .side = side};
	w->group = calloc((size_t)p->n_labels + 1, sizeof(*w->group));
	w->group_node = calloc((size_t)p->n_labels + 1, sizeof(*w->group_node));
	w->order = calloc(rows->n + 1, sizeof(*w->order));
	w->node = calloc(p->n_stacks, sizeof(*w->node));
	w->made_for = calloc(p->n_stacks, sizeof(*w->made_for));
	if (!w->group || !w->group_node || !w->order || !w->node || !w->made_for)
		return -ENOMEM;
	return frames_map_init(&w->map, &t->frames, p);
}

/* The node of a label's value or an incomplete mark under parent. */
static int64_t plain_child(struct walk *w, uint32_t parent, enum frames_kind kind, const char *name)
{
	int64_t frame = frames_add_plain(&w->tree->frames, kind, name);

	return frame < 0 ? frame : child(w->tree, parent, (uint32_t)frame);
}

/* The node of the labels of a set, "-" where one is missing: one below the other, in by's order. */
static int64_t labels_node(struct walk *w, const char *const *by, uint32_t labels)
{
	char scratch[24];
	int64_t node = 0;

	for (size_t i = 0; by[i] && node >= 0; i++) {
		const char *text = profile_label_text(w->p, labels, by[i], scratch);

		node = plain_child(w, (uint32_t)node, FRAMES_KIND_LABEL, text[0] ? text : "-");
	}
	return node;
}

/* Label sets that lead to the same node are one group. */
static int number_groups(struct walk *w, const char *const *by)
{
	_cleanup_(idmap_done) struct idmap known = {};

	for (size_t i = 0; i < w->rows->n; i++) {
		uint32_t labels = w->rows->row[i].labels, at, id;
		uint64_t hash;
		int64_t node;

		if (w->group[labels])
			continue;
		node = labels_node(w, by, labels);
		if (node < 0)
			return (int)node;
		hash = child_hash(0, (uint32_t)node);
		id = idmap_first(&known, hash, &at);
		while (id != IDMAP_NONE && w->group_node[id] != node)
			id = idmap_next(&known, hash, &at);
		if (id == IDMAP_NONE) {
			id = w->n_groups++;
			w->group_node[id] = (uint32_t)node;
			if (idmap_add(&known, hash, id) < 0)
				return -ENOMEM;
		}
		w->group[labels] = id + 1;
	}
	return 0;
}

/* A counting sort of the rows by group. */
static int order_rows(struct walk *w)
{
	_cleanup_free_ uint32_t *at = calloc((size_t)w->n_groups + 1, sizeof(*at));

	if (!at)
		return -ENOMEM;
	for (size_t i = 0; i < w->rows->n; i++)
		at[w->group[w->rows->row[i].labels]]++;
	for (uint32_t g = 0; g < w->n_groups; g++)
		at[g + 1] += at[g];
	for (size_t i = 0; i < w->rows->n; i++)
		w->order[at[w->group[w->rows->row[i].labels] - 1]++] = (uint32_t)i;
	return 0;
}

static int place_location(struct walk *w, uint32_t *node, uint32_t location)
{
	const uint32_t *frame;
	int n = frames_map_location(&w->map, location, &frame);

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		int64_t next = child(w->tree, *node, frame[i]);

		if (next < 0)
			return (int)next;
		*node = (uint32_t)next;
	}
	return 0;
}

static int pending_add(struct walk *w, uint32_t n, uint32_t stack)
{
	if (n == w->cap_pending) {
		uint32_t cap = w->cap_pending ? w->cap_pending * 2 : 256;
		uint32_t *pending = realloc(w->pending, cap * sizeof(*pending));

		if (!pending)
			return -ENOMEM;
		w->pending = pending;
		w->cap_pending = cap;
	}
	w->pending[n] = stack;
	return 0;
}

/*
 * *ret: the node of stack under the node of its group's labels. Up to the first stack that has one,
 * then down again.
 */
static int place_stack(struct walk *w, uint32_t group, uint32_t labels_node, uint32_t stack,
		       uint32_t *ret)
{
	uint32_t n = 0, node, at = stack;
	int r = 0;

	while (at && w->made_for[at] != group + 1) {
		r = pending_add(w, n++, at);
		if (r < 0)
			return r;
		at = w->p->stacks[at].parent;
	}
	node = at ? w->node[at] : labels_node;
	while (n-- > 0) {
		at = w->pending[n];
		r = place_location(w, &node, w->p->stacks[at].location);
		if (r < 0)
			return r;
		w->node[at] = node;
		w->made_for[at] = group + 1;
	}
	*ret = node;
	return 0;
}

static int add_rows(struct walk *w)
{
	for (size_t i = 0; i < w->rows->n; i++) {
		const struct export_row *row = &w->rows->row[w->order[i]];
		uint32_t group = w->group[row->labels] - 1, node = 0;
		int r = place_stack(w, group, w->group_node[group], row->stack, &node);

		if (r < 0)
			return r;
		w->tree->node[node].self[w->side] += row->count;
	}
	return 0;
}

int tree_add(struct tree *t, const struct profile *p, const struct export_rows *rows,
	     const char *const *by, enum tree_side side)
{
	static const char *const comm[] = {"comm", NULL};
	_cleanup_(walk_done) struct walk w;
	int r = walk_init(&w, t, p, rows, side);

	if (r == 0)
		r = number_groups(&w, by && by[0] ? by : comm);
	if (r == 0)
		r = order_rows(&w);
	return r < 0 ? r : add_rows(&w);
}

/* ---- preorder ---- */

static void add_totals(struct tree *t)
{
	for (uint32_t i = t->n; i-- > 0;) {
		struct tree_node *n = &t->node[i];

		for (int side = 0; side < TREE_SIDES; side++) {
			n->total[side] += n->self[side];
			if (i)
				t->node[n->parent].total[side] += n->total[side];
		}
	}
}

static int child_compare(const void *left, const void *right, void *ctx)
{
	const struct tree *t = ctx;
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	const struct tree_node *x = &t->node[a], *y = &t->node[b];
	int r;

	for (int side = 0; side < TREE_SIDES; side++)
		if (x->total[side] != y->total[side])
			return x->total[side] > y->total[side] ? -1 : 1;
	r = strcmp(frames_name(&t->frames, x->frame), frames_name(&t->frames, y->frame));
	if (r)
		return r;
	return a < b ? -1 : a > b;
}

/* Children of each node, sorted: those of i are kids[first[i], first[i + 1]). */
static int sort_children(struct tree *t, uint32_t *first, uint32_t *kids)
{
	_cleanup_free_ uint32_t *at = malloc(((size_t)t->n + 1) * sizeof(*at));

	if (!at)
		return -ENOMEM;
	for (uint32_t i = 1; i < t->n; i++)
		first[t->node[i].parent + 1]++;
	for (uint32_t i = 0; i < t->n; i++)
		first[i + 1] += first[i];
	memcpy(at, first, ((size_t)t->n + 1) * sizeof(*at));
	for (uint32_t i = 1; i < t->n; i++)
		kids[at[t->node[i].parent]++] = i;
	for (uint32_t i = 0; i < t->n; i++)
		if (first[i + 1] - first[i] > 1)
			qsort_r(kids + first[i], first[i + 1] - first[i], sizeof(*kids),
				child_compare, t);
	return 0;
}

/* From the root on each node hands its children their places, which their subtrees' sizes tell. */
static void place_nodes(struct tree *t, const uint32_t *first, const uint32_t *kids, uint32_t *size,
			uint32_t *place)
{
	for (uint32_t i = t->n; i-- > 0;) {
		size[i]++;
		if (i)
			size[t->node[i].parent] += size[i];
	}
	place[0] = 0;
	t->depth[0] = 0;
	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t next = place[i] + 1;

		t->order[place[i]] = i;
		for (uint32_t k = first[i]; k < first[i + 1]; k++) {
			place[kids[k]] = next;
			t->depth[next] = t->depth[place[i]] + 1;
			next += size[kids[k]];
		}
	}
}

int tree_order(struct tree *t)
{
	_cleanup_free_ uint32_t *first = calloc((size_t)t->n + 1, sizeof(*first));
	_cleanup_free_ uint32_t *kids = calloc(t->n, sizeof(*kids));
	_cleanup_free_ uint32_t *size = calloc(t->n, sizeof(*size));
	_cleanup_free_ uint32_t *place = calloc(t->n, sizeof(*place));

	t->order = calloc(t->n, sizeof(*t->order));
	t->depth = calloc(t->n, sizeof(*t->depth));
	if (!first || !kids || !size || !place || !t->order || !t->depth)
		return -ENOMEM;
	add_totals(t);
	if (sort_children(t, first, kids) < 0)
		return -ENOMEM;
	place_nodes(t, first, kids, size, place);
	t->n_ordered = t->n;
	return 0;
}

/* Siblings stand in order of their totals: all behind a thin one are thin. */
static void drop_thin(struct tree *t, uint64_t least)
{
	uint32_t n = 0, thin_depth = UINT32_MAX;

	for (uint32_t i = 0; i < t->n_ordered; i++) {
		if (t->depth[i] >= thin_depth)
			continue;
		thin_depth =
			t->node[t->order[i]].total[TREE_NOW] < least ? t->depth[i] : UINT32_MAX;
		t->order[n] = t->order[i];
		t->depth[n++] = t->depth[i];
	}
	t->n_ordered = n;
}

/*
 * own: by frame, the samples of the frame itself. Those of frames that no node shows any more go to
 * one without a name, of their object and kind.
 */
static int use_frames(struct tree *t, struct frames *used, const uint64_t *own)
{
	_cleanup_free_ uint32_t *number = calloc(t->frames.n, sizeof(*number)); /* and one */
	int64_t id = 0;

	t->own = calloc(t->frames.n, sizeof(*t->own));
	if (!number || !t->own)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n_ordered && id >= 0; i++) {
		struct tree_node *node = &t->node[t->order[i]];

		if (!number[node->frame]) {
			id = frames_add_bare(used, &t->frames, node->frame, true);
			number[node->frame] = (uint32_t)id + 1;
		}
		node->frame = number[node->frame] - 1;
	}
	for (uint32_t f = 0; f < t->frames.n && id >= 0; f++) {
		id = number[f];
		if (!id && own[f])
			id = frames_add_bare(used, &t->frames, f, false) + 1;
		if (id > 0)
			t->own[id - 1] += own[f];
	}
	return id < 0 ? (int)id : 0;
}

int tree_prune(struct tree *t, uint64_t parts)
{
	_cleanup_free_ uint64_t *own = calloc(t->frames.n, sizeof(*own));
	struct frames used;
	int r;

	if (!own)
		return -ENOMEM;
	drop_thin(t, t->node[0].total[TREE_NOW] / parts);
	if (t->n_ordered == t->n)
		return 0;
	for (uint32_t i = 0; i < t->n; i++)
		own[t->node[i].frame] += t->node[i].self[TREE_NOW];
	r = frames_init(&used);
	if (r == 0)
		r = use_frames(t, &used, own);
	if (r < 0) {
		frames_done(&used);
		return r;
	}
	frames_done(&t->frames);
	t->frames = used;
	return 0;
}
