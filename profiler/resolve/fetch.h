/*
 * Debug files of debuginfod servers: from a build id to a file, by the cache on disk or by the
 * fetcher, a process of its own that may connect and nothing else.
 *
 * What a server sends is as foreign as any file: whoever parses it looks at its build id. It is
 * kept by trust domain, so that nobody's question fills another's cache. A server that cannot be
 * reached or does not answer is left alone for a while, longer each time.
 */
#pragma once

#include "profiler/base/err.h"
#include "profiler/base/json.h"
#include "profiler/debug_servers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FETCH_FILE_MS	  600000 /* for one file from one server */
#define FETCH_FILES_MAX	  4096 /* kept */
#define FETCH_DOWN_MS	  30000 /* how long a server is left alone at first, */
#define FETCH_DOWN_MS_MAX 960000 /* and at last */
#define FETCH_IDLE_MS	  120000 /* without a question the fetcher ends */

struct fetch;

struct fetch_options {
	struct debug_servers servers;
	const char *directory; /* of the cache: made (0700) where it is not there */
	bool sandbox;
	uint32_t file_ms; /* 0: FETCH_FILE_MS */
};

/* Starts no process yet. Negative errno and the sentence: that cache cannot be used. */
int fetch_new(const struct fetch_options *options, struct fetch **ret, struct err *err);
struct fetch *fetch_free(struct fetch *f);

/* What is in the cache: a descriptor for reading, the caller's, or -ENOENT. Any thread. */
int fetch_find(const struct fetch *f, uint32_t domain, const uint8_t *build_id, size_t bytes);

/*
 * The same, and where it is not there from the servers, one after the other: blocks for as long as
 * these take. One thread at a time. -ENOENT: none of them has it; -EAGAIN: one could not be asked,
 * it may be worth asking later; else what was wrong; the sentence in err.
 */
int fetch_get(struct fetch *f, uint32_t domain, const uint8_t *build_id, size_t bytes,
	      struct err *err);

/* What was found is not what it should be: it goes. Any thread. */
void fetch_refuse(struct fetch *f, uint32_t domain, const uint8_t *build_id, size_t bytes);

/* fetch_get() ends soon, and so does each further one: -ECANCELED. Any thread. */
void fetch_cancel(struct fetch *f);
/* End the fetcher when it was not asked for FETCH_IDLE_MS. By the thread of fetch_get(). */
void fetch_rest(struct fetch *f);
/* Ask again those that were left alone. Any thread. */
void fetch_forgive(struct fetch *f);

int fetch_pid(const struct fetch *f); /* of the fetcher, 0: none runs */
/* Members of an open object: servers (each with what came of it), bytes, cache_bytes. */
void fetch_status(const struct fetch *f, struct json *j);
