/* Clocks found in the times of a block; see ticks.h. */
#include "storage/ticks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BINS 2048 /* of a tick: 5 us at 99 Hz */
#define LEAST_PART \
	200 /* a clock that explains less than this part of the samples is not worth its number */

/*
 * A sample in millisecond t fired somewhere in [t, t + 1 ms), so a clock explains all samples
 * whose millisecond began in the last 1 ms before its phase. Take the window with the most
 * samples, and again.
 */
static uint32_t best_window(const uint32_t *bins, uint32_t width, uint32_t *ret_sum)
{
	uint32_t sum = 0, best = 0, at = 0;

	for (uint32_t i = 0; i < width; i++)
		sum += bins[i];
	for (uint32_t i = 0; i < BINS; i++) {
		if (sum > best) {
			best = sum;
			at = i;
		}
		sum += bins[(i + width) % BINS] - bins[i];
	}
	*ret_sum = best;
	return at;
}

static void find_clocks(struct ticks *t, uint32_t *bins, uint32_t n_samples)
{
	uint32_t width = (uint32_t)(BINS * TICKS_NS_PER_MS / t->tick_ns);
	uint32_t sum, at;

	while (t->n_clocks < TICKS_CLOCKS_MAX) {
		at = best_window(bins, width, &sum);
		if (sum < 1 + n_samples / LEAST_PART)
			break;
		t->phase_ns[t->n_clocks++] = (at + width) % BINS * t->tick_ns / BINS;
		for (uint32_t i = 0; i < width; i++)
			bins[(at + i) % BINS] = 0;
	}
}

void ticks_choose(struct ticks *t, const struct block *b, uint64_t tick_ns)
{
	uint32_t bins[BINS] = {};
	uint64_t from, until, back;

	block_span(b, &from, &until);
	*t = (struct ticks){.base_ms = from, .tick_ns = TICKS_NS_PER_MS};
	if (tick_ns >= TICKS_NS_PER_MS && tick_ns <= TICKS_NS_MAX)
		t->tick_ns = tick_ns;
	back = t->tick_ns / TICKS_NS_PER_MS + 1;
	if (t->tick_ns >= 2 * TICKS_NS_PER_MS && back <= from) {
		t->base_ms -= back;
		for (uint32_t i = 0; i < b->n_samples; i++) {
			uint64_t ns = (b->samples[i].time_ms - t->base_ms) * TICKS_NS_PER_MS;

			bins[ns % t->tick_ns * BINS / t->tick_ns]++;
		}
		find_clocks(t, bins, b->n_samples);
	}
	if (!t->n_clocks)
		t->n_clocks = 1;
}

/* ---- places ---- */

/* Milliseconds after base of a tick. Only for ticks of ticks_place(), which cannot overflow. */
static uint64_t tick_ms(const struct ticks *t, uint64_t tick, uint32_t clock)
{
	return (tick * t->tick_ns + t->phase_ns[clock]) / TICKS_NS_PER_MS;
}

static struct ticks_place nearest(const struct ticks *t, uint64_t ms, uint32_t clock)
{
	struct ticks_place at = {.clock = clock};
	uint64_t end_ns = (ms + 1) * TICKS_NS_PER_MS - 1;
	uint64_t before, after;

	if (end_ns > t->phase_ns[clock])
		at.tick = (end_ns - t->phase_ns[clock]) / t->tick_ns;
	before = tick_ms(t, at.tick, clock);
	after = tick_ms(t, at.tick + 1, clock);
	if (ms >= before && ms - before > after - ms) {
		at.tick++;
		before = after;
	}
	at.off_ms = (int64_t)(ms - before);
	return at;
}

struct ticks_place ticks_place(const struct ticks *t, uint64_t time_ms,
			       const struct ticks_place *after)
{
	uint64_t ms = time_ms - t->base_ms;
	struct ticks_place best;

	if (after) {
		best = (struct ticks_place){.tick = after->tick + 1, .clock = after->clock};
		best.off_ms = (int64_t)(ms - tick_ms(t, best.tick, best.clock));
		if (best.off_ms >= -1 && best.off_ms <= 1)
			return best;
	}
	best = nearest(t, ms, after ? after->clock : 0);
	for (uint32_t i = 0; i < t->n_clocks && best.off_ms; i++) {
		struct ticks_place other = nearest(t, ms, i);

		if (llabs(other.off_ms) < llabs(best.off_ms))
			best = other;
	}
	return best;
}

int ticks_time(const struct ticks *t, const struct ticks_place *at, uint64_t *ret_ms)
{
	uint64_t ns;
	int64_t ms;

	if (at->clock >= t->n_clocks || __builtin_mul_overflow(at->tick, t->tick_ns, &ns) ||
	    __builtin_add_overflow(ns, t->phase_ns[at->clock], &ns))
		return -EBADMSG;
	ms = (int64_t)(t->base_ms + ns / TICKS_NS_PER_MS);
	if (__builtin_add_overflow(ms, at->off_ms, &ms) || ms < 0 ||
	    ms > (int64_t)BLOCK_TIME_MS_MAX)
		return -EBADMSG;
	*ret_ms = (uint64_t)ms;
	return 0;
}
