/* Byte strings, packed where that is smaller: they come back, and no length is believed. */
#include "storage/compress.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES_MAX 100000

static uint8_t alike[BYTES_MAX], mixed[BYTES_MAX];

static int make_bytes(void **state)
{
	uint32_t random = 1;

	(void)state;
	for (size_t i = 0; i < BYTES_MAX; i++) {
		random = random * 1664525 + 1013904223;
		mixed[i] = (uint8_t)(random >> 24);
		alike[i] = "hearth "[i % 7];
	}
	return 0;
}

static void write_bytes(const void *data, size_t len, struct buf *out)
{
	struct compress z = {};

	buf_init(out, 1 << 20);
	assert_int_equal(compress_write(&z, data, len, 3, out), 0);
	compress_done(&z);
}

static int read_bytes(const void *data, size_t len, size_t max, uint8_t **ret, size_t *ret_len)
{
	struct cursor in = cursor_over(data, len);
	struct compress z = {};
	int r = compress_read(&z, &in, max, ret, ret_len);

	compress_done(&z);
	if (r == 0)
		assert_int_equal(cursor_left(&in), 0);
	return r;
}

static void check(const uint8_t *data, size_t len, bool packed)
{
	uint8_t *back = NULL;
	struct cursor in;
	struct buf out;
	size_t n;

	write_bytes(data, len, &out);
	in = cursor_over(out.data, out.len);
	assert_int_equal(cursor_varint(&in), len);
	if ((cursor_varint(&in) != 0) != packed)
		fail_msg("%zu bytes are %s", len, packed ? "not packed" : "packed");
	assert_true(out.len <= len + 4); /* two varints, and no more than it was */
	assert_int_equal(read_bytes(out.data, out.len, len, &back, &n), 0);
	assert_int_equal(n, len);
	assert_non_null(back);
	assert_memory_equal(back, data, len);
	free(back);
	in = cursor_over(out.data, out.len);
	assert_int_equal(compress_pass(&in, len), 0);
	assert_int_equal(cursor_left(&in), 0);
	buf_done(&out);
}

static void bytes_come_back_packed_where_that_is_smaller(void **state)
{
	(void)state;
	check(alike, 0, false);
	check(alike, 1, false);
	check(alike, 47, false);
	check(alike, 48, true);
	check(alike, BYTES_MAX, true);
	check(mixed, 48, false);
	check(mixed, BYTES_MAX, false);
}

static void several_stand_behind_each_other(void **state)
{
	struct compress z = {};
	struct cursor in;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	for (size_t len = 0; len < 200; len += 20)
		assert_int_equal(compress_write(&z, alike, len, 1, &out), 0);
	in = cursor_over(out.data, out.len);
	for (size_t len = 0; len < 200; len += 20) {
		uint8_t *back;
		size_t n;

		assert_int_equal(compress_read(&z, &in, 200, &back, &n), 0);
		assert_int_equal(n, len);
		assert_memory_equal(back, alike, len);
		free(back);
	}
	assert_int_equal(cursor_left(&in), 0);
	buf_done(&out);
	compress_done(&z);
}

static void assert_refused(const void *data, size_t len, size_t max)
{
	uint8_t *back = NULL;
	size_t n;

	assert_int_equal(read_bytes(data, len, max, &back, &n), -EBADMSG);
	assert_null(back);
}

static void what_is_cut_or_larger_than_asked_for_is_refused(void **state)
{
	const struct {
		const uint8_t *data;
		size_t len;
	} cases[] = {{alike, 1}, {alike, 40}, {alike, 5000}, {mixed, 300}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cursor in;
		struct buf out;

		write_bytes(cases[i].data, cases[i].len, &out);
		assert_refused(out.data, out.len, cases[i].len - 1);
		in = cursor_over(out.data, out.len);
		assert_int_equal(compress_pass(&in, cases[i].len - 1), -EBADMSG);
		for (size_t len = 0; len < out.len; len++) {
			assert_refused(out.data, len, cases[i].len);
			in = cursor_over(out.data, len);
			assert_int_equal(compress_pass(&in, cases[i].len), -EBADMSG);
		}
		buf_done(&out);
	}
}

/* The frame says how much it unpacks to, or nothing; either way the head's length must be it. */
static void a_frame_of_another_length_than_its_head_says_is_refused(void **state)
{
	struct buf out, lie;
	struct cursor in;
	uint64_t packed;

	(void)state;
	write_bytes(alike, 5000, &out);
	in = cursor_over(out.data, out.len);
	cursor_varint(&in);
	packed = cursor_varint(&in);
	for (int d = -1; d <= 1; d += 2) {
		buf_init(&lie, 1 << 20);
		buf_add_varint(&lie, (uint64_t)(5000 + d));
		buf_add_varint(&lie, packed);
		buf_add(&lie, in.at, packed);
		assert_refused(lie.data, lie.len, 1 << 20);
		buf_done(&lie);
	}
	buf_done(&out);
}

static void malformed_bytes_are_refused(void **state)
{
	static const struct {
		const char *what;
		const char *bytes;
		size_t len;
	} cases[] = {
		{"nothing", "", 0},
		{"no packed length", "\1", 1},
		{"a varint without an end", "\x80\x80", 2},
		{"a varint of more than 64 bits", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f\0", 11},
		{"a length of 2^64 - 1", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\0a", 12},
		{"a packed length of 2^64 - 1", "\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1a", 12},
		{"a frame that is none", "\5\5hello", 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *back = NULL;
		size_t n;

		if (read_bytes(cases[i].bytes, cases[i].len, SIZE_MAX, &back, &n) != -EBADMSG)
			fail_msg("%s was taken", cases[i].what);
	}
}

static void a_full_buffer_is_told(void **state)
{
	struct compress z = {};
	struct buf out;

	(void)state;
	buf_init(&out, 10);
	assert_int_equal(compress_write(&z, mixed, 9, 3, &out), -EFBIG);
	buf_done(&out);
	buf_init(&out, 11);
	assert_int_equal(compress_write(&z, mixed, 9, 3, &out), 0);
	buf_done(&out);
	compress_done(&z);
}

/* Stores on disk hold these: https://github.com/Cyan4973/xxHash, its sanity checks. */
static void checksums_are_xxh64(void **state)
{
	(void)state;
	assert_int_equal(compress_checksum("", 0, 0), 0xef46db3751d8e999ull);
	assert_int_equal(compress_checksum("abc", 3, 0), 0x44bc2cf5ad770999ull);
	assert_true(compress_checksum("abc", 3, 1) != compress_checksum("abc", 3, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_back_packed_where_that_is_smaller),
		cmocka_unit_test(several_stand_behind_each_other),
		cmocka_unit_test(what_is_cut_or_larger_than_asked_for_is_refused),
		cmocka_unit_test(a_frame_of_another_length_than_its_head_says_is_refused),
		cmocka_unit_test(malformed_bytes_are_refused),
		cmocka_unit_test(a_full_buffer_is_told),
		cmocka_unit_test(checksums_are_xxh64),
	};

	return cmocka_run_group_tests(tests, make_bytes, NULL);
}
