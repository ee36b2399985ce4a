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
#include <zlib.h>

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
			    "</head>\n<body><main id=\"app\"></main>"
			    "<script>x(\"<link></body></head>\");</script></body></html>\n"),
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
	assert_non_null(strstr(text, "<script>x(\"<link></body></head>\");</script>"
				     "<script type=\"text/plain\" id=\"hearth-report\">"));
	assert_non_null(strstr(text, "<meta id=\"hearth-file\">"));
	assert_null(strstr(text, "hearth-first")); /* it would be all of it */
	assert_non_null(strstr(text, "<main id=\"app\"></main>"));
	assert_non_null(strstr(text, "<title>hearth</title>"));
	free(text);
	profile_free(p);
}

/* RFC 4648, section 4, up to the first other character; freed by the caller. */
static uint8_t *base64_bytes(const char *text, size_t *ret_len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t *bytes = calloc(1, strlen(text));
	uint32_t bits = 0;
	size_t i, n = 0;

	assert_non_null(bytes);
	for (i = 0; text[i] && strchr(digits, text[i]); i++) {
		bits = bits << 6 | (uint32_t)(strchr(digits, text[i]) - digits);
		if (i % 4)
			bytes[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	*ret_len = n;
	return bytes;
}

static void a_report_holds_the_binary_form_compressed(void **state)
{
	static const char begin[] = "id=\"hearth-report\">";
	struct profile *p = build_typical();
	struct export_options options = {.binary = true};
	char *text = assemble(p, NULL);
	size_t len, packed_len;
	char *binary = build_export(EXPORT_FLAME, p, &options, &len), out[8192];
	uint8_t *packed = base64_bytes(strstr(text, begin) + strlen(begin), &packed_len);
	z_stream z = {.next_in = packed, .next_out = (uint8_t *)out, .avail_out = sizeof(out)};

	(void)state;
	z.avail_in = (unsigned int)packed_len;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, len);
	assert_memory_equal(out, binary, len);
	inflateEnd(&z);
	free(packed);
	free(binary);
	free(text);
	profile_free(p);
}

/* A function of 20,000 samples beside two of one. */
static struct profile *build_uneven(void)
{
	struct profile *p = build_profile(true);
	uint32_t labels = build_labels(p, 1, 1, "c", "c");

	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 1, "much")), labels, 20000);
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 2, "little")), labels, 1);
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 3, "more")), labels, 1);
	return p;
}

static void what_a_screen_shows_first_stands_before_the_script(void **state)
{
	struct profile *p = build_uneven();
	char *text = assemble(p, NULL);
	const char *first = strstr(text, "id=\"hearth-first\">{\"version\":1,\"nodes\":5,"),
		   *script;

	(void)state;
	assert_non_null(first);
	assert_null(strstr(first, "\"more\""));
	script = strstr(first, "<script>");
	assert_non_null(script);
	assert_non_null(strstr(script, "hearth-report"));
	free(text);
	profile_free(p);
}

static char *page_with(const struct profile *p, const struct profile *base)
{
	struct export_options options = {.base = base};
	struct err err = {};
	struct buf out;

	buf_init(&out, EXPORT_BYTES_MAX);
	assert_int_equal(export_html_page(viewer, 2, p, &options, &out, &err), 0);
	return (char *)buf_steal(&out, NULL);
}

static void the_page_is_the_file_with_what_a_screen_shows_first(void **state)
{
	const char *file = (const char *)viewer[0].data;
	struct profile *p = build_typical();
	char *with = page_with(p, NULL), *without = page_with(NULL, NULL);
	char *first = strstr(with, "<script type=\"application/json\" id=\"hearth-first\">{"), *end;

	(void)state;
	assert_string_equal(without, file);
	assert_non_null(first);
	end = strstr(first, "</script>\n") + strlen("</script>\n");
	assert_int_equal(strncmp(end, "</head>", strlen("</head>")), 0);
	memmove(first, end, strlen(end) + 1);
	assert_string_equal(with, file);
	free(with);
	free(without);
	with = page_with(p, p);
	assert_string_equal(with, file); /* a comparison has none */
	free(with);
	profile_free(p);
}

/* Whoever names functions cannot keep the page from opening. */
static void names_of_any_length_leave_the_page_alone(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t labels = build_labels(p, 1, 1, "c", "c");
	char name[3000], *text;

	(void)state;
	for (uint32_t i = 0; i < 4000; i++) { /* 12 MB */
		snprintf(name, sizeof(name), "%02999u", i);
		build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", i, name)), labels, 1);
	}
	text = page_with(p, NULL);
	assert_string_equal(text, (const char *)viewer[0].data);
	free(text);
	profile_free(p);
}

static void neither_data_nor_title_can_begin_an_element(void **state)
{
	struct profile *p = build_hostile();
	char *text = assemble(p, "</title><script>alert(1)</script>");

	(void)state;
	assert_int_equal(occurrences(text, "<script"), 2);
	assert_int_equal(occurrences(text, "</script"), 2);
	assert_int_equal(occurrences(text, "<img"), 0);
	assert_int_equal(occurrences(text, "</title"), 1);
	free(text);
	text = page_with(p, NULL);
	assert_int_equal(occurrences(text, "<script"), 2);
	assert_int_equal(occurrences(text, "</script"), 2);
	assert_int_equal(occurrences(text, "<img"), 0);
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
	check_hash("script-src", "<script>", "</script>");
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
		cmocka_unit_test(a_report_holds_the_binary_form_compressed),
		cmocka_unit_test(what_a_screen_shows_first_stands_before_the_script),
		cmocka_unit_test(the_page_is_the_file_with_what_a_screen_shows_first),
		cmocka_unit_test(names_of_any_length_leave_the_page_alone),
		cmocka_unit_test(neither_data_nor_title_can_begin_an_element),
		cmocka_unit_test(a_build_without_a_viewer_says_so),
		cmocka_unit_test(the_policy_names_the_script_and_the_style_that_are_built_in),
		cmocka_unit_test(the_policy_stands_before_what_it_is_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
