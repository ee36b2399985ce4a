/*
 * Unwind tables of files for a command: a symbolizer worker in its jail does the parsing, also for
 * root.
 *
 * Files of different owners are never parsed by the same run of a worker, and one that a file ends
 * or keeps busy costs that file alone. Not thread-safe.
 */
#pragma once

#include "profiler/base/err.h"
#include "profiler/jail/jail.h"
#include "profiler/jail/protocol_table.h"

#include <stdbool.h>
#include <sys/types.h>

struct table_worker {
	struct jail_worker worker; /* pid 0: none runs */
	uid_t domain; /* owner of the files that it has seen */
};

/*
 * The table of the file at path; ask: bits of enum protocol_table_ask. 0, or negative errno and the
 * sentence, which begins with the path.
 */
int table_worker_ask(struct table_worker *w, const char *path, uint32_t ask,
		     struct protocol_table *ret, struct err *err);
void table_worker_done(struct table_worker *w); /* a zeroed one is allowed */
