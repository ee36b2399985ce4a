/*
 * web/export/flame.c: the viewer's columns, as web/API.md has them.
 *
 * In tests/ui/unit/golden, where the viewer's own tests read them, are the same comparison in both
 * forms, and a profile with what a screen can show of it; `test_web_flame --write` makes these
 * files again.
 */
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
#include "web/export/flame.h"

static void a_small_tree_is_exact(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t main_ = build_frame(p, "/bin/a", 1, "main"), f = build_frame(p, "/bin/a", 2, "f");
	uint32_t cut = build_location(p, PROFILE_OBJECT_INCOMPLETE, "no-row", 0, NULL);
	uint32_t a = build_labels(p, 1, 1, "a", "a"), b = build_labels(p, 2, 2, "b", "b");
	char *text;

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, main_), a, 1);
	build_sample(p, 0, BUILD_STACK(p, main_, f), a, 2);
	build_sample(p, 0, BUILD_STACK(p, cut, f), b, 4);
	assert_int_equal(profile_add_loss(p, "ring-full", 1), 0);
	text = build_export(EXPORT_FLAME, p, NULL, NULL);
	assert_string_equal(
		text,
		"{\"version\":1,\"start_ns\":100000000000,\"end_ns\":160000000000,"
		"\"period_ns\":10101010,\"samples\":7,\"lost\":{\"ring-full\":1},"
		"\"incomplete\":{\"no-row\":4},"
		"\"strings\":[\"\",\"all\",\"a\",\"b\",\"main\",\"/src/a.c\",\"/bin/a\",\"f\","
		"\"[incomplete: no-row]\"],"
		"\"frames\":{\"name\":[1,2,3,4,7,8],\"system_name\":[1,2,3,4,7,8],"
		"\"file\":[0,0,0,5,5,0],\"line\":[0,0,0,10,10,0],\"object\":[0,0,0,6,6,0],"
		"\"kind\":[5,5,5,0,0,6]},"
		"\"kinds\":[\"native\",\"kernel\",\"inlined\",\"jit\",\"interpreted\",\"label\","
		"\"incomplete\"],"
		"\"depth\":[0,1,2,3,1,2,3],\"total\":[7,4,4,4,3,3,2],\"self\":[0,0,0,4,0,1,2],"
		"\"frame\":[0,2,5,4,1,3,4],\"base\":null}\n");
	free(text);
	profile_free(p);
}

static void a_diff_is_the_union_with_the_bases_columns(void **state)
{
	struct profile *p = build_profile(true), *base = build_profile(true);
	struct export_options options = {.base = base};
	char *text;

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 1, "both")),
		     build_labels(p, 1, 1, "c", "c"), 6);
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 2, "new")),
		     build_labels(p, 1, 1, "c", "c"), 7);
	build_sample(base, 0, BUILD_STACK(base, build_frame(base, "/a", 9, "gone")),
		     build_labels(base, 5, 5, "c", "c"), 4);
	build_sample(base, 0, BUILD_STACK(base, build_frame(base, "/a", 8, "both")),
		     build_labels(base, 5, 5, "c", "c"), 5);
	text = build_export(EXPORT_FLAME, p, &options, NULL);
	assert_non_null(strstr(text,
			       "\"depth\":[0,1,2,2,2],\"total\":[13,13,7,6,0],\"self\":[0,0,7,"
			       "6,0],"));
	assert_non_null(strstr(text, "\"base\":{\"start_ns\":100000000000,\"end_ns\":160000000000,"
				     "\"period_ns\":10101010,\"samples\":9,\"lost\":{},"
				     "\"incomplete\":{},\"total\":[9,9,0,5,4],\"self\":[0,0,0,5,4]}"
				     "}\n"));
	free(text);
	profile_free(p);
	profile_free(base);
}

static void an_empty_profile_is_a_root(void **state)
{
	struct profile *p = build_profile(true);
	char *text = build_export(EXPORT_FLAME, p, NULL, NULL);

	(void)state;
	assert_non_null(strstr(text, "\"depth\":[0],\"total\":[0],\"self\":[0],\"frame\":[0],"));
	free(text);
	profile_free(p);
}

