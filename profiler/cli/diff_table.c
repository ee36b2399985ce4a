/*
 * The table of `hearth diff`; see diff_table.h. Shares are compared, not counts: the ranges may
 * differ in length.
 */
#include "profiler/cli/diff_table.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/hash.h"
#include "profiler/base/utf8.h"

enum { A, B, SIDES };

struct line {
	char *function;
	uint64_t self[SIDES];
	double change; /* of the share, in percent points */
};

struct table {
	struct line *lines;
	size_t n, cap;
	struct idmap index;
	uint64_t total[SIDES];
};

static void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->lines[i].function);
	free(t->lines);
	idmap_done(&t->index);
}

static struct line *find_or_add(struct table *t, const char *function)
{
	uint64_t hash = hash_bytes(function, strlen(function));
	_cleanup_free_ char *copy = NULL;
	uint32_t at = 0;

	for (uint32_t id = idmap_first(&t->index, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&t->index, hash, &at))
		if (strcmp(t->lines[id].function, function) == 0)
			return &t->lines[id];
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 256;
		struct line *more = reallocarray(t->lines, cap, sizeof(*more));

		if (!more)
			return NULL;
		t->lines = more;
		t->cap = cap;
	}
	copy = strdup(function);
	if (!copy || idmap_add(&t->index, hash, (uint32_t)t->n) < 0)
		return NULL;
	t->lines[t->n] = (struct line){.function = steal_ptr(copy)};
	return &t->lines[t->n++];
}

static int add_side(struct table *t, const struct profile *p, int side)
{
	char scratch[PROFILE_SCRATCH_BYTES];

	for (uint32_t i = 0; i < p->n_samples; i++) {
		const struct profile_sample *s = &p->samples[i];
		struct line *line;

		t->total[side] += s->count;
		if (s->stack == 0)
			line = find_or_add(t, "[no stack]");
		else
			line = find_or_add(t, profile_location_frame(
						      p, p->stacks[s->stack].location, 0, scratch)
						      .function);
		if (!line)
			return -ENOMEM;
		line->self[side] += s->count;
	}
	return 0;
}

static double share(const struct table *t, const struct line *line, int side)
{
	return t->total[side] ? 100.0 * (double)line->self[side] / (double)t->total[side] : 0;
}

static int by_change(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	double dx = fabs(x->change), dy = fabs(y->change);

	if (dx != dy)
		return dx > dy ? -1 : 1;
	return strcmp(x->function, y->function);
}

/*
 * As many characters as fit; names are foreign bytes, so what could steer a terminal becomes '?'.
 */
static void add_name(struct buf *out, const char *name, unsigned int columns)
{
	size_t len = strlen(name), at = 0;

	for (unsigned int n = 0; at < len; n++) {
		uint32_t c = 0;
		int bytes = utf8_next(name + at, len - at, &c);

		if (n + 3 >= columns && len - at > 3) {
			buf_add_str(out, "...");
			return;
		}
		if (bytes < 0 || c < 0x20 || (c >= 0x7f && c < 0xa0)) {
			buf_add_char(out, '?');
			at += bytes < 0 ? 1 : (size_t)bytes;
			continue;
		}
		buf_add(out, name + at, (size_t)bytes);
		at += (size_t)bytes;
	}
}

static void add_totals(struct buf *out, const struct table *t, const struct profile *const p[SIDES])
{
	for (int side = A; side < SIDES; side++) {
		buf_printf(out, "%c: %" PRIu64 " samples", 'A' + side, t->total[side]);
		if (p[side]->period_ns)
			buf_printf(out, ", %.2f s of CPU",
				   (double)t->total[side] * (double)p[side]->period_ns / 1e9);
		buf_add_char(out, '\n');
	}
}

int diff_table_write(const struct profile *a, const struct profile *b, unsigned int rows,
		     unsigned int columns, struct buf *out)
{
	const struct profile *const p[SIDES] = {a, b};
	struct table t = {};
	int r = 0;

	for (int side = A; side < SIDES && r == 0; side++)
		r = add_side(&t, p[side], side);
	for (size_t i = 0; i < t.n; i++)
		t.lines[i].change = share(&t, &t.lines[i], B) - share(&t, &t.lines[i], A);
	if (t.n)
		qsort(t.lines, t.n, sizeof(*t.lines), by_change);
	add_totals(out, &t, p);
	buf_add_str(out, "\n self A   self B   change  function\n");
	for (size_t i = 0; i < t.n && i < rows; i++) {
		const struct line *line = &t.lines[i];

		buf_printf(out, "%6.2f%%  %6.2f%%  %+7.2f  ", share(&t, line, A),
			   share(&t, line, B), line->change);
		add_name(out, line->function, columns > 44 ? columns - 27 : 17);
		buf_add_char(out, '\n');
	}
	if (t.n > rows)
		buf_printf(out, "... and %zu functions that changed less\n", t.n - rows);
	table_done(&t);
	return r < 0 ? r : out->err;
}
