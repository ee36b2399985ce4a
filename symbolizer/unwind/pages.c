/* Marks into rows of 16-bit offsets, in pages of 64 KiB of the file; see marks.h. */
#include "symbolizer/unwind/marks.h"

#include "profiler/base/cleanup.h"
#include "symbolizer/unwind/rules.h"

#include <errno.h>
#include <stdlib.h>

#define PAGES_FIRST	64
#define PAGE_OF(offset) ((offset) >> UNWIND_PAGE_BITS)
#define LOW_OF(offset)	((uint16_t)((offset) & ((1u << UNWIND_PAGE_BITS) - 1)))

struct split {
	struct unwind_row *rows;
	size_t n_rows, cap_rows;
	struct unwind_page *pages;
	size_t n_pages, cap_pages;
};

/* v with room for one more of size bytes; NULL: no memory. */
static void *grown(void *v, size_t n, size_t *cap, size_t first, size_t size)
{
	size_t more = *cap ? *cap * 2 : first;
	void *p;

	if (n < *cap)
		return v;
	p = realloc(v, more * size);
	if (p)
		*cap = more;
	return p;
}

static int add_row(struct split *s, uint16_t low, uint32_t rule)
{
	struct unwind_page *page = &s->pages[s->n_pages - 1];
	void *rows;

	if (page->n_rows == UNWIND_PAGE_ROWS_MAX || s->n_rows == UNWIND_ROWS_MAX)
		return -E2BIG;
	rows = grown(s->rows, s->n_rows, &s->cap_rows, PAGES_FIRST, sizeof(*s->rows));
	if (!rows)
		return -ENOMEM;
	s->rows = rows;
	s->rows[s->n_rows++] = (struct unwind_row){.low = low, .rule = (uint16_t)rule};
	page->n_rows++;
	return 0;
}

static bool is_open(const struct split *s, uint32_t number)
{
	return s->n_pages && s->pages[s->n_pages - 1].number == number;
}

/* A page that begins in a hole says so. */
static int open_page(struct split *s, uint32_t number, uint16_t low)
{
	void *pages;

	if (is_open(s, number))
		return 0;
	if (s->n_pages == UNWIND_PAGES_MAX)
		return -E2BIG;
	pages = grown(s->pages, s->n_pages, &s->cap_pages, PAGES_FIRST, sizeof(*s->pages));
	if (!pages)
		return -ENOMEM;
	s->pages = pages;
	s->pages[s->n_pages++] =
		(struct unwind_page){.number = number, .first_row = (uint32_t)s->n_rows};
	return low ? add_row(s, 0, UNWIND_RULE_HOLE) : 0;
}

/* [mark->offset, end) in all the pages that it reaches into. */
static int add_mark(struct split *s, const struct unwind_mark *mark, uint32_t end)
{
	uint32_t first = PAGE_OF(mark->offset);
	uint16_t low = LOW_OF(mark->offset);
	int r = 0;

	if (mark->rule == UNWIND_RULE_HOLE)
		return is_open(s, first) ? add_row(s, low, mark->rule) : 0;
	for (uint32_t page = first; page <= PAGE_OF(end - 1) && r == 0; page++) {
		r = open_page(s, page, page == first ? low : 0);
		if (r == 0)
			r = add_row(s, page == first ? low : 0, mark->rule);
	}
	return r;
}

static void count_kinds(struct unwind_table *t)
{
	for (size_t i = 0; i < UNWIND_KIND_COUNT; i++)
		t->kinds[i] = 0;
	for (uint32_t i = 0; i < t->n_rows; i++)
		t->kinds[t->rules[t->rows[i].rule].kind]++;
}

/* Exact: what was allocated ahead goes back. */
static void *shrunk(void *v, size_t bytes)
{
	void *p = bytes ? realloc(v, bytes) : NULL;

	return p ? p : v;
}

int unwind_split(const struct unwind_mark *v, size_t n, struct unwind_table *ret)
{
	struct split s = {};
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = add_mark(&s, &v[i], i + 1 < n ? v[i + 1].offset : v[i].offset + 1);
	if (r < 0) {
		free(s.rows);
		free(s.pages);
		return r;
	}
	ret->rows = shrunk(s.rows, s.n_rows * sizeof(*s.rows));
	ret->n_rows = (uint32_t)s.n_rows;
	ret->pages = shrunk(s.pages, s.n_pages * sizeof(*s.pages));
	ret->n_pages = (uint32_t)s.n_pages;
	count_kinds(ret);
	return 0;
}
