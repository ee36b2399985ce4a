/*
 * folded: `comm;frame;...;frame COUNT`, or with a base `... BASE COUNT`; equal lines summed, lines
 * sorted by bytes.
 */
#include "web/export/formats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/cleanup.h"
#include "web/export/folded_text.h"

#define COUNTS_BYTES 48 /* " BASE COUNT\n" */

struct line {
	size_t at, len; /* in text */
	uint64_t count, base;
};

struct folded {
	const struct export_options *options;
	struct buf text;
	struct line *lines;
	uint32_t n, cap;
	struct idmap index;
};

static void folded_done(struct folded *f)
{
	buf_done(&f->text);
	free(f->lines);
	idmap_done(&f->index);
}

/* The line whose text is at [at, end of text); text is cut back where it is known already. */
static struct line *line_intern(struct folded *f, size_t at)
{
	size_t len = f->text.len - at;
	const uint8_t *s = f->text.data + at;
	uint64_t hash = hash_bytes(s, len);
	uint32_t i, id;

	for (id = idmap_first(&f->index, hash, &i); id != IDMAP_NONE;
	     id = idmap_next(&f->index, hash, &i)) {
		struct line *l = &f->lines[id];

		if (l->len == len && !memcmp(f->text.data + l->at, s, len)) {
			f->text.len = at;
			return l;
		}
	}
	if (f->n == f->cap) {
		uint32_t cap = f->cap ? f->cap * 2 : 256;
		struct line *lines = realloc(f->lines, cap * sizeof(*lines));

		if (!lines)
			return NULL;
		f->lines = lines;
		f->cap = cap;
	}
	if (idmap_add(&f->index, hash, f->n) < 0)
		return NULL;
	f->lines[f->n] = (struct line){.at = at, .len = len};
	return &f->lines[f->n++];
}

static void add_labels(struct folded *f, const struct profile *p, uint32_t labels)
{
	static const char *const comm[] = {"comm", NULL};
	const char *const *by = f->options->by[0] ? f->options->by : comm;
	char scratch[24];

	for (size_t i = 0; by[i]; i++) {
		if (i > 0)
			buf_add_char(&f->text, ';');
		folded_add_label(&f->text, profile_label_text(p, labels, by[i], scratch));
	}
}

static int add_profile(struct folded *f, const struct profile *p, bool is_base)
{
	_cleanup_(export_rows_done) struct export_rows rows = {};
	_cleanup_(folded_names_done) struct folded_names names = {};
	int r = export_rows_init(&rows, p);

	if (r == 0)
		r = folded_names_init(&names, p);
	for (size_t i = 0; i < rows.n && r == 0; i++) {
		const struct export_row *row = &rows.row[i];
		size_t begin = f->text.len;
		struct line *line;

		add_labels(f, p, row->labels);
		r = folded_add_stack(&names, row->stack, rows.reason[row->stack], begin, &f->text);
		if (r < 0)
			break;
		line = line_intern(f, begin);
		if (!line)
			return -ENOMEM;
		*(is_base ? &line->base : &line->count) += row->count;
	}
	return r;
}

static int counts_text(const struct folded *f, const struct line *l, char *s)
{
	if (f->options->base)
		return snprintf(s, COUNTS_BYTES, " %" PRIu64 " %" PRIu64 "\n", l->base, l->count);
	return snprintf(s, COUNTS_BYTES, " %" PRIu64 "\n", l->count);
}

/* Lines are sorted as whole lines, counts included, so that `LC_ALL=C sort -c` agrees. */
static int line_compare(const void *left, const void *right, void *ctx)
{
	const struct folded *f = ctx;
	const struct line *a = left, *b = right;
	size_t n = a->len < b->len ? a->len : b->len;
	int r = memcmp(f->text.data + a->at, f->text.data + b->at, n);
	char counts[COUNTS_BYTES];
	const struct line *longer = a->len > b->len ? a : b;

	if (r || a->len == b->len)
		return r;
	counts_text(f, a->len < b->len ? a : b, counts);
	r = strncmp(counts, (const char *)f->text.data + longer->at + n, longer->len - n);
	return a->len < b->len ? r : -r;
}

int export_folded_write(const struct profile *p, const struct export_options *options,
			struct buf *out, struct err *err)
{
	_cleanup_(folded_done) struct folded f = {.options = options};
	char counts[COUNTS_BYTES];
	int r;

	buf_init(&f.text, EXPORT_BYTES_MAX);
	r = add_profile(&f, p, false);
	if (r == 0 && options->base)
		r = add_profile(&f, options->base, true);
	if (r < 0)
		return err_set(err, r, "writing folded stacks: %s", strerror(-r));
	if (f.n)
		qsort_r(f.lines, f.n, sizeof(*f.lines), line_compare, &f);
	for (uint32_t i = 0; i < f.n; i++) {
		buf_add(out, f.text.data + f.lines[i].at, f.lines[i].len);
		buf_add(out, counts, (size_t)counts_text(&f, &f.lines[i], counts));
	}
	return out->err ? err_set(err, out->err, "writing folded stacks: %s", strerror(-out->err))
			: 0;
}
