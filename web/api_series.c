/* Samples over time: by a label, and by slots of each second. */
#include <errno.h>

#include "profiler/base/cleanup.h"
#include "web/api.h"
#include "web/times.h"

int web_api_series(struct web_service *w, struct store *s, struct web_request *q, struct err *err)
{
	_cleanup_(store_series_done) struct store_series series = {};
	struct store_query query = web_request_query(q);
	const char *by = q->params.value[WEB_PARAM_BY];
	int r;

	(void)w;
	if (q->params.n_by > 1)
		return err_set(err, -EINVAL, "by: one label at most");
	r = store_query_series(s, &query, q->params.step_ns, by, &series, err);
	if (r < 0)
		return r;
	web_request_begin(q, "application/json");
	return web_times_write_series(&series, by, NULL, &q->body);
}

int web_api_heatmap(struct web_service *w, struct store *s, struct web_request *q, struct err *err)
{
	_cleanup_(store_heatmap_done) struct store_heatmap map = {};
	struct store_query query = web_request_query(q);
	int r = store_query_heatmap(s, &query, &map, err);

	(void)w;
	if (r < 0)
		return r;
	web_request_begin(q, "application/json");
	return web_times_write_heatmap(&map, &q->body);
}
