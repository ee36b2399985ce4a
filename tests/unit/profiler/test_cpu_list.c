/* The kernel's CPU lists: what is one, what is not. */
#include "profiler/collector/cpu_list.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void ranges_and_single_cpus_are_read(void **state)
{
	struct cpu_list l;

	(void)state;
	assert_int_equal(cpu_list_parse("0-3,8,10-11\n", &l), 0);
	for (unsigned int cpu = 0; cpu < 16; cpu++)
		assert_int_equal(cpu_list_has(&l, cpu),
				 cpu <= 3 || cpu == 8 || cpu == 10 || cpu == 11);
	assert_int_equal(cpu_list_last(&l), 11);
}

static void an_empty_list_is_a_list(void **state)
{
	struct cpu_list l;

	(void)state;
	assert_int_equal(cpu_list_parse("\n", &l), 0);
	assert_false(cpu_list_has(&l, 0));
	assert_int_equal(cpu_list_last(&l), 0);
}

static void the_largest_cpu_fits_and_the_next_does_not(void **state)
{
	struct cpu_list l;

	(void)state;
	assert_int_equal(cpu_list_parse("8191", &l), 0);
	assert_true(cpu_list_has(&l, 8191));
	assert_false(cpu_list_has(&l, 8192));
	assert_int_equal(cpu_list_parse("8192", &l), -EBADMSG);
}

static void what_is_no_list_leaves_the_output_alone(void **state)
{
	static const char *const bad[] = {
		"x", "1-", "-1", "3-1", "1,,2", "1,", "1 2", "99999999999999999999", "1-2-3"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cpu_list l = {.bits = {42}};

		assert_int_equal(cpu_list_parse(bad[i], &l), -EBADMSG);
		assert_int_equal(l.bits[0], 42);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_and_single_cpus_are_read),
		cmocka_unit_test(an_empty_list_is_a_list),
		cmocka_unit_test(the_largest_cpu_fits_and_the_next_does_not),
		cmocka_unit_test(what_is_no_list_leaves_the_output_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
