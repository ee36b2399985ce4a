/* A range's samples over time: by a label and step, or by second and slot of 20 ms. */
#include "storage/store_scan.h"

#include "profiler/base/cleanup.h"
#include "storage/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_AIMED_AT 300
#define CELLS_MAX      (1u << 20) /* steps of all values; past it, of the lines alone */

/* ---- series ---- */

struct series {
	struct scan scan;
	struct tally values; /* of the label, with their totals */
	uint32_t *value_of; /* by label set of the dictionary at hand */
	uint64_t *cells; /* by value and step; NULL once there are too many */
	size_t n_cells;
	bool too_many;
	uint32_t *line_of; /* by value: its line, UINT32_MAX for the rest */
	struct store_series out;
};

static void series_done(struct series *w)
{
	scan_close(&w->scan);
	tally_done(&w->values);
	free(w->value_of);
	free(w->cells);
	free(w->line_of);
	store_series_done(&w->out);
}

void store_series_done(struct store_series *s)
{
	for (size_t i = 0; i < s->n_lines; i++) {
		free(s->lines[i].label);
		free(s->lines[i].count);
	}
	free(s->lines);
	*s = (struct store_series){};
}

static uint64_t nice_step(uint64_t range_ns)
{
	static const uint64_t seconds[] = {1,	2,   5,	   10,	 15,   30,    60,    120,  300,
					   600, 900, 1800, 3600, 7200, 14400, 21600, 43200};

	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++)
		if (range_ns / (seconds[i] * NS_PER_S) <= STEPS_AIMED_AT)
			return seconds[i] * NS_PER_S;
	return (range_ns / STEPS_AIMED_AT / (24 * 3600 * NS_PER_S) + 1) * 24 * 3600 * NS_PER_S;
}

static int choose_steps(struct series *w, uint64_t step_ns, struct err *err)
{
	uint64_t from_ms = w->scan.from_ms, until_ms = w->scan.until_ms, first_ms, end_ms, n;

	scan_extent(&w->scan, &first_ms, &end_ms);
	if (w->scan.query->from_ns == 0)
		from_ms = first_ms;
	if (until_ms == UINT64_MAX)
		until_ms = end_ms;
	if (until_ms < from_ms)
		until_ms = from_ms;
	if (!step_ns)
		step_ns = nice_step((until_ms - from_ms) * NS_PER_MS);
	if (step_ns < NS_PER_MS)
		return err_set(err, -EINVAL, "series: a step is at least a millisecond");
	n = ((until_ms - from_ms) * NS_PER_MS + step_ns - 1) / step_ns;
	if (n > STORE_SERIES_STEPS_MAX)
		return err_set(err, -E2BIG,
			       "series: %llu steps are more than %d; ask for larger ones",
			       (unsigned long long)n, STORE_SERIES_STEPS_MAX);
	w->out.start_ns = from_ms * NS_PER_MS;
	w->out.step_ns = step_ns;
	w->out.n_steps = (uint32_t)n;
	return 0;
}

/* The value's number in the tally, found once a label set. */
static int value_of(struct series *w, const char *by, uint32_t labels, uint32_t *ret)
{
	int64_t value;

	if (w->value_of[labels] == UINT32_MAX) {
		value = by ? tally_label(&w->values, w->scan.dict, labels, by)
			   : tally_add(&w->values, "", 0);
		if (value < 0)
			return (int)value;
		w->value_of[labels] = (uint32_t)value;
	}
	*ret = w->value_of[labels];
	return 0;
}

static int change_dict(struct series *w)
{
	uint32_t n = dict_count(w->scan.dict, CHUNK_LABELS);
	uint32_t *value = realloc(w->value_of, ((size_t)n + 1) * sizeof(*value));

	if (!value)
		return -ENOMEM;
	w->value_of = value;
	memset(value, 0xff, ((size_t)n + 1) * sizeof(*value));
	return 0;
}

/* Room for the steps of a value, as long as there are not too many. */
static int widen_cells(struct series *w, uint32_t value)
{
	size_t want = ((size_t)value + 1) * w->out.n_steps, n = w->n_cells;
	uint64_t *more;

	if (want <= n || w->too_many)
		return 0;
	while (n < want)
		n += n / 2 + w->out.n_steps;
	if (want > CELLS_MAX) {
		free(w->cells);
		w->cells = NULL;
		w->too_many = true;
		return 0;
	}
	more = realloc(w->cells, n * sizeof(*more));
	if (!more)
		return -ENOMEM;
	memset(more + w->n_cells, 0, (n - w->n_cells) * sizeof(*more));
	w->cells = more;
	w->n_cells = n;
	return 0;
}

static int count_value(struct series *w, uint32_t value, uint64_t step, uint64_t count)
{
	int r = widen_cells(w, value);

	if (r < 0)
		return r;
	w->values.count[value] += count;
	if (!w->too_many)
		w->cells[(size_t)value * w->out.n_steps + step] += count;
	return 0;
}

static int add_sample(struct series *w, const char *by, const struct block_sample *s)
{
	struct scan *c = &w->scan;
	uint64_t time_ms = c->all_in_range ? c->head.from_ms : s->time_ms, step;
	uint32_t value = 0, line;
	int r = value_of(w, by, s->labels, &value);

	if (r < 0)
		return r;
	step = (time_ms * NS_PER_MS - w->out.start_ns) / w->out.step_ns;
	if (step >= w->out.n_steps)
		return 0;
	if (!w->line_of)
		return count_value(w, value, step, s->count);
	line = w->line_of[value];
	if (line != UINT32_MAX)
		w->out.lines[line].count[step] += s->count;
	return 0;
}

