/* The functions of a range as a table; see table.h. */
#include "profiler/top/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/cleanup.h"
#include "web/export/text_cell.h"

#define NUMBERS_COLUMNS 42 /* of the four numbers and the gap behind them */
#define GROUP_MIN	7
#define GROUP_MAX	32
#define NAME_MIN	16
#define GROUP_BYTES_MAX 16384

struct columns {
	uint32_t group, name, object; /* how many; group 0: there is none */
};

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a > b ? -1 : a < b;
}

struct order {
	const struct top_model *m;
	enum top_sort sort;
};

static int compare_names(const struct top_model *m, const struct top_function *a,
			 const struct top_function *b)
{
	int r = strcmp(top_model_name(m, a), top_model_name(m, b));

	if (r == 0)
		r = strcmp(top_model_object(m, a), top_model_object(m, b));
	return r ? r : (a->group > b->group) - (a->group < b->group);
}

static int compare(const void *left, const void *right, void *arg)
{
	const struct top_function *a = left, *b = right;
	const struct order *order = arg;
	int r = 0;

	if (order->sort == TOP_SORT_SELF)
		r = compare_numbers(a->self, b->self);
	if (r == 0 && order->sort != TOP_SORT_NAME)
		r = compare_numbers(a->total, b->total);
	if (r == 0 && order->sort == TOP_SORT_TOTAL)
		r = compare_numbers(a->self, b->self);
	return r ? r : compare_names(order->m, a, b);
}

void top_table_sort(struct top_model *m, enum top_sort sort)
{
	struct order order = {m, sort};

	if (m->n_functions)
		qsort_r(m->function, m->n_functions, sizeof(*m->function), compare, &order);
}

/* A path's last part: a terminal's width is for names. */
static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static uint32_t at_most(size_t n, uint32_t max)
{
	return n < max ? (uint32_t)n : max;
}

/* What the rows that are shown take, within what the page leaves. */
static struct columns fit(const struct top_model *m, const struct top_page *page, uint32_t first,
			  uint32_t rows, const char *group, struct buf *scratch)
{
	struct columns c = {.group = group ? GROUP_MIN : 0};
	size_t object = strlen("OBJECT"), name = strlen("FUNCTION");
	size_t groups = group ? strlen(group) : 0;
	uint32_t rest = page->columns > NUMBERS_COLUMNS ? page->columns - NUMBERS_COLUMNS : 0;

	for (uint32_t i = first; i < m->n_functions && i - first < rows; i++) {
		size_t n = text_cell_columns(last_part(top_model_object(m, &m->function[i])));

		object = n > object ? n : object;
		n = text_cell_columns(top_model_name(m, &m->function[i]));
		name = n > name ? n : name;
		buf_clear(scratch);
		top_model_group(m, m->function[i].group, scratch);
		n = group ? text_cell_columns(buf_str(scratch)) : 0;
		groups = n > groups ? n : groups;
	}
	if (group)
		c.group = at_most(groups, GROUP_MAX) + 2;
	rest = rest > c.group ? rest - c.group : 0;
	c.object = at_most(object, rest / 3) + 2;
	c.name = rest > c.object + NAME_MIN ? at_most(name + 2, rest - c.object) : NAME_MIN;
	return c;
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void draw_row(const struct top_model *m, struct top_page *page, uint32_t line,
		     const struct top_function *f, const struct columns *c, bool selected,
		     struct buf *scratch)
{
	enum top_style style = selected ? TOP_STYLE_SELECTED : TOP_STYLE_PLAIN;
	char numbers[96];
	uint32_t at;

	snprintf(numbers, sizeof(numbers), "%9" PRIu64 " %7.2f%%  %9" PRIu64 " %7.2f%%    ",
		 f->self, share(f->self, m->samples), f->total, share(f->total, m->samples));
	at = top_page_add(page, line, 0, NUMBERS_COLUMNS, style, true, numbers);
	if (c->group) {
		buf_clear(scratch);
		top_model_group(m, f->group, scratch);
		top_page_add(page, line, at, c->group - 2, style, true, buf_str(scratch));
		top_page_add(page, line, at + c->group - 2, 2, style, true, "");
		at += c->group;
	}
	top_page_add(page, line, at, c->name - 2, style, true, top_model_name(m, f));
	top_page_add(page, line, at + c->name - 2, 2, style, true, "");
	top_page_add(page, line, at + c->name, c->object, style, selected,
		     last_part(top_model_object(m, f)));
}

void top_table_draw(const struct top_model *m, struct top_page *page, uint32_t line, uint32_t lines,
		    uint32_t first, uint32_t selected, const char *group)
{
	_cleanup_(buf_done) struct buf scratch;
	uint32_t rows = lines > TOP_TABLE_HEAD_LINES ? lines - TOP_TABLE_HEAD_LINES : 0, at;
	struct columns c;

	buf_init(&scratch, GROUP_BYTES_MAX);
	c = fit(m, page, first, rows, group, &scratch);
	at = top_page_add(page, line, 0, NUMBERS_COLUMNS, TOP_STYLE_HEAD, true,
			  "     SELF    SELF%      TOTAL   TOTAL%");
	if (c.group)
		at = top_page_add(page, line, at, c.group, TOP_STYLE_HEAD, true, group);
	at = top_page_add(page, line, at, c.name, TOP_STYLE_HEAD, true, "FUNCTION");
	top_page_add(page, line, at, page->columns, TOP_STYLE_HEAD, true, "OBJECT");
	for (uint32_t i = first; i < m->n_functions && i - first < rows; i++)
		draw_row(m, page, line + TOP_TABLE_HEAD_LINES + (i - first), &m->function[i], &c,
			 i == selected, &scratch);
}
