/* Strict UTF-8: all code points come back, everything that the standard forbids is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "profiler/base/utf8.h"

static size_t encode(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static void every_code_point_and_nothing_else(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 0x120000; c++) {
		char bytes[4];
		size_t n = encode(c, bytes);
		uint32_t got = 0xffffffff;
		int r = utf8_next(bytes, n, &got);

		if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
			assert_int_equal(r, -EBADMSG);
			assert_true(got == 0xffffffff);
		} else {
			assert_int_equal(r, n);
			assert_int_equal(got, c);
			if (n > 1)
				assert_int_equal(utf8_next(bytes, n - 1, &got), -EBADMSG);
		}
	}
}

static void forbidden_forms(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xe0\x9f\xbf",
		"\xf0\x8f\xbf\xbf",
		"\xf5\x80\x80\x80",
		"\xfe",
		"\xff",
		"\xc3(",
		"\xe2\x82(",
		"\xe2(\xac",
		"\xf0\x9f\x94(",
		"\xf4\x90\x80\x80",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint32_t c = 0x42;

		assert_int_equal(utf8_next(bad[i], strlen(bad[i]), &c), -EBADMSG);
		assert_int_equal(c, 0x42);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point_and_nothing_else),
		cmocka_unit_test(forbidden_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
