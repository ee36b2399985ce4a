/* The table of a comparison. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "profiler/cli/diff_table.h"

/* A profile of one-frame stacks: name and count, ended by NULL. */
static struct profile *profile_with(const char *const *names, const uint64_t *counts)
{
	struct profile *p;

	assert_int_equal(profile_new(true, &p), 0);
	p->period_ns = 10000000;
	for (size_t i = 0; names[i]; i++) {
		struct profile_object o = {.kind = PROFILE_OBJECT_FILE,
					   .path = (uint32_t)profile_string(p, "/bin/x")};
		struct profile_function f = {.name = (uint32_t)profile_string(p, names[i])};
		struct profile_labels labels = {};
		struct profile_line line;
		int64_t location, stack;

		f.system_name = f.name;
		location = profile_location(p, (uint32_t)profile_object(p, &o), i);
		line = (struct profile_line){.function = (uint32_t)profile_function(p, &f)};
		assert_int_equal(profile_set_lines(p, (uint32_t)location, &line, 1), 0);
		stack = profile_stack(p, 0, (uint32_t)location);
		assert_int_equal(profile_add_sample(p, 0, (uint32_t)stack,
						    (uint32_t)profile_labels(p, &labels),
						    counts[i]),
				 0);
	}
	return p;
}

static void the_largest_change_of_share_comes_first(void **state)
{
	static const char *const before[] = {"same", "shrank", "gone", NULL}, *const after[] = {
										      "same",
										      "shrank",
										      "new\x1b[1m",
										      NULL};
	static const uint64_t before_counts[] = {50, 40, 10}, after_counts[] = {100, 20, 80};
	struct profile *a = profile_with(before, before_counts),
		       *b = profile_with(after, after_counts);
	struct buf out;

	(void)state;
	buf_init(&out, 10000);
	assert_int_equal(diff_table_write(a, b, 3, 80, &out), 0);
	assert_string_equal(buf_str(&out), "A: 100 samples, 1.00 s of CPU\n"
					   "B: 200 samples, 2.00 s of CPU\n"
					   "\n"
					   " self A   self B   change  function\n"
					   "  0.00%   40.00%   +40.00  new?[1m\n"
					   " 40.00%   10.00%   -30.00  shrank\n"
					   " 10.00%    0.00%   -10.00  gone\n"
					   "... and 1 functions that changed less\n");
	buf_done(&out);
	profile_free(a);
	profile_free(b);
}

static void empty_ranges_are_shown_as_such(void **state)
{
	static const char *const none[] = {NULL};
	struct profile *a = profile_with(none, NULL), *b = profile_with(none, NULL);
	struct buf out;

	(void)state;
	buf_init(&out, 10000);
	assert_int_equal(diff_table_write(a, b, 10, 80, &out), 0);
	assert_non_null(strstr(buf_str(&out), "A: 0 samples, 0.00 s of CPU\n"));
	buf_done(&out);
	profile_free(a);
	profile_free(b);
}

static void long_names_are_cut_with_a_mark(void **state)
{
	static const char *const names[] = {
		"a_function_whose_name_is_much_longer_than_the_terminal_is_wide", NULL};
	static const uint64_t counts[] = {1};
	struct profile *p = profile_with(names, counts);
	struct buf out;
	const char *line;

	(void)state;
	buf_init(&out, 10000);
	assert_int_equal(diff_table_write(p, p, 10, 60, &out), 0);
	line = strstr(buf_str(&out), "100.00%");
	assert_non_null(line);
	assert_true(strcspn(line, "\n") <= 60);
	assert_memory_equal(line + strcspn(line, "\n") - 3, "...", 3);
	buf_done(&out);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_change_of_share_comes_first),
		cmocka_unit_test(empty_ranges_are_shown_as_such),
		cmocka_unit_test(long_names_are_cut_with_a_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
