/*
 * The collector's side of the web worker: started, answered, restarted when it dies, ended.
 *
 * One thread owns a link. Nothing that the worker sends is trusted: it may ask for texts that it
 * publishes anyway and for code of files that everybody may read (code_reader.h), and no more.
 */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/base/err.h"
#include "web/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEB_LINK_START_MS    10000 /* opening a large store takes its time */
#define WEB_LINK_BACKOFF_MS  500 /* before the first restart; doubled each time, up to: */
#define WEB_LINK_BACKOFF_MAX 30000

struct web_link_options {
	const char *store_path;
	const char *listen;
	const char *token; /* NULL: none */
	const char *host_names[WEB_HOST_NAMES_MAX];
	size_t n_host_names;
	const char *source_dirs[WEB_SOURCE_DIRS_MAX];
	size_t n_source_dirs;
	const char *speedscope; /* NULL: none */
	const char *version;
	bool sandbox;
	/* As in struct web_config; called from web_link_dispatch(). */
	int (*live)(void *ctx, enum web_live what, struct buf *out);
	void *ctx;
};

struct web_link;

/*
 * Start the worker and wait until it listens, or for the sentence why it does not. Strings are
 * copied.
 */
int web_link_new(const struct web_link_options *options, struct web_link **ret, struct err *err);
struct web_link *web_link_free(struct web_link *l); /* ends the worker */

/* "http://127.0.0.1:7979/"; the same after a restart. */
const char *web_link_address(const struct web_link *l);
int web_link_pid(const struct web_link *l); /* 0: none runs now */
uint32_t web_link_restarts(const struct web_link *l);

/* Readable when web_link_dispatch() has something to do. */
int web_link_fd(const struct web_link *l);
/*
 * Answer what is asked, notice the worker's end, start it again when it is time. 0; or 1 when it
 * has just ended, and the sentence why, for the log; it is started again later by itself.
 */
int web_link_dispatch(struct web_link *l, struct err *err);
