/* Bytes as hexadecimal digits. */
#include "profiler/base/hex.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_has_its_two_digits),
		cmocka_unit_test(no_more_is_written_than_was_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
