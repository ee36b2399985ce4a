/* Samples over time: by a label, and by slots of each second. */
#include <errno.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/json.h"
#include "web/api.h"

static void add_line(struct json *j, const struct store_series *series,
		     const struct store_series_line *line, const char *by)
{
	json_object_begin(j);
	json_key(j, "labels");
	json_object_begin(j);
	if (by)
		json_kv_str(j, by, line->label);
	json_object_end(j);
	json_key(j, "values");
	json_array_begin(j);
	for (uint32_t i = 0; i < series->n_steps; i++)
		json_u64(j, line->count[i] * series->period_ns);
	json_array_end(j);
	json_object_end(j);
}

int web_api_series(struct web_service *w, struct store *s, struct web_request *q, struct err *err)
{
	_cleanup_(store_series_done) struct store_series series = {};
	struct store_query query = web_request_query(q);
	const char *by = q->params.value[WEB_PARAM_BY];
	struct json j;
	int r;

	(void)w;
	if (q->params.n_by > 1)
		return err_set(err, -EINVAL, "by: one label at most");
	r = store_query_series(s, &query, q->params.step_ns, by, &series, err);
	if (r < 0)
		return r;
	web_request_begin(q, "application/json");
	json_init(&j, &q->body);
	json_object_begin(&j);
	json_kv_u64(&j, "start_ns", series.start_ns);
	json_kv_u64(&j, "step_ns", series.step_ns);
	json_kv_u64(&j, "period_ns", series.period_ns);
	json_key(&j, "series");
	json_array_begin(&j);
	for (size_t i = 0; i < series.n_lines; i++)
		add_line(&j, &series, &series.lines[i], by);
	json_array_end(&j);
	json_key(&j, "more");
	json_object_begin(&j);
	json_kv_u64(&j, "series", series.more_lines);
	json_kv_u64(&j, "cpu_ns", series.more_count * series.period_ns);
	json_object_end(&j);
	json_object_end(&j);
	return q->body.err;
}

int web_api_heatmap(struct web_service *w, struct store *s, struct web_request *q, struct err *err)
{
	_cleanup_(store_heatmap_done) struct store_heatmap map = {};
	struct store_query query = web_request_query(q);
	struct json j;
	int r = store_query_heatmap(s, &query, &map, err);

	(void)w;
	if (r < 0)
		return r;
	web_request_begin(q, "application/json");
	json_init(&j, &q->body);
	json_object_begin(&j);
	json_kv_u64(&j, "start_ns", map.start_ns);
	json_kv_u64(&j, "slot_ns", STORE_HEATMAP_SLOT_NS);
	json_kv_u64(&j, "slots_per_column", STORE_HEATMAP_SLOTS);
	json_key(&j, "values");
	json_array_begin(&j);
	for (size_t i = 0; i < (size_t)map.n_columns * STORE_HEATMAP_SLOTS; i++)
		json_u64(&j, map.count[i]);
	json_array_end(&j);
	json_object_end(&j);
	return q->body.err;
}
