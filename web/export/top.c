/* The functions of a profile, and their table for terminals; see top.h and export.h. */
#include "web/export/top.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/cleanup.h"
#include "web/export/export.h"
#include "web/export/text_cell.h"

#define TOP_NUMBERS_COLUMNS 44 /* of the four numbers and their gaps */
#define TOP_NAME_MIN	    16
#define TOP_NAME_MAX	    100 /* where the width is not known */

void top_done(struct top *t)
{
	export_rows_done(&t->samples);
	tree_done(&t->tree);
	free(t->row);
	free(t->row_of);
	free(t->path);
}

static int number_rows(struct top *t)
{
	const struct frames *f = &t->tree.frames;
	_cleanup_(idmap_done) struct idmap index = {};

	t->row = calloc((size_t)f->n + 1, sizeof(*t->row));
	t->row_of = calloc((size_t)f->n + 1, sizeof(*t->row_of));
	if (!t->row || !t->row_of)
		return -ENOMEM;
	for (uint32_t i = 0; i < f->n; i++) {
		uint32_t key[2] = {f->frame[i].name, f->frame[i].object};
		uint64_t hash = hash_bytes(key, sizeof(key));
		uint32_t at, id;

		if (f->frame[i].kind >= PROFILE_FRAME_COUNT)
			continue;
		id = idmap_first(&index, hash, &at);
		while (id != IDMAP_NONE &&
		       (t->row[id].name != key[0] || t->row[id].object != key[1]))
			id = idmap_next(&index, hash, &at);
		if (id == IDMAP_NONE) {
			id = t->n++;
			if (idmap_add(&index, hash, id) < 0)
				return -ENOMEM;
			t->row[id] = (struct top_row){.name = key[0], .object = key[1]};
		}
		t->row_of[i] = id + 1;
	}
	return 0;
}

static void leave(struct top *t, uint32_t row)
{
	if (row)
		t->row[row - 1].active--;
}

static void enter(struct top *t, uint32_t row, const struct tree_node *node)
{
	struct top_row *r = &t->row[row - 1];

	if (!row)
		return;
	r->self += node->self[TREE_NOW];
	if (r->active++ == 0)
		r->total += node->total[TREE_NOW];
}

/* One walk over the preorder, which knows the path by its depths. */
static int count(struct top *t)
{
	const struct tree *tree = &t->tree;
	uint32_t deepest = 0, top = 0;

	for (uint32_t i = 0; i < tree->n; i++)
		deepest = tree->depth[i] > deepest ? tree->depth[i] : deepest;
	t->path = calloc((size_t)deepest + 1, sizeof(*t->path));
	if (!t->path)
		return -ENOMEM;
	for (uint32_t i = 0; i < tree->n; i++) {
		const struct tree_node *node = &tree->node[tree->order[i]];

		while (top > tree->depth[i])
			leave(t, t->path[--top]);
		t->path[top] = t->row_of[node->frame];
		enter(t, t->path[top++], node);
	}
	return 0;
}

static int row_compare(const void *left, const void *right, void *ctx)
{
	const struct export_strings *s = ctx;
	const struct top_row *a = left, *b = right;

	if (a->self != b->self)
		return a->self > b->self ? -1 : 1;
	if (a->total != b->total)
		return a->total > b->total ? -1 : 1;
	return strcmp(export_strings_at(s, a->name), export_strings_at(s, b->name));
}

/* Most of its own first; row_of follows. */
static int sort_rows(struct top *t)
{
	_cleanup_free_ uint32_t *place = malloc(((size_t)t->n + 1) * sizeof(*place));

	if (!place)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n; i++)
		t->row[i].active = i;
	if (t->n)
		qsort_r(t->row, t->n, sizeof(*t->row), row_compare, &t->tree.frames.strings);
	for (uint32_t i = 0; i < t->n; i++) {
		place[t->row[i].active] = i;
		t->row[i].active = 0;
	}
	for (uint32_t i = 0; i < t->tree.frames.n; i++)
		if (t->row_of[i])
			t->row_of[i] = place[t->row_of[i] - 1] + 1;
	return 0;
}

