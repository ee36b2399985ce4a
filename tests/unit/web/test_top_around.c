/* web/export/top_around.c: callers and callees of a function, recursion counted once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/web/build.h"
#include "web/export/top.h"

struct asked {
	struct top top;
	uint64_t callers[16], callees[16];
};

static uint64_t of(const struct asked *a, const uint64_t *counts, const char *name)
{
	for (uint32_t i = 0; i < a->top.n; i++)
		if (!strcmp(top_name(&a->top, i), name))
			return counts[i];
	return 0;
}

static uint64_t sum(const struct asked *a, const uint64_t *counts)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i <= a->top.n; i++)
		n += counts[i];
	return n;
}

static void each_sample_counts_once_however_deep_it_recurses(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t f = build_frame(p, "/a", 1, "f"), g = build_frame(p, "/a", 2, "g");
	uint32_t h = build_frame(p, "/a", 3, "h"), in = build_frame(p, "/a", 4, "main");
	uint32_t l = build_labels(p, 1, 1, "c", "c");
	struct asked a = {};

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, in, f, g), l, 1);
	build_sample(p, 0, BUILD_STACK(p, in, f, g, f, g), l, 10);
	build_sample(p, 0, BUILD_STACK(p, in, h, f), l, 100);
	build_sample(p, 0, BUILD_STACK(p, f, f, h), l, 1000);
	build_sample(p, 0, BUILD_STACK(p, in, h), l, 10000);
	assert_int_equal(top_init(&a.top, p), 0);
	/* Asked twice: the second time is not spoiled by the first. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(top_around(&a.top, "f", a.callers, a.callees), 1);
		assert_int_equal(of(&a, a.callers, "main"), 11);
		assert_int_equal(of(&a, a.callers, "h"), 100);
		assert_int_equal(of(&a, a.callers, "g"), 0); /* inside of f already */
		assert_int_equal(a.callers[a.top.n], 1000);
		assert_int_equal(sum(&a, a.callers), 1111);
		assert_int_equal(of(&a, a.callees, "g"), 11);
		assert_int_equal(of(&a, a.callees, "h"), 1000);
		assert_int_equal(of(&a, a.callees, "f"), 1000);
		assert_int_equal(a.callees[a.top.n], 100);
	}
	assert_int_equal(top_around(&a.top, "h", a.callers, a.callees), 1);
	assert_int_equal(of(&a, a.callers, "f"), 1000);
	assert_int_equal(of(&a, a.callers, "main"), 10100);
	assert_int_equal(of(&a, a.callees, "f"), 100);
	assert_int_equal(a.callees[a.top.n], 11000);
	assert_int_equal(top_around(&a.top, "nobody", a.callers, a.callees), 0);
	assert_int_equal(sum(&a, a.callers), 0);
	top_done(&a.top);
	profile_free(p);
}

static void functions_of_one_name_are_asked_together(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t a1 = build_frame(p, "/a", 1, "init"), b1 = build_frame(p, "/b", 1, "init");
	uint32_t in = build_frame(p, "/a", 4, "main");
	uint32_t l = build_labels(p, 1, 1, "c", "c");
	struct asked a = {};

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, in, a1), l, 1);
	build_sample(p, 0, BUILD_STACK(p, in, b1), l, 2);
	assert_int_equal(top_init(&a.top, p), 0);
	assert_int_equal(top_around(&a.top, "init", a.callers, a.callees), 2);
	assert_int_equal(of(&a, a.callers, "main"), 3);
	assert_int_equal(a.callees[a.top.n], 3);
	top_done(&a.top);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_sample_counts_once_however_deep_it_recurses),
		cmocka_unit_test(functions_of_one_name_are_asked_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
