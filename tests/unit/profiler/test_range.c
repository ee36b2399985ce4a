/* Ranges as arguments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "profiler/cli/range.h"

#define NS  1000000000ull
#define NOW (1800000000 * NS)

static void ranges_of_all_kinds_of_times(void **state)
{
	uint64_t from, until;

	(void)state;
	assert_int_equal(range_parse("-2h..-1h", NOW, &from, &until, NULL), 0);
	assert_true(from == NOW - 7200 * NS && until == NOW - 3600 * NS);
	assert_int_equal(range_parse("1.5..now", NOW, &from, &until, NULL), 0);
	assert_true(from == 1500000000 && until == NOW);
	assert_int_equal(range_parse("2026-11-20T03:12:00Z..2026-11-20T03:13:00+00:00", NOW, &from,
				     &until, NULL),
			 0);
	assert_true(until - from == 60 * NS);
}

static void what_is_none_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"..",
		"-1h",
		"-1h.now",
		"..now",
		"-1h..",
		"now..-1h",
		"now..now",
		"-1h..-2h..now",
		"x..now",
		"0000000000000000000000000000000000000000000000000000000000000000000001..now",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint64_t from = 1, until = 2;
		struct err err = {};

		if (range_parse(wrong[i], NOW, &from, &until, &err) != -EINVAL || from != 1 ||
		    until != 2)
			fail_msg("accepted: %s", wrong[i]);
		assert_true(err.text[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_of_all_kinds_of_times),
		cmocka_unit_test(what_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
