/* The table of functions: its order, and how its columns share the width that there is. */
#include "profiler/top/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/web/build.h"

static struct top_model model_of(struct profile *p, const char *const *by)
{
	struct top_model m;

	assert_int_equal(top_model_init(&m, p, by, by != NULL, NULL), 0);
	return m;
}

/* One program with a stack for each of names, that many samples in each. */
struct stack {
	const char *path, *name;
	uint64_t count;
};

static struct profile *profile_of(const struct stack *s, size_t n)
{
	struct profile *p = build_profile(true);
	uint32_t labels = build_labels(p, 1, 1, "x", "x");

	for (size_t i = 0; i < n; i++)
		build_sample(p, 0, BUILD_STACK(p, build_frame(p, s[i].path, i + 1, s[i].name)),
			     labels, s[i].count);
	return p;
}

static void assert_order(const struct top_model *m, const char *expected)
{
	struct buf out;

	buf_init(&out, 1000);
	for (uint32_t i = 0; i < m->n_functions; i++)
		buf_printf(&out, "%s %s,", top_model_name(m, &m->function[i]),
			   top_model_object(m, &m->function[i]));
	assert_string_equal(buf_str(&out), expected);
	buf_done(&out);
}

/* a calls b (2) and c (2), c calls itself (1); of two files, b is there twice. */
static void ties_go_by_the_other_number_then_by_name_and_object(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t a = build_frame(p, "/a", 1, "a"), b = build_frame(p, "/b", 2, "b");
	uint32_t b2 = build_frame(p, "/a", 3, "b"), c = build_frame(p, "/a", 4, "c");
	uint32_t x = build_labels(p, 1, 1, "x", "x");
	struct top_model m;

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, a, b), x, 2);
	build_sample(p, 0, BUILD_STACK(p, a, b2), x, 2);
	build_sample(p, 0, BUILD_STACK(p, a, c, b), x, 1);
	build_sample(p, 0, BUILD_STACK(p, a, c), x, 2);
	m = model_of(p, NULL);
	top_table_sort(&m, TOP_SORT_SELF);
	assert_order(&m, "b /b,c /a,b /a,a /a,");
	top_table_sort(&m, TOP_SORT_TOTAL);
	assert_order(&m, "a /a,b /b,c /a,b /a,");
	top_table_sort(&m, TOP_SORT_NAME);
	assert_order(&m, "a /a,b /a,b /b,c /a,");
	top_model_done(&m);
}

static void assert_drawn(struct top_model *m, uint32_t lines, uint32_t columns, uint32_t first,
			 const char *group, const char *expected)
{
	struct top_page page;
	struct buf out;

	top_table_sort(m, TOP_SORT_SELF);
	top_page_init(&page);
	top_page_clear(&page, lines + 1, columns);
	top_table_draw(m, &page, 1, lines, first, UINT32_MAX, group);
	top_page_sort(&page);
	buf_init(&out, 100000);
	assert_int_equal(top_page_print(&page, &out), 0);
	assert_string_equal(buf_str(&out), expected);
	buf_done(&out);
	top_page_done(&page);
}

#define HEAD "\n     SELF    SELF%      TOTAL   TOTAL%    "

static void columns_are_as_wide_as_what_is_shown(void **state)
{
	static const struct stack s[] = {{"/usr/bin/app", "f", 30},
					 {"/usr/lib/", "a_name_of_20_columns", 9},
					 {"[kernel.kallsyms]", "k", 1}};
	struct top_model m = model_of(profile_of(s, 3), NULL);

	(void)state;
	assert_drawn(&m, 4, 120, 0, NULL,
		     HEAD
		     "FUNCTION              OBJECT\n"
		     "       30   75.00%         30   75.00%    f                     app\n"
		     "        9   22.50%          9   22.50%    a_name_of_20_columns  /usr/lib/\n"
		     "        1    2.50%          1    2.50%    k                     "
		     "[kernel.kallsyms]\n");
	/* What is not shown takes no room; names have their least all the same. */
	assert_drawn(&m, 2, 120, 0, NULL,
		     HEAD "FUNCTION  OBJECT\n"
			  "       30   75.00%         30   75.00%    f         app\n");
	assert_drawn(&m, 3, 120, 2, NULL,
		     HEAD "FUNCTION  OBJECT\n"
			  "        1    2.50%          1    2.50%    k         "
			  "[kernel.kallsyms]\n\n");
	/* Behind the last one, and no room but for the head. */
	assert_drawn(&m, 2, 120, 3, NULL, HEAD "FUNCTION  OBJECT\n\n");
	assert_drawn(&m, 1, 120, 0, NULL, HEAD "FUNCTION  OBJECT\n");
	top_model_done(&m);
}

