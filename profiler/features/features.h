/*
 * What this kernel and host offer, probed one by one, never guessed from a version: `hearth
 * doctor`, and the refusals of `serve` and `record`.
 */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* X(enum, short name, needed: without it there is no sampling) */
#define FEATURE_LIST(X)                              \
	X(ROOT, "root", true)                        \
	X(KERNEL, "kernel", false)                   \
	X(BTF, "btf", true)                          \
	X(BPF, "bpf", true)                          \
	X(LOCKDOWN, "lockdown", true)                \
	X(PERF_EVENTS, "perf-events", true)          \
	X(RING_BUFFER, "ring-buffer", true)          \
	X(MAPPINGS, "mappings", false)               \
	X(KALLSYMS, "kallsyms", false)               \
	X(CGROUP, "cgroup", false)                   \
	X(HARDWARE_EVENTS, "hardware-events", false) \
	X(JAIL_USERS, "jail-users", false)           \
	X(SECCOMP, "seccomp", false)                 \
	X(LANDLOCK, "landlock", false)               \
	X(DEBUGINFOD, "debuginfod", false)

enum feature_id {
#define FEATURE_ENUM(name, text, needed) FEATURE_##name,
	FEATURE_LIST(FEATURE_ENUM)
#undef FEATURE_ENUM
		FEATURE_COUNT
};

struct feature {
	const char *name;
	bool there;
	bool needed;
	char found[160]; /* what was seen, e.g. "6.18.44, tested from 6.1" */
	char cost[160]; /* what its absence costs; "" when there */
	char advice[200]; /* what to do about it; "" when there */
};

struct features {
	struct feature feature[FEATURE_COUNT];
	bool can_sample;
};

/*
 * Probe all. Takes tens of milliseconds, loads tiny BPF programs where it may, leaves nothing
 * behind.
 */
void features_probe(struct features *ret);

/*
 * Whether servers can be asked for debug files: for `hearth doctor`, because it loads libcurl.
 * Until then that row says nothing.
 */
void features_probe_debuginfod(struct features *ret);

/*
 * The first needed feature that is missing, as one sentence: which, what it costs, what to do.
 * -EPERM where something is missing.
 */
int features_require(const struct features *f, struct err *err);

/*
 * The same of what is probed now, in a millisecond where nothing is missing: the kernel's types are
 * looked for, not looked at.
 */
int features_demand(struct err *err);
