/* The lines of a source file with what they cost in a range. */
#include <errno.h>
#include <string.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/json.h"
#include "web/api.h"
#include "web/costs.h"
#include "web/source.h"

static void profile_freep(struct profile **p)
{
	profile_free(*p);
}

static size_t lines_of(const struct buf *text)
{
	size_t n = 1;

	for (size_t i = 0; i < text->len; i++)
		n += text->data[i] == '\n';
	return n;
}

struct lines {
	const char *file;
	const char *function; /* NULL: all in the file */
};

/* Line 1 is place 1; place 0 is frames of the file that no line is known of. */
static int64_t line_of(void *ctx, const struct profile *p, uint32_t location, uint32_t i)
{
	const struct lines *of = ctx;
	char scratch[PROFILE_SCRATCH_BYTES];
	struct profile_frame f = profile_location_frame(p, location, i, scratch);

	if (strcmp(f.file, of->file) || (of->function && strcmp(f.function, of->function)))
		return -1;
	return f.line;
}

/* The line of a function that ran most, 0 where none did. */
static int hottest_of(const struct profile *p, size_t n, struct lines of, size_t *ret)
{
	_cleanup_(costs_done) struct costs c = {};
	int r = of.function ? costs_of(p, n, line_of, &of, &c) : 0;

	*ret = 0;
	for (size_t i = 1; i < c.n; i++)
		if (c.self[i] > c.self[*ret] ||
		    (c.self[i] == c.self[*ret] && c.total[i] > c.total[*ret]))
			*ret = i;
	return r;
}

static void write_costs(struct json *j, const struct costs *c)
{
	json_key(j, "lines");
	json_array_begin(j);
	for (size_t i = 0; i < c->n; i++)
		if (c->total[i]) {
			json_array_begin(j);
			json_u64(j, i);
			json_u64(j, c->self[i]);
			json_u64(j, c->total[i]);
			json_array_end(j);
		}
	json_array_end(j);
}

static void write_answer(struct web_request *q, const struct profile *p, const char *file,
			 const struct web_source *source, const struct costs *costs, size_t line)
{
	struct json j;

	web_request_begin(q, "application/json");
	json_init(&j, &q->body);
	json_object_begin(&j);
	json_kv_str(&j, "file", file);
	json_kv_str(&j, "found", source->found);
	json_kv_u64(&j, "modified_ns", source->modified_ns);
	json_kv_u64(&j, "period_ns", p->period_ns);
	json_kv_u64(&j, "samples", profile_sample_count(p));
	json_kv_u64(&j, "line", line);
	write_costs(&j, costs);
	json_key(&j, "text");
	json_str_len(&j, source->text.len ? (const char *)source->text.data : "", source->text.len);
	json_object_end(&j);
}

static int refuse(struct web_request *q, int r, const struct err *err)
{
	web_request_refuse(q,
			   r == -EACCES	 ? 403
			   : r == -EFBIG ? 413
					 : 404,
			   r == -EACCES	 ? "source_refused"
			   : r == -EFBIG ? "source_too_large"
					 : "no_source",
			   err_text(err));
	return 0;
}

int web_api_source(struct web_service *w, struct store *s, struct web_request *q, struct err *err)
{
	static const char *const no_labels[] = {NULL};
	_cleanup_(web_source_done) struct web_source source = {};
	_cleanup_(profile_freep) struct profile *p = NULL;
	_cleanup_(costs_done) struct costs costs = {};
	const char *file = q->params.value[WEB_PARAM_FILE];
	struct store_query query = web_request_query(q);
	size_t n, line = 0;
	int r;

	if (!file || !file[0])
		return err_set(err, -EINVAL, "file: which source file?");
	if (!w->sources->n) {
		web_request_refuse(q, 404, "source_off",
				   "source files are not shown: hearth serve reads none unless it "
				   "is told --source-dir DIR");
		return 0;
	}
	r = web_source_read(w->sources, file, &source, err);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return refuse(q, r, err);
	r = store_query_profile(s, &query, no_labels, false, &p, err);
	n = lines_of(&source.text) + 1;
	if (r == 0)
		r = costs_of(p, n, line_of, &(struct lines){file, NULL}, &costs);
	if (r == 0)
		r = hottest_of(p, n, (struct lines){file, q->params.value[WEB_PARAM_FUNCTION]},
			       &line);
	if (r < 0)
		return r;
	write_answer(q, p, file, &source, &costs, line);
	return q->body.err;
}
