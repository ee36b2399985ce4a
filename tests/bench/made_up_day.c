/* The made-up day; see made_up_day.h. */
#include "tests/bench/made_up_day.h"

#include <math.h>

#define SLICE_TICKS 6 /* mean of how long a thread keeps its CPU */
#define SHORT_SHARE 0.031 /* of slices that are a new process: 90,000 a day */
#define JITTER_NS   40000

static uint64_t next_random(struct day *d)
{
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	return d->random;
}

static double unit(struct day *d)
{
	return (double)(next_random(d) >> 11) / (double)(1ull << 53);
}

/* Zipf with exponent 1 over [0, n), by inversion of the continuous law. */
static uint32_t zipf(struct day *d, uint32_t n)
{
	uint32_t v = (uint32_t)(exp(unit(d) * log((double)n + 1)) - 1);

	return v < n ? v : n - 1;
}

void day_init(struct day *d, uint64_t seed, uint64_t start_ns)
{
	uint32_t at = 0;

	*d = (struct day){
		.random = seed * 0x9e3779b97f4a7c15ull + 1, .start_ns = start_ns, .next_pid = 1000};
	for (uint32_t p = 0; p < DAY_PROGRAMS; p++) {
		d->first_stack[p] = at;
		at += p + 1 < DAY_PROGRAMS ? 40 + (uint32_t)(unit(d) * 420) : 0;
		if (at > DAY_STACKS - 40)
			at = DAY_STACKS - 40;
		d->threads[p] = 1 + zipf(d, DAY_THREADS_MAX);
	}
	d->first_stack[DAY_PROGRAMS] = DAY_STACKS;
	for (uint32_t c = 0; c < DAY_CPUS; c++)
		d->cpu[c].next_ns = start_ns + (uint64_t)(unit(d) * DAY_PERIOD_NS);
}

static void schedule(struct day *d, struct day_cpu *c)
{
	c->ticks_left = 1 + (uint32_t)(-log(1 - unit(d)) * (SLICE_TICKS - 0.5));
	if (unit(d) < SHORT_SHARE) {
		c->program = DAY_STAYING + zipf(d, DAY_PROGRAMS - DAY_STAYING);
		c->thread = 0;
		c->pid = d->next_pid++;
		return;
	}
	c->program = zipf(d, DAY_STAYING);
	c->thread = zipf(d, d->threads[c->program]);
	c->pid = 100 + c->program;
}

struct day_sample day_next(struct day *d)
{
	struct day_cpu *c = &d->cpu[0];
	struct day_sample s;
	uint32_t first;

	for (uint32_t i = 1; i < DAY_CPUS; i++)
		if (d->cpu[i].next_ns < c->next_ns)
			c = &d->cpu[i];
	if (!c->ticks_left)
		schedule(d, c);
	c->ticks_left--;
	first = d->first_stack[c->program];
	s = (struct day_sample){
		.time_ns = c->next_ns + (uint64_t)(unit(d) * JITTER_NS),
		.program = c->program,
		.thread = c->thread,
		.pid = c->pid,
		.stack = first + zipf(d, d->first_stack[c->program + 1] - first),
	};
	c->next_ns += DAY_PERIOD_NS;
	return s;
}
