/* Blocks: what is written is parsed back, in the format's order; what is malformed is refused. */
#include "storage/block.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PERIOD_NS 10101010ull

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void add(struct block *b, uint64_t time_ms, uint32_t stack, uint32_t labels, uint32_t class,
		uint64_t count)
{
	struct block_sample s = {.time_ms = time_ms,
				 .count = count,
				 .stack = stack,
				 .labels = labels,
				 .class = class};

	assert_int_equal(block_add(b, &s), 0);
}

static void assert_same(const struct block *a, const struct block *b)
{
	assert_int_equal(a->n_samples, b->n_samples);
	for (uint32_t i = 0; i < a->n_samples; i++) {
		assert_int_equal(a->samples[i].time_ms, b->samples[i].time_ms);
		assert_int_equal(a->samples[i].stack, b->samples[i].stack);
		assert_int_equal(a->samples[i].labels, b->samples[i].labels);
		assert_int_equal(a->samples[i].class, b->samples[i].class);
		assert_int_equal(a->samples[i].count, b->samples[i].count);
	}
	assert_int_equal(a->n_losses, b->n_losses);
	for (uint32_t i = 0; i < a->n_losses; i++) {
		assert_int_equal(a->losses[i].time_ms, b->losses[i].time_ms);
		assert_int_equal(a->losses[i].count, b->losses[i].count);
		assert_string_equal(a->reasons[a->losses[i].reason],
				    b->reasons[b->losses[i].reason]);
	}
}

static int takes_some(void *arg, uint32_t labels)
{
	return labels % 4 != *(const uint32_t *)arg;
}

static int takes_none(void *arg, uint32_t labels)
{
	(void)arg;
	(void)labels;
	return 0;
}

/* A part of it is what is left of the whole when the rest is struck out. */
static void assert_parts(const struct block *whole, const struct buf *bytes, struct compress *z)
{
	for (uint32_t round = 0; round < 20; round++) {
		uint32_t but = round % 5;
		struct block_want want = {.labels = but < 4 ? takes_some : takes_none,
					  .arg = &but,
					  .no_stacks = round / 5 % 2,
					  .no_times = round >= 10};
		struct block part = {}, left = {};

		assert_int_equal(block_parse_some(bytes->data, bytes->len, z, &want, &part), 0);
		assert_int_equal(block_append(&left, whole), 0);
		left.n_samples = 0;
		for (uint32_t i = 0; i < whole->n_samples; i++) {
			if (!want.labels(&but, whole->samples[i].labels))
				continue;
			left.samples[left.n_samples] = whole->samples[i];
			if (want.no_stacks)
				left.samples[left.n_samples].stack = 0;
			if (want.no_times)
				left.samples[left.n_samples].time_ms = 0;
			left.n_samples++;
			assert_true(whole->samples[i].stack < part.end_stack);
		}
		assert_same(&left, &part);
		block_done(&left);
		block_done(&part);
	}
}

static uint64_t count_of(const struct block *b, uint32_t class, uint32_t stack, uint64_t from_ms,
			 uint64_t until_ms)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < b->n_samples; i++) {
		const struct block_sample *s = &b->samples[i];

		if (s->class == class && s->stack == stack && s->time_ms >= from_ms &&
		    s->time_ms < until_ms && s->labels % 4 != 2)
			sum += s->count;
	}
	return sum;
}

/* Sums of all and of the middle of it: each is right, and together they leave nothing out. */
static void assert_sums(const struct block *whole, const struct buf *bytes, struct compress *z)
{
	uint64_t from_ms, until_ms, third;
	uint32_t but = 2;

	block_span(whole, &from_ms, &until_ms);
	third = (until_ms - from_ms) / 3;
	for (int middle = 0; middle < 2; middle++) {
		uint64_t begin = middle ? from_ms + third : 0;
		uint64_t end = middle ? until_ms - third : UINT64_MAX;
		struct block_want want = {.labels = takes_some,
					  .arg = &but,
					  .summed = true,
					  .no_times = !middle,
					  .from_ms = begin,
					  .until_ms = end};
		struct block sums = {};
		uint64_t all = 0;

		assert_int_equal(block_parse_some(bytes->data, bytes->len, z, &want, &sums), 0);
		for (uint32_t i = 0; i < sums.n_samples; i++)
			assert_int_equal(sums.samples[i].count,
					 count_of(whole, sums.samples[i].class,
						  sums.samples[i].stack, begin, end));
		for (uint32_t i = 0; i < whole->n_samples; i++)
			if (whole->samples[i].time_ms >= begin && whole->samples[i].time_ms < end &&
			    whole->samples[i].labels % 4 != 2)
				all += whole->samples[i].count;
		assert_int_equal(block_count(&sums), all);
		block_done(&sums);
	}
}

