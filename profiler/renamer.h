/*
 * Renamer: names anew what a store has without a name or a source file, in all its epochs, from
 * what the host and servers have now: packages that were installed, servers that can be reached.
 *
 * A file is asked about where it stands at its path, with the build id that it had when it was
 * sampled and of the same owner (or root's), and where everybody or that owner may read it; others
 * are left as they are, and counted. It has a resolve of its own, for as long as it runs, and does
 * a step at a time on the thread that has the store's feeds: beside a daemon's other work, or
 * alone.
 */
#pragma once

#include "profiler/base/err.h"
#include "profiler/debug_servers.h"
#include "storage/store.h"

#include <stdbool.h>
#include <stdint.h>

struct renamer;

struct renamer_options {
	const struct debug_servers *servers; /* asked for debug files; NULL: none */
	const char *room_dir; /* as of struct resolve_options */
	bool sandbox;
};

struct renamer_counts {
	struct store_refreshed frames;
	uint64_t files, gone; /* asked about; not there as they were */
};

/* The store's writer, which outlives it. 0, or negative errno and the sentence. */
int renamer_new(const struct renamer_options *options, struct store *s, struct renamer **ret,
		struct err *err);
struct renamer *renamer_free(struct renamer *r); /* at most a second */

int renamer_fd(const struct renamer *r); /* readable when there may be a step to do */
/*
 * Go on: 1: there is more, when renamer_fd() is readable or RENAMER_STEP_MS have passed; 0: all is
 * done; or negative errno and the sentence: it is over. RENAMER_WORK: renamer_work() is to be
 * called before the next step, as store_refresh_work() is.
 */
#define RENAMER_STEP_MS 100
#define RENAMER_WORK	2
int renamer_step(struct renamer *r, struct err *err);
void renamer_work(void *renamer); /* the next step tells how it failed */
struct renamer_counts renamer_counts(const struct renamer *r);