int top_init(struct top *t, const struct profile *p)
{
	int r = tree_init(&t->tree);

	if (r == 0)
		r = export_rows_init(&t->samples, p);
	if (r == 0)
		r = tree_add(&t->tree, p, &t->samples, NULL, TREE_NOW);
	if (r == 0)
		r = tree_order(&t->tree);
	if (r == 0)
		r = number_rows(t);
	if (r == 0)
		r = count(t);
	if (r == 0)
		r = sort_rows(t);
	return r;
}

const char *top_name(const struct top *t, uint32_t row)
{
	return export_strings_at(&t->tree.frames.strings, t->row[row].name);
}

const char *top_object(const struct top *t, uint32_t row)
{
	return export_strings_at(&t->tree.frames.strings, t->row[row].object);
}

/* ---- text ---- */

static double share(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* The widest name shown, within what the terminal leaves. */
static size_t name_columns(const struct top *t, uint32_t rows, unsigned int columns)
{
	size_t widest = strlen("FUNCTION"), limit = TOP_NAME_MAX;

	for (uint32_t i = 0; i < rows; i++) {
		size_t n = text_cell_columns(top_name(t, i));

		widest = n > widest ? n : widest;
	}
	if (columns)
		limit = columns > TOP_NUMBERS_COLUMNS + 2 * TOP_NAME_MIN
				? (columns - TOP_NUMBERS_COLUMNS) * 2 / 3
				: TOP_NAME_MIN;
	return widest < limit ? widest : limit;
}

/* A terminal's width is for names: of a path its last part. */
static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static void add_table(const struct top *t, uint32_t rows, unsigned int columns, uint64_t samples,
		      struct buf *out)
{
	size_t name = name_columns(t, rows, columns);
	size_t used = TOP_NUMBERS_COLUMNS + name + 2;
	size_t rest = !columns ? SIZE_MAX : columns > used ? columns - used : 1;

	buf_printf(out, "%10s %8s  %10s %8s    ", "SELF", "SELF%", "TOTAL", "TOTAL%");
	text_cell_add(out, "FUNCTION", name, true);
	buf_add_str(out, "  OBJECT\n");
	for (uint32_t i = 0; i < rows; i++) {
		const struct top_row *r = &t->row[i];

		buf_printf(out, "%10" PRIu64 " %7.2f%%  %10" PRIu64 " %7.2f%%    ", r->self,
			   share(r->self, samples), r->total, share(r->total, samples));
		text_cell_add(out, top_name(t, i), name, true);
		buf_add_str(out, "  ");
		text_cell_add(out, last_part(top_object(t, i)), rest, false);
		buf_add_char(out, '\n');
	}
}

static void add_head(const struct profile *p, const struct export_rows *rows, struct buf *out)
{
	uint64_t lost = 0, incomplete = 0;

	for (uint32_t i = 0; i < p->n_losses; i++)
		lost += p->losses[i].count;
	for (size_t i = 0; i < rows->n; i++)
		if (rows->reason[rows->row[i].stack] != EXPORT_COMPLETE)
			incomplete += rows->row[i].count;
	buf_printf(out, "%" PRIu64 " samples", rows->samples);
	if (p->period_ns)
		buf_printf(out, ", %.2f s of CPU time",
			   (double)rows->samples * (double)p->period_ns / 1e9);
	if (incomplete)
		buf_printf(out, ", %.2f%% with an incomplete stack",
			   share(incomplete, rows->samples));
	if (lost)
		buf_printf(out, ", %" PRIu64 " lost", lost);
	buf_add_str(out, "\n\n");
}

int export_top_text(const struct profile *p, unsigned int rows, unsigned int columns,
		    struct buf *out)
{
	_cleanup_(top_done) struct top t = {};
	int r = top_init(&t, p);

	if (r < 0)
		return r;
	add_head(p, &t.samples, out);
	add_table(&t, t.n < rows ? t.n : rows, columns, t.samples.samples, out);
	return out->err;
}
