/* web/export/folded.c and folded_text.c: the exact lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/web/build.h"
#include "web/export/folded_text.h"

static void check(const struct profile *p, const struct export_options *options, const char *want)
{
	char *text = build_export(EXPORT_FOLDED, p, options, NULL);

	assert_string_equal(text, want);
	free(text);
}

static void typical_lines_are_exact(void **state)
{
	struct profile *p = build_typical();

	(void)state;
	check(p, NULL,
	      "a;main 1\n"
	      "a;main;work;inner_[i] 7\n"
	      "a;main;work;inner_[i];do_syscall_64_[k] 7\n"
	      "b_b 7\n"
	      "b_b;[incomplete: no-frame-pointer];libx.so+0x1234 3\n"
	      "b_b;main;[jit]_[j] 4\n");
	profile_free(p);
}

static void labels_take_the_place_of_comm(void **state)
{
	struct profile *p = build_typical();
	struct export_options options = {.by = {"pid", "exe", "thread", NULL}};

	(void)state;
	check(p, &options,
	      "10;-;a/2;main;work;inner_[i];do_syscall_64_[k] 7\n"
	      "10;-;a;main 1\n"
	      "10;-;a;main;work;inner_[i] 7\n"
	      "20;-;b_b 7\n"
	      "20;-;b_b;[incomplete: no-frame-pointer];libx.so+0x1234 3\n"
	      "20;-;b_b;main;[jit]_[j] 4\n");
	profile_free(p);
}

static void leaf(const char *name, const char *want)
{
	struct profile *p = build_profile(true);
	char *text;

	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 1, name)),
		     build_labels(p, 1, 1, "c", "c"), 50);
	text = build_export(EXPORT_FOLDED, p, NULL, NULL);
	assert_int_equal(strncmp(text, "c;", 2), 0);
	text[strlen(text) - strlen(" 50\n")] = '\0';
	assert_string_equal(text + 2, want);
	free(text);
	profile_free(p);
}

static void a_leaf_is_never_read_as_the_other_column_of_a_diff(void **state)
{
	(void)state;
	leaf("worker 3", "worker_3");
	leaf("worker  3", "worker _3");
	leaf("worker 3.5", "worker_3.5");
	leaf("worker 3.", "worker_3.");
	leaf(" 123", "_123");
	leaf("123", "123");
	leaf("worker3", "worker3");
	leaf("operator new", "operator new");
	leaf("a .5", "a .5");
	leaf("v 1.2.3", "v 1.2.3");
}

static void names_cannot_break_a_line(void **state)
{
	struct profile *p = build_hostile();
	char *text = build_export(EXPORT_FOLDED, p, NULL, NULL);
	size_t lines = 0, semicolons = 0;

	(void)state;
	for (const char *s = text; *s; s++) {
		lines += *s == '\n';
		semicolons += *s == ';';
		assert_true((unsigned char)*s >= 0x20 || *s == '\n');
	}
	assert_int_equal(lines, 1);
	assert_int_equal(semicolons, 11);
	assert_int_equal(strncmp(text, "ev_il:?</script>;xxx", 20), 0);
	assert_non_null(strstr(text, ";bel? esc?[31m;"));
	assert_non_null(strstr(text, ";semi:colon;new?line??tab;torn utf8 \xef\xbf\xbd;"));
	assert_non_null(strstr(text, ";c1 ? and separator ?;"));
	assert_non_null(strstr(text, ";worker_123 1\n"));
	free(text);
	profile_free(p);
}

/* `LC_ALL=C sort -c` compares whole lines, so a count takes part where one stack begins another. */
static void lines_are_sorted_by_bytes_counts_included(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t l = build_labels(p, 1, 1, "c", "c");

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 1, "a")), l, 5);
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 2, "a 3x")), l, 1);
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 3, "a b")), l, 1);
	build_sample(p, 0,
		     BUILD_STACK(p, build_frame(p, "/a", 1, "a"), build_frame(p, "/a", 4, "z")), l,
		     1);
	check(p, NULL,
	      "c;a 3x 1\n"
	      "c;a 5\n"
	      "c;a b 1\n"
	      "c;a;z 1\n");
	profile_free(p);
}

static void different_addresses_of_one_function_are_one_line(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t l = build_labels(p, 1, 1, "c", "c"), m = build_labels(p, 2, 2, "c", "c");

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 1, "f")), l, 5);
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 2, "f")), m, 6);
	check(p, NULL, "c;f 11\n");
	profile_free(p);
}

static void a_diff_has_both_columns_for_every_line_of_either(void **state)
{
	struct profile *p = build_profile(true), *base = build_profile(true);
	struct export_options options = {.base = base};

	(void)state;
	build_sample(base, 0, BUILD_STACK(base, build_frame(base, "/a", 1, "gone")),
		     build_labels(base, 1, 1, "c", "c"), 4);
	build_sample(base, 0, BUILD_STACK(base, build_frame(base, "/a", 2, "both")),
		     build_labels(base, 1, 1, "c", "c"), 5);
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 9, "both")),
		     build_labels(p, 2, 2, "c", "c"), 6);
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 8, "new")),
		     build_labels(p, 2, 2, "c", "c"), 7);
	check(p, &options,
	      "c;both 5 6\n"
	      "c;gone 4 0\n"
	      "c;new 0 7\n");
	profile_free(p);
	profile_free(base);
}

static void an_empty_profile_is_no_text(void **state)
{
	struct profile *p = build_profile(true);

	(void)state;
	check(p, NULL, "");
	profile_free(p);
}

static void a_stack_of_50000_levels_is_one_line(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t f = build_frame(p, "/a", 1, "f"), stack = 0;
	char *text;

	(void)state;
	for (int i = 0; i < 50000; i++)
		stack = (uint32_t)profile_stack(p, stack, f);
	build_sample(p, 0, stack, build_labels(p, 1, 1, "c", "c"), 1);
	text = build_export(EXPORT_FOLDED, p, NULL, NULL);
	assert_int_equal(strlen(text), 1 + 2 * 50000 + strlen(" 1\n"));
	free(text);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(typical_lines_are_exact),
		cmocka_unit_test(labels_take_the_place_of_comm),
		cmocka_unit_test(a_leaf_is_never_read_as_the_other_column_of_a_diff),
		cmocka_unit_test(names_cannot_break_a_line),
		cmocka_unit_test(lines_are_sorted_by_bytes_counts_included),
		cmocka_unit_test(different_addresses_of_one_function_are_one_line),
		cmocka_unit_test(a_diff_has_both_columns_for_every_line_of_either),
		cmocka_unit_test(an_empty_profile_is_no_text),
		cmocka_unit_test(a_stack_of_50000_levels_is_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
