/* web/params.c: query parameters as times, formats and numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "web/params.h"

#define S     UINT64_C(1000000000)
#define NOW   (UINT64_C(1800000000) * S)
#define ALL   ((1u << WEB_PARAM_COUNT) - 1)
#define RANGE (ALL & ~WEB_PARAM_BIT(SECONDS))

/* pairs: name, value, ... NULL. */
static int read_params(struct web_params *p, uint32_t known, const char *const *pairs,
		       struct err *err)
{
	int r = 0;

	*p = (struct web_params){};
	*err = (struct err){};
	for (; *pairs && r == 0; pairs += 2)
		r = web_params_add(p, known, pairs[0], pairs[1], err);
	if (r == 0)
		r = web_params_finish(p, known, NOW, err);
	if (r < 0)
		web_params_done(p);
	return r;
}

#define READ(p, known, err, ...) \
	read_params(p, known, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL}, err)

static void nothing_given_is_the_last_hour_as_a_flame_graph(void **state)
{
	struct web_params p;
	struct err err;

	(void)state;
	assert_int_equal(READ(&p, RANGE, &err), 0);
	assert_int_equal(p.until_ns, NOW);
	assert_int_equal(p.from_ns, NOW - 3600 * S);
	assert_int_equal(p.base_until_ns, p.from_ns);
	assert_int_equal(p.base_from_ns, NOW - 7200 * S);
	assert_int_equal(p.format, EXPORT_FLAME);
	assert_null(p.value[WEB_PARAM_MATCH]);
	web_params_done(&p);
}

static void times_are_read_in_every_form(void **state)
{
	struct web_params p;
	struct err err;

	(void)state;
	assert_int_equal(READ(&p, RANGE, &err, "from", "-15m", "until", "now"), 0);
	assert_int_equal(p.from_ns, NOW - 900 * S);
	web_params_done(&p);
	assert_int_equal(
		READ(&p, RANGE, &err, "from", "1700000000.5", "until", "2026-01-01T00:00:00 01:00"),
		0);
	assert_int_equal(p.from_ns, 1700000000 * S + S / 2);
	assert_int_equal(p.until_ns, (UINT64_C(1767225600) - 3600) * S);
	web_params_done(&p);
	assert_int_equal(READ(&p, RANGE, &err, "until", "1700000000"), 0);
	assert_int_equal(p.from_ns, (1700000000 - 3600) * S);
	web_params_done(&p);
}

static void bad_values_are_refused_by_name(void **state)
{
	static const char *const bad[][2] = {
		{"from", ""},
		{"from", "yesterday"},
		{"until", "5x"},
		{"base_from", "x"},
		{"base_until", ""},
		{"format", "svg"},
		{"format", ""},
		{"step", "0s"},
		{"step", "10"},
		{"seconds", "0"},
		{"seconds", "-1"},
		{"seconds", "1.5"},
		{"seconds", ""},
		{"seconds", "1e3"},
		{"seconds", "99999999999999999999"},
		{"nonsense", "1"},
		{"", "1"},
		{"From", "-1h"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct web_params p;
		struct err err;

		assert_int_equal(READ(&p, ALL, &err, bad[i][0], bad[i][1]), -EINVAL);
		assert_non_null(strstr(err_text(&err), bad[i][0]));
	}
}

static void a_range_must_not_be_empty(void **state)
{
	struct web_params p;
	struct err err;

	(void)state;
	assert_int_equal(READ(&p, RANGE, &err, "from", "now"), -EINVAL);
	assert_non_null(strstr(err_text(&err), "before"));
	assert_int_equal(READ(&p, RANGE, &err, "from", "-1h", "until", "-2h"), -EINVAL);
	assert_int_equal(READ(&p, RANGE, &err, "base_from", "-1h", "base_until", "-1h"), -EINVAL);
	assert_int_equal(READ(&p, RANGE, &err, "base_from", "-30m"), -EINVAL);
	assert_non_null(strstr(err_text(&err), "base_from"));
}

static void a_parameter_counts_where_its_path_knows_it_and_once(void **state)
{
	struct web_params p;
	struct err err;

	(void)state;
	assert_int_equal(READ(&p, WEB_PARAM_RANGE, &err, "step", "10s"), -EINVAL);
	assert_non_null(strstr(err_text(&err), "from, until, match"));
	assert_int_equal(READ(&p, 0, &err, "from", "-1h"), -EINVAL);
	assert_non_null(strstr(err_text(&err), "none"));
	assert_int_equal(READ(&p, RANGE, &err, "match", "a", "match", "a"), -EINVAL);
	assert_non_null(strstr(err_text(&err), "twice"));
}

static void by_may_be_repeated_up_to_its_limit(void **state)
{
	struct web_params p;
	struct err err;

	(void)state;
	assert_int_equal(READ(&p, RANGE, &err, "by", "pid", "by", "exe"), 0);
	assert_string_equal(p.by[0], "pid");
	assert_string_equal(p.by[1], "exe");
	assert_null(p.by[2]);
	web_params_done(&p);
	assert_int_equal(READ(&p, RANGE, &err, "by", "1", "by", "2", "by", "3", "by", "4", "by",
			      "5", "by", "6", "by", "7", "by", "8", "by", "9"),
			 -EINVAL);
}

static void seconds_is_the_range_up_to_now(void **state)
{
	struct web_params p;
	struct err err;

	(void)state;
	assert_int_equal(READ(&p, WEB_PARAM_BIT(SECONDS), &err), 0);
	assert_int_equal(p.from_ns, NOW - 30 * S);
	web_params_done(&p);
	assert_int_equal(READ(&p, WEB_PARAM_BIT(SECONDS), &err, "seconds", "5"), 0);
	assert_int_equal(p.from_ns, NOW - 5 * S);
	assert_int_equal(p.until_ns, NOW);
	web_params_done(&p);
}

static void values_are_bounded(void **state)
{
	static char value[WEB_PARAM_BYTES_MAX + 2];
	struct web_params p;
	struct err err;

	(void)state;
	memset(value, 'x', sizeof(value) - 1);
	assert_int_equal(READ(&p, RANGE, &err, "match", value), -EINVAL);
	value[WEB_PARAM_BYTES_MAX] = '\0';
	assert_int_equal(READ(&p, RANGE, &err, "match", value), 0);
	web_params_done(&p);
	assert_int_equal(READ(&p, RANGE, &err, "from", value), -EINVAL);
	assert_int_equal(READ(&p, RANGE, &err, value, "x"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given_is_the_last_hour_as_a_flame_graph),
		cmocka_unit_test(times_are_read_in_every_form),
		cmocka_unit_test(bad_values_are_refused_by_name),
		cmocka_unit_test(a_range_must_not_be_empty),
		cmocka_unit_test(a_parameter_counts_where_its_path_knows_it_and_once),
		cmocka_unit_test(by_may_be_repeated_up_to_its_limit),
		cmocka_unit_test(seconds_is_the_range_up_to_now),
		cmocka_unit_test(values_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
