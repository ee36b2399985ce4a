/* What there is to ask for: names of labels, and values of one. */
#include "profiler/base/cleanup.h"
#include "profiler/base/json.h"
#include "web/api.h"

static int write_values(struct web_request *q, const char *member, const struct store_values *v)
{
	struct json j;

	web_request_begin(q, "application/json");
	json_init(&j, &q->body);
	json_object_begin(&j);
	json_key(&j, member);
	json_array_begin(&j);
	for (size_t i = 0; i < v->n; i++)
		json_str(&j, v->value[i]);
	json_array_end(&j);
	json_object_end(&j);
	return q->body.err;
}

int web_api_labels(struct web_service *w, struct store *s, struct web_request *q, struct err *err)
{
	_cleanup_(store_values_done) struct store_values values = {};
	struct store_query query = web_request_query(q);
	int r = store_query_labels(s, &query, &values, err);

	(void)w;
	return r < 0 ? r : write_values(q, "labels", &values);
}

int web_api_values(struct web_service *w, struct store *s, struct web_request *q, struct err *err)
{
	_cleanup_(store_values_done) struct store_values values = {};
	struct store_query query = web_request_query(q);
	int r = store_query_label_values(s, &query, q->name, &values, err);

	(void)w;
	return r < 0 ? r : write_values(q, "values", &values);
}
