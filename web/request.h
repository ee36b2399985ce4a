/*
 * One request while it is answered: what was asked, and the answer as it grows.
 *
 * A handler runs on a worker thread with a store of its own; it fills body and type, or fails with
 * a sentence. It knows nothing of HTTP beside the content type.
 */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/base/err.h"
#include "storage/store.h"
#include "web/params.h"
#include "web/server.h"
#include "web/source.h"

#include <stdatomic.h>

#define WEB_ANSWER_BYTES_MAX (256u << 20)
#define WEB_QUERY_LIMIT_NS   UINT64_C(10000000000)
#define WEB_PAGE_LIMIT_NS    UINT64_C(150000000) /* from then on the page is better without it */
#define WEB_NAME_BYTES	     256 /* NAME in /api/v1/labels/NAME/values */
#define WEB_FILE_BYTES	     64

/* X(enum, name in /metrics, sentence): since the server's start. */
#define WEB_COUNTER_LIST(X)                                                           \
	X(REQUESTS, "requests_total", "Requests that were answered")                  \
	X(REFUSED, "requests_refused_total", "Answers with a status from 400 to 499") \
	X(FAILED, "requests_failed_total", "Answers with a status from 500 on")       \
	X(TIMEOUTS, "query_timeouts_total", "Queries that reached their time limit")  \
	X(CANCELLED, "queries_cancelled_total", "Queries whose client went away")

enum web_counter {
#define WEB_COUNTER_ENUM(name, text, sentence) WEB_COUNTER_##name,
	WEB_COUNTER_LIST(WEB_COUNTER_ENUM)
#undef WEB_COUNTER_ENUM
		WEB_COUNTER_COUNT
};

struct web_request {
	struct web_params params;
	char name[WEB_NAME_BYTES]; /* the variable part of the path, "" where it has none */
	bool accepts_gzip, accepts_binary;
	uint64_t deadline_ns; /* CLOCK_MONOTONIC */
	atomic_bool cancel; /* the client has gone, or the server ends */

	/* the answer */
	unsigned int status;
	const char *type;
	char file[WEB_FILE_BYTES]; /* saved under this name; "" shown */
	bool gzipped;
	struct buf body;
};

/* What handlers know of their server; the same for all requests. */
struct web_service {
	const struct web_config *config;
	const struct web_source_dirs *sources;
	uint64_t start_ns; /* CLOCK_MONOTONIC */
	atomic_ulong counter[WEB_COUNTER_COUNT];
};

/* 0, or negative errno with a sentence; 0 with status 0 is 200. */
typedef int (*web_handler)(struct web_service *w, struct store *s, struct web_request *q,
			   struct err *err);

/* The question that the parameters make. Borrows from q. */
struct store_query web_request_query(const struct web_request *q);

/* A struct buf for the answer's JSON or text; type as in HTTP. */
void web_request_begin(struct web_request *q, const char *type);

/* The answer becomes the JSON of an error, its status made from code (negative errno). */
void web_request_fail(struct web_request *q, int code, const char *sentence);
/* The same with a status of HTTP that no errno stands for. */
void web_request_refuse(struct web_request *q, unsigned int status, const char *word,
			const char *sentence);

/* Compress the body where the client takes it and it is worth it. */
void web_request_compress(struct web_request *q);

/*
 * Whether a list as of Accept or Accept-Encoding (NULL: no such header) names this and does not
 * refuse it; a wildcard names nothing. Pure.
 */
bool web_accepts(const char *list, const char *name);
