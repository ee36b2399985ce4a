/* Which files were replaced by another build in a range, and when. */
#include "profiler/base/cleanup.h"
#include "profiler/base/json.h"
#include "web/api.h"
#include "web/builds.h"

static void write_change(struct json *j, const struct builds_change *c)
{
	json_object_begin(j);
	json_kv_str(j, "path", c->path);
	json_kv_str(j, "before", c->before);
	json_kv_str(j, "after", c->after);
	json_kv_u64(j, "at_ns", c->at_ns);
	json_kv_u64(j, "from_ns", c->from_ns);
	json_kv_u64(j, "until_ns", c->until_ns);
	json_object_end(j);
}

int web_api_builds(struct web_service *w, struct store *s, struct web_request *q, struct err *err)
{
	_cleanup_(builds_done) struct builds builds = {};
	struct store_query query = web_request_query(q);
	struct json j;
	int r = builds_find(s, &query, &builds, err);

	(void)w;
	if (r < 0)
		return r;
	web_request_begin(q, "application/json");
	json_init(&j, &q->body);
	json_object_begin(&j);
	json_key(&j, "changes");
	json_array_begin(&j);
	for (size_t i = 0; i < builds.n; i++)
		write_change(&j, &builds.change[i]);
	json_array_end(&j);
	json_kv_u64(&j, "left_out", builds.left_out);
	json_object_end(&j);
	return q->body.err;
}
