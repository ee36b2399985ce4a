/* A page of a terminal; see page.h. */
#include "profiler/top/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/utf8.h"
#include "web/export/text_cell.h"

void top_page_init(struct top_page *p)
{
	*p = (struct top_page){};
	buf_init(&p->text, TOP_PAGE_BYTES_MAX);
}

void top_page_done(struct top_page *p)
{
	buf_done(&p->text);
	free(p->run);
}

void top_page_clear(struct top_page *p, uint32_t lines, uint32_t columns)
{
	buf_clear(&p->text);
	p->n = 0;
	p->err = 0;
	p->lines = lines;
	p->columns = columns;
}

static struct top_run *new_run(struct top_page *p)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 256;
		struct top_run *more = reallocarray(p->run, cap, sizeof(*more));

		if (!more)
			return NULL;
		p->run = more;
		p->cap = cap;
	}
	return &p->run[p->n++];
}

uint32_t top_page_add(struct top_page *p, uint32_t line, uint32_t column, uint32_t columns,
		      enum top_style style, bool pad, const char *text)
{
	struct top_run *run;
	size_t at = p->text.len, used;

	if (line >= p->lines || column >= p->columns || !columns)
		return column;
	if (columns > p->columns - column)
		columns = p->columns - column;
	used = text_cell_add(&p->text, text, columns, pad);
	run = new_run(p);
	if (!run || p->text.err)
		p->err = -ENOMEM;
	else
		*run = (struct top_run){line, column, style, at, p->text.len - at};
	return column + (uint32_t)used;
}

static int compare_runs(const void *left, const void *right)
{
	const struct top_run *a = left, *b = right;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return (a->column > b->column) - (a->column < b->column);
}

void top_page_sort(struct top_page *p)
{
	if (p->n)
		qsort(p->run, p->n, sizeof(*p->run), compare_runs);
}

static uint32_t columns_of(const char *s, size_t len)
{
	uint32_t n = 0;

	for (size_t at = 0; at < len; n++) {
		uint32_t c;
		int step = utf8_next(s + at, len - at, &c);

		at += step < 0 ? 1 : (size_t)step;
	}
	return n;
}

static void end_line(struct buf *out, size_t begin)
{
	while (out->len > begin && out->data[out->len - 1] == ' ')
		out->len--;
	buf_add_char(out, '\n');
}

int top_page_print(const struct top_page *p, struct buf *out)
{
	size_t i = 0;

	for (uint32_t line = 0; line < p->lines; line++) {
		size_t begin = out->len;
		uint32_t column = 0;

		for (; i < p->n && p->run[i].line == line; i++) {
			const struct top_run *run = &p->run[i];
			const char *s = (const char *)p->text.data + run->at;

			for (; column < run->column; column++)
				buf_add_char(out, ' ');
			buf_add(out, s, run->len);
			column += columns_of(s, run->len);
		}
		end_line(out, begin);
	}
	return p->err ? p->err : out->err;
}