static char *first_of(const struct profile *p, bool *ret_all)
{
	struct export_options options = {};
	struct err err = {};
	struct buf out;

	buf_init(&out, EXPORT_BYTES_MAX);
	assert_int_equal(export_flame_first(p, &options, &out, ret_all, &err), 0);
	return (char *)buf_steal(&out, NULL);
}

/* Of 20,480 samples every 5,120th part is 4: less is thin. Nothing shows k, whose samples stay. */
static void of_thin_siblings_the_first_stands_for_all(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t f = build_frame(p, "/a", 1, "f"), g = build_frame(p, "/a", 2, "g");
	uint32_t h = build_frame(p, "/a", 3, "h"), labels = build_labels(p, 1, 1, "c", "c");
	bool all = true;
	char *text;

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, f), labels, 20470);
	build_sample(p, 0, BUILD_STACK(p, g, h), labels, 4);
	build_sample(p, 0, BUILD_STACK(p, h, build_frame(p, "/b", 1, "k")), labels, 3);
	build_sample(p, 0, BUILD_STACK(p, f, g, h), labels, 2);
	build_sample(p, 0, BUILD_STACK(p, f, h, g), labels, 1);
	text = first_of(p, &all);
	assert_false(all);
	assert_string_equal(
		text,
		"{\"version\":1,\"nodes\":11,\"parts\":5120,"
		"\"start_ns\":100000000000,\"end_ns\":160000000000,"
		"\"period_ns\":10101010,\"samples\":20480,\"lost\":{},\"incomplete\":{},"
		"\"strings\":[\"\",\"all\",\"c\",\"f\",\"/a\",\"g\",\"h\",\"/b\"],"
		"\"frames\":{\"name\":[1,2,3,5,6,0],\"system_name\":[0,0,0,0,0,0],"
		"\"file\":[0,0,0,0,0,0],\"line\":[0,0,0,0,0,0],\"object\":[0,0,4,4,4,7],"
		"\"kind\":[5,5,0,0,0,0],\"self\":[0,0,20470,1,6,3]},"
		"\"kinds\":[\"native\",\"kernel\",\"inlined\",\"jit\",\"interpreted\",\"label\","
		"\"incomplete\"],"
		"\"depth\":[0,1,2,3,2,3,2],\"total\":[20480,20480,20473,2,4,4,3],"
		"\"self\":[0,0,20470,0,0,4,0],\"frame\":[0,1,2,3,3,4,4],\"base\":null}");
	free(text);
	profile_free(p);
}

static void a_short_tree_is_all_that_a_screen_shows(void **state)
{
	struct profile *p = build_typical(), *empty = build_profile(true);
	bool all = false;
	char *text = first_of(p, &all);

	(void)state;
	assert_true(all);
	free(text);
	all = false;
	text = first_of(empty, &all);
	assert_true(all);
	free(text);
	profile_free(p);
	profile_free(empty);
}

static void a_tree_too_deep_to_be_short_has_no_first_part(void **state)
{
	struct profile *p = build_profile(true);
	struct export_options options = {};
	uint32_t f = build_frame(p, "/a", 1, "f"), stack = 0;
	struct err err = {};
	struct buf out;
	bool all;

	(void)state;
	for (int i = 0; i < EXPORT_FLAME_PARTS_NODES_MAX; i++)
		stack = (uint32_t)profile_stack(p, stack, f);
	build_sample(p, 0, stack, build_labels(p, 1, 1, "c", "c"), 3);
	buf_init(&out, EXPORT_BYTES_MAX);
	assert_int_equal(export_flame_first(p, &options, &out, &all, &err), -E2BIG);
	buf_done(&out);
	profile_free(p);
}

static void hostile_names_cannot_end_a_script_element(void **state)
{
	struct profile *p = build_hostile();
	char *text = build_export(EXPORT_FLAME, p, NULL, NULL);

	(void)state;
	assert_null(strchr(text, '<'));
	assert_non_null(strstr(text, "\\u003c/script\\u003e\\u003cscript\\u003ealert(1)"));
	free(text);
	profile_free(p);
}

