/* A sweep over sorted intervals with a stack of the open ones; segments.h says what comes out. */
#include "symbolizer/segments.h"

#include "profiler/base/cleanup.h"

#include <errno.h>

struct sweep {
	struct segment *out;
	size_t n;
	uint32_t *open; /* indexes of intervals, the innermost last */
	size_t n_open;
	const struct interval *v;
};

static int by_nesting(const void *pa, const void *pb)
{
	const struct interval *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->end != b->end)
		return a->end > b->end ? -1 : 1;
	if (a->depth != b->depth)
		return a->depth < b->depth ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static void emit(struct sweep *s, uint32_t start, uint32_t id)
{
	if (s->n && s->out[s->n - 1].start == start) {
		s->out[s->n - 1].id = id;
		if (s->n > 1 && s->out[s->n - 2].id == id)
			s->n--;
	} else if (!s->n || s->out[s->n - 1].id != id) {
		s->out[s->n++] = (struct segment){.start = start, .id = id};
	}
}

static const struct interval *innermost(const struct sweep *s)
{
	return s->n_open ? &s->v[s->open[s->n_open - 1]] : NULL;
}

/* Close what ends at or before `until`, innermost first. */
static void close_until(struct sweep *s, uint32_t until)
{
	const struct interval *top;

	while ((top = innermost(s)) && top->end <= until) {
		uint32_t end = top->end;

		while ((top = innermost(s)) && top->end <= end)
			s->n_open--;
		emit(s, end, top ? top->id : SEGMENT_NONE);
	}
}

int segments_build(struct interval *v, size_t n, struct segment **ret, size_t *ret_n)
{
	_cleanup_free_ struct segment *out = NULL;
	_cleanup_free_ uint32_t *open = NULL;
	struct sweep s = {.v = v};
	void *shrunk;

	if (!n) {
		*ret = NULL;
		*ret_n = 0;
		return 0;
	}
	qsort(v, n, sizeof(*v), by_nesting);
	out = calloc(2 * n, sizeof(*out));
	open = calloc(n, sizeof(*open));
	if (!out || !open)
		return -ENOMEM;
	s.out = out;
	s.open = open;
	for (size_t i = 0; i < n; i++) {
		if (v[i].end <= v[i].start)
			continue;
		close_until(&s, v[i].start);
		s.open[s.n_open++] = (uint32_t)i;
		emit(&s, v[i].start, v[i].id);
	}
	close_until(&s, UINT32_MAX);
	*ret_n = s.n;
	if (!s.n) {
		*ret = NULL;
		return 0;
	}
	shrunk = realloc(out, s.n * sizeof(*out));
	out = NULL;
	*ret = shrunk ? shrunk : s.out;
	return 0;
}

uint32_t segments_find(const struct segment *v, size_t n, uint32_t at)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (v[middle].start <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? v[low - 1].id : SEGMENT_NONE;
}
