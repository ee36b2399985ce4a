/*
 * The status: what `status --json`, /api/v1/status and /metrics say of a running daemon. DESIGN's
 * contract, formats of our own.
 */
#pragma once

#include "profiler/collector/collector.h"
#include "profiler/base/buf.h"
#include "profiler/renamer.h"
#include "storage/store.h"

#define STATUS_PROCESSES_MAX 16
#define STATUS_BYTES_MAX     (1u << 20)

struct status_process {
	const char *role;
	int pid;
};

struct status_input {
	struct collector *collector;
	const struct store_summary *store; /* NULL: not known yet */
	const char *store_path;
	const char *address; /* of the web page, "" for none */
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	uint32_t frequency_hz;
	const char *store_error; /* the last failed write, "" when writing goes on */
	const struct renamer_counts *renaming; /* of all that is stored, the last; NULL: never */
	bool is_renaming; /* it goes on */
	bool previous_unclean; /* the daemon before this one ended without its last second */
	struct status_process process[STATUS_PROCESSES_MAX];
	size_t n_processes;
};

int status_json(const struct status_input *in, struct buf *out);
/*
 * The part that the store keeps for `status` without a daemon: samples and unwinding, no processes.
 */
int status_counters_json(const struct status_input *in, struct buf *out);
int status_metrics(const struct status_input *in, struct buf *out);
