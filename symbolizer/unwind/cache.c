/*
 * A table as bytes, little-endian:
 *
 *	magic "HUNWIND\0", u32 version, u32 reserved, u64 checksum of all that follows
 *	u32 machine, source, rules, rows, pages, FDEs, rows of CFI, derived ones, bad entries,
 *	overlaps
 *	rules (12 bytes each), pages (12), rows (4)
 *
 * The checksum is a SipHash with a fixed key: against disks that lose bits, not against people, who
 * cannot write where caches are kept. A cache that is not accepted is compiled again.
 */
#include "symbolizer/unwind/unwind.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/hash.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "rules, pages and rows are written as they are in memory"
#endif

#define MAGIC	    "HUNWIND"
#define MAGIC_BYTES 8
#define VERSION	    3 /* 2 had no anchor and no derived rows, 1 no JUMP */
#define HEAD_BYTES  (MAGIC_BYTES + 4 + 4 + 8)
#define CHECKSUM_AT (MAGIC_BYTES + 4 + 4)

_Static_assert(sizeof(struct unwind_page) == 12, "no padding: pages are written as they are");

static uint64_t checksum(const uint8_t *data, size_t bytes)
{
	return hash_bytes_keyed(0, 0, data, bytes);
}

int unwind_table_write(const struct unwind_table *t, struct buf *out)
{
	size_t start = out->len;
	uint64_t sum;

	buf_add(out, MAGIC, MAGIC_BYTES);
	buf_add_u32(out, VERSION);
	buf_add_u32(out, 0);
	buf_add_u64(out, 0); /* the checksum, below */
	buf_add_u32(out, t->machine);
	buf_add_u32(out, t->source);
	buf_add_u32(out, t->n_rules);
	buf_add_u32(out, t->n_rows);
	buf_add_u32(out, t->n_pages);
	buf_add_u32(out, t->n_fdes);
	buf_add_u32(out, t->n_cfi_rows);
	buf_add_u32(out, t->n_derived);
	buf_add_u32(out, t->n_bad);
	buf_add_u32(out, t->n_overlaps);
	if (t->n_rules)
		buf_add(out, t->rules, t->n_rules * sizeof(*t->rules));
	if (t->n_pages)
		buf_add(out, t->pages, t->n_pages * sizeof(*t->pages));
	if (t->n_rows)
		buf_add(out, t->rows, t->n_rows * sizeof(*t->rows));
	if (out->err)
		return out->err;
	sum = checksum(out->data + start + HEAD_BYTES, out->len - start - HEAD_BYTES);
	memcpy(out->data + start + CHECKSUM_AT, &sum, sizeof(sum));
	return 0;
}

static int check_head(struct cursor *c)
{
	const uint8_t *magic = cursor_bytes(c, MAGIC_BYTES);
	uint32_t version = cursor_u32(c), reserved = cursor_u32(c);
	uint64_t sum = cursor_u64(c);

	if (c->err || memcmp(magic, MAGIC, MAGIC_BYTES) != 0 || version != VERSION || reserved)
		return -EBADMSG;
	return sum == checksum(c->at, cursor_left(c)) ? 0 : -EBADMSG;
}

static int read_counts(struct cursor *c, struct unwind_table *t)
{
	uint32_t machine = cursor_u32(c), source = cursor_u32(c);

	t->n_rules = cursor_u32(c);
	t->n_rows = cursor_u32(c);
	t->n_pages = cursor_u32(c);
	t->n_fdes = cursor_u32(c);
	t->n_cfi_rows = cursor_u32(c);
	t->n_derived = cursor_u32(c);
	t->n_bad = cursor_u32(c);
	t->n_overlaps = cursor_u32(c);
	if (c->err || machine > UINT16_MAX || source >= UNWIND_SOURCE_COUNT)
		return -EBADMSG;
	if (t->n_rules > UNWIND_RULES_MAX || t->n_rows > UNWIND_ROWS_MAX ||
	    t->n_pages > UNWIND_PAGES_MAX)
		return -EBADMSG;
	if (cursor_left(c) != t->n_rules * sizeof(*t->rules) + t->n_rows * sizeof(*t->rows) +
				      t->n_pages * sizeof(*t->pages))
		return -EBADMSG;
	t->machine = (uint16_t)machine;
	t->source = (enum unwind_source)source;
	return 0;
}

