/* Times as ticks of clocks: all are found again, and most lie on a tick. */
#include "storage/ticks.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BASE_MS	  1700000000000ull
#define PERIOD_NS 10101010ull

static void add(struct block *b, uint64_t time_ms)
{
	struct block_sample s = {.time_ms = time_ms, .count = 1};

	assert_int_equal(block_add(b, &s), 0);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Every time of b lies where it is said to; returns how many are off their tick. */
static uint32_t assert_found_again(const struct ticks *t, const struct block *b)
{
	struct ticks_place at, *after = NULL;
	uint32_t off = 0;
	uint64_t back;

	for (uint32_t i = 0; i < b->n_samples; i++) {
		at = ticks_place(t, b->samples[i].time_ms, after);
		after = &at;
		assert_int_equal(ticks_time(t, &at, &back), 0);
		assert_int_equal(back, b->samples[i].time_ms);
		off += at.off_ms != 0;
	}
	return off;
}

static void times_are_found_again_whatever_the_clocks(void **state)
{
	uint64_t random = 5;

	(void)state;
	for (int round = 0; round < 50; round++) {
		uint64_t tick_ns = 1000000 + next_random(&random) % 100000000;
		struct block b = {};
		struct ticks t;

		for (int i = 0; i < 100; i++)
			add(&b, BASE_MS + next_random(&random) % 100000);
		ticks_choose(&t, &b, tick_ns);
		assert_found_again(&t, &b);
		block_done(&b);
	}
}

/* Two CPUs at 99 Hz, 4.2 ms apart: two clocks, and no time is off its tick. */
static void a_clock_is_found_for_each_cpu(void **state)
{
	struct block b = {};
	struct ticks t;

	(void)state;
	for (uint64_t i = 0; i < 2000; i++)
		add(&b, BASE_MS + (300000 + i * PERIOD_NS) / 1000000);
	for (uint64_t i = 0; i < 2000; i++)
		add(&b, BASE_MS + (4500000 + i * PERIOD_NS) / 1000000);
	ticks_choose(&t, &b, PERIOD_NS);
	assert_int_equal(t.tick_ns, PERIOD_NS);
	assert_int_equal(t.n_clocks, 2);
	for (uint32_t i = 0; i < t.n_clocks; i++)
		assert_true(t.phase_ns[i] < t.tick_ns);
	/* A phase is found to 5 us, the half of one in 200 samples. */
	assert_true(assert_found_again(&t, &b) <= b.n_samples / 100);
	block_done(&b);
}

static void a_tick_that_cannot_be_is_a_millisecond(void **state)
{
	static const struct {
		uint64_t asked, taken;
	} cases[] = {{0, TICKS_NS_PER_MS},
		     {1, TICKS_NS_PER_MS},
		     {TICKS_NS_PER_MS - 1, TICKS_NS_PER_MS},
		     {TICKS_NS_PER_MS, TICKS_NS_PER_MS},
		     {TICKS_NS_PER_MS + 1, TICKS_NS_PER_MS + 1},
		     {TICKS_NS_MAX, TICKS_NS_MAX},
		     {TICKS_NS_MAX + 1, TICKS_NS_PER_MS},
		     {UINT64_MAX, TICKS_NS_PER_MS}};
	/* The first millisecond that there is, where no base lies before it, and the last one. */
	static const uint64_t times_ms[] = {0, BLOCK_TIME_MS_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t k = 0; k < 2; k++) {
			struct block b = {};
			struct ticks t;

			add(&b, times_ms[k]);
			ticks_choose(&t, &b, cases[i].asked);
			assert_int_equal(t.tick_ns, cases[i].taken);
			assert_int_equal(t.n_clocks, 1);
			assert_true(t.base_ms <= times_ms[k]);
			assert_found_again(&t, &b);
			block_done(&b);
		}
}

static void a_block_of_no_samples_has_a_clock(void **state)
{
	struct block b = {};
	struct ticks t;

	(void)state;
	ticks_choose(&t, &b, PERIOD_NS);
	assert_int_equal(t.n_clocks, 1);
	assert_true(t.phase_ns[0] < t.tick_ns);
}

/* Clock 0 fires at 1000, 1010, ... ms, clock 1 as long after it as the case says. */
static void a_place_is_the_next_tick_where_that_is_near(void **state)
{
	static const struct {
		uint64_t phase_ms, time_ms;
		struct ticks_place at;
	} cases[] = {
		{4, 1034, {3, 1, 0}},
		{4, 1033, {3, 1, -1}},
		{4, 1035, {3, 1, 1}},
		/* Near is near enough, also where the other one fired then: */
		{1, 1030, {3, 1, -1}},
		{9, 1040, {3, 1, 1}},
		{2, 1030, {3, 0, 0}},
		{8, 1040, {4, 0, 0}},
		/* No tick of either; one was left out; the first of all. */
		{4, 1036, {3, 1, 2}},
		{4, 1044, {4, 1, 0}},
		{4, 1000, {0, 0, 0}},
	};
	const struct ticks_place after = {.tick = 2, .clock = 1};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct ticks t = {.base_ms = 1000,
					.tick_ns = 10 * TICKS_NS_PER_MS,
					.n_clocks = 2,
					.phase_ns = {0, cases[i].phase_ms * TICKS_NS_PER_MS}};
		struct ticks_place at = ticks_place(&t, cases[i].time_ms, &after);

		if (at.tick != cases[i].at.tick || at.clock != cases[i].at.clock ||
		    at.off_ms != cases[i].at.off_ms)
			fail_msg("case %zu: tick %d of clock %u, off by %d", i, (int)at.tick,
				 at.clock, (int)at.off_ms);
	}
}

static void places_outside_of_time_are_refused(void **state)
{
	const struct ticks t = {.base_ms = 1000,
				.tick_ns = 10 * TICKS_NS_PER_MS,
				.n_clocks = 2,
				.phase_ns = {0, 9900000}}; /* tick and phase may overflow */
	const int64_t last = (int64_t)BLOCK_TIME_MS_MAX - 1000;
	const struct {
		struct ticks_place at;
		int r;
	} cases[] = {
		{{0, 1, 0}, 0},
		{{0, 2, 0}, -EBADMSG},
		{{0, UINT32_MAX, 0}, -EBADMSG},
		{{0, 0, -1000}, 0},
		{{0, 0, -1001}, -EBADMSG},
		{{0, 0, last}, 0},
		{{0, 0, last + 1}, -EBADMSG},
		{{0, 0, INT64_MAX}, -EBADMSG},
		{{0, 0, INT64_MIN}, -EBADMSG},
		{{UINT64_MAX, 0, 0}, -EBADMSG},
		{{UINT64_MAX / (10 * TICKS_NS_PER_MS), 1, 0}, -EBADMSG},
		{{UINT64_MAX / (10 * TICKS_NS_PER_MS) + 1, 0, 0}, -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ms = 7;

		if (ticks_time(&t, &cases[i].at, &ms) != cases[i].r)
			fail_msg("case %zu", i);
		assert_int_equal(ms == 7, cases[i].r != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_found_again_whatever_the_clocks),
		cmocka_unit_test(a_clock_is_found_for_each_cpu),
		cmocka_unit_test(a_tick_that_cannot_be_is_a_millisecond),
		cmocka_unit_test(a_block_of_no_samples_has_a_clock),
		cmocka_unit_test(a_place_is_the_next_tick_where_that_is_near),
		cmocka_unit_test(places_outside_of_time_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
