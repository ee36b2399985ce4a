/* web/export/export.c: formats by name and by path, and what a diff can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/web/build.h"

static void every_format_is_found_by_its_name_and_ending(void **state)
{
	char path[64];

	(void)state;
	for (int f = 0; f < EXPORT_FORMAT_COUNT; f++) {
		assert_int_equal(export_format_parse(export_format_name((enum export_format)f)), f);
		snprintf(path, sizeof(path), "out%s", export_format_ending((enum export_format)f));
		assert_int_equal(export_format_of_path(path), f);
	}
	assert_int_equal(export_format_parse("svg"), -ENOENT);
	assert_int_equal(export_format_parse(""), -ENOENT);
}

static void other_endings_are_known(void **state)
{
	(void)state;
	assert_int_equal(export_format_of_path("a.pprof"), EXPORT_PPROF);
	assert_int_equal(export_format_of_path("a.txt"), EXPORT_FOLDED);
	assert_int_equal(export_format_of_path("dir.json/a.speedscope.json"), EXPORT_SPEEDSCOPE);
	assert_int_equal(export_format_of_path("a.json"), EXPORT_JSON);
	assert_int_equal(export_format_of_path("a.svg"), -ENOENT);
	assert_int_equal(export_format_of_path("json"), -ENOENT);
	assert_int_equal(export_format_of_path(""), -ENOENT);
}

static void only_samples_need_times(void **state)
{
	(void)state;
	for (int f = 0; f < EXPORT_FORMAT_COUNT; f++)
		assert_int_equal(export_format_times_ns((enum export_format)f) ==
					 EXPORT_TIMES_ALWAYS,
				 f == EXPORT_SAMPLES);
}

static void a_diff_without_a_form_is_refused(void **state)
{
	struct profile *p = build_typical();
	struct export_options options = {.base = p};
	struct buf out;
	struct err err = {};

	(void)state;
	buf_init(&out, 1 << 20);
	assert_int_equal(export_write(EXPORT_SAMPLES, p, &options, &out, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err_text(&err), "samples"));
	assert_int_equal(out.len, 0);
	for (int f = 0; f < EXPORT_FORMAT_COUNT; f++) {
		buf_clear(&out);
		assert_int_equal(export_write((enum export_format)f, p, &options, &out, NULL) == 0,
				 export_format_compares((enum export_format)f));
		assert_int_equal(export_format_compares((enum export_format)f),
				 f != EXPORT_SAMPLES);
	}
	buf_done(&out);
	profile_free(p);
}

/* Whatever the maximum, an encoder ends with -EFBIG or with all of it. */
static void a_full_buffer_is_an_error_in_every_format(void **state)
{
	struct profile *p = build_typical();

	(void)state;
	for (int f = 0; f < EXPORT_FORMAT_COUNT; f++) {
		struct buf out;

		if (f == EXPORT_HTML)
			continue; /* test_html.c: the viewer may be missing here */
		for (size_t max = 0; max < 400; max += 7) {
			buf_init(&out, max);
			assert_int_equal(export_write((enum export_format)f, p, NULL, &out, NULL),
					 -EFBIG);
			buf_done(&out);
			if (f == EXPORT_FOLDED && max > 100)
				break;
		}
	}
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format_is_found_by_its_name_and_ending),
		cmocka_unit_test(other_endings_are_known),
		cmocka_unit_test(only_samples_need_times),
		cmocka_unit_test(a_diff_without_a_form_is_refused),
		cmocka_unit_test(a_full_buffer_is_an_error_in_every_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
