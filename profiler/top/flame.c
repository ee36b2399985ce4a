/* A flame graph of text; see flame.h. */
#include "profiler/top/flame.h"

#include <errno.h>
#include <stdlib.h>

#include "profiler/base/cleanup.h"

#define NAME_BYTES_MAX 65536

struct drawing {
	const struct top_model *m;
	const struct top_flame *flame;
	struct top_page *page;
	uint32_t line, lines;
	uint64_t *begin; /* by level: samples to the left of the next frame there */
	struct buf name;
};

static uint32_t column_of(const struct drawing *d, uint64_t samples)
{
	return (uint32_t)((double)samples * d->page->columns / (double)d->m->total[d->flame->root]);
}

static enum top_style style_of(const struct drawing *d, uint32_t place)
{
	if (place == d->flame->selected)
		return TOP_STYLE_SELECTED;
	if (d->m->filtered && d->m->hit[d->m->tree.node[d->m->tree.order[place]].frame])
		return TOP_STYLE_MATCHED;
	return (enum top_style)top_model_frame(d->m, place)->kind;
}

static void draw_frame(struct drawing *d, uint32_t place, uint32_t level, uint32_t left,
		       uint32_t right)
{
	if (level < d->flame->level || level - d->flame->level >= d->lines)
		return;
	buf_clear(&d->name);
	buf_add_char(&d->name, '|');
	if (right - left > 1)
		buf_add_str(&d->name, top_model_frame_name(d->m, place));
	top_page_add(d->page, d->line + level - d->flame->level, left, right - left,
		     style_of(d, place), true, buf_str(&d->name));
}

static uint32_t draw_subtree(struct drawing *d)
{
	const struct top_model *m = d->m;
	uint32_t root = d->flame->root, thin = 0;

	for (uint32_t i = root; i < m->end[root];) {
		uint32_t level = m->tree.depth[i] - m->tree.depth[root], left, right;

		left = column_of(d, d->begin[level]);
		d->begin[level + 1] = d->begin[level];
		d->begin[level] += m->total[i];
		right = column_of(d, d->begin[level]);
		if (left < right) {
			draw_frame(d, i, level, left, right);
			i++;
			continue;
		}
		for (uint32_t k = i; k < m->end[i]; k++)
			thin += m->total[k] > 0;
		i = m->end[i];
	}
	return thin;
}

int top_flame_draw(const struct top_model *m, const struct top_flame *flame, struct top_page *page,
		   uint32_t line, uint32_t lines, uint32_t *ret_thin)
{
	struct drawing d = {.m = m, .flame = flame, .page = page, .line = line, .lines = lines};
	uint32_t deepest = 0;

	*ret_thin = 0;
	if (!m->total[flame->root])
		return 0;
	for (uint32_t i = flame->root; i < m->end[flame->root]; i++)
		deepest = m->tree.depth[i] > deepest ? m->tree.depth[i] : deepest;
	d.begin = calloc((size_t)deepest + 2, sizeof(*d.begin));
	if (!d.begin)
		return -ENOMEM;
	buf_init(&d.name, NAME_BYTES_MAX);
	*ret_thin = draw_subtree(&d);
	buf_done(&d.name);
	free(d.begin);
	return 0;
}

uint32_t top_flame_caller(const struct top_model *m, uint32_t root, uint32_t place)
{
	return place == root ? root : m->parent[place];
}

uint32_t top_flame_callee(const struct top_model *m, uint32_t place)
{
	uint32_t most = place;

	for (uint32_t i = place + 1; i < m->end[place]; i = m->end[i])
		if (m->total[i] && (most == place || m->total[i] > m->total[most]))
			most = i;
	return most;
}

uint32_t top_flame_left(const struct top_model *m, uint32_t root, uint32_t place)
{
	uint32_t before = place;

	if (place == root)
		return place;
	for (uint32_t i = m->parent[place] + 1; i < place; i = m->end[i])
		if (m->total[i])
			before = i;
	return before;
}

uint32_t top_flame_right(const struct top_model *m, uint32_t root, uint32_t place)
{
	if (place == root)
		return place;
	for (uint32_t i = m->end[place]; i < m->end[m->parent[place]]; i = m->end[i])
		if (m->total[i])
			return i;
	return place;
}
