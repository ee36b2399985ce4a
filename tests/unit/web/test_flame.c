/* web/export/flame.c: the viewer's columns, as web/API.md has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/web/build.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_tree_is_exact),
		cmocka_unit_test(a_diff_is_the_union_with_the_bases_columns),
		cmocka_unit_test(an_empty_profile_is_a_root),
		cmocka_unit_test(hostile_names_cannot_end_a_script_element),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
