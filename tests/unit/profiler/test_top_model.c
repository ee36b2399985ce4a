/* What top knows of a range: functions, groups, and what a filter leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "profiler/top/table.h"
#include "tests/unit/web/build.h"

/* main calls f, which calls itself; g is called by main alone. Two processes. */
static struct profile *recursive(void)
{
	struct profile *p = build_profile(true);
	uint32_t m = build_frame(p, "/bin/a", 1, "main"), f = build_frame(p, "/bin/a", 2, "f");
	uint32_t g = build_frame(p, "/bin/a", 3, "g");
	uint32_t one = build_labels(p, 1, 1, "a", "a"), two = build_labels(p, 2, 2, "b", "b");

	build_sample(p, 0, BUILD_STACK(p, m, f, f, f), one, 5);
	build_sample(p, 0, BUILD_STACK(p, m, f), two, 3);
	build_sample(p, 0, BUILD_STACK(p, m, g), one, 2);
	return p;
}

static void init(struct top_model *m, const char *const *by, bool grouped, const char *filter)
{
	regex_t regex;

	if (filter)
		assert_int_equal(regcomp(&regex, filter, REG_EXTENDED | REG_NOSUB), 0);
	assert_int_equal(top_model_init(m, recursive(), by, grouped, filter ? &regex : NULL), 0);
	if (filter)
		regfree(&regex);
	top_table_sort(m, TOP_SORT_SELF);
}

static void assert_row(const struct top_model *m, uint32_t i, const char *name, uint64_t self,
		       uint64_t total)
{
	assert_string_equal(top_model_name(m, &m->function[i]), name);
	assert_int_equal(m->function[i].self, self);
	assert_int_equal(m->function[i].total, total);
}

static void recursion_counts_once(void **state)
{
	struct top_model m;

	(void)state;
	init(&m, NULL, false, NULL);
	assert_int_equal(m.samples, 10);
	assert_int_equal(m.matched, 10);
	assert_int_equal(m.n_functions, 3);
	assert_row(&m, 0, "f", 8, 8);
	assert_row(&m, 1, "g", 2, 2);
	assert_row(&m, 2, "main", 0, 10);
	top_table_sort(&m, TOP_SORT_TOTAL);
	assert_row(&m, 0, "main", 0, 10);
	top_table_sort(&m, TOP_SORT_NAME);
	assert_row(&m, 1, "g", 2, 2);
	top_model_done(&m);
}

static void groups_have_rows_of_their_own(void **state)
{
	static const char *const by[] = {"comm", "pid", NULL};
	struct top_model m;
	struct buf group;

	(void)state;
	init(&m, by, true, NULL);
	assert_int_equal(m.n_functions, 5);
	assert_row(&m, 0, "f", 5, 5);
	assert_row(&m, 1, "f", 3, 3);
	buf_init(&group, 100);
	top_model_group(&m, m.function[1].group, &group);
	assert_string_equal(buf_str(&group), "b 2");
	buf_done(&group);
	top_model_done(&m);
}

static void a_filter_takes_rows_and_stacks_and_no_shares(void **state)
{
	struct top_model m;

	(void)state;
	init(&m, NULL, false, "^f$");
	assert_int_equal(m.samples, 10);
	assert_int_equal(m.matched, 8);
	assert_int_equal(m.total[0], 8);
	assert_int_equal(m.n_functions, 1);
	assert_int_equal(m.hidden, 2);
	assert_row(&m, 0, "f", 8, 8);
	top_model_done(&m);
	/* What a match calls is below it; the program "a" is no function. */
	init(&m, NULL, false, "main");
	assert_int_equal(m.matched, 10);
	top_model_done(&m);
	init(&m, NULL, false, "^a$");
	assert_int_equal(m.matched, 0);
	assert_int_equal(m.n_functions, 0);
	top_model_done(&m);
}

static void labels_and_marks_are_no_functions(void **state)
{
	struct top_model m;
	regex_t all;

	(void)state;
	assert_int_equal(regcomp(&all, ".", REG_EXTENDED | REG_NOSUB), 0);
	assert_int_equal(top_model_init(&m, build_typical(), NULL, false, &all), 0);
	regfree(&all);
	assert_int_equal(m.samples, 29);
	assert_int_equal(m.incomplete, 3);
	assert_int_equal(m.lost, 2);
	for (uint32_t i = 0; i < m.n_functions; i++)
		assert_null(strstr(top_model_name(&m, &m.function[i]), "incomplete"));
	top_model_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recursion_counts_once),
		cmocka_unit_test(groups_have_rows_of_their_own),
		cmocka_unit_test(a_filter_takes_rows_and_stacks_and_no_shares),
		cmocka_unit_test(labels_and_marks_are_no_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
