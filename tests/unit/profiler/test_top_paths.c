/* Places are found again in the tree of another moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "profiler/top/paths.h"
#include "tests/unit/web/build.h"

/* main calls one (first) and two (second). */
static struct top_model model(uint64_t first, uint64_t second)
{
	struct profile *p = build_profile(true);
	uint32_t m = build_frame(p, "/bin/a", 1, "main"), one = build_frame(p, "/bin/a", 2, "one");
	uint32_t two = build_frame(p, "/bin/b", 3, "two"), x = build_labels(p, 1, 1, "x", "x");
	struct top_model ret;

	if (first)
		build_sample(p, 0, BUILD_STACK(p, m, one), x, first);
	build_sample(p, 0, BUILD_STACK(p, m, two), x, second);
	assert_int_equal(top_model_init(&ret, p, NULL, false, NULL), 0);
	return ret;
}

static void names_lead_there_whatever_the_order(void **state)
{
	struct top_model before = model(9, 1), after = model(1, 9), without = model(0, 1);
	struct top_path path;

	(void)state;
	top_path_init(&path);
	assert_int_equal(top_path_find(&path, &before), 0);
	assert_int_equal(top_path_take(&path, &before, 3), 0);
	assert_string_equal(top_model_frame_name(&before, 3), "one");
	assert_int_equal(top_path_find(&path, &before), 3);
	assert_string_equal(top_model_frame_name(&after, top_path_find(&path, &after)), "one");
	/* As deep as there is a way. */
	assert_string_equal(top_model_frame_name(&without, top_path_find(&path, &without)), "main");
	assert_int_equal(top_path_take(&path, &before, 0), 0);
	assert_int_equal(top_path_find(&path, &after), 0);
	top_path_done(&path);
	top_model_done(&before);
	top_model_done(&after);
	top_model_done(&without);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_lead_there_whatever_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
