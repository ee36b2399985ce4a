/*
 * Quantities and moments as people write them; see quantity.h. Dates by Hinnant's
 * days_from_civil.
 */
#include "profiler/base/quantity.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000ull

/* The digits at *s, at least one, as a number; *s moves behind them. */
static int take_number(const char **s, uint64_t *ret)
{
	const char *at = *s;
	uint64_t v = 0;

	if (*at < '0' || *at > '9')
		return -EINVAL;
	for (; *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*at - '0'), &v))
			return -EINVAL;
	}
	*s = at;
	*ret = v;
	return 0;
}

/* Exactly n digits. */
static int take_digits(const char **s, unsigned int n, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < n; i++) {
		char c = (*s)[i];

		if (c < '0' || c > '9')
			return -EINVAL;
		v = v * 10 + (uint64_t)(c - '0');
	}
	*s += n;
	*ret = v;
	return 0;
}

/* `.` and digits as nanoseconds; what is finer than a nanosecond is cut. Nothing there: 0. */
static int take_fraction(const char **s, uint64_t *ret_ns)
{
	uint64_t ns = 0, unit = NS_PER_S / 10;

	if (**s == '.') {
		const char *at = *s + 1;

		if (*at < '0' || *at > '9')
			return -EINVAL;
		for (; *at >= '0' && *at <= '9'; at++, unit /= 10)
			ns += (uint64_t)(*at - '0') * unit;
		*s = at;
	}
	*ret_ns = ns;
	return 0;
}

/* N and a unit; 0 is fine here. */
static int span_parse(const char *s, uint64_t *ret_ns)
{
	static const struct {
		char letter;
		uint64_t ns;
	} units[] = {{'s', NS_PER_S},
		     {'m', 60 * NS_PER_S},
		     {'h', 3600 * NS_PER_S},
		     {'d', 86400 * NS_PER_S}};
	uint64_t n, ns;

	if (take_number(&s, &n) < 0 || s[0] == '\0' || s[1] != '\0')
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (units[i].letter != s[0])
			continue;
		if (__builtin_mul_overflow(n, units[i].ns, &ns))
			return -EINVAL;
		*ret_ns = ns;
		return 0;
	}
	return -EINVAL;
}

int quantity_duration(const char *s, uint64_t *ret_ns)
{
	uint64_t ns;

	if (span_parse(s, &ns) < 0 || ns == 0)
		return -EINVAL;
	*ret_ns = ns;
	return 0;
}

int quantity_bytes(const char *s, uint64_t *ret_bytes)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} units[] = {{"", 1}, {"KB", 1000}, {"MB", 1000000}, {"GB", 1000000000}};
	uint64_t n, bytes;

	if (take_number(&s, &n) < 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(units[i].name, s) != 0)
			continue;
		if (__builtin_mul_overflow(n, units[i].bytes, &bytes))
			return -EINVAL;
		*ret_bytes = bytes;
		return 0;
	}
	return -EINVAL;
}

int quantity_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t v;

	if (take_number(&s, &v) < 0 || *s != '\0' || v < min || v > max)
		return -EINVAL;
	*ret = v;
	return 0;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, from 0000-03-01 on. */
static int64_t days_since_1970(uint64_t year, uint64_t month, uint64_t day)
{
	uint64_t y = month <= 2 ? year - 1 : year;
	uint64_t era = y / 400, year_of_era = y % 400;
	uint64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	uint64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return (int64_t)(era * 146097 + day_of_era) - 719468;
}

static uint64_t days_in_month(uint64_t year, uint64_t month)
{
	static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* YYYY-MM-DD, as seconds since 1970 of its midnight. */
static int take_date(const char **s, int64_t *ret_s)
{
	uint64_t year, month, day;

	if (take_digits(s, 4, &year) < 0 || *(*s)++ != '-' || take_digits(s, 2, &month) < 0 ||
	    *(*s)++ != '-' || take_digits(s, 2, &day) < 0)
		return -EINVAL;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
		return -EINVAL;
	*ret_s = days_since_1970(year, month, day) * 86400;
	return 0;
}

/* hh:mm:ss[.fraction]; second 60, a leap second, is the next minute's first. */
static int take_clock(const char **s, int64_t *ret_s, uint64_t *ret_ns)
{
	uint64_t hour, minute, second;

	if (take_digits(s, 2, &hour) < 0 || *(*s)++ != ':' || take_digits(s, 2, &minute) < 0 ||
	    *(*s)++ != ':' || take_digits(s, 2, &second) < 0)
		return -EINVAL;
	if (hour > 23 || minute > 59 || second > 60)
		return -EINVAL;
	*ret_s = (int64_t)(hour * 3600 + minute * 60 + second);
	return take_fraction(s, ret_ns);
}

/* Z, +hh:mm, -hh:mm; ` hh:mm` is what is left of `+hh:mm` in an unescaped URL. */
static int take_offset(const char **s, int64_t *ret_s)
{
	uint64_t hour, minute;
	char sign = *(*s)++;

	*ret_s = 0;
	if (sign == 'Z' || sign == 'z')
		return 0;
	if (sign != '+' && sign != '-' && sign != ' ')
		return -EINVAL;
	if (take_digits(s, 2, &hour) < 0 || *(*s)++ != ':' || take_digits(s, 2, &minute) < 0)
		return -EINVAL;
	if (hour > 23 || minute > 59)
		return -EINVAL;
	*ret_s = (int64_t)(hour * 3600 + minute * 60) * (sign == '-' ? -1 : 1);
	return 0;
}

static int rfc3339_parse(const char *s, uint64_t *ret_ns)
{
	int64_t date_s, clock_s, offset_s, all_s;
	uint64_t ns, fraction_ns;

	if (take_date(&s, &date_s) < 0)
		return -EINVAL;
	if (*s != 'T' && *s != 't' && *s != ' ')
		return -EINVAL;
	s++;
	if (take_clock(&s, &clock_s, &fraction_ns) < 0 || take_offset(&s, &offset_s) < 0 ||
	    *s != '\0')
		return -EINVAL;
	all_s = date_s + clock_s - offset_s;
	if (all_s < 0 || __builtin_mul_overflow((uint64_t)all_s, NS_PER_S, &ns) ||
	    __builtin_add_overflow(ns, fraction_ns, &ns))
		return -EINVAL;
	*ret_ns = ns;
	return 0;
}

static int unix_parse(const char *s, uint64_t *ret_ns)
{
	uint64_t seconds, ns, fraction_ns;

	if (take_number(&s, &seconds) < 0 || take_fraction(&s, &fraction_ns) < 0 || *s != '\0')
		return -EINVAL;
	if (__builtin_mul_overflow(seconds, NS_PER_S, &ns) ||
	    __builtin_add_overflow(ns, fraction_ns, &ns))
		return -EINVAL;
	*ret_ns = ns;
	return 0;
}

int quantity_time(const char *s, uint64_t now_ns, uint64_t *ret_ns)
{
	uint64_t span_ns;

	if (strcmp(s, "now") == 0) {
		*ret_ns = now_ns;
		return 0;
	}
	if (s[0] == '-') {
		if (span_parse(s + 1, &span_ns) < 0 || span_ns > now_ns)
			return -EINVAL;
		*ret_ns = now_ns - span_ns;
		return 0;
	}
	if (strlen(s) > 4 && s[4] == '-')
		return rfc3339_parse(s, ret_ns);
	return unix_parse(s, ret_ns);
}

static uint64_t clock_read_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t quantity_now_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}

uint64_t quantity_monotonic_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}
