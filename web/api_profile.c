/*
 * Profiles: a merged one, two compared, the last seconds for `go tool pprof`, and the page that
 * comes with its first.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "profiler/base/cleanup.h"
#include "web/api.h"
#include "web/export/flame.h"
#include "web/export/html.h"
#include "web/times.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)
/*
 * Every sample with its time is held in memory at once: so long a range may be asked for, and no
 * longer.
 */
#define SAMPLES_RANGE_MAX_NS (3600 * NS_PER_S)

static void profile_freep(struct profile **p)
{
	profile_free(*p);
}

static bool wants_times(const struct web_request *q)
{
	return q->params.until_ns - q->params.from_ns <= export_format_times_ns(q->params.format);
}

/* Which labels an answer needs: the fewer, the more of the store's sums can be used. NULL: all. */
static const char *const *labels_for(const struct web_request *q, bool diff)
{
	static const char *const comm[] = {"comm", NULL};
	static const char *const process[] = {"comm", "pid", "start", NULL};

	switch (q->params.format) {
	case EXPORT_FOLDED:
	case EXPORT_FLAME:
	case EXPORT_HTML:
		return q->params.n_by ? (const char *const *)q->params.by : comm;
	case EXPORT_SPEEDSCOPE:
		return process;
	default:
		return diff ? comm : NULL;
	}
}

/* "hearth-1764000000.pb.gz" for what is saved and not looked at. */
static void name_file(struct web_request *q, enum export_format f)
{
	if (f == EXPORT_FLAME || f == EXPORT_JSON || f == EXPORT_FOLDED)
		return;
	snprintf(q->file, sizeof(q->file), "hearth-%" PRIu64 "%s", q->params.from_ns / NS_PER_S,
		 export_format_ending(f));
}

static int write_answer(struct web_service *w, struct store *s, struct web_request *q,
			const struct profile *p, const struct profile *base, struct err *err)
{
	_cleanup_(buf_done) struct buf series = {}, heatmap = {};
	enum export_format f = q->params.format;
	struct export_options options = {.base = base,
					 .binary = f == EXPORT_FLAME && q->accepts_binary,
					 .version = w->config->version};
	int r = 0;

	for (size_t i = 0; i < q->params.n_by; i++)
		options.by[i] = q->params.by[i];
	if (f == EXPORT_HTML) {
		struct store_query query = web_request_query(q);

		buf_init(&series, WEB_ANSWER_BYTES_MAX);
		buf_init(&heatmap, WEB_ANSWER_BYTES_MAX);
		r = web_times_read(s, &query, &series, &heatmap, err);
		if (r < 0)
			return r;
		options.series = &series;
		options.heatmap = &heatmap;
	}
	web_request_begin(q, options.binary ? EXPORT_FLAME_BINARY_TYPE : export_format_type(f));
	r = export_write(f, p, &options, &q->body, err);
	if (r == -EFBIG)
		return err_set(err, r,
			       "the answer would be larger than %u MB: ask for a shorter range, a "
			       "narrower match or a denser format",
			       WEB_ANSWER_BYTES_MAX >> 20);
	if (r < 0)
		return r;
	name_file(q, f);
	return 0;
}

static int check_by(const struct web_request *q, struct err *err)
{
	enum export_format f = q->params.format;

	if (q->params.n_by && f != EXPORT_FOLDED && f != EXPORT_FLAME && f != EXPORT_HTML)
		return err_set(err, -EINVAL,
			       "by: only folded, flame and html have labels in comm's place");
	return 0;
}

int web_api_profile(struct web_service *w, struct store *s, struct web_request *q, struct err *err)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	struct store_query query = web_request_query(q);
	bool times = wants_times(q);
	int r = check_by(q, err);

	if (r < 0)
		return r;
	if (q->params.format == EXPORT_SAMPLES &&
	    query.until_ns - query.from_ns > SAMPLES_RANGE_MAX_NS)
		return err_set(
			err, -E2BIG,
			"format=samples: at most an hour at once; hearth export has no limit");
	r = store_query_profile(s, &query, times ? NULL : labels_for(q, false), times, &p, err);
	return r < 0 ? r : write_answer(w, s, q, p, NULL, err);
}

int web_api_page(struct web_service *w, struct store *s, struct web_request *q, struct err *err)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	struct export_options options = {.version = w->config->version};
	struct store_query query;
	struct err ignored = {};

	/* What the page asks for behind it must be the same range, and it counts milliseconds. */
	q->params.from_ns -= q->params.from_ns % NS_PER_MS;
	q->params.until_ns -= q->params.until_ns % NS_PER_MS;
	query = web_request_query(q);
	if (store_query_profile(s, &query, labels_for(q, false), false, &p, &ignored) < 0)
		p = NULL;
	web_request_begin(q, export_format_type(EXPORT_HTML));
	return export_html_page(web_assets, web_assets_n, p, &options, &q->body, err);
}

int web_api_diff(struct web_service *w, struct store *s, struct web_request *q, struct err *err)
{
	_cleanup_(profile_freep) struct profile *p = NULL, *base = NULL;
	struct store_query query = web_request_query(q), base_query = query;
	enum export_format f = q->params.format;
	int r = check_by(q, err);

	if (r < 0)
		return r;
	if (!export_format_compares(f))
		return err_set(err, -EINVAL, "format: %s cannot hold a comparison",
			       export_format_name(f));
	base_query.from_ns = q->params.base_from_ns;
	base_query.until_ns = q->params.base_until_ns;
	if (q->params.value[WEB_PARAM_BASE_MATCH])
		base_query.match = q->params.value[WEB_PARAM_BASE_MATCH];
	r = store_query_profile(s, &query, labels_for(q, true), false, &p, err);
	if (r == 0)
		r = store_query_profile(s, &base_query, labels_for(q, true), false, &base, err);
	return r < 0 ? r : write_answer(w, s, q, p, base, err);
}

int web_api_pprof(struct web_service *w, struct store *s, struct web_request *q, struct err *err)
{
	q->params.format = EXPORT_PPROF;
	return web_api_profile(w, s, q, err);
}
