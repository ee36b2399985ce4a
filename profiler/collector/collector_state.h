/* What the files of the collector share; for collector*.c only. */
#pragma once

#include "profiler/collector/collector.h"
#include "profiler/collector/bpf_object.h"
#include "profiler/collector/events.h"
#include "profiler/collector/labels.h"
#include "profiler/collector/objects.h"
#include "profiler/collector/running.h"
#include "profiler/collector/sampler.h"
#include "profiler/collector/snapshots.h"
#include "profiler/collector/stacks.h"
#include "profiler/collector/tables.h"
#include "profiler/resolve/resolve.h"

struct collector {
	struct collector_options options;
	struct bpf_programs *programs;
	struct running *running; /* NULL: not looked for */
	struct sampler *sampler;
	struct events *events;
	struct resolve *resolve;
	struct tables *tables; /* NULL: stacks are walked by frame pointer */
	struct objects *objects;
	struct labels *labels;
	struct stacks *stacks;
	struct jit *jit;
	uint64_t jit_due_ns; /* when all that waits in jit is asked for; monotonic */
	struct snapshots *snapshots; /* NULL: no stacks are copied */
	struct profile *live;
	uint32_t asked; /* locations of live below this were looked at for names */
	uint32_t round; /* of asking, from 1 */
	bool changed; /* objects are, in this round: what lacks something is asked for again */
	int64_t wall_offset_ns; /* wall clock - CLOCK_MONOTONIC */
	int64_t boot_offset_ns; /* wall clock - CLOCK_BOOTTIME */
	uint64_t clock_steps;
	int64_t last_step_ns;
	uint64_t haste_until_ns; /* monotonic; see collector_is_calm() */
	uint64_t received, stored;
	uint64_t loss[COLLECTOR_LOSS_COUNT];
};

/* What waits in jit, where it is time. */
void collector_ask_jit(struct collector *c);
