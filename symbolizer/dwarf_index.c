/*
 * Two walks over entries: one over a unit for its functions, one over a function for what is
 * inlined into it. Neither recurses, so what a file nests costs no stack.
 */
#include "symbolizer/dwarf_index.h"

#include "profiler/base/cleanup.h"

#include <errno.h>

/* Deeper scopes count as this deep; GCC's own limit on inlining keeps real ones under 64. */
#define SCOPES_MAX    512
#define SCOPE_FOREIGN NODE_NONE /* inside of another function's entry */

struct walk {
	struct interval *v;
	size_t n;
	size_t cap;
	size_t bytes_max;
	uint32_t id; /* of the ranges that are added */
	uint32_t depth;
	int err;
	bool any; /* the last entry had a range */
};

static bool add_interval(void *context, uint32_t low, uint32_t high)
{
	struct walk *w = context;

	w->any = true;
	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 16;
		struct interval *bigger;

		if (cap * sizeof(*bigger) > w->bytes_max) {
			w->err = -EFBIG;
			return false;
		}
		bigger = reallocarray(w->v, cap, sizeof(*bigger));
		if (!bigger) {
			w->err = -ENOMEM;
			return false;
		}
		w->v = bigger;
		w->cap = cap;
	}
	w->v[w->n++] = (struct interval){.start = low, .end = high, .id = w->id, .depth = w->depth};
	return true;
}

/* Take the ranges of e under this id. 1: it has some, 0, or an error. */
static int take_ranges(struct walk *w, const struct dwarf_file *f, const struct dwarf_unit *u,
		       const struct dwarf_entry *e, uint32_t id, uint32_t depth)
{
	w->id = id;
	w->depth = depth;
	w->any = false;
	if (e->ranges.kind == VALUE_NONE && e->low_pc.kind == VALUE_NONE)
		return 0;
	dwarf_ranges(f, u, e, add_interval, w);
	return w->err < 0 ? w->err : w->any;
}

/* May functions with code stand below an entry of this tag? */
static bool is_scope(uint16_t tag)
{
	switch (tag) {
	case DW_TAG_compile_unit:
	case DW_TAG_partial_unit:
	case DW_TAG_skeleton_unit:
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_common_block:
		return true;
	default:
		return false;
	}
}

/* Jump behind the children of e; only forward, and only within the unit. */
static bool pass_over(const struct dwarf_file *f, const struct dwarf_unit *u,
		      const struct dwarf_entry *e, struct reader *r)
{
	const uint8_t *info = f->sections.v[DWARF_INFO].data;

	if (!e->has_children || !e->sibling || e->sibling >= u->end || info + e->sibling <= r->at)
		return false;
	r->at = info + e->sibling;
	return true;
}

struct functions {
	struct dwarf_function *v;
	size_t n;
	size_t cap;
};

static int add_function(struct functions *l, uint64_t entry)
{
	if (entry > UINT32_MAX)
		return -EFBIG;
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		struct dwarf_function *bigger = reallocarray(l->v, cap, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		l->v = bigger;
		l->cap = cap;
	}
	l->v[l->n++] = (struct dwarf_function){.entry = (uint32_t)entry};
	return 0;
}

/* Every entry of the unit in a row: depth does not matter, a null entry is only passed. */
static int walk_unit(const struct dwarf_file *f, const struct dwarf_unit *u, struct walk *w,
		     struct functions *l)
{
	const uint8_t *info = f->sections.v[DWARF_INFO].data;
	struct reader r = {.at = info + u->entries, .end = info + u->end};

	while (reader_left(&r)) {
		struct dwarf_entry e;
		int got = dwarf_entry_next(f, u, &r, &e);

		if (got < 0)
			return got;
		if (got == 0)
			continue;
		if (e.tag == DW_TAG_subprogram) {
			got = take_ranges(w, f, u, &e, (uint32_t)l->n, 0);
			if (got > 0)
				got = add_function(l, e.offset - u->start);
			if (got < 0)
				return got;
		}
		if (!is_scope(e.tag) || (u->flat && e.tag == DW_TAG_subprogram))
			pass_over(f, u, &e, &r);
	}
	return 0;
}

