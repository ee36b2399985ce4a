/*
 * `hearth symbolize --refresh`: frames of a store that lack a name or a source file are named anew,
 * from what the host and servers have now.
 *
 * A file is asked about where it stands at its path with the build id and the owner that it had
 * when it was sampled; others are left as they are, and counted.
 */
#pragma once

#include "profiler/base/err.h"
#include "profiler/debug_servers.h"

#include <stdbool.h>

/*
 * 0, and what came of it on stdout; where a daemon writes the store, it is told to look for debug
 * information itself. Negative errno and the sentence.
 */
int refresh_store(const char *store, const struct debug_servers *servers, bool as_json,
		  struct err *err);
