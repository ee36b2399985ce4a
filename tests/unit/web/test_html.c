/* web/export/html.c: the report's assembly from a viewer's files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/web/build.h"
#include "web/export/html.h"
#include "web/sha256.h"

#define ASSET(path_, text)                                                                      \
	{                                                                                       \
		.path = (path_), .data = (const unsigned char *)(text), .len = sizeof(text) - 1 \
	}

static const struct web_asset viewer[] = {
	ASSET("index.html", "<!doctype html><html><head><title>Hearth</title>\n"
			    "<link rel=\"icon\" href=\"favicon.svg\">\n"
			    "<style>body { color: red } /* <title> */</style>\n"
			    "<script type=\"module\">x(\"<link></body>\");</script></head>\n"
			    "<body><main id=\"app\"></main></body></html>\n"),
	ASSET("favicon.svg", "<svg/>"),
};

static char *assemble_with(const struct profile *p, struct export_options options)
{
	struct buf out;
	struct err err = {};

	buf_init(&out, EXPORT_BYTES_MAX);
	assert_int_equal(export_html_assemble(viewer, 2, "policy", p, &options, &out, &err), 0);
	return (char *)buf_steal(&out, NULL);
}

static char *assemble(const struct profile *p, const char *title)
{
	return assemble_with(p, (struct export_options){.title = title});
}

static size_t occurrences(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static void what_is_known_of_time_stands_beside_the_profile(void **state)
{
	struct profile *p = build_typical();
	struct buf series, none;
	char *text;

	(void)state;
	buf_init(&series, 100);
	buf_init(&none, 100);
	buf_add_str(&series, "{\"step_ns\":1}");
	text = assemble_with(p, (struct export_options){.series = &series, .heatmap = &none});
	assert_non_null(strstr(text, "id=\"hearth-series\">{\"step_ns\":1}</script>"));
	assert_null(strstr(text, "hearth-heatmap"));
	free(text);
	buf_done(&series);
	buf_done(&none);
	profile_free(p);
}

static void everything_is_inside_one_file(void **state)
{
	struct profile *p = build_typical();
	char *text = assemble(p, NULL);

	(void)state;
	assert_null(strstr(text, "favicon"));
	assert_non_null(strstr(text, "<style>body { color: red } /* <title> */</style>"));
	assert_non_null(strstr(text, "<script type=\"module\">x(\"<link></body>\");</script>"));
	assert_non_null(strstr(text, "id=\"hearth-report\">{\"version\":1,"));
	assert_non_null(strstr(text, "\"frame\":{\"type\":\"uint8\",\"at\":"));
	assert_non_null(strstr(text, "id=\"hearth-columns\">AQIDBA"));
	assert_non_null(strstr(text, "<main id=\"app\"></main>"));
	assert_non_null(strstr(text, "<title>hearth</title>"));
	free(text);
	profile_free(p);
}

static void neither_data_nor_title_can_begin_an_element(void **state)
{
	struct profile *p = build_hostile();
	char *text = assemble(p, "</title><script>alert(1)</script>");

	(void)state;
	assert_int_equal(occurrences(text, "<script"), 3);
	assert_int_equal(occurrences(text, "</script"), 3);
	assert_int_equal(occurrences(text, "<img"), 0);
	assert_int_equal(occurrences(text, "</title"), 1);
	free(text);
	profile_free(p);
}

static void a_build_without_a_viewer_says_so(void **state)
{
	struct profile *p = build_typical();
	struct export_options options = {};
	struct buf out;
	struct err err = {};

	(void)state;
	buf_init(&out, 1 << 20);
	assert_int_equal(export_html_assemble(viewer, 0, "", p, &options, &out, &err), -ENOENT);
	assert_non_null(strstr(err_text(&err), "viewer"));
	buf_done(&out);
	buf_init(&out, 600);
	assert_int_equal(export_html_assemble(viewer, 2, "policy", p, &options, &out, &err),
			 -EFBIG);
	buf_done(&out);
	profile_free(p);
}

/* The page's own: what is built in, by the hash of what really stands between the tags. */
static void check_hash(const char *directive, const char *start, const char *end)
{
	const char *page = NULL, *from, *until;
	char hash[SHA256_BASE64_BYTES], expected[128];

	for (size_t i = 0; i < web_assets_n; i++)
		if (!strcmp(web_assets[i].path, "index.html"))
			page = (const char *)web_assets[i].data;
	assert_non_null(page);
	from = strstr(page, start);
	assert_non_null(from);
	from += strlen(start);
	until = strstr(from, end);
	assert_non_null(until);
	sha256_base64(from, (size_t)(until - from), hash);
	snprintf(expected, sizeof(expected), "%s 'sha256-%s'", directive, hash);
	assert_non_null(strstr(web_assets_policy, expected));
}

static void the_policy_names_the_script_and_the_style_that_are_built_in(void **state)
{
	(void)state;
	check_hash("script-src", "<script type=\"module\" blocking=\"render\">", "</script>");
	check_hash("style-src", "<style>", "</style>");
}

static void the_policy_stands_before_what_it_is_for(void **state)
{
	struct profile *p = build_typical();
	char *text = assemble(p, NULL), *policy = strstr(text, "default-src 'none'; policy; img");

	(void)state;
	assert_non_null(policy);
	assert_true(policy < strstr(text, "<style>"));
	assert_true(policy < strstr(text, "<script"));
	free(text);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_inside_one_file),
		cmocka_unit_test(what_is_known_of_time_stands_beside_the_profile),
		cmocka_unit_test(neither_data_nor_title_can_begin_an_element),
		cmocka_unit_test(a_build_without_a_viewer_says_so),
		cmocka_unit_test(the_policy_names_the_script_and_the_style_that_are_built_in),
		cmocka_unit_test(the_policy_stands_before_what_it_is_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
