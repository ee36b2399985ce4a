/* Quantities and moments: what people write, and what must not be read as something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>

#include "profiler/base/quantity.h"

#define S	  1000000000ull
#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))
#define UNTOUCHED 0x1234567890abcdefull

struct good {
	const char *text;
	uint64_t value;
};

static void check_good(int (*parse)(const char *, uint64_t *), const struct good *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t v = UNTOUCHED;

		if (parse(cases[i].text, &v) != 0 || v != cases[i].value)
			fail_msg("\"%s\" gave %" PRIu64, cases[i].text, v);
	}
}

static void check_bad(int (*parse)(const char *, uint64_t *), const char *const *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t v = UNTOUCHED;

		if (parse(cases[i], &v) != -EINVAL || v != UNTOUCHED)
			fail_msg("\"%s\" was taken as %" PRIu64, cases[i], v);
	}
}

static void durations_are_a_number_and_a_unit(void **state)
{
	static const struct good good[] = {
		{"90s", 90 * S},      {"15m", 900 * S}, {"6h", 21600 * S},
		{"30d", 2592000 * S}, {"1s", S},	{"18446744073s", 18446744073 * S},
	};
	static const char *const bad[] = {
		"",
		"s",
		"0s",
		"90",
		"-5s",
		"+5s",
		" 5s",
		"5s ",
		"5 s",
		"1.5h",
		"5M",
		"5w",
		"5ms",
		"1h30m",
		"18446744074s",
		"213504d",
		"99999999999999999999s",
	};

	(void)state;
	check_good(quantity_duration, good, COUNT(good));
	check_bad(quantity_duration, bad, COUNT(bad));
}

static void sizes_are_powers_of_1000(void **state)
{
	static const struct good good[] = {
		{"0", 0},
		{"1", 1},
		{"4096", 4096},
		{"1KB", 1000},
		{"512MB", 512000000},
		{"2GB", 2000000000},
		{"18446744073709551615", UINT64_MAX},
	};
	static const char *const bad[] = {
		"",
		"KB",
		"-1",
		"+1",
		"1K",
		"1kb",
		"1KiB",
		"1TB",
		"1 GB",
		"1GB ",
		"1.5GB",
		"18446744073709551616",
		"18446744074GB",
	};

	(void)state;
	check_good(quantity_bytes, good, COUNT(good));
	check_bad(quantity_bytes, bad, COUNT(bad));
}

static void numbers_keep_to_their_bounds(void **state)
{
	uint64_t v = UNTOUCHED;

	(void)state;
	assert_int_equal(quantity_u64("19", 19, 10000, &v), 0);
	assert_int_equal(v, 19);
	assert_int_equal(quantity_u64("10000", 19, 10000, &v), 0);
	assert_int_equal(v, 10000);
	assert_int_equal(quantity_u64("18446744073709551615", 0, UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);

	v = UNTOUCHED;
	assert_int_equal(quantity_u64("18", 19, 10000, &v), -EINVAL);
	assert_int_equal(quantity_u64("10001", 19, 10000, &v), -EINVAL);
	assert_int_equal(quantity_u64("", 0, 10, &v), -EINVAL);
	assert_int_equal(quantity_u64("5x", 0, 10, &v), -EINVAL);
	assert_int_equal(quantity_u64("0x5", 0, 10, &v), -EINVAL);
	assert_int_equal(quantity_u64("-1", 0, UINT64_MAX, &v), -EINVAL);
	assert_int_equal(quantity_u64("18446744073709551616", 0, UINT64_MAX, &v), -EINVAL);
	assert_true(v == UNTOUCHED);
}

#define NOW (1700000000 * S + 5)

static int time_at_now(const char *s, uint64_t *ret)
{
	return quantity_time(s, NOW, ret);
}

static void times_in_all_their_forms(void **state)
{
	/* Seconds by date(1): date -u -d ... +%s */
	static const struct good good[] = {
		{"now", NOW},
		{"-15m", NOW - 900 * S},
		{"-0s", NOW},
		{"-1d", NOW - 86400 * S},
		{"0", 0},
		{"1700000000", 1700000000 * S},
		{"1700000000.5", 1700000000 * S + S / 2},
		{"1700000000.000000001", 1700000000 * S + 1},
		{"1700000000.0000000019", 1700000000 * S + 1},
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-20T03:12:00Z", 1795144320 * S},
		{"2026-11-20t03:12:00z", 1795144320 * S},
		{"2026-11-20 03:12:00Z", 1795144320 * S},
		{"2026-11-20T03:12:00.25Z", 1795144320 * S + S / 4},
		{"2026-11-20T03:12:00+01:30", (1795144320 - 5400) * S},
		{"2026-11-20T03:12:00 01:30", (1795144320 - 5400) * S},
		{"2026-11-20T03:12:00-08:00", (1795144320 + 28800) * S},
		{"2024-02-29T00:00:00Z", 1709164800 * S},
		{"2000-02-29T12:00:00Z", 951825600 * S},
		{"2100-03-01T00:00:00Z", 4107542400 * S},
		{"2016-12-31T23:59:60Z", 1483228800 * S},
		{"1969-12-31T23:00:00-02:00", 3600 * S},
	};
	static const char *const bad[] = {
		"",
		" ",
		"Now",
		"now ",
		"-",
		"-5",
		"-5w",
		"--5m",
		"-5m ",
		"-99999999d",
		"15m",
		"+5",
		"1.",
		".5",
		"1.5.5",
		"1e9",
		"18446744074",
		"99999999999999999999",
		"2026-11-20",
		"2026-11-20T03:12Z",
		"2026-11-20T03:12:00",
		"2026-11-20T03:12:00+0130",
		"2026-11-20T03:12:00.Z",
		"2026-11-20T03:12:00Zx",
		"2026-11-20T24:00:00Z",
		"2026-11-20T03:60:00Z",
		"2026-11-20T03:12:61Z",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-04-31T00:00:00Z",
		"2026-04-00T00:00:00Z",
		"2023-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"0000-01-01T00:00:00Z",
		"1969-12-31T23:59:59Z",
		"2600-01-01T00:00:00Z",
		"2026-11-20T03:12:00+24:00",
		"2026-",
		"2026-11",
		"2026-11-2",
		"2026-11-20T",
		"2026-11-20T03",
		"2026-11-20T03:12:00+",
		"2026-11-20T03:12:00+01",
		"2026-11-20T03:12:00+01:",
	};

	(void)state;
	check_good(time_at_now, good, COUNT(good));
	check_bad(time_at_now, bad, COUNT(bad));
}

static void clocks_run(void **state)
{
	uint64_t before = quantity_monotonic_ns();

	(void)state;
	assert_true(quantity_monotonic_ns() >= before);
	assert_true(quantity_now_ns() > 1700000000 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_a_number_and_a_unit),
		cmocka_unit_test(sizes_are_powers_of_1000),
		cmocka_unit_test(numbers_keep_to_their_bounds),
		cmocka_unit_test(times_in_all_their_forms),
		cmocka_unit_test(clocks_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
