/*
 * The collector: kernel programs, timers, records, objects, labels, stacks and names, run together
 * over one live profile.
 *
 * `record` and `serve` differ in what they do with the live profile; everything before that is
 * here. One thread calls everything; resolve has threads of its own. Two descriptors tell when
 * there is work: collector_fds().
 */
#pragma once

#include "bpf/abi.h"
#include "profiler/base/err.h"
#include "profiler/base/json.h"
#include "profiler/debug_servers.h"
#include "profiler/static_label.h"
#include "profiler/collector/jit.h"
#include "profiler/unwind_mode.h"
#include "storage/profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COLLECTOR_PENDING_MAX \
	1000000 /* samples kept while they cannot be written; more are dropped and counted */
/*
 * A live profile is replaced where it and the dictionaries of its store are larger than the first
 * together, but not while it is smaller than the second: a new one costs looking all up again.
 */
#define COLLECTOR_LIVE_BYTES	 (16u << 20)
#define COLLECTOR_LIVE_BYTES_MIN (2u << 20)

/* Where unwind tables are kept, and what is too large for the memory of a worker. */
#define COLLECTOR_CACHE "/var/cache/hearth"

/* Samples that user space lost. X(enum, short name, sentence) */
#define COLLECTOR_LOSS_LIST(X)                                                   \
	X(STORE_FULL, "store-full",                                              \
	  "samples dropped because the store could not be written for too long") \
	X(MEMORY, "memory", "samples dropped because memory ran out")            \
	X(MALFORMED, "malformed", "records that were not what they said")

enum collector_loss {
#define COLLECTOR_LOSS_ENUM(name, shortname, sentence) COLLECTOR_LOSS_##name,
	COLLECTOR_LOSS_LIST(COLLECTOR_LOSS_ENUM)
#undef COLLECTOR_LOSS_ENUM
		COLLECTOR_LOSS_COUNT
};

struct collector_options {
	uint32_t frequency_hz;
	bool user, kernel;
	bool filter; /* rules will be set before the start */
	bool follow; /* a command's descendants */
	bool merge; /* the live profile adds samples up instead of keeping their times */
	enum unwind_mode unwind;
	const struct static_labels *labels; /* of every sample; borrowed; NULL: none */
	const struct debug_servers *servers; /* asked for debug files; NULL: none */
	bool sandbox;
};

struct collector;

/* Everything is loaded, opened and forked; nothing is sampled yet. */
int collector_new(const struct collector_options *options, struct collector **ret, struct err *err);
struct collector *collector_free(struct collector *c);

int collector_filter_pid(struct collector *c, uint32_t pid, bool tree);
int collector_forget_pid(struct collector *c, uint32_t pid);
/* A path below /sys/fs/cgroup, or as /proc/PID/cgroup prints it. */
int collector_filter_cgroup(struct collector *c, const char *path, struct err *err);

int collector_start(struct collector *c, struct err *err); /* timers run */
void collector_stop(struct collector *c); /* timers end; what is under way is taken in */

struct collector_fds {
	/* readable when records are urgent; read them ten times a second anyway, calm: twice */
	int ring;
	int names; /* readable when names have arrived */
};
struct collector_fds collector_fds(const struct collector *c);

/* Whether nothing that is sampled lately waits for its record to be taken in. */
bool collector_is_calm(const struct collector *c);
/* Take in the records that are there. */
int collector_take_records(struct collector *c);
/* Take in the names that have arrived. */
int collector_take_names(struct collector *c);
/* Ask for the names of locations that nobody asked for yet. */
int collector_ask_names(struct collector *c);
/* Debug files that servers are being asked for; names come of them later. */
size_t collector_fetching(const struct collector *c);
/* Look now whether debug information has turned up. */
void collector_look_again(struct collector *c);
/* Names that are awaited, and samples that wait for those of their JIT code. */
size_t collector_names_pending(const struct collector *c);
/* No name is waited for any longer: the samples that wait go on without. */
void collector_give_up_names(struct collector *c);

/* Once a second: CPUs that came or went, the clock. */
int collector_tick(struct collector *c, struct err *err);

struct profile *collector_live(struct collector *c); /* borrowed until collector_renew() */
bool collector_wants_renewal(const struct collector *c, size_t store_bytes);
int collector_renew(
	struct collector *c); /* a fresh live profile; its samples must have been written */

/* The samples of live have been written: they are counted as stored, and cleared by the writer. */
void collector_stored(struct collector *c, uint64_t samples);

struct collector_counts {
	uint64_t kernel[ABI_COUNTER_COUNT];
	uint64_t loss[COLLECTOR_LOSS_COUNT];
	uint64_t received, stored;
	const uint64_t *ends; /* enum abi_end */
	uint64_t map_bytes;
	unsigned int cpus;
	uint64_t objects;
	struct jit_counts jit;
	uint64_t clock_steps;
	int64_t last_step_ns;
};
int collector_counts(struct collector *c, struct collector_counts *ret);
/* Everything that was lost so far, as losses of p. */
int collector_add_losses(struct collector *c, struct profile *p);

/* Borrowed, for the status. */
struct resolve *collector_resolve(struct collector *c);
struct objects *collector_objects(struct collector *c);
const struct quality *collector_quality(struct collector *c);
const struct tables *collector_tables(struct collector *c); /* NULL: there are none */
