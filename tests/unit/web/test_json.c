/* web/export/json.c: the exact text of small profiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/web/build.h"

static void a_small_profile_is_exact(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t cut = build_location(p, PROFILE_OBJECT_INCOMPLETE, "no-row", 0, NULL);
	uint32_t work =
		build_location(p, PROFILE_OBJECT_FILE, "/bin/a", 64, BUILD_NAMES("inner", "work"));
	char *text;

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, cut, work), build_labels(p, 7, 8, "c", "t"), 3);
	assert_int_equal(profile_add_loss(p, "ring-full", 2), 0);
	text = build_export(EXPORT_JSON, p, NULL, NULL);
	assert_string_equal(
		text,
		"{\"version\":1,\"start_ns\":100000000000,\"end_ns\":160000000000,"
		"\"frequency_hz\":99,\"samples\":3,\"cpu_ns\":30303030,"
		"\"lost\":{\"ring-full\":2},\"incomplete\":{\"no-row\":3},\"stacks\":["
		"{\"count\":3,\"labels\":{\"pid\":\"7\",\"tid\":\"8\",\"comm\":\"c\",\"thread\":"
		"\"t\"},\"incomplete\":\"no-row\",\"frames\":["
		"{\"function\":\"inner\",\"system_name\":\"inner\",\"file\":\"/src/a.c\",\"line\":"
		"12,\"object\":\"/bin/a\",\"build_id\":\"c0ffee\",\"offset\":64,\"kind\":"
		"\"inlined\"},"
		"{\"function\":\"work\",\"system_name\":\"work\",\"file\":\"/src/a.c\",\"line\":13,"
		"\"object\":\"/bin/a\",\"build_id\":\"c0ffee\",\"offset\":64,\"kind\":\"native\"}"
		"]}]}\n");
	free(text);
	profile_free(p);
}

static void samples_of_equal_stack_and_labels_are_one_entry(void **state)
{
	struct profile *p = build_typical();
	char *text = build_export(EXPORT_JSON, p, NULL, NULL);
	size_t entries = 0;

	(void)state;
	for (const char *s = text; (s = strstr(s, "\"count\":")); s++)
		entries++;
	assert_int_equal(entries, 6);
	assert_non_null(strstr(text, "{\"count\":7,\"labels\":{\"pid\":\"10\",\"tid\":\"10\""));
	free(text);
	profile_free(p);
}

static void run_time_addresses_stay_inside(void **state)
{
	struct profile *p = build_typical();
	char *text = build_export(EXPORT_JSON, p, NULL, NULL);

	(void)state;
	assert_null(strstr(text, "139638282384")); /* how 0x7f0012345678 begins in decimal */
	assert_null(strstr(text, "7f0012345678"));
	assert_non_null(strstr(text, "\"function\":\"[jit]\""));
	free(text);
	profile_free(p);
}

static void a_diff_meets_by_frames_and_comm(void **state)
{
	struct profile *p = build_profile(true), *base = build_profile(true);
	struct export_options options = {.base = base};
	char *text;

	(void)state;
	base->period_ns = 5025125;
	build_sample(base, 0, BUILD_STACK(base, build_frame(base, "/a", 1, "gone")),
		     build_labels(base, 1, 1, "c", "c"), 4);
	build_sample(base, 0, BUILD_STACK(base, build_frame(base, "/a", 2, "both")),
		     build_labels(base, 1, 1, "c", "c"), 5);
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 2, "both")),
		     build_labels(p, 2, 2, "c", "c"), 6);
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 3, "new")),
		     build_labels(p, 2, 2, "c", "c"), 7);
	text = build_export(EXPORT_JSON, p, &options, NULL);
	assert_non_null(strstr(text, "\"samples\":13,"));
	assert_non_null(strstr(text, "\"base\":{\"start_ns\":100000000000,\"end_ns\":160000000000,"
				     "\"frequency_hz\":199,\"samples\":9,"));
	assert_non_null(strstr(text, "{\"base\":4,\"count\":0,\"labels\":{\"comm\":\"c\"}"));
	assert_non_null(strstr(text, "{\"base\":5,\"count\":6,"));
	assert_non_null(strstr(text, "{\"base\":0,\"count\":7,"));
	free(text);
	profile_free(p);
	profile_free(base);
}

static void hostile_names_stay_strings(void **state)
{
	struct profile *p = build_hostile();
	char *text = build_export(EXPORT_JSON, p, NULL, NULL);

	(void)state;
	assert_null(strchr(text, '<'));
	assert_null(strchr(text, '\a'));
	assert_non_null(strstr(text, "\"new\\nline\\u000d\\ttab\""));
	assert_non_null(strstr(text, "\"torn utf8 \\ufffd\""));
	assert_non_null(strstr(text, "\"function\":\"semi;colon\""));
	free(text);
	profile_free(p);
}

static void an_empty_profile_has_every_member(void **state)
{
	struct profile *p = build_profile(true);
	char *text;

	(void)state;
	p->period_ns = 0;
	text = build_export(EXPORT_JSON, p, NULL, NULL);
	assert_string_equal(text, "{\"version\":1,\"start_ns\":100000000000,\"end_ns\":"
				  "160000000000,\"frequency_hz\":0,\"samples\":0,\"cpu_ns\":0,"
				  "\"lost\":{},\"incomplete\":{},\"stacks\":[]}\n");
	free(text);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_profile_is_exact),
		cmocka_unit_test(samples_of_equal_stack_and_labels_are_one_entry),
		cmocka_unit_test(run_time_addresses_stay_inside),
		cmocka_unit_test(a_diff_meets_by_frames_and_comm),
		cmocka_unit_test(hostile_names_stay_strings),
		cmocka_unit_test(an_empty_profile_has_every_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
