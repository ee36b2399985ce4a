/* `hearth record`: one profile of the host, of processes or of a command; no store. */
#pragma once

#include "profiler/base/err.h"
#include "profiler/debug_servers.h"
#include "profiler/unwind_mode.h"
#include "web/export/export.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RECORD_PIDS_MAX 1024

struct record_options {
	uint32_t frequency_hz;
	uint64_t duration_ns; /* 0: until Ctrl-C, COMMAND's end, or the end of all pids */
	uint32_t pids[RECORD_PIDS_MAX];
	size_t n_pids;
	const char *
		/* NULL: any; a path below /sys/fs/cgroup or as /proc/PID/cgroup prints it */
		cgroup;
	bool user_only, kernel_only;
	struct debug_servers servers;
	enum unwind_mode unwind;
	bool sandbox;
	bool to_terminal; /* no -o, and stdout is a terminal: a table of the top */
	enum export_format format;
	const char *output; /* NULL: stdout */
	char *const *command; /* NULL: none; argv, NULL-terminated */
	bool json; /* with --json: the summary on stderr as JSON */
};

/* The exit status of the program: COMMAND's, or 0; 1 with a sentence on stderr. */
int record_run(const struct record_options *options);