/* A comparison whose columns take one byte, two, and, of the base's, eight. */
static char *compared(bool binary, size_t *ret_len)
{
	struct profile *p = build_typical(), *base = build_typical();
	struct export_options options = {.base = base, .binary = binary};
	char *text;

	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/bin/\xc3\xa9", 1, "</script>")),
		     build_labels(p, 1, 1, "c", "c"), 1000);
	build_sample(base, 0, BUILD_STACK(base, build_frame(base, "/bin/b", 1, "gone")),
		     build_labels(base, 1, 1, "c", "c"), UINT64_C(1) << 40);
	text = build_export(EXPORT_FLAME, p, &options, ret_len);
	profile_free(p);
	profile_free(base);
	return text;
}

static char *compared_json(size_t *ret_len)
{
	return compared(false, ret_len);
}

static char *compared_binary(size_t *ret_len)
{
	return compared(true, ret_len);
}

/* Of a generator that is the same everywhere. */
static uint32_t next_number(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 16;
}

/* Stacks of one sample up to half a million, so that many are thin on any screen. */
static struct profile *build_scattered(void)
{
	static const char *const objects[] = {"/a", "/b", "/c"};
	struct profile *p = build_profile(true);
	uint32_t seed = 7, labels = build_labels(p, 1, 1, "c", "c");

	for (int s = 0; s < 150; s++) {
		uint32_t stack = 0, levels = 1 + next_number(&seed) % 10;

		for (uint32_t i = 0; i < levels; i++) {
			uint32_t f = next_number(&seed) % (i < 3 ? 4 : 30);
			char name[16];

			snprintf(name, sizeof(name), "f%u", f);
			stack = (uint32_t)profile_stack(p, stack,
							build_frame(p, objects[f % 3], f, name));
		}
		build_sample(p, 0, stack, labels, 1u << next_number(&seed) % 20);
	}
	return p;
}

static char *scattered(bool first, size_t *ret_len)
{
	struct profile *p = build_scattered();
	struct export_options options = {};
	struct err err = {};
	bool all = true;
	struct buf out;
	char *text;

	buf_init(&out, EXPORT_BYTES_MAX);
	if (!first) {
		text = build_export(EXPORT_FLAME, p, NULL, ret_len);
	} else {
		assert_int_equal(export_flame_first(p, &options, &out, &all, &err), 0);
		assert_false(all);
		text = (char *)buf_steal(&out, ret_len);
	}
	profile_free(p);
	return text;
}

static char *scattered_whole(size_t *ret_len)
{
	return scattered(false, ret_len);
}

static char *scattered_first(size_t *ret_len)
{
	return scattered(true, ret_len);
}

static const struct {
	const char *path;
	char *(*make)(size_t *ret_len);
} golden[] = {
	{FLAME_GOLDEN "/compared.flame.json", compared_json},
	{FLAME_GOLDEN "/compared.flame", compared_binary},
	{FLAME_GOLDEN "/scattered.flame.json", scattered_whole},
	{FLAME_GOLDEN "/scattered.first.json", scattered_first},
};

static int write_golden(void)
{
	for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
		FILE *out = fopen(golden[i].path, "wb");
		size_t len;
		char *text = golden[i].make(&len);

		if (!out || fwrite(text, 1, len, out) != len || fclose(out))
			return 1;
		free(text);
	}
	return 0;
}

static void what_the_viewer_tests_read_is_what_is_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
		FILE *in = fopen(golden[i].path, "rb");
		static char wanted[1 << 16];
		size_t len, n;
		char *text = golden[i].make(&len);

		assert_non_null(in);
		n = fread(wanted, 1, sizeof(wanted), in);
		assert_int_equal(n, len);
		assert_memory_equal(text, wanted, len);
		fclose(in);
		free(text);
	}
}

