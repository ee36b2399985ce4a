/* web/export/top.c: the table for terminals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/web/build.h"

static char *top(const struct profile *p, unsigned int rows, unsigned int columns)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_int_equal(export_top_text(p, rows, columns, &out), 0);
	return (char *)buf_steal(&out, NULL);
}

static void recursion_is_counted_once(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t f = build_frame(p, "/usr/bin/a", 1, "f"), g = build_frame(p, "/usr/bin/a", 2, "g");
	uint32_t l = build_labels(p, 1, 1, "c", "c");
	char *text;

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, f, g, f, f), l, 3);
	build_sample(p, 0, BUILD_STACK(p, g), l, 1);
	text = top(p, 10, 80);
	assert_string_equal(text, "4 samples, 0.04 s of CPU time\n\n"
				  "      SELF    SELF%       TOTAL   TOTAL%    FUNCTION  OBJECT\n"
				  "         3   75.00%           3   75.00%    f         a\n"
				  "         1   25.00%           4  100.00%    g         a\n");
	free(text);
	profile_free(p);
}

static void losses_and_incomplete_stacks_are_said(void **state)
{
	struct profile *p = build_typical();
	char *text = top(p, 2, 0);

	(void)state;
	assert_int_equal(strncmp(text,
				 "29 samples, 0.29 s of CPU time, 10.34% with an incomplete stack, "
				 "2 lost\n",
				 70),
			 0);
	free(text);
	profile_free(p);
}

static void rows_are_bounded_and_names_are_cut(void **state)
{
	struct profile *p = build_hostile();
	char *text = top(p, 3, 80);
	size_t lines = 0;

	(void)state;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		size_t columns = 0;

		for (const char *s = line; *s; s++)
			columns += ((unsigned char)*s & 0xc0) != 0x80;
		assert_true(columns <= 80);
		lines++;
	}
	assert_int_equal(lines, 2 + 3);
	free(text);
	profile_free(p);
}

static void names_cannot_move_the_cursor_or_turn_the_text(void **state)
{
	struct profile *p = build_hostile();
	char *text = top(p, 100, 0);

	(void)state;
	assert_null(strchr(text, '\x1b'));
	assert_null(strchr(text, '\a'));
	assert_null(strstr(text, "\xe2\x80\xae"));
	assert_non_null(strstr(text, "?evil rtl"));
	free(text);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recursion_is_counted_once),
		cmocka_unit_test(losses_and_incomplete_stacks_are_said),
		cmocka_unit_test(rows_are_bounded_and_names_are_cut),
		cmocka_unit_test(names_cannot_move_the_cursor_or_turn_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
