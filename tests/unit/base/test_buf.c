/* The growing buffer keeps its maximum, its error sticks, and the reader never leaves its bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/buf.h"

static void grows_and_reads_back_as_a_string(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1u << 20);
	assert_string_equal(buf_str(&b), "");
	for (int i = 0; i < 5000; i++)
		assert_int_equal(buf_printf(&b, "%04d ", i), 0);
	assert_int_equal(b.len, 25000);
	assert_memory_equal(buf_str(&b) + 24995, "4999 ", 6);
	buf_clear(&b);
	assert_int_equal(buf_add_str(&b, "again"), 0);
	assert_string_equal(buf_str(&b), "again");
	buf_done(&b);
}

static void maximum_is_reached_and_never_passed(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 8);
	assert_int_equal(buf_add_str(&b, "1234"), 0);
	assert_int_equal(buf_printf(&b, "%s", "5678"), 0); /* to the very byte */
	assert_string_equal(buf_str(&b), "12345678");
	assert_int_equal(b.cap, 9);
	assert_int_equal(buf_add_char(&b, '9'), -EFBIG);
	assert_string_equal(buf_str(&b), "12345678");
	buf_done(&b);
	buf_init(&b, 8);
	assert_int_equal(buf_printf(&b, "%s", "123456789"), -EFBIG);
	assert_int_equal(b.len, 0);
	buf_done(&b);
}

static void failure_is_sticky_until_cleared(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	assert_int_equal(buf_add(&b, "12345", 5), -EFBIG);
	assert_int_equal(buf_add_str(&b, "1"), -EFBIG);
	assert_int_equal(buf_add_u8(&b, 1), -EFBIG);
	assert_int_equal(buf_printf(&b, "1"), -EFBIG);
	assert_null(buf_reserve(&b, 0));
	assert_null(buf_steal(&b, NULL));
	assert_int_equal(b.err, -EFBIG);
	buf_clear(&b);
	assert_int_equal(buf_add_str(&b, "1"), 0);
	buf_done(&b);
}

static void absurd_lengths_are_refused(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	assert_int_equal(buf_add_str(&b, "x"), 0);
	assert_null(buf_reserve(&b, SIZE_MAX - 2));
	assert_int_equal(b.err, -ENOMEM);
	buf_clear(&b);
	assert_int_equal(buf_add_str(&b, "x"), 0);
	assert_null(buf_reserve(&b, SIZE_MAX));
	assert_int_equal(b.err, -EFBIG);
	buf_done(&b);
}

static void bytes_leave_by_steal(void **state)
{
	struct buf b;
	uint8_t *data;
	size_t len = 0;

	(void)state;
	buf_init(&b, 100);
	buf_add_str(&b, "abc");
	data = buf_steal(&b, &len);
	assert_non_null(data);
	assert_int_equal(len, 3);
	assert_string_equal((char *)data, "abc");
	assert_int_equal(b.len, 0);
	assert_null(b.data);
	free(data);
	assert_int_equal(buf_add_str(&b, "still usable"), 0);
	buf_done(&b);
}

static void numbers_come_back_as_they_went(void **state)
{
	static const uint64_t unsigneds[] = {0,	    1,		127,	    128,       16383,
					     16384, UINT32_MAX, 1ull << 63, UINT64_MAX};
	static const int64_t signeds[] = {0, -1, 1, -64, 64, INT64_MAX, INT64_MIN};
	struct cursor c;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	buf_add_u8(&b, 0xfe);
	buf_add_u16(&b, 0x1234);
	buf_add_u32(&b, 0x12345678);
	buf_add_u64(&b, 0x123456789abcdef0);
	assert_memory_equal(b.data + 1, "\x34\x12\x78\x56\x34\x12\xf0\xde", 8);
	for (size_t i = 0; i < sizeof(unsigneds) / sizeof(*unsigneds); i++)
		buf_add_varint(&b, unsigneds[i]);
	for (size_t i = 0; i < sizeof(signeds) / sizeof(*signeds); i++)
		buf_add_zigzag(&b, signeds[i]);

	c = cursor_over(b.data, b.len);
	assert_int_equal(cursor_u8(&c), 0xfe);
	assert_int_equal(cursor_u16(&c), 0x1234);
	assert_int_equal(cursor_u32(&c), 0x12345678);
	assert_true(cursor_u64(&c) == 0x123456789abcdef0);
	for (size_t i = 0; i < sizeof(unsigneds) / sizeof(*unsigneds); i++)
		assert_true(cursor_varint(&c) == unsigneds[i]);
	for (size_t i = 0; i < sizeof(signeds) / sizeof(*signeds); i++)
		assert_true(cursor_zigzag(&c) == signeds[i]);
	assert_int_equal(c.err, 0);
	assert_int_equal(cursor_left(&c), 0);
	buf_done(&b);
}

static void reading_past_the_end_sticks(void **state)
{
	struct cursor c = cursor_over("\x01\x02\x03", 3);

	(void)state;
	assert_int_equal(cursor_u16(&c), 0x0201);
	assert_int_equal(cursor_u16(&c), 0);
	assert_int_equal(c.err, -EBADMSG);
	assert_int_equal(cursor_u8(&c), 0); /* the third byte is not given after a failure */
	assert_int_equal(cursor_left(&c), 0);
	c = cursor_over("abc", 3);
	assert_null(cursor_bytes(&c, SIZE_MAX));
	assert_int_equal(c.err, -EBADMSG);
	c = cursor_over(NULL, 0);
	assert_non_null(cursor_bytes(&c, 0));
	assert_int_equal(c.err, 0);
	assert_int_equal(cursor_u8(&c), 0);
	assert_int_equal(c.err, -EBADMSG);
}

static void varints_of_more_than_64_bits_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{"", 0},
		{"\x80", 1},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct cursor c = cursor_over(bad[i].bytes, bad[i].len);

		assert_true(cursor_varint(&c) == 0);
		assert_int_equal(c.err, -EBADMSG);
		assert_int_equal(cursor_left(&c), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_reads_back_as_a_string),
		cmocka_unit_test(maximum_is_reached_and_never_passed),
		cmocka_unit_test(failure_is_sticky_until_cleared),
		cmocka_unit_test(absurd_lengths_are_refused),
		cmocka_unit_test(bytes_leave_by_steal),
		cmocka_unit_test(numbers_come_back_as_they_went),
		cmocka_unit_test(reading_past_the_end_sticks),
		cmocka_unit_test(varints_of_more_than_64_bits_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