/* Every byte, as web/API.md has them. */
static void the_binary_form_of_a_small_tree_is_exact(void **state)
{
	static const char json[] =
		"{\"version\":1,\"start_ns\":100000000000,\"end_ns\":160000000000,"
		"\"period_ns\":10101010,\"samples\":300,\"lost\":{},\"incomplete\":{},"
		"\"strings\":[\"\",\"all\",\"a\",\"f\",\"/src/a.c\",\"/bin/a\"],"
		"\"frames\":{\"name\":{\"type\":\"uint8\",\"at\":0,\"length\":3},"
		"\"system_name\":{\"type\":\"uint8\",\"at\":8,\"length\":3},"
		"\"file\":{\"type\":\"uint8\",\"at\":16,\"length\":3},"
		"\"line\":{\"type\":\"uint8\",\"at\":24,\"length\":3},"
		"\"object\":{\"type\":\"uint8\",\"at\":32,\"length\":3},"
		"\"kind\":{\"type\":\"uint8\",\"at\":40,\"length\":3}},"
		"\"kinds\":[\"native\",\"kernel\",\"inlined\",\"jit\",\"interpreted\",\"label\","
		"\"incomplete\"],"
		"\"depth\":{\"type\":\"uint8\",\"at\":48,\"length\":3},"
		"\"total\":{\"type\":\"uint16\",\"at\":56,\"length\":3},"
		"\"self\":{\"type\":\"uint16\",\"at\":64,\"length\":3},"
		"\"frame\":{\"type\":\"uint8\",\"at\":72,\"length\":3},\"base\":null}";
	static const uint8_t columns[80] = {
		1, 2, 3, 0, 0,	0, 0, 0, 1,  2, 3,  0, 0,  0, 0, 0, /* name, system_name */
		0, 0, 4, 0, 0,	0, 0, 0, 0,  0, 10, 0, 0,  0, 0, 0, /* file, line */
		0, 0, 5, 0, 0,	0, 0, 0, 5,  5, 0,  0, 0,  0, 0, 0, /* object, kind */
		0, 1, 2, 0, 0,	0, 0, 0, 44, 1, 44, 1, 44, 1, 0, 0, /* depth, total */
		0, 0, 0, 0, 44, 1, 0, 0, 0,  1, 2,  0, 0,  0, 0, 0, /* self, frame */
	};
	struct profile *p = build_profile(true);
	struct export_options options = {.binary = true};
	size_t len, padded = (sizeof(json) - 1 + 7) / 8 * 8;
	struct cursor c;
	char *text;

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/bin/a", 1, "f")),
		     build_labels(p, 1, 1, "a", "a"), 300);
	text = build_export(EXPORT_FLAME, p, &options, &len);
	c = cursor_over(text, len);
	assert_memory_equal(cursor_bytes(&c, 8), "hflame1\n", 8);
	assert_int_equal(cursor_u32(&c), padded);
	assert_int_equal(cursor_u32(&c), sizeof(columns));
	assert_memory_equal(cursor_bytes(&c, sizeof(json) - 1), json, sizeof(json) - 1);
	assert_memory_equal(cursor_bytes(&c, padded - (sizeof(json) - 1)), "       ",
			    padded - (sizeof(json) - 1));
	assert_int_equal(cursor_left(&c), sizeof(columns));
	assert_memory_equal(cursor_bytes(&c, sizeof(columns)), columns, sizeof(columns));
	free(text);
	profile_free(p);
}

static void a_binary_form_past_the_limit_is_an_error(void **state)
{
	struct profile *p = build_typical();
	struct export_options options = {.binary = true};
	struct err err = {};
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(export_write(EXPORT_FLAME, p, &options, &out, &err), -EFBIG);
	assert_non_null(strstr(err_text(&err), "call tree"));
	buf_done(&out);
	profile_free(p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_tree_is_exact),
		cmocka_unit_test(a_diff_is_the_union_with_the_bases_columns),
		cmocka_unit_test(an_empty_profile_is_a_root),
		cmocka_unit_test(of_thin_siblings_the_first_stands_for_all),
		cmocka_unit_test(a_short_tree_is_all_that_a_screen_shows),
		cmocka_unit_test(a_tree_too_deep_to_be_short_has_no_first_part),
		cmocka_unit_test(hostile_names_cannot_end_a_script_element),
		cmocka_unit_test(the_binary_form_of_a_small_tree_is_exact),
		cmocka_unit_test(what_the_viewer_tests_read_is_what_is_written),
		cmocka_unit_test(a_binary_form_past_the_limit_is_an_error),
	};

	if (argc > 1 && !strcmp(argv[1], "--write"))
		return write_golden();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
