/*
 * Times as ticks of clocks: each CPU's timer fires at a constant distance (the tick) with a phase
 * of its own (the clock), so a sample's millisecond is told by which tick of which clock it was,
 * and by how far it was off: mostly 0.
 *
 *	time_ms = base_ms + floor((tick * tick_ns + phase_ns[clock]) / 1,000,000) + off
 */
#pragma once

#include "storage/block.h"

#include <stdint.h>

#define TICKS_CLOCKS_MAX 32
#define TICKS_NS_PER_MS	 1000000ull
#define TICKS_NS_MAX	 3600000000000ull

struct ticks {
	uint64_t base_ms, tick_ns;
	uint32_t n_clocks; /* at least 1 */
	uint64_t phase_ns[TICKS_CLOCKS_MAX]; /* below tick_ns */
};

struct ticks_place {
	uint64_t tick;
	uint32_t clock;
	int64_t off_ms;
};

/*
 * The clocks that explain most of a block's times. A tick_ns below a millisecond, or 0, is taken
 * as one.
 */
void ticks_choose(struct ticks *t, const struct block *b, uint64_t tick_ns);

/* Where a time (not before base) lies; next to after, if that is given and it fits. */
struct ticks_place ticks_place(const struct ticks *t, uint64_t time_ms,
			       const struct ticks_place *after);

/* Back. -EBADMSG where the time is not in [0, BLOCK_TIME_MS_MAX]. */
int ticks_time(const struct ticks *t, const struct ticks_place *at, uint64_t *ret_ms);
