/*
 * The timers: one perf event a CPU that runs the sampling program, following CPUs as they come and
 * go.
 *
 * PERF_COUNT_SW_CPU_CLOCK at a fixed period. The events end with their descriptors. Not
 * thread-safe.
 */
#pragma once

#include "profiler/base/err.h"
#include "profiler/collector/bpf_object.h"

struct sampler;

int sampler_start(struct bpf_programs *programs, uint32_t frequency_hz, struct sampler **ret,
		  struct err *err);
struct sampler *sampler_stop(struct sampler *s);

/*
 * Look which CPUs are online, and whether the timer of each is alive: one that was offline between
 * two looks has lost its own (once a second is enough). 0, or the first error of a CPU that should
 * be sampled.
 */
int sampler_refresh(struct sampler *s, struct err *err);
unsigned int sampler_cpus(const struct sampler *s);
