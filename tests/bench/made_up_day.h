/*
 * A made-up day: 2 CPUs at 99 Hz, always busy, 20,000 stacks, about 90,000 short-lived processes
 * among 60 programs that stay. What the store's benchmarks feed it with; the same seed gives the
 * same day.
 */
#pragma once

#include <stdint.h>

#define DAY_CPUS	2
#define DAY_PERIOD_NS	10101010ull
#define DAY_STACKS	20000
#define DAY_PROGRAMS	80 /* the last 20 are those of short-lived processes */
#define DAY_STAYING	60
#define DAY_THREADS_MAX 8

struct day_sample {
	uint64_t time_ns;
	uint32_t stack; /* [0, DAY_STACKS) */
	uint32_t program; /* [0, DAY_PROGRAMS) */
	uint32_t thread; /* of that program, [0, DAY_THREADS_MAX) */
	uint32_t pid;
};

struct day_cpu {
	uint64_t next_ns;
	uint32_t program, thread, pid;
	uint32_t ticks_left;
};

struct day {
	uint64_t random, start_ns;
	uint32_t next_pid;
	struct day_cpu cpu[DAY_CPUS];
	uint32_t first_stack[DAY_PROGRAMS + 1];
	uint32_t threads[DAY_PROGRAMS];
};

void day_init(struct day *d, uint64_t seed, uint64_t start_ns);
struct day_sample day_next(struct day *d);
