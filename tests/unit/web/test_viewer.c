/* web/viewer.c: files by path, with an ETag and compressed once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "web/viewer.h"

#define SCRIPT_AND_STYLE_BYTES_MAX 150000 /* before compression */

#define ASSET(path_, text)                                                                      \
	{                                                                                       \
		.path = (path_), .data = (const unsigned char *)(text), .len = sizeof(text) - 1 \
	}

static const struct web_asset assets[] = {
	ASSET("index.html", "<!doctype html>"),
	ASSET("favicon.svg", "<svg/>"),
};

static void files_are_found_by_path_and_the_root_is_the_index(void **state)
{
	struct web_viewer v;

	(void)state;
	assert_int_equal(web_viewer_init(&v, assets, 2), 0);
	assert_ptr_equal(web_viewer_find(&v, "/")->asset, &assets[0]);
	assert_ptr_equal(web_viewer_find(&v, "/index.html")->asset, &assets[0]);
	assert_ptr_equal(web_viewer_find(&v, "/favicon.svg")->asset, &assets[1]);
	assert_null(web_viewer_find(&v, "/other.js"));
	assert_null(web_viewer_find(&v, "//favicon.svg"));
	assert_null(web_viewer_find(&v, ""));
	web_viewer_done(&v);
}

static void a_file_that_the_browser_has_is_unchanged(void **state)
{
	struct web_viewer v;
	char list[64];

	(void)state;
	assert_int_equal(web_viewer_init(&v, assets, 2), 0);
	assert_string_not_equal(v.files[0].etag, v.files[1].etag);
	assert_true(web_file_unchanged(&v.files[0], v.files[0].etag));
	snprintf(list, sizeof(list), "\"x\", %s", v.files[0].etag);
	assert_true(web_file_unchanged(&v.files[0], list));
	assert_true(web_file_unchanged(&v.files[0], "*"));
	assert_false(web_file_unchanged(&v.files[0], v.files[1].etag));
	assert_false(web_file_unchanged(&v.files[0], NULL));
	web_viewer_done(&v);
}

/* Leave something on the stack that no pointer may be taken from. */
static __attribute__((noinline)) void soil_the_stack(void)
{
	volatile unsigned char soil[4096];

	for (size_t i = 0; i < sizeof(soil); i++)
		soil[i] = 0x5a;
}

static void a_file_is_compressed_once(void **state)
{
	struct web_viewer v;
	const uint8_t *first;

	(void)state;
	assert_int_equal(web_viewer_init(&v, assets, 2), 0);
	assert_true(web_file_gzip(&v.files[0]));
	first = v.files[0].gzipped;
	assert_memory_equal(first, "\x1f\x8b", 2);
	soil_the_stack();
	assert_true(web_file_gzip(&v.files[0]));
	assert_ptr_equal(v.files[0].gzipped, first);
	web_viewer_done(&v);
}

static size_t bytes_between(const char *text, const char *start, const char *end)
{
	const char *from = strstr(text, start), *until = from ? strstr(from, end) : NULL;

	assert_non_null(until);
	return (size_t)(until - from) - strlen(start);
}

static void script_and_style_together_stay_small(void **state)
{
	const char *page = NULL;
	size_t bytes;

	(void)state;
	for (size_t i = 0; i < web_assets_n; i++)
		if (!strcmp(web_assets[i].path, "index.html"))
			page = (const char *)web_assets[i].data;
	assert_non_null(page);
	bytes = bytes_between(page, "<style>", "</style>") +
		bytes_between(page, "<script>", "</script>");
	assert_in_range(bytes, 50000, SCRIPT_AND_STYLE_BYTES_MAX);
}

static void a_build_without_a_viewer_has_no_file(void **state)
{
	struct web_viewer v;

	(void)state;
	assert_int_equal(web_viewer_init(&v, NULL, 0), 0);
	assert_null(web_viewer_find(&v, "/"));
	web_viewer_done(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_found_by_path_and_the_root_is_the_index),
		cmocka_unit_test(a_file_that_the_browser_has_is_unchanged),
		cmocka_unit_test(a_file_is_compressed_once),
		cmocka_unit_test(script_and_style_together_stay_small),
		cmocka_unit_test(a_build_without_a_viewer_has_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
