/* Columns: what is written is read, leaving numbers out comes to the same place, lies are seen. */
#include "storage/column.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define N	 3000
#define ROUNDS	 200
#define N_BOUNDS (3 * 64)

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

static struct buf packed(const uint64_t *v, uint64_t n)
{
	struct compress z = {};
	struct buf out;

	buf_init(&out, 1u << 20);
	write_numbers(v, n, &z, &out);
	compress_done(&z);
	return out;
}

static int open_numbers(struct column_reader *c, const void *data, size_t len, uint64_t n)
{
	struct cursor in = cursor_over(data, len);
	struct compress z = {};
	int r = column_open(c, &z, &in, n);

	compress_done(&z);
	return r;
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

/* A number of 64 and more has three bits beside it; of more bytes there the rest is nobody's. */
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

/* Around each power of two: each octave's ends, the largest exact number, the first raw one. */
static void make_bounds(uint64_t v[N_BOUNDS])
{
	for (unsigned int bit = 0; bit < 64; bit++)
		for (unsigned int k = 0; k < 3; k++)
			v[3 * bit + k] = (1ull << bit) + k - 1;
}

static void numbers_of_every_size_come_back(void **state)
{
	struct column_reader r;
	uint64_t v[N_BOUNDS];
	struct buf out;

	(void)state;
	make_bounds(v);
	out = packed(v, N_BOUNDS);
	assert_int_equal(open_numbers(&r, out.data, out.len, N_BOUNDS), 0);
	for (size_t i = 0; i < N_BOUNDS; i++)
		assert_int_equal(column_next(&r), v[i]);
	assert_true(column_is_used_up(&r));
	column_close(&r);
	buf_done(&out);
}

static void signed_numbers_come_back(void **state)
{
	static const int64_t v[] = {0, -1, 1, 31, -32, 32, -33, INT32_MIN, INT64_MAX, INT64_MIN};
	const size_t n = sizeof(v) / sizeof(v[0]);
	struct compress z = {};
	struct column_reader r;
	struct column c;
	struct buf out;

	(void)state;
	column_init(&c);
	for (size_t i = 0; i < n; i++)
		column_add_signed(&c, v[i]);
	buf_init(&out, 4096);
	assert_int_equal(column_write(&c, &z, 3, &out), 0);
	assert_int_equal(open_numbers(&r, out.data, out.len, n), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(column_next_signed(&r), v[i]);
	assert_int_equal(r.err, 0);
	column_close(&r);
	buf_done(&out);
	column_done(&c);
	compress_done(&z);
}

static void reading_past_the_end_is_told(void **state)
{
	static const uint64_t v[] = {1, 1000};
	struct column_reader r;
	struct buf out = packed(v, 2);

	(void)state;
	assert_int_equal(open_numbers(&r, out.data, out.len, 2), 0);
	assert_int_equal(column_skip(&r, 3), 0);
	assert_int_equal(r.err, -EBADMSG);
	column_close(&r);

	assert_int_equal(open_numbers(&r, out.data, out.len, 2), 0);
	assert_int_equal(column_skip(&r, 2), 0);
	assert_int_equal(r.err, 0);
	assert_int_equal(column_next(&r), 0);
	assert_int_equal(r.err, -EBADMSG);
	column_close(&r);
	buf_done(&out);
}

/* Symbols whose other bits are missing, wherever they stop; `len, 0, bytes` twice, unpacked. */
static void missing_bits_are_told(void **state)
{
	static const struct {
		uint8_t symbol, bits; /* of the number */
	} cases[] = {{64, 3}, {71, 3}, {72, 4}, {247, 25}, {254, 26}, {255, 64}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t enough = (cases[i].bits + 7u) / 8;

		for (size_t have = 0; have <= enough; have++)
			for (int skips = 0; skips < 2; skips++) {
				uint8_t bytes[16] = {1, 0, cases[i].symbol, (uint8_t)have};
				struct column_reader r;

				assert_int_equal(open_numbers(&r, bytes, 5 + have, 1), 0);
				if (skips)
					column_skip(&r, 1);
				else
					column_next(&r);
				if (r.err != (have < enough ? -EBADMSG : 0))
					fail_msg("symbol %u, %zu bytes", cases[i].symbol, have);
				column_close(&r);
			}
	}
}

/* One number, with more bits than one can have; `len, 0, bytes` twice. */
static const uint8_t too_many_bits[] = {1, 0, 255, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

static void columns_of_another_length_are_refused(void **state)
{
	static const uint64_t v[] = {1, 1000, 100000};
	struct column_reader r;
	struct buf out = packed(v, 3);

	(void)state;
	for (size_t n = 0; n < 6; n++)
		if (n != 3)
			assert_int_equal(open_numbers(&r, out.data, out.len, n), -EBADMSG);
	for (size_t len = 0; len < out.len; len++)
		assert_int_equal(open_numbers(&r, out.data, len, 3), -EBADMSG);
	assert_int_equal(open_numbers(&r, too_many_bits, sizeof(too_many_bits), 1), -EBADMSG);
	buf_done(&out);
}

static void a_column_can_be_passed_unread(void **state)
{
	struct column_reader r;
	uint64_t v[N_BOUNDS];
	struct cursor in;
	struct buf out;

	(void)state;
	make_bounds(v);
	out = packed(v, N_BOUNDS);
	in = cursor_over(out.data, out.len);
	assert_int_equal(column_pass(&r, &in, N_BOUNDS), 0);
	assert_int_equal(cursor_left(&in), 0);
	assert_int_equal(column_skip(&r, 1), 0);
	assert_int_equal(r.err, -EBADMSG);
	column_close(&r);
	for (size_t len = 0; len < out.len; len++) {
		in = cursor_over(out.data, len);
		assert_int_equal(column_pass(&r, &in, N_BOUNDS), -EBADMSG);
	}
	in = cursor_over(out.data, out.len);
	assert_int_equal(column_pass(&r, &in, N_BOUNDS - 1), -EBADMSG);
	in = cursor_over(too_many_bits, sizeof(too_many_bits));
	assert_int_equal(column_pass(&r, &in, 1), -EBADMSG);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_that_are_left_out_are_as_if_read),
		cmocka_unit_test(bytes_that_belong_to_no_number_are_seen),
		cmocka_unit_test(numbers_of_every_size_come_back),
		cmocka_unit_test(signed_numbers_come_back),
		cmocka_unit_test(reading_past_the_end_is_told),
		cmocka_unit_test(missing_bits_are_told),
		cmocka_unit_test(columns_of_another_length_are_refused),
		cmocka_unit_test(a_column_can_be_passed_unread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