static void a_narrow_page_leaves_the_most_to_names(void **state)
{
	static const struct stack s[] = {
		{"/usr/lib/a_library_of_32_columns.so.1.23", "a_function_of_30_columns_in_all", 5}};
	struct top_model m = model_of(profile_of(s, 1), NULL);

	(void)state;
	assert_drawn(&m, 2, 82, 0, NULL,
		     HEAD
		     "FUNCTION                 OBJECT\n"
		     "        5  100.00%          5  100.00%    a_function_of_30_colum\xe2\x80\xa6"
		     "  a_library_of_3\xe2\x80\xa6\n");
	assert_drawn(&m, 2, 50, 0, NULL,
		     HEAD "FUNCTION\n"
			  "        5  100.00%          5  100.00%    a_funct\xe2\x80\xa6\n");
	assert_drawn(&m, 2, 12, 0, NULL, "\n     SELF  \xe2\x80\xa6\n        5  \xe2\x80\xa6\n");
	top_model_done(&m);
}

static void groups_have_a_column_of_their_own(void **state)
{
	static const char *const by[] = {"comm", "pid", NULL};
	struct profile *p = build_profile(true);
	uint32_t f = build_frame(p, "/bin/a", 1, "f");
	struct top_model m;

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, f), build_labels(p, 7, 7, "a", "a"), 3);
	build_sample(p, 0, BUILD_STACK(p, f),
		     build_labels(p, 4194304, 1, "a program of a name that is long", "b"), 1);
	m = model_of(p, by);
	assert_drawn(&m, 3, 120, 0, "PROCESS",
		     HEAD
		     "PROCESS                           FUNCTION  OBJECT\n"
		     "        3   75.00%          3   75.00%    a 7                             "
		     "  f         a\n"
		     "        1   25.00%          1   25.00%    a program of a name that is lon"
		     "\xe2\x80\xa6  f         a\n");
	/* As wide as its head where its values are short. */
	assert_drawn(&m, 2, 120, 0, "PROCESS",
		     HEAD "PROCESS  FUNCTION  OBJECT\n"
			  "        3   75.00%          3   75.00%    a 7      f         a\n");
	top_model_done(&m);
}

static void the_selected_row_stands_out_to_the_edge(void **state)
{
	static const struct stack s[] = {{"/bin/a", "f", 2}, {"/bin/a", "g", 1}};
	struct top_model m = model_of(profile_of(s, 2), NULL);
	struct top_page page;

	(void)state;
	top_table_sort(&m, TOP_SORT_SELF);
	top_page_init(&page);
	for (uint32_t selected = 0; selected < 3; selected++) {
		uint32_t marked = 0, columns = 0;

		top_page_clear(&page, 3, 80);
		top_table_draw(&m, &page, 0, 3, 0, selected, NULL);
		for (size_t i = 0; i < page.n; i++) {
			if (page.run[i].style != TOP_STYLE_SELECTED)
				continue;
			assert_int_equal(page.run[i].line, 1 + selected);
			assert_int_equal(page.run[i].column, columns);
			columns += (uint32_t)page.run[i].len;
			marked++;
		}
		assert_int_equal(marked != 0, selected < 2);
		if (marked)
			assert_true(columns > 50);
	}
	top_page_done(&page);
	top_model_done(&m);
}

static void names_cannot_leave_their_column(void **state)
{
	static const struct stack s[] = {{"/bin/\x1b[2Jx", "a\nb\xff\xe2\x80\xae", 1}};
	struct top_model m = model_of(profile_of(s, 1), NULL);

	(void)state;
	assert_drawn(&m, 2, 120, 0, NULL,
		     HEAD "FUNCTION  OBJECT\n"
			  "        1  100.00%          1  100.00%    a?b??     ?[2Jx\n");
	top_model_done(&m);
}

static void nothing_is_a_head(void **state)
{
	struct top_model m = model_of(build_profile(true), NULL);

	(void)state;
	top_table_sort(&m, TOP_SORT_NAME);
	assert_drawn(&m, 2, 120, 0, "PROGRAM", HEAD "PROGRAM  FUNCTION  OBJECT\n\n");
	top_model_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ties_go_by_the_other_number_then_by_name_and_object),
		cmocka_unit_test(columns_are_as_wide_as_what_is_shown),
		cmocka_unit_test(a_narrow_page_leaves_the_most_to_names),
		cmocka_unit_test(groups_have_a_column_of_their_own),
		cmocka_unit_test(the_selected_row_stands_out_to_the_edge),
		cmocka_unit_test(names_cannot_leave_their_column),
		cmocka_unit_test(nothing_is_a_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