/* Writes b, parses it back, compares, and returns the bytes that it took. */
static size_t round_trip(struct block *b, uint64_t tick_ns)
{
	struct compress z = {};
	struct block got = {};
	struct buf bytes;
	size_t len;

	buf_init(&bytes, BLOCK_BYTES_MAX);
	assert_int_equal(block_write(b, &z, tick_ns, 1, &bytes), 0);
	assert_int_equal(block_parse(bytes.data, bytes.len, &z, &got), 0);
	assert_same(b, &got);
	assert_parts(b, &bytes, &z);
	assert_sums(b, &bytes, &z);
	len = bytes.len;
	block_done(&got);
	buf_done(&bytes);
	compress_done(&z);
	return len;
}

static void random_blocks_come_back(void **state)
{
	static const uint64_t ticks[] = {0,	   1000000,    999,	  PERIOD_NS,
					 52631578, 1000000000, UINT64_MAX};
	uint64_t random = 99;

	(void)state;
	for (int round = 0; round < 200; round++) {
		uint64_t spread = 1ull << (next_random(&random) % 41),
			 n = next_random(&random) % 300;
		struct block b = {};

		for (uint64_t i = 0; i < n; i++) {
			uint32_t labels = (uint32_t)(next_random(&random) % 20);

			add(&b, next_random(&random) % spread,
			    (uint32_t)next_random(&random) >> (round % 31 + 1), labels, labels / 4,
			    round % 3 ? 1 : next_random(&random) >> (round % 60));
		}
		for (uint64_t i = 0; i < n % 7; i++)
			assert_int_equal(block_add_loss(&b, next_random(&random) % spread,
							i % 2 ? "ring_full" : "throttled", i * i),
					 0);
		round_trip(&b, ticks[round % 7]);
		block_done(&b);
	}
}

static void numbers_at_their_limits_come_back(void **state)
{
	struct block b = {};

	(void)state;
	round_trip(&b, PERIOD_NS); /* an empty one */
	add(&b, 0, 0, 0, 0, 1);
	add(&b, BLOCK_TIME_MS_MAX, UINT32_MAX - 1, UINT32_MAX - 1, UINT32_MAX - 1, UINT64_MAX);
	round_trip(&b, 0);
	block_clear(&b);
	add(&b, BLOCK_TIME_MS_MAX, 1, 1, 1, 1);
	add(&b, BLOCK_TIME_MS_MAX - 1, 1, 1, 1, 1);
	round_trip(&b, PERIOD_NS);
	block_done(&b);
}

static void a_steady_cpu_costs_next_to_nothing_in_time(void **state)
{
	struct block b = {};

	(void)state;
	/* Two threads on two CPUs, each with one stack: all that is left to tell is when. */
	for (uint64_t i = 0; i < 20000; i++) {
		add(&b, (1700000000000000000ull + 3141592 + i * PERIOD_NS) / 1000000, 1, 1, 1, 1);
		add(&b, (1700000000000000000ull + 8888888 + i * PERIOD_NS) / 1000000, 2, 2, 2, 1);
	}
	assert_true(round_trip(&b, PERIOD_NS) < 400);
	block_done(&b);
}

static void equal_samples_are_added_up(void **state)
{
	struct block b = {};

	(void)state;
	add(&b, 7, 1, 1, 1, 2);
	add(&b, 5, 1, 1, 1, 1);
	add(&b, 7, 1, 1, 1, 3);
	assert_int_equal(block_sort(&b), 0);
	assert_int_equal(b.n_samples, 2);
	assert_int_equal(b.samples[0].time_ms, 5);
	assert_int_equal(b.samples[1].count, 5);
	assert_int_equal(block_count(&b), 6);
	block_done(&b);
}

static void coarsening_goes_down_and_keeps_the_sum(void **state)
{
	struct block b = {};
	uint64_t from, until;

	(void)state;
	add(&b, 1999, 1, 1, 1, 2);
	add(&b, 1000, 1, 1, 1, 1);
	add(&b, 2000, 1, 1, 1, 1);
	assert_int_equal(block_add_loss(&b, 2999, "ring_full", 4), 0);
	block_coarsen(&b, 1000);
	assert_int_equal(block_sort(&b), 0);
	assert_int_equal(b.n_samples, 2);
	assert_int_equal(b.samples[0].count, 3);
	assert_int_equal(b.losses[0].time_ms, 2000);
	block_span(&b, &from, &until);
	assert_int_equal(from, 1000);
	assert_int_equal(until, 2001);
	round_trip(&b, 1000000000);
	block_done(&b);
}

