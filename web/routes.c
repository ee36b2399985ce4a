/* The table of paths; see routes.h. API.md tells users the same. */
#include "web/routes.h"

#include <errno.h>
#include <string.h>

#include "web/api.h"

#define PROFILE_PARAMS \
	(WEB_PARAM_RANGE | WEB_PARAM_BIT(TYPE) | WEB_PARAM_BIT(FORMAT) | WEB_PARAM_BIT(BY))
#define DIFF_PARAMS                                                              \
	(PROFILE_PARAMS | WEB_PARAM_BIT(BASE_FROM) | WEB_PARAM_BIT(BASE_UNTIL) | \
	 WEB_PARAM_BIT(BASE_MATCH))
#define SERIES_PARAMS \
	(WEB_PARAM_RANGE | WEB_PARAM_BIT(TYPE) | WEB_PARAM_BIT(STEP) | WEB_PARAM_BIT(BY))

const struct web_route web_routes[] = {
	{"/api/v1/profile", PROFILE_PARAMS, web_api_profile, false, "a merged profile"},
	{"/api/v1/diff", DIFF_PARAMS, web_api_diff, false, "two ranges compared"},
	{"/api/v1/series", SERIES_PARAMS, web_api_series, false, "CPU time over time"},
	{"/api/v1/heatmap", WEB_PARAM_RANGE | WEB_PARAM_BIT(TYPE), web_api_heatmap, false,
	 "samples by second and slot"},
	{"/api/v1/labels", WEB_PARAM_RANGE, web_api_labels, false, "names of labels"},
	{"/api/v1/labels/NAME/values", WEB_PARAM_RANGE, web_api_values, false, "values of a label"},
	{"/api/v1/builds", WEB_PARAM_RANGE | WEB_PARAM_BIT(TYPE), web_api_builds, false,
	 "files that another build replaced"},
	{"/api/v1/disassembly",
	 WEB_PARAM_RANGE | WEB_PARAM_BIT(TYPE) | WEB_PARAM_BIT(OBJECT) | WEB_PARAM_BIT(FUNCTION),
	 web_api_disassembly, false, "a function with what its instructions cost"},
	{"/api/v1/source",
	 WEB_PARAM_RANGE | WEB_PARAM_BIT(TYPE) | WEB_PARAM_BIT(FILE) | WEB_PARAM_BIT(FUNCTION),
	 web_api_source, false, "a source file with what its lines cost"},
	{"/api/v1/status", 0, web_api_status, false, "counters, losses, the store"},
	{"/api/v1/viewer", 0, web_api_viewer, true, "what this server offers to its page"},
	{"/debug/pprof/profile", WEB_PARAM_BIT(SECONDS) | WEB_PARAM_BIT(MATCH), web_api_pprof,
	 false, "the last N seconds for go tool pprof"},
	{"/metrics", 0, web_api_metrics, false, "Prometheus text"},
	{"/healthz", 0, web_api_healthz, true, "ok while the server runs"},
	{"/readyz", 0, web_api_readyz, false, "ok while the store can be read"},
	{0},
};

const struct web_route web_route_page = {"/", WEB_PARAM_RANGE, web_api_page, false,
					 "the viewer with its first profile"};

/* Whether path is pattern with one part in NAME's place, which is copied. */
static bool path_matches(const char *pattern, const char *path, char *ret_name)
{
	const char *hole = strstr(pattern, "NAME");
	size_t before = hole ? (size_t)(hole - pattern) : 0, len;

	if (!hole)
		return !strcmp(pattern, path);
	if (strncmp(pattern, path, before))
		return false;
	len = strcspn(path + before, "/");
	if (len == 0 || len >= WEB_NAME_BYTES || strcmp(hole + strlen("NAME"), path + before + len))
		return false;
	memcpy(ret_name, path + before, len);
	ret_name[len] = '\0';
	return true;
}

const struct web_route *web_route_find(const char *path, char *ret_name)
{
	ret_name[0] = '\0';
	for (const struct web_route *r = web_routes; r->path; r++)
		if (path_matches(r->path, path, ret_name))
			return r;
	return NULL;
}

static void count(struct web_service *w, enum web_counter which)
{
	atomic_fetch_add(&w->counter[which], 1);
}

/* What went wrong, in the words for users: the store's sentence, or the limit that was reached. */
static void fail(struct web_service *w, struct web_request *q, int code, const struct err *err)
{
	if (code == -ETIMEDOUT) {
		count(w, WEB_COUNTER_TIMEOUTS);
		web_request_fail(
			q, code,
			"the query took longer than 10 seconds: ask for a shorter range or "
			"a simpler match");
	} else if (code == -ECANCELED) {
		count(w, WEB_COUNTER_CANCELLED);
		web_request_fail(q, code, "the query was cancelled");
	} else {
		web_request_fail(q, code, err->code ? err_text(err) : strerror(-code));
	}
}

void web_route_answer(const struct web_route *route, struct web_service *w, struct store *s,
		      struct web_request *q)
{
	struct err err = {};
	int r = atomic_load(&q->cancel) ? -ECANCELED : route->handler(w, s, q, &err);

	if (r == 0)
		r = q->body.err;
	if (r < 0)
		fail(w, q, r, &err);
	else if (!q->status)
		q->status = 200;
	web_request_compress(q);
}