/* n times size bytes, copied: the caller's bytes are not aligned. */
static int read_array(struct cursor *c, size_t n, size_t size, void *ret_array)
{
	const uint8_t *from = cursor_bytes(c, n * size);
	void *to;

	if (!from)
		return -EBADMSG;
	if (n == 0)
		return 0;
	to = malloc(n * size);
	if (!to)
		return -ENOMEM;
	memcpy(to, from, n * size);
	*(void **)ret_array = to;
	return 0;
}

/* The first is the hole; all are such as the compiler makes. */
static int check_rules(const struct unwind_table *t)
{
	static const struct unwind_rule hole;

	if (t->n_rules && memcmp(&t->rules[0], &hole, sizeof(hole)) != 0)
		return -EBADMSG;
	for (uint32_t i = 0; i < t->n_rules; i++) {
		const struct unwind_rule *r = &t->rules[i];

		if (r->kind >= UNWIND_KIND_COUNT || r->fp >= UNWIND_WHERE_COUNT ||
		    (r->ra != UNWIND_AT_CFA && r->ra != UNWIND_IN_REGISTER &&
		     r->ra != UNWIND_SAME) ||
		    r->base > 31)
			return -EBADMSG;
		if (r->kind == UNWIND_KIND_CFA_INDEXED && UNWIND_INDEXED_BY(r->cfa_offset) > 31)
			return -EBADMSG;
		if ((r->fp == UNWIND_IN_REGISTER && (r->fp_offset < 0 || r->fp_offset > 31)) ||
		    (r->ra == UNWIND_IN_REGISTER && (r->ra_offset < 0 || r->ra_offset > 31)))
			return -EBADMSG;
	}
	return 0;
}

static int check_page(const struct unwind_table *t, const struct unwind_page *page)
{
	const struct unwind_row *rows = &t->rows[page->first_row];

	if (rows[0].low != 0)
		return -EBADMSG;
	for (uint32_t i = 0; i < page->n_rows; i++)
		if (rows[i].rule >= t->n_rules || (i && rows[i].low <= rows[i - 1].low))
			return -EBADMSG;
	return 0;
}

/* Pages rise, and their rows follow each other without a gap. */
static int check_pages(struct unwind_table *t)
{
	uint32_t row = 0;

	for (uint32_t i = 0; i < t->n_pages; i++) {
		const struct unwind_page *page = &t->pages[i];

		if (page->number >= UNWIND_PAGES_MAX ||
		    (i && page->number <= t->pages[i - 1].number))
			return -EBADMSG;
		if (page->first_row != row || page->n_rows == 0 ||
		    page->n_rows > UNWIND_PAGE_ROWS_MAX || page->n_rows > t->n_rows - row)
			return -EBADMSG;
		if (check_page(t, page) < 0)
			return -EBADMSG;
		row += page->n_rows;
	}
	return row == t->n_rows ? 0 : -EBADMSG;
}

static void count_kinds(struct unwind_table *t)
{
	for (uint32_t i = 0; i < t->n_rows; i++)
		t->kinds[t->rules[t->rows[i].rule].kind]++;
}

int unwind_table_parse(const void *data, size_t bytes, struct unwind_table *ret)
{
	_cleanup_(unwind_table_done) struct unwind_table t = {};
	struct cursor c = cursor_over(data, bytes);
	int r = check_head(&c);

	if (r == 0)
		r = read_counts(&c, &t);
	if (r == 0)
		r = read_array(&c, t.n_rules, sizeof(*t.rules), &t.rules);
	if (r == 0)
		r = read_array(&c, t.n_pages, sizeof(*t.pages), &t.pages);
	if (r == 0)
		r = read_array(&c, t.n_rows, sizeof(*t.rows), &t.rows);
	if (r == 0)
		r = check_rules(&t);
	if (r == 0)
		r = check_pages(&t);
	if (r < 0)
		return r;
	count_kinds(&t);
	*ret = t;
	t = (struct unwind_table){};
	return 0;
}