static void index_free(struct dwarf_index *x)
{
	for (size_t i = 0; i < x->n_functions; i++) {
		struct inline_tree *t = x->functions[i].tree;

		if (t) {
			budget_forget(x->file->budget, &t->item);
			t->item.drop(&t->item);
		}
	}
	line_index_done(&x->lines);
	free(x->functions);
	free(x->segments);
	free(x);
}

static void drop_index(struct budget_item *item)
{
	struct dwarf_index *x =
		(struct dwarf_index *)((char *)item - offsetof(struct dwarf_index, item));

	x->unit->index = NULL;
	index_free(x);
}

static int build_functions(struct dwarf_index *x, size_t bytes_max)
{
	struct walk w = {.bytes_max = bytes_max};
	struct functions l = {};
	int r = walk_unit(x->file, x->unit, &w, &l);

	if (r == 0)
		r = segments_build(w.v, w.n, &x->segments, &x->n_segments);
	free(w.v);
	if (r < 0) {
		free(l.v);
		return r;
	}
	x->functions = l.v;
	x->n_functions = l.n;
	return 0;
}

/* A line table that cannot be read costs the lines, not the functions. */
static int build_lines(struct dwarf_index *x, size_t bytes_max)
{
	struct line_header header;
	int r;

	if (!x->unit->has_line)
		return 0;
	r = line_header_parse(x->file->sections.v[DWARF_LINE], x->unit->line_offset,
			      x->unit->encoding.address_bytes, &header);
	if (r == 0)
		r = line_index_build(&header, x->file->base, bytes_max, &x->lines);
	return r == -ENOMEM ? r : 0;
}

int dwarf_index_get(struct dwarf_file *f, struct dwarf_unit *u, size_t bytes_max,
		    struct dwarf_index **ret)
{
	struct dwarf_index *x = u->index;
	int r;

	if (x) {
		budget_touch(&x->item);
		*ret = x;
		return 0;
	}
	r = dwarf_unit_abbrevs(f, u);
	if (r < 0)
		return r;
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->file = f;
	x->unit = u;
	x->item.drop = drop_index;
	r = build_functions(x, bytes_max);
	if (r == 0)
		r = build_lines(x, bytes_max);
	if (r < 0) {
		index_free(x);
		return r;
	}
	u->index = x;
	budget_charge(f->budget, &x->item,
		      sizeof(*x) + x->n_functions * sizeof(*x->functions) +
			      x->n_segments * sizeof(*x->segments) +
			      x->lines.n * sizeof(*x->lines.v));
	*ret = x;
	return 0;
}

void dwarf_index_drop(struct dwarf_file *f, struct dwarf_unit *u)
{
	if (!u->index)
		return;
	budget_forget(f->budget, &u->index->item);
	drop_index(&u->index->item);
}

static uint32_t find(const struct dwarf_file *f, const struct segment *v, size_t n,
		     uint64_t address)
{
	if (address < f->base || address - f->base >= UINT32_MAX)
		return SEGMENT_NONE;
	return segments_find(v, n, (uint32_t)(address - f->base));
}

struct dwarf_function *dwarf_index_function(struct dwarf_index *x, uint64_t address)
{
	uint32_t id = find(x->file, x->segments, x->n_segments, address);

	return id == SEGMENT_NONE ? NULL : &x->functions[id];
}

struct nodes {
	struct inline_node *v;
	size_t n;
	size_t cap;
};

static int add_node(struct nodes *l, const struct inline_node *node)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 8;
		struct inline_node *bigger = reallocarray(l->v, cap, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		l->v = bigger;
		l->cap = cap;
	}
	l->v[l->n++] = *node;
	return 0;
}

/* What e is to the tree: the node its children belong to, in *scope, which comes in as its own. */
static int take_entry(const struct dwarf_file *f, const struct dwarf_unit *u, struct walk *w,
		      struct nodes *l, const struct dwarf_entry *e, uint32_t depth, uint32_t *scope)
{
	int r;

