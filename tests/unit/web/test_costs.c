/* web/costs.c: what ran at a place itself, and what had it on its stack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/web/build.h"
#include "web/costs.h"

/* The place is the offset of what a location's innermost frame stands for; others have none. */
static int64_t offset_of(void *ctx, const struct profile *p, uint32_t location, uint32_t i)
{
	(void)ctx;
	return i == 0 ? (int64_t)p->locations[location].offset : -1;
}

static void a_place_counts_once_a_stack(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t labels = build_labels(p, 1, 1, "a", "a");
	uint32_t one = build_frame(p, "/a", 1, "f"), two = build_frame(p, "/a", 2, "g");
	uint32_t far = build_frame(p, "/a", 100, "h");
	struct costs c;

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, one, two, one), labels, 5);
	build_sample(p, 0, BUILD_STACK(p, one, two), labels, 2);
	build_sample(p, 0, BUILD_STACK(p, two, far), labels, 1);
	assert_int_equal(costs_of(p, 3, offset_of, NULL, &c), 0);
	assert_int_equal(c.total[0], 0);
	assert_int_equal(c.self[1], 5);
	assert_int_equal(c.total[1], 7);
	assert_int_equal(c.self[2], 2);
	assert_int_equal(c.total[2], 8);
	costs_done(&c);
	profile_free(p);
}

/* An inlined frame ran at its caller's place as little as a called one. */
static int64_t line_of(void *ctx, const struct profile *p, uint32_t location, uint32_t i)
{
	(void)ctx;
	(void)p;
	(void)location;
	return i;
}

static void only_the_innermost_frame_of_a_leaf_ran_itself(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t at = build_location(p, PROFILE_OBJECT_FILE, "/a", 1, BUILD_NAMES("in", "out"));
	struct costs c;

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, at), build_labels(p, 1, 1, "a", "a"), 3);
	assert_int_equal(costs_of(p, 2, line_of, NULL, &c), 0);
	assert_int_equal(c.self[0], 3);
	assert_int_equal(c.total[0], 3);
	assert_int_equal(c.self[1], 0);
	assert_int_equal(c.total[1], 3);
	costs_done(&c);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_counts_once_a_stack),
		cmocka_unit_test(only_the_innermost_frame_of_a_leaf_ran_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