/* One pass: each value with its steps or, where there were too many, the lines that were chosen. */
static int pass(struct series *w, const char *by)
{
	struct scan *c = &w->scan;
	int r;

	while ((r = scan_next(c)) > 0) {
		if (c->dict_changed && (r = change_dict(w)) < 0)
			return r;
		for (uint32_t i = 0; i < c->block.n_samples; i++) {
			r = scan_takes(c, &c->block.samples[i]);
			if (r > 0)
				r = add_sample(w, by, &c->block.samples[i]);
			if (r < 0)
				return r;
		}
	}
	return r;
}

static int choose_lines(struct series *w)
{
	_cleanup_free_ uint32_t *order = NULL;
	uint32_t n = w->values.n;
	int r = tally_order(&w->values, &order);

	if (r < 0)
		return r;
	w->line_of = malloc(((size_t)n + 1) * sizeof(*w->line_of));
	w->out.lines = calloc(n < STORE_SERIES_LINES_MAX ? n + 1 : STORE_SERIES_LINES_MAX,
			      sizeof(*w->out.lines));
	if (!w->line_of || !w->out.lines)
		return -ENOMEM;
	memset(w->line_of, 0xff, ((size_t)n + 1) * sizeof(*w->line_of));
	for (uint32_t i = 0; i < n; i++) {
		struct store_series_line *line = &w->out.lines[w->out.n_lines];

		if (!w->values.count[order[i]])
			continue;
		if (w->out.n_lines == STORE_SERIES_LINES_MAX) {
			w->out.more_lines++;
			w->out.more_count += w->values.count[order[i]];
			continue;
		}
		line->label = strdup(tally_text(&w->values, order[i]));
		line->count = calloc((size_t)w->out.n_steps + 1, sizeof(*line->count));
		line->total = w->values.count[order[i]];
		if (line->count && w->cells)
			memcpy(line->count, w->cells + (size_t)order[i] * w->out.n_steps,
			       w->out.n_steps * sizeof(*line->count));
		w->line_of[order[i]] = (uint32_t)w->out.n_lines++;
		if (!line->label || !line->count)
			return -ENOMEM;
	}
	return 0;
}

int store_query_series(struct store *s, const struct store_query *q, uint64_t step_ns,
		       const char *by, struct store_series *ret, struct err *err)
{
	_cleanup_(series_done) struct series w = {};
	const char *const labels[] = {by, NULL};
	int r = scan_open(&w.scan, s, q, "series", err);

	if (r < 0)
		return r;
	w.scan.no_stacks = true;
	w.scan.no_labels = !by;
	r = choose_steps(&w, step_ns, err);
	if (r < 0)
		return r;
	/* Steps of a part of a millisecond are no reason to read sums. */
	if (w.out.step_ns % NS_PER_MS == 0) {
		w.scan.start_ms = w.out.start_ns / NS_PER_MS;
		w.scan.step_ms = w.out.step_ns / NS_PER_MS;
		r = scan_use_sums(&w.scan, labels);
	}
	if (r >= 0)
		r = tally_init(&w.values);
	if (r >= 0)
		r = pass(&w, by);
	if (r >= 0)
		r = choose_lines(&w);
	w.out.period_ns = scan_period_ns(&w.scan);
	if (r >= 0 && w.too_many) {
		scan_rewind(&w.scan);
		r = pass(&w, by);
	}
	r = scan_end(&w.scan, r, err);
	if (r < 0)
		return r;
	*ret = w.out;
	w.out = (struct store_series){};
	return 0;
}

/* ---- heat map ---- */

void store_heatmap_done(struct store_heatmap *h)
{
	free(h->count);
	*h = (struct store_heatmap){};
}

static int fill_heatmap(struct scan *c, struct store_heatmap *h)
{
	uint64_t start_ms = h->start_ns / NS_PER_MS;
	int r;

	while ((r = scan_next(c)) > 0) {
		for (uint32_t i = 0; i < c->block.n_samples; i++) {
			const struct block_sample *s = &c->block.samples[i];

			r = scan_takes(c, s);
			if (r < 0)
				return r;
			if (r == 0)
				continue;
			h->count[(s->time_ms - start_ms) / (STORE_HEATMAP_SLOT_NS / NS_PER_MS)] +=
				(uint32_t)s->count;
		}
	}
	return r;
}

int store_query_heatmap(struct store *s, const struct store_query *q, struct store_heatmap *ret,
			struct err *err)
{
	_cleanup_(store_heatmap_done) struct store_heatmap h = {};
	_cleanup_(scan_close) struct scan c = {};
	uint64_t first, end;
	int r = scan_open(&c, s, q, "heatmap", err);

	if (r < 0)
		return r;
	c.no_stacks = c.no_labels = true;
	first = c.from_ms / 1000;
	end = c.until_ms / 1000 + (c.until_ms % 1000 != 0);
	if (end < first || end - first > STORE_HEATMAP_COLUMNS_MAX)
		return err_set(err, -E2BIG, "heatmap: a range of more than %d seconds",
			       STORE_HEATMAP_COLUMNS_MAX);
	h.start_ns = first * NS_PER_S;
	h.n_columns = (uint32_t)(end - first);
	h.count = calloc((size_t)h.n_columns * STORE_HEATMAP_SLOTS + 1, sizeof(*h.count));
	r = h.count ? fill_heatmap(&c, &h) : -ENOMEM;
	r = scan_end(&c, r, err);
	if (r < 0)
		return r;
	*ret = h;
	h.count = NULL;
	return 0;
}
