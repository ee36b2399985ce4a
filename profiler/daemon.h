/*
 * `hearth serve`: sampling into the store for as long as the host runs, and the web process
 * beside it.
 */
#pragma once

#include "profiler/debug_servers.h"
#include "profiler/static_label.h"
#include "profiler/unwind_mode.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAEMON_HOST_NAMES_MAX  16
#define DAEMON_SOURCE_DIRS_MAX 16

struct daemon_options {
	const char *store;
	const char *listen;
	uint32_t frequency_hz;
	uint64_t detail_time_ns, retention_time_ns, retention_bytes;
	const char *token_file; /* NULL: none */
	const char *host_names[DAEMON_HOST_NAMES_MAX];
	size_t n_host_names;
	const char *source_dirs[DAEMON_SOURCE_DIRS_MAX];
	size_t n_source_dirs;
	const char *speedscope; /* NULL: none */
	struct static_labels labels; /* of every sample */
	struct debug_servers servers;
	enum unwind_mode unwind;
	bool sandbox;
};

/* Until SIGTERM or SIGINT. The exit status of the program; failures have been told on stderr. */
int daemon_run(const struct daemon_options *options);
