/* Which format is meant: by name, by the file's ending, by where stdout goes. */
#include "profiler/cli/formats.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "web/export/export.h"

static void names_are_read_and_near_ones_suggested(void **state)
{
	static const struct {
		const char *text, *sentence;
	} wrong[] = {
		{"", "unknown format \"\"; there are pprof, folded"},
		{"Folded", "unknown format \"Folded\""},
		{"foldde", "unknown format \"foldde\" (did you mean folded?); there are"},
		{"speedscop", "(did you mean speedscope?)"},
		{"postgresql", "unknown format \"postgresql\"; there are"},
	};
	struct err err = {};
	int format;

	(void)state;
	for (int f = 0; f < EXPORT_FORMAT_COUNT; f++) {
		const char *name = export_format_name((enum export_format)f);

		assert_int_equal(formats_parse(name, &format, &err), 0);
		assert_int_equal(format, f);
		assert_non_null(strstr(FORMATS_ALL, name));
	}
	format = 77;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(formats_parse(wrong[i].text, &format, &err), -EINVAL);
		if (!strstr(err_text(&err), wrong[i].sentence))
			fail_msg("%s", err_text(&err));
	}
	assert_int_equal(format, 77);
}

static void what_is_given_counts_then_the_ending_then_the_terminal(void **state)
{
	static const struct {
		int format; /* as given; -1: not */
		const char *path; /* NULL: stdout */
		bool terminal;
		int r, chosen;
		bool table;
	} cases[] = {
		{EXPORT_JSON, "x.folded", false, 0, EXPORT_JSON, false},
		{EXPORT_PPROF, "x.unknown", true, 0, EXPORT_PPROF, false},
		{-1, "x.pb.gz", false, 0, EXPORT_PPROF, false},
		{-1, "x.speedscope.json", true, 0, EXPORT_SPEEDSCOPE, false},
		{-1, "x.json", true, 0, EXPORT_JSON, false},
		{-1, "x.tsv", true, 0, EXPORT_SAMPLES, false},
		{-1, "x.unknown", false, -EINVAL, -1, false},
		{-1, "", true, -EINVAL, -1, false},
		{-1, NULL, true, 0, EXPORT_FOLDED, true},
		{-1, NULL, false, 0, EXPORT_FOLDED, false},
		{EXPORT_FOLDED, NULL, true, 0, EXPORT_FOLDED, false},
		{EXPORT_PPROF, NULL, false, 0, EXPORT_PPROF, false},
		{EXPORT_PPROF, NULL, true, -EINVAL, EXPORT_PPROF, false},
		{EXPORT_HTML, NULL, true, 0, EXPORT_HTML, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct formats_choice c = {.format = cases[i].format, .table = true};
		struct err err = {};

		if (formats_choose(&c, cases[i].path, cases[i].terminal, &err) != cases[i].r ||
		    c.format != cases[i].chosen || c.table != cases[i].table)
			fail_msg("case %zu: format %d", i, c.format);
		assert_int_equal(err.code, cases[i].r);
	}
}

static void refusals_say_what_to_do(void **state)
{
	struct formats_choice c = {.format = -1};
	struct err err = {};

	(void)state;
	formats_choose(&c, "out.pprof.gz", false, &err);
	assert_non_null(strstr(err_text(&err), "the ending of out.pprof.gz names no format"));
	assert_non_null(strstr(err_text(&err), "--format"));
	c.format = EXPORT_PPROF;
	formats_choose(&c, NULL, true, &err);
	assert_non_null(strstr(err_text(&err), "-o FILE.pb.gz"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read_and_near_ones_suggested),
		cmocka_unit_test(what_is_given_counts_then_the_ending_then_the_terminal),
		cmocka_unit_test(refusals_say_what_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
