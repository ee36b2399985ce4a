/* One request and its answer; see request.h. */
#include "web/request.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/json.h"
#include "web/gzip.h"

#define COMPRESS_FROM_BYTES 1024
#define COMPRESS_LEVEL	    1 /* tests/bench/bench_export: 16 MB of columns take 70 ms */

struct store_query web_request_query(const struct web_request *q)
{
	return (struct store_query){
		.from_ns = q->params.from_ns,
		.until_ns = q->params.until_ns,
		.match = q->params.value[WEB_PARAM_MATCH],
		.type = q->params.value[WEB_PARAM_TYPE],
		.deadline_ns = q->deadline_ns,
		.cancel = &q->cancel,
	};
}

void web_request_begin(struct web_request *q, const char *type)
{
	buf_clear(&q->body);
	q->type = type;
}

/* X(negative errno, status, word): how failures of the store and of the encoders are told. */
#define FAILURE_LIST(X)                    \
	X(-EINVAL, 400, "bad_request")     \
	X(-E2BIG, 400, "too_much")         \
	X(-EOPNOTSUPP, 400, "bad_request") \
	X(-ENOENT, 404, "not_found")       \
	X(-EFBIG, 413, "answer_too_large") \
	X(-ETIMEDOUT, 503, "timeout")      \
	X(-ECANCELED, 503, "cancelled")    \
	X(-EBUSY, 503, "busy")             \
	X(-EAGAIN, 503, "busy")            \
	X(-ENOMEM, 503, "out_of_memory")

void web_request_fail(struct web_request *q, int code, const char *sentence)
{
	switch (code) {
#define FAILURE_CASE(number, status, word)                     \
	case number:                                           \
		web_request_refuse(q, status, word, sentence); \
		return;
		FAILURE_LIST(FAILURE_CASE)
#undef FAILURE_CASE
	default:
		web_request_refuse(q, 500, "internal", sentence);
	}
}

void web_request_refuse(struct web_request *q, unsigned int status, const char *word,
			const char *sentence)
{
	struct json j;

	web_request_begin(q, "application/json");
	q->status = status;
	q->file[0] = '\0';
	json_init(&j, &q->body);
	json_object_begin(&j);
	json_key(&j, "error");
	json_object_begin(&j);
	json_kv_str(&j, "code", word);
	json_kv_str(&j, "message", sentence);
	json_object_end(&j);
	json_object_end(&j);
	buf_add_char(&q->body, '\n');
}

void web_request_compress(struct web_request *q)
{
	_cleanup_(buf_done) struct buf out;
	struct gzip *g = NULL;

	buf_init(&out, WEB_ANSWER_BYTES_MAX);
	if (!q->accepts_gzip || q->gzipped || q->body.err || q->body.len < COMPRESS_FROM_BYTES ||
	    !strcmp(q->type, "application/octet-stream"))
		return;
	if (gzip_begin(&g, &out, COMPRESS_LEVEL) < 0)
		return;
	gzip_add(g, q->body.data, q->body.len);
	if (gzip_end(g) < 0)
		return;
	buf_done(&q->body);
	q->body = out;
	out = (struct buf){};
	q->gzipped = true;
}

/* q=0, q=0.0, q=0.000: not wanted. */
static bool is_refused(const char *param)
{
	param += strspn(param, "; \t");
	if (strncasecmp(param, "q=0", 3))
		return false;
	param += 3;
	param += *param == '.';
	param += strspn(param, "0");
	return !(*param >= '1' && *param <= '9');
}

bool web_accepts(const char *list, const char *name)
{
	const char *at = list;

	while (at && *at) {
		size_t len;

		at += strspn(at, ", \t");
		len = strcspn(at, ",; \t");
		if (len == strlen(name) && !strncasecmp(at, name, len))
			return !is_refused(at + len + strspn(at + len, " \t"));
		at += strcspn(at, ",");
	}
	return false;
}
