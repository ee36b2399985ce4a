/* Encoded numbers of CFI: every format, what they are relative to, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "symbolizer/unwind/pointer.h"

static const uint8_t bytes[] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};

static int read_at(size_t at, size_t n, uint8_t encoding, uint64_t *ret)
{
	struct cfi_section s = {
		.data = bytes, .size = sizeof(bytes), .address = 0x1000, .data_base = 0x5000};
	struct cursor c = cursor_over(bytes + at, n);

	return cfi_pointer_read(&c, encoding, &s, ret);
}

static void each_format_has_its_width_and_sign(void **state)
{
	static const struct {
		uint8_t encoding;
		uint64_t value;
	} table[] = {
		{0x00, UINT64_MAX - 1}, {0x04, UINT64_MAX - 1}, {0x0c, UINT64_MAX - 1},
		{0x02, 0xfffe},		{0x0a, UINT64_MAX - 1}, {0x03, 0xfffffffe},
		{0x0b, UINT64_MAX - 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint64_t v = 0;

		assert_int_equal(read_at(0, 9, table[i].encoding, &v), 0);
		assert_int_equal(v, table[i].value);
	}
}

static void leb128_is_signed_where_it_says_so(void **state)
{
	static const uint8_t minus_two[] = {0x7e}, long_one[] = {0x80, 0x7f};
	struct cursor c = cursor_over(minus_two, 1);

	(void)state;
	assert_int_equal(cfi_sleb(&c), -2);
	c = cursor_over(long_one, 2);
	assert_int_equal(cfi_sleb(&c), -128);
	c = cursor_over(long_one, 2);
	assert_int_equal(cfi_uleb(&c), 0x7f << 7);
	c = cursor_over(long_one, 1);
	cfi_sleb(&c);
	assert_int_equal(c.err, -EBADMSG);
}

static void relative_pointers_count_from_their_own_place_or_the_data(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(read_at(4, 4, 0x10 | 0x0b, &v), 0);
	assert_int_equal(v, 0x1004 - 1);
	assert_int_equal(read_at(0, 4, 0x30 | 0x0b, &v), 0);
	assert_int_equal(v, 0x5000 - 2);
}

static void a_null_pointer_is_relative_to_nothing(void **state)
{
	static const uint8_t zero[4];
	struct cfi_section s = {.data = zero, .size = 4, .address = 0x1000};
	struct cursor c = cursor_over(zero, 4);
	uint64_t v = 1;

	(void)state;
	assert_int_equal(cfi_pointer_read(&c, 0x1b, &s, &v), 0);
	assert_int_equal(v, 0);
}

static void what_cannot_be_read_from_the_file_is_refused(void **state)
{
	static const uint8_t refused[] = {
		0xff, /* left out */
		0x9b, /* indirect: it would be read from a process */
		0x20, 0x40, 0x50, /* relative to text, to the function, aligned */
		0x05, 0x0f, /* no format */
	};
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(refused); i++)
		assert_int_equal(read_at(0, 9, refused[i], &v), -EBADMSG);
	assert_int_equal(read_at(0, 3, 0x03, &v), -EBADMSG);
	assert_int_equal(v, 7);
}

static void lengths_are_never_negative(void **state)
{
	struct cursor c = cursor_over(bytes, 4);
	uint64_t v;

	(void)state;
	assert_int_equal(cfi_length_read(&c, 0x1b, &v), 0);
	assert_int_equal(v, 0xfffffffe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_format_has_its_width_and_sign),
		cmocka_unit_test(leb128_is_signed_where_it_says_so),
		cmocka_unit_test(relative_pointers_count_from_their_own_place_or_the_data),
		cmocka_unit_test(a_null_pointer_is_relative_to_nothing),
		cmocka_unit_test(what_cannot_be_read_from_the_file_is_refused),
		cmocka_unit_test(lengths_are_never_negative),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
