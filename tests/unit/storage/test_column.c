/* Columns: what is written is read, and leaving numbers out comes to the same place. */
#include "storage/column.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define N      3000
#define ROUNDS 200

static uint64_t random_state = 7;

static uint64_t random_below(uint64_t below)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (random_state >> 33) % below;
}

/* All sizes, and in some columns mostly small ones, as real ones are. */
static void make_numbers(uint64_t *v, uint64_t n, unsigned int bits)
{
	for (uint64_t i = 0; i < n; i++) {
		uint64_t high = random_below(1ull << 31), low = random_below(1ull << 31);

		v[i] = (high << 33 ^ low << 2) >> (63 - random_below(bits));
	}
}

static void write_numbers(const uint64_t *v, uint64_t n, struct compress *z, struct buf *out)
{
	struct column c;

	column_init(&c);
	for (uint64_t i = 0; i < n; i++)
		column_add(&c, v[i]);
	assert_int_equal(column_write(&c, z, 1, out), 0);
	column_done(&c);
}

static uint64_t count_zeros(const uint64_t *v, uint64_t n)
{
	uint64_t zeros = 0;

	for (uint64_t i = 0; i < n; i++)
		zeros += v[i] == 0;
	return zeros;
}

static void numbers_that_are_left_out_are_as_if_read(void **state)
{
	static uint64_t v[N];
	struct compress z = {};

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t n = random_below(N), at = 0, step;
		struct column_reader c;
		struct cursor in;
		struct buf bytes;

		buf_init(&bytes, 1u << 20);
		make_numbers(v, n, round % 2 ? 64 : 8);
		write_numbers(v, n, &z, &bytes);
		in = cursor_over(bytes.data, bytes.len);
		assert_int_equal(column_open(&c, &z, &in, n), 0);
		while (at < n) {
			assert_false(column_is_used_up(&c));
			step = random_below(random_below(4) ? 5 : 300);
			step = step < n - at ? step : n - at;
			assert_int_equal(column_skip(&c, step), count_zeros(v + at, step));
			at += step;
			for (step = random_below(20); step && at < n; step--)
				assert_true(column_next(&c) == v[at++]);
		}
		assert_true(column_is_used_up(&c));
		assert_int_equal(column_skip(&c, 1), 0);
		assert_false(column_is_used_up(&c)); /* past the end */
		column_close(&c);
		buf_done(&bytes);
	}
	compress_done(&z);
}

/* One number of 64 and more has three bits beside it; of several bytes there the rest is nobody's. */
static void bytes_that_belong_to_no_number_are_seen(void **state)
{
	struct compress z = {};

	(void)state;
	for (uint8_t n_extra = 1; n_extra <= 8; n_extra++) {
		uint8_t bytes[16] = {1, 0, 64, n_extra, 0};
		struct cursor in = cursor_over(bytes, 5u + n_extra);
		struct column_reader c;

		assert_int_equal(column_open(&c, &z, &in, 1), 0);
		assert_int_equal(column_next(&c), 64);
		assert_int_equal(column_is_used_up(&c), n_extra == 1);
		column_close(&c);
	}
	compress_done(&z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_that_are_left_out_are_as_if_read),
		cmocka_unit_test(bytes_that_belong_to_no_number_are_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
