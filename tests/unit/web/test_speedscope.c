/* web/export/speedscope.c: tracks, order and weights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/web/build.h"

static char *export(const struct profile *p)
{
	struct export_options options = {.title = "t", .version = "1.2"};

	return build_export(EXPORT_SPEEDSCOPE, p, &options, NULL);
}

static void each_thread_is_a_profile_in_time_order_heaviest_first(void **state)
{
	struct profile *p = build_profile(false);
	uint32_t f = build_frame(p, "/a", 1, "f"), g = build_frame(p, "/a", 2, "g");
	uint32_t one = build_labels(p, 1, 1, "c", "t1"), two = build_labels(p, 1, 2, "c", "t2");
	char *text;

	(void)state;
	p->period_ns = 10;
	build_sample(p, 1, BUILD_STACK(p, g), one, 1);
	build_sample(p, 4, BUILD_STACK(p, f, g), two, 1);
	build_sample(p, 3, BUILD_STACK(p, f), two, 2);
	build_sample(p, 2, BUILD_STACK(p, f), two, 1);
	text = export(p);
	assert_string_equal(
		text,
		"{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\","
		"\"name\":\"t\",\"activeProfileIndex\":0,\"exporter\":\"hearth@1.2\",\"profiles\":"
		"["
		"{\"type\":\"sampled\",\"name\":\"c (pid 1) t2 (tid 2)\",\"unit\":\"nanoseconds\","
		"\"startValue\":0,\"endValue\":40,\"samples\":[[0],[0,1]],\"weights\":[30,10]},"
		"{\"type\":\"sampled\",\"name\":\"c (pid 1) t1 (tid 1)\",\"unit\":\"nanoseconds\","
		"\"startValue\":0,\"endValue\":10,\"samples\":[[1]],\"weights\":[10]}],"
		"\"shared\":{\"frames\":["
		"{\"name\":\"f\",\"file\":\"/src/a.c\",\"line\":10},"
		"{\"name\":\"g\",\"file\":\"/src/a.c\",\"line\":10}]}}\n");
	free(text);
	profile_free(p);
}

static void merged_samples_are_one_profile_a_process(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t s = BUILD_STACK(p, build_frame(p, "/a", 1, "f"));
	char *text;

	(void)state;
	p->period_ns = 0;
	build_sample(p, 0, s, build_labels(p, 1, 1, "c", "t1"), 2);
	build_sample(p, 0, s, build_labels(p, 1, 2, "c", "t2"), 1);
	text = export(p);
	assert_non_null(strstr(text, "{\"type\":\"sampled\",\"name\":\"c (pid 1)\",\"unit\":"
				     "\"none\",\"startValue\":0,\"endValue\":3,\"samples\":[[0]],"
				     "\"weights\":[3]}"));
	free(text);
	profile_free(p);
}

static void a_comparison_has_the_base_behind(void **state)
{
	struct profile *p = build_profile(true), *base = build_profile(true);
	struct export_options options = {.base = base};
	char *text;

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 1, "f")),
		     build_labels(p, 1, 1, "c", "c"), 2);
	build_sample(base, 0, BUILD_STACK(base, build_frame(base, "/a", 2, "g")),
		     build_labels(base, 1, 1, "c", "c"), 4);
	build_sample(base, 0, BUILD_STACK(base, build_frame(base, "/a", 1, "f")),
		     build_labels(base, 2, 1, "d", "d"), 1);
	p->period_ns = base->period_ns = 0;
	text = build_export(EXPORT_SPEEDSCOPE, p, &options, NULL);
	assert_non_null(strstr(
		text,
		"\"profiles\":["
		"{\"type\":\"sampled\",\"name\":\"c (pid 1)\",\"unit\":\"none\",\"startValue\":0,"
		"\"endValue\":2,\"samples\":[[0]],\"weights\":[2]},"
		"{\"type\":\"sampled\",\"name\":\"base: c (pid 1)\",\"unit\":\"none\","
		"\"startValue\":0,\"endValue\":4,\"samples\":[[1]],\"weights\":[4]},"
		"{\"type\":\"sampled\",\"name\":\"base: d (pid 2)\",\"unit\":\"none\","
		"\"startValue\":0,\"endValue\":1,\"samples\":[[0]],\"weights\":[1]}]"));
	free(text);
	profile_free(p);
	profile_free(base);
}

static void no_samples_are_one_empty_profile(void **state)
{
	struct profile *p = build_profile(false);
	char *text = export(p);

	(void)state;
	assert_non_null(strstr(text, "\"samples\":[],\"weights\":[]"));
	free(text);
	profile_free(p);
}

static void hostile_names_stay_strings(void **state)
{
	struct profile *p = build_hostile();
	char *text = export(p);

	(void)state;
	assert_null(strchr(text, '<'));
	assert_non_null(strstr(text, "ev il;\\n\\u003c/script\\u003e (pid 1) t\\t\\\\\\n (tid 1)"));
	free(text);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_thread_is_a_profile_in_time_order_heaviest_first),
		cmocka_unit_test(merged_samples_are_one_profile_a_process),
		cmocka_unit_test(a_comparison_has_the_base_behind),
		cmocka_unit_test(no_samples_are_one_empty_profile),
		cmocka_unit_test(hostile_names_stay_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