	if (e->tag == DW_TAG_subprogram && l->n)
		*scope = SCOPE_FOREIGN;
	if (*scope == SCOPE_FOREIGN && l->n)
		return 0;
	if (e->tag != DW_TAG_subprogram && e->tag != DW_TAG_inlined_subroutine)
		return 0;
	r = take_ranges(w, f, u, e, (uint32_t)l->n, depth);
	if (r <= 0)
		return r;
	r = add_node(l, &(struct inline_node){
				.entry = (uint32_t)(e->offset - u->start),
				.parent = *scope,
				.name = NODE_UNNAMED,
				.call_file = e->call_file,
				.call_line = e->call_line,
				.call_column =
					e->call_column > UINT16_MAX ? 0 : (uint16_t)e->call_column,
			});
	if (r == 0)
		*scope = (uint32_t)(l->n - 1);
	return r;
}

static int walk_function(const struct dwarf_file *f, const struct dwarf_unit *u, uint32_t entry,
			 struct walk *w, struct nodes *l)
{
	const uint8_t *info = f->sections.v[DWARF_INFO].data;
	struct reader r = {.at = info + u->start + entry, .end = info + u->end};
	uint32_t scopes[SCOPES_MAX] = {NODE_NONE};
	uint32_t depth = 0;

	do {
		uint32_t *scope = &scopes[depth < SCOPES_MAX ? depth : SCOPES_MAX - 1];
		uint32_t inner = *scope;
		struct dwarf_entry e;
		int got = dwarf_entry_next(f, u, &r, &e);

		if (got < 0)
			return got;
		if (got == 0) {
			if (depth > 0)
				depth--;
			continue;
		}
		got = take_entry(f, u, w, l, &e, depth, &inner);
		if (got < 0)
			return got;
		if (!e.has_children || (!is_scope(e.tag) && pass_over(f, u, &e, &r)))
			continue;
		depth++;
		scopes[depth < SCOPES_MAX ? depth : SCOPES_MAX - 1] = inner;
	} while (depth > 0 && reader_left(&r));
	return 0;
}

static void drop_tree(struct budget_item *item)
{
	struct inline_tree *t =
		(struct inline_tree *)((char *)item - offsetof(struct inline_tree, item));

	t->owner->tree = NULL;
	free(t->nodes);
	free(t->segments);
	free(t);
}

static int build_tree(struct dwarf_index *x, struct inline_tree *t, size_t bytes_max)
{
	struct walk w = {.bytes_max = bytes_max};
	struct nodes l = {};
	int r = walk_function(x->file, x->unit, t->owner->entry, &w, &l);

	if (r == 0 && !l.n)
		r = -EBADMSG;
	if (r == 0 && l.n > 1)
		r = segments_build(w.v, w.n, &t->segments, &t->n_segments);
	free(w.v);
	t->nodes = l.v;
	t->n_nodes = l.n;
	return r;
}

int dwarf_tree_get(struct dwarf_index *x, struct dwarf_function *function, size_t bytes_max,
		   struct inline_tree **ret)
{
	struct inline_tree *t = function->tree;
	int r;

	if (t) {
		budget_touch(&t->item);
		*ret = t;
		return 0;
	}
	r = dwarf_unit_abbrevs(x->file, x->unit);
	if (r < 0)
		return r;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->owner = function;
	t->item.drop = drop_tree;
	r = build_tree(x, t, bytes_max);
	if (r < 0) {
		drop_tree(&t->item);
		return r;
	}
	function->tree = t;
	budget_charge(x->file->budget, &t->item,
		      sizeof(*t) + t->n_nodes * sizeof(*t->nodes) +
			      t->n_segments * sizeof(*t->segments));
	*ret = t;
	return 0;
}

uint32_t dwarf_tree_find(const struct dwarf_index *x, const struct inline_tree *t, uint64_t address)
{
	uint32_t id = find(x->file, t->segments, t->n_segments, address);

	return id == SEGMENT_NONE ? 0 : id;
}
