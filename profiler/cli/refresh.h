/*
 * `hearth symbolize --refresh`: frames of a store that lack a name or a source file are named anew,
 * from what the host and servers have now (renamer.h), by the daemon that writes the store, or here
 * where none does.
 */
#pragma once

#include "profiler/base/err.h"
#include "profiler/debug_servers.h"

#include <stdbool.h>

/*
 * 0, and on stdout what came of it, or that a daemon was told to do it. Negative errno and the
 * sentence.
 */
int refresh_store(const char *store, const struct debug_servers *servers, bool as_json,
		  struct err *err);
