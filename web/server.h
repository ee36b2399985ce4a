/*
 * The HTTP server: the table of DESIGN's paths over one store, in a process of its own.
 *
 * It reads the store and writes nothing. What only other processes know it asks through the
 * callbacks below, which the process that starts it provides. Connections, headers, bodies and
 * times are bounded (web/API.md has the table of limits).
 */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/base/err.h"
#include "web/code.h"
#include "web/source.h"

#include <stdbool.h>
#include <stddef.h>

#define WEB_HOST_NAMES_MAX 16
#define WEB_TOKEN_BYTES	   256
#define WEB_URL_BYTES_MAX  512

enum web_live {
	WEB_LIVE_STATUS, /* the JSON of /api/v1/status */
	WEB_LIVE_METRICS, /* Prometheus text of the daemon's own counters */
};

struct web_config {
	const char *store_path;
	const char *listen; /* ADDR:PORT, [V6]:PORT or unix:PATH; port 0 is any */
	const char *token; /* NULL: none is asked for */
	const char *host_names
		[WEB_HOST_NAMES_MAX]; /* allowed in Host, besides localhost and IP literals */
	size_t n_host_names;
	const char *source_dirs[WEB_SOURCE_DIRS_MAX]; /* below which source files are read */
	size_t n_source_dirs;
	/*
	 * The address of speedscope, which may read profiles in its format from this server; NULL:
	 * none.
	 */
	const char *speedscope;
	const char *version;
	/*
	 * Fill out; 0, or negative errno when the daemon does not answer. Called from any server
	 * thread.
	 */
	int (*live)(void *ctx, enum web_live what, struct buf *out);
	/* Instructions with their text; NULL: nobody disassembles. As live; a sentence in err. */
	int (*code)(void *ctx, const struct web_code_range *of, struct web_code *ret,
		    struct err *err);
	void *ctx;
};

struct web_server;

/*
 * Two steps, so that the caller can give up its privileges between them: open (store connections,
 * the listening socket: every path is looked at here) and run (threads). Errors have their
 * sentence: a port in use, an address that is not ours.
 */
int web_server_open(const struct web_config *config, struct web_server **ret, struct err *err);
const char *web_server_address(
	const struct web_server *w); /* "http://127.0.0.1:7979/", "unix:/run/hearth.sock" */
/* The directories that are to stay readable; borrowed, open until the end. */
const struct web_source_dirs *web_server_sources(const struct web_server *w);
int web_server_run(struct web_server *w, struct err *err); /* starts the threads and returns */
struct web_server *web_server_close(struct web_server *w); /* ends connections within a second */

/*
 * The length of the origin of an http or https URL (scheme, host, port), 0 where text is none, or
 * holds what an address or a header has no place for. Pure.
 */
size_t web_url_origin(const char *text);

/*
 * Whether a listen address is loopback or a unix socket, so that no token is needed. -EINVAL: not
 * an address.
 */
int web_listen_is_local(const char *listen, struct err *err);
