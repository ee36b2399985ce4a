/* Bytes as hexadecimal digits. */
#include "profiler/base/hex.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void every_byte_has_its_two_digits(void **state)
{
	char text[3], want[8];

	(void)state;
	for (unsigned int i = 0; i < 256; i++) {
		uint8_t byte = (uint8_t)i;

		hex_text(&byte, 1, text);
		snprintf(want, sizeof(want), "%02x", i);
		assert_string_equal(text, want);
	}
}

static void no_more_is_written_than_was_said(void **state)
{
	static const uint8_t bytes[] = {0xde, 0xad, 0xbe, 0xef};
	char text[10];

	(void)state;
	memset(text, '!', sizeof(text));
	hex_text(bytes, 4, text);
	assert_string_equal(text, "deadbeef");
	assert_int_equal(text[9], '!');
	hex_text(bytes, 0, text);
	assert_string_equal(text, "");
}

static void digits_are_read_back_and_nothing_else_is(void **state)
{
	static const char *const bad[] = {"", "de", "deadbee", "deadbeef0", "deadbeeg", "dead eef"};
	uint8_t bytes[4];

	(void)state;
	assert_int_equal(hex_parse("dEADbeef", bytes, 4), 0);
	assert_memory_equal(bytes, "\xde\xad\xbe\xef", 4);
	assert_int_equal(hex_parse("", bytes, 0), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hex_parse(bad[i], bytes, 4), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_has_its_two_digits),
		cmocka_unit_test(no_more_is_written_than_was_said),
		cmocka_unit_test(digits_are_read_back_and_nothing_else_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
