/* Fields of the protobuf wire format: each kind, and every way in which they may lie. */
#include "web/import/protobuf_read.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A literal of bytes and how many. */
#define BYTES(s)                                    \
	{                                           \
		(const uint8_t *)(s), sizeof(s) - 1 \
	}

#define MAX_64 "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"

static void each_kind_of_field_is_read(void **state)
{
	static const struct {
		struct protobuf_slice message;
		uint64_t number;
		bool is_bytes;
		uint64_t value;
		size_t at, len; /* of bytes */
	} cases[] = {
		{BYTES("\x08\x96\x01"), 1, false, 150, 0, 0},
		{BYTES("\x08" MAX_64), 1, false, UINT64_MAX, 0, 0},
		{BYTES("\x11\1\2\3\4\5\6\7\x88"), 2, false, 0x8807060504030201, 0, 0},
		{BYTES("\x1d\1\2\3\x84"), 3, false, 0x84030201, 0, 0},
		{BYTES("\x22\3abc"), 4, true, 0, 2, 3},
		{BYTES("\x22\0"), 4, true, 0, 2, 0},
		{BYTES("\x80\1\0"), 16, false, 0, 0, 0},
		/* The largest number that 64 bits have room for. */
		{BYTES("\xf8\xff\xff\xff\xff\xff\xff\xff\xff\1\7"), UINT64_MAX >> 3, false, 7, 0,
		 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cursor c = protobuf_over(cases[i].message);
		struct protobuf_field f;

		assert_int_equal(protobuf_next(&c, &f), 1);
		assert_int_equal(f.number, cases[i].number);
		assert_int_equal(f.is_bytes, cases[i].is_bytes);
		assert_int_equal(f.value, cases[i].value);
		if (f.is_bytes)
			assert_ptr_equal(f.bytes.at, cases[i].message.at + cases[i].at);
		assert_int_equal(f.bytes.len, cases[i].len);
		assert_int_equal(protobuf_next(&c, &f), 0);
		assert_int_equal(protobuf_next(&c, &f), 0);
		/* Cut anywhere it is none. */
		for (size_t len = 1; len < cases[i].message.len; len++) {
			c = protobuf_over((struct protobuf_slice){cases[i].message.at, len});
			assert_int_equal(protobuf_next(&c, &f), -EBADMSG);
		}
	}
}

static void malformed_fields_are_refused(void **state)
{
	static const struct {
		const char *what;
		struct protobuf_slice message;
	} cases[] = {
		{"a group begins", BYTES("\x0b\x0c")},
		{"a group ends", BYTES("\x0c")},
		{"wire type 6", BYTES("\x0e\1\1\1\1\1\1\1\1")},
		{"wire type 7", BYTES("\x0f\1\1\1\1\1\1\1\1")},
		{"a tag of more than 64 bits", BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\2\1")},
		{"a value of more than 64 bits",
		 BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\2")},
		{"bytes longer than what is left", BYTES("\x22\4abc")},
		{"bytes of 2^64 - 1", BYTES("\x22" MAX_64 "abc")},
		{"a length without an end", BYTES("\x22\x80")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cursor c = protobuf_over(cases[i].message);
		struct protobuf_field f;

		if (protobuf_next(&c, &f) != -EBADMSG)
			fail_msg("%s was taken", cases[i].what);
	}
}

static void nothing_is_a_message(void **state)
{
	const struct protobuf_slice none = {};
	struct cursor c = protobuf_over(none);
	struct protobuf_field f;

	(void)state;
	assert_int_equal(protobuf_next(&c, &f), 0);
	assert_int_equal(protobuf_numbers(none, NULL, 0), 0);
}

static void numbers_go_where_they_are_asked_for(void **state)
{
	/* 1: 5, then 6; 2: bytes; 3: 7; 4: 8 of 32 bits; 5: 9; 0, which is no field: 10. */
	static const struct protobuf_slice message =
		BYTES("\x08\5\x12\1x\x18\7\x08\6\x25\x08\0\0\0\x28\x09\0\x0a");
	uint64_t one = 1, two = 2, four = 4, five = 5;
	uint64_t *const to[] = {&one, &two, NULL, &four, &five};

	(void)state;
	assert_int_equal(protobuf_numbers(message, to, 4), 0);
	assert_int_equal(one, 6); /* the last one counts */
	assert_int_equal(two, 2); /* bytes are no number */
	assert_int_equal(four, 8);
	assert_int_equal(five, 5); /* not asked for */
	assert_int_equal(protobuf_numbers((struct protobuf_slice){message.at, 6}, to, 4), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_field_is_read),
		cmocka_unit_test(malformed_fields_are_refused),
		cmocka_unit_test(nothing_is_a_message),
		cmocka_unit_test(numbers_go_where_they_are_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
