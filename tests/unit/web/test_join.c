/* web/export/join.c: two profiles in the tables of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/web/build.h"
#include "web/export/join.h"

static void sides_keep_their_samples_and_share_what_is_equal(void **state)
{
	struct profile *p = build_typical(), *base = build_typical();
	struct export_join j;

	(void)state;
	base->period_ns = 5;
	base->start_ns = 7;
	assert_int_equal(export_join_init(&j, p, base), 0);
	assert_int_equal(profile_sample_count(&j.now), 29);
	assert_int_equal(profile_sample_count(&j.base), 29);
	assert_int_equal(j.tables->n_stacks, p->n_stacks);
	for (uint32_t i = 0; i < j.now.n_samples; i++)
		assert_int_equal(j.now.samples[i].stack, j.base.samples[i].stack);
	assert_int_equal(j.now.period_ns, p->period_ns);
	assert_int_equal(j.now.start_ns, p->start_ns);
	assert_int_equal(j.base.period_ns, 5);
	assert_int_equal(j.base.start_ns, 7);
	assert_int_equal(base->period_ns, 5);
	export_join_done(&j);
	profile_free(p);
	profile_free(base);
}

static void without_samples_a_side_is_empty(void **state)
{
	struct profile *p = build_typical(), *none = build_profile(true);
	struct export_join j;

	(void)state;
	assert_int_equal(export_join_init(&j, none, p), 0);
	assert_int_equal(profile_sample_count(&j.now), 0);
	assert_int_equal(profile_sample_count(&j.base), 29);
	export_join_done(&j);
	assert_int_equal(export_join_init(&j, p, NULL), 0);
	assert_int_equal(profile_sample_count(&j.now), 29);
	assert_int_equal(profile_sample_count(&j.base), 0);
	export_join_done(&j);
	profile_free(p);
	profile_free(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sides_keep_their_samples_and_share_what_is_equal),
		cmocka_unit_test(without_samples_a_side_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
