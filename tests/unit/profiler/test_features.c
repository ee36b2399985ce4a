/*
 * The feature report is whole: whatever this host has, each feature says what is there or what is
 * to be done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "profiler/features/features.h"

static void every_feature_says_what_it_found(void **state)
{
	struct features f;
	bool can = true;

	(void)state;
	features_probe(&f);
	features_probe_debuginfod(&f);
	for (int i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *one = &f.feature[i];

		if (!one->name || !one->found[0])
			fail_msg("feature %d has no name or says nothing", i);
		if (one->there ? one->cost[0] || one->advice[0] : !one->cost[0] || !one->advice[0])
			fail_msg("%s: there %d, cost \"%s\", advice \"%s\"", one->name, one->there,
				 one->cost, one->advice);
		can &= one->there || !one->needed;
	}
	assert_int_equal(f.can_sample, can);
}

static void probing_twice_finds_the_same(void **state)
{
	struct features first, second;

	(void)state;
	features_probe(&first);
	features_probe(&second);
	for (int i = 0; i < FEATURE_COUNT; i++)
		assert_string_equal(first.feature[i].found, second.feature[i].found);
}

static void the_first_needed_feature_that_is_missing_is_told(void **state)
{
	struct features f;
	struct err err = {};

	(void)state;
	features_probe(&f);
	for (int i = 0; i < FEATURE_COUNT; i++)
		f.feature[i].there = true;
	assert_int_equal(features_require(&f, &err), 0);
	f.feature[FEATURE_LANDLOCK].there = false;
	assert_int_equal(features_require(&f, &err), 0);
	f.feature[FEATURE_BTF] = (struct feature){.name = "btf",
						  .needed = true,
						  .found = "none",
						  .cost = "no sampling",
						  .advice = "another kernel"};
	f.feature[FEATURE_RING_BUFFER].there = false;
	assert_int_equal(features_require(&f, &err), -EPERM);
	assert_string_equal(err_text(&err), "btf: none; no sampling. What to do: another kernel "
					    "(`hearth doctor` has the rest)");
}

static void sampling_is_refused_where_something_needed_is_missing(void **state)
{
	struct features f;
	struct err err = {}, told = {};
	int r = features_demand(&err);

	(void)state;
	features_probe(&f);
	assert_int_equal(r == 0, f.can_sample);
	if (r == 0)
		return;
	assert_int_equal(r, features_require(&f, &told));
	assert_string_equal(err_text(&err), err_text(&told));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_feature_says_what_it_found),
		cmocka_unit_test(probing_twice_finds_the_same),
		cmocka_unit_test(the_first_needed_feature_that_is_missing_is_told),
		cmocka_unit_test(sampling_is_refused_where_something_needed_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
