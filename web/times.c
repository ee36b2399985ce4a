/* Samples over time as JSON; see times.h. */
#include "web/times.h"

#include <errno.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/json.h"

static void add_values(struct json *j, const char *name, const struct store_series *series,
		       const struct store_series_line *line)
{
	json_key(j, name);
	json_array_begin(j);
	for (uint32_t i = 0; i < series->n_steps; i++)
		json_u64(j, line->count[i] * series->period_ns);
	json_array_end(j);
}

static void add_line(struct json *j, const struct store_series *series,
		     const struct store_series_line *line, const char *by)
{
	json_object_begin(j);
	json_key(j, "labels");
	json_object_begin(j);
	if (by)
		json_kv_str(j, by, line->label);
	json_object_end(j);
	add_values(j, "values", series, line);
	json_object_end(j);
}

int web_times_write_series(const struct store_series *series, const char *by,
			   const struct store_series *all, struct buf *out)
{
	struct json j;

	json_init(&j, out);
	json_object_begin(&j);
	json_kv_u64(&j, "start_ns", series->start_ns);
	json_kv_u64(&j, "step_ns", series->step_ns);
	json_kv_u64(&j, "period_ns", series->period_ns);
	json_key(&j, "series");
	json_array_begin(&j);
	for (size_t i = 0; i < series->n_lines; i++)
		add_line(&j, series, &series->lines[i], by);
	json_array_end(&j);
	json_key(&j, "more");
	json_object_begin(&j);
	json_kv_u64(&j, "series", series->more_lines);
	json_kv_u64(&j, "cpu_ns", series->more_count * series->period_ns);
	json_object_end(&j);
	if (all && all->n_lines)
		add_values(&j, "all", all, &all->lines[0]);
	json_object_end(&j);
	return out->err;
}

int web_times_write_heatmap(const struct store_heatmap *map, struct buf *out)
{
	struct json j;

	json_init(&j, out);
	json_object_begin(&j);
	json_kv_u64(&j, "start_ns", map->start_ns);
	json_kv_u64(&j, "slot_ns", STORE_HEATMAP_SLOT_NS);
	json_kv_u64(&j, "slots_per_column", STORE_HEATMAP_SLOTS);
	json_key(&j, "values");
	json_array_begin(&j);
	for (size_t i = 0; i < (size_t)map->n_columns * STORE_HEATMAP_SLOTS; i++)
		json_u64(&j, map->count[i]);
	json_array_end(&j);
	json_object_end(&j);
	return out->err;
}

static int read_series(struct store *s, const struct store_query *q, struct buf *out,
		       struct err *err)
{
	_cleanup_(store_series_done) struct store_series series = {}, all = {};
	int r = store_query_series(s, q, 0, "comm", &series, err);

	if (r == 0 && series.more_lines)
		r = store_query_series(s, q, series.step_ns, NULL, &all, err);
	return r < 0 ? r : web_times_write_series(&series, "comm", &all, out);
}

static int read_heatmap(struct store *s, const struct store_query *q, struct buf *out,
			struct err *err)
{
	_cleanup_(store_heatmap_done) struct store_heatmap map = {};
	struct err too_long = {};
	int r = store_query_heatmap(s, q, &map, &too_long);

	if (r == -E2BIG)
		return 0;
	if (r < 0) {
		*err = too_long;
		return r;
	}
	return web_times_write_heatmap(&map, out);
}

int web_times_read(struct store *s, const struct store_query *q, struct buf *series,
		   struct buf *heatmap, struct err *err)
{
	int r = read_series(s, q, series, err);

	return r < 0 ? r : read_heatmap(s, q, heatmap, err);
}
