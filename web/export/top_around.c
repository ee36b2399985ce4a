/* Callers and callees of a function; see top.h. */
#include "web/export/top.h"

#include <string.h>

struct around {
	struct top *t;
	const char *name;
	uint64_t *callers, *callees;
	uint32_t inside; /* how often the function is on the path */
	uint32_t n;
};

static bool is_it(const struct around *a, uint32_t row)
{
	return row && !strcmp(top_name(a->t, row - 1), a->name);
}

/* row and the one above it, from 1 on; 0: no code. active counts a row as the function's callee. */
static void enter(struct around *a, uint32_t row, uint32_t above, const struct tree_node *node)
{
	if (row && is_it(a, above) && a->t->row[row - 1].active++ == 0)
		a->callees[row - 1] += node->total[TREE_NOW];
	if (!is_it(a, row))
		return;
	if (a->inside++ == 0)
		a->callers[above ? above - 1 : a->t->n] += node->total[TREE_NOW];
	a->callees[a->t->n] += node->self[TREE_NOW];
}

static void leave(struct around *a, uint32_t row, uint32_t above)
{
	if (row && is_it(a, above))
		a->t->row[row - 1].active--;
	if (is_it(a, row))
		a->inside--;
}

uint32_t top_around(struct top *t, const char *name, uint64_t *callers, uint64_t *callees)
{
	struct around a = {.t = t, .name = name, .callers = callers, .callees = callees};
	const struct tree *tree = &t->tree;
	uint32_t top = 0;

	memset(callers, 0, ((size_t)t->n + 1) * sizeof(*callers));
	memset(callees, 0, ((size_t)t->n + 1) * sizeof(*callees));
	for (uint32_t i = 0; i < t->n; i++)
		a.n += is_it(&a, i + 1);
	for (uint32_t i = 0; i < tree->n && a.n; i++) {
		const struct tree_node *node = &tree->node[tree->order[i]];

		for (; top > tree->depth[i]; top--)
			leave(&a, t->path[top - 1], top > 1 ? t->path[top - 2] : 0);
		t->path[top] = t->row_of[node->frame];
		enter(&a, t->path[top], top ? t->path[top - 1] : 0, node);
		top++;
	}
	/* The path's rest: rows count from nothing again the next time. */
	for (; top > 0; top--)
		leave(&a, t->path[top - 1], top > 1 ? t->path[top - 2] : 0);
	return a.n;
}