static void appending_renumbers_reasons(void **state)
{
	struct block a = {}, b = {};

	(void)state;
	block_add_loss(&a, 1, "x", 1);
	block_add_loss(&b, 2, "y", 2);
	block_add_loss(&b, 3, "x", 3);
	add(&b, 4, 1, 1, 1, 1);
	assert_int_equal(block_append(&a, &b), 0);
	assert_int_equal(a.n_reasons, 2);
	assert_string_equal(a.reasons[a.losses[1].reason], "y");
	assert_string_equal(a.reasons[a.losses[2].reason], "x");
	assert_int_equal(a.n_samples, 1);
	block_done(&a);
	block_done(&b);
}

/* ---- malformed ---- */

static void fix_checksum(struct buf *b)
{
	b->len -= 8;
	buf_add_u64(b, compress_checksum(b->data, b->len, 0));
}

static void written_example(struct buf *bytes, struct compress *z)
{
	struct block b = {};

	for (uint32_t i = 0; i < 100; i++)
		add(&b, 1000 + i * 10, i % 7, i % 3, i % 3, 1 + i % 2);
	block_add_loss(&b, 1500, "ring_full", 3);
	buf_init(bytes, 1 << 20);
	assert_int_equal(block_write(&b, z, PERIOD_NS, 1, bytes), 0);
	block_done(&b);
}

static void malformed_bytes_are_refused(void **state)
{
	struct compress z = {};
	struct buf good, bad;
	struct block b = {};
	unsigned int taken = 0;

	(void)state;
	written_example(&good, &z);
	/* Cut at every length, with and without a right checksum. */
	for (size_t len = 0; len < good.len; len++) {
		buf_init(&bad, 1 << 20);
		buf_add(&bad, good.data, len);
		assert_int_equal(block_parse(bad.data, bad.len, &z, &b), -EBADMSG);
		if (len >= 8) {
			fix_checksum(&bad);
			assert_int_equal(block_parse(bad.data, bad.len, &z, &b), -EBADMSG);
		}
		assert_int_equal(b.n_samples, 0);
		buf_done(&bad);
	}
	/*
	 * Every bit of it flipped: never taken with the old checksum, and with a right one never
	 * beyond its bounds.
	 */
	for (size_t bit = 0; bit < good.len * 8; bit++) {
		buf_init(&bad, 1 << 20);
		buf_add(&bad, good.data, good.len);
		bad.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(block_parse(bad.data, bad.len, &z, &b), -EBADMSG);
		fix_checksum(&bad);
		taken += block_parse(bad.data, bad.len, &z, &b) == 0;
		buf_done(&bad);
	}
	assert_true(taken < good.len * 8);
	/* Something behind the last column. */
	buf_init(&bad, 1 << 20);
	buf_add(&bad, good.data, good.len - 8);
	buf_add_u8(&bad, 0);
	buf_add_u64(&bad, 0);
	fix_checksum(&bad);
	assert_int_equal(block_parse(bad.data, bad.len, &z, &b), -EBADMSG);
	buf_done(&bad);
	block_done(&b);
	buf_done(&good);
	compress_done(&z);
}

static void heads_that_cannot_be_are_refused(void **state)
{
	/* Offsets of the one-byte varints of an empty block's head, see block_columns.h. */
	static const struct {
		size_t at;
		uint8_t value;
		int want;
		const char *what;
	} cases[] = {
		{0, 'h', -EBADMSG, "another magic"},
		{4, 2, -EPROTO, "a newer version"},
		{5, 1, -EPROTO, "a feature that nobody knows"},
		{6, 1, -EBADMSG, "a sample without columns"},
		{7, 1, -EBADMSG, "a class without groups"},
		{8, 1, -EBADMSG, "a group without samples"},
		{9, 1, -EBADMSG, "a stack without samples"},
		{10, 1, -EBADMSG, "first uses without samples"},
		{11, 1, -EBADMSG, "counts without samples"},
		{12, 1, -EBADMSG, "stretches without samples"},
		{13, 0, -EBADMSG, "no clock"},
		{13, 33, -EBADMSG, "more clocks than there may be"},
	};
	struct compress z = {};
	struct block b = {};
	struct buf bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_init(&bytes, 4096);
		assert_int_equal(block_write(&b, &z, 0, 1, &bytes), 0);
		assert_int_equal(bytes.data[13], 1);
		bytes.data[cases[i].at] = cases[i].value;
		fix_checksum(&bytes);
		if (block_parse(bytes.data, bytes.len, &z, &b) != cases[i].want)
			fail_msg("%s was taken", cases[i].what);
		buf_done(&bytes);
	}
	block_done(&b);
	compress_done(&z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_blocks_come_back),
		cmocka_unit_test(numbers_at_their_limits_come_back),
		cmocka_unit_test(a_steady_cpu_costs_next_to_nothing_in_time),
		cmocka_unit_test(equal_samples_are_added_up),
		cmocka_unit_test(coarsening_goes_down_and_keeps_the_sum),
		cmocka_unit_test(appending_renumbers_reasons),
		cmocka_unit_test(malformed_bytes_are_refused),
		cmocka_unit_test(heads_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
