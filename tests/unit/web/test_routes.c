/* web/routes.c: which path is whose. What becomes of an answer is in test_request.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "web/routes.h"

static void every_path_has_its_route(void **state)
{
	char name[WEB_NAME_BYTES];

	(void)state;
	for (const struct web_route *r = web_routes; r->path; r++)
		assert_ptr_equal(web_route_find(r->path, name), r);
	assert_non_null(web_route_find("/api/v1/labels/comm/values", name));
	assert_string_equal(name, "comm");
	assert_non_null(web_route_find("/api/v1/labels/a b;\xff/values", name));
	assert_string_equal(name, "a b;\xff");
	/* Of an earlier question nothing is left. */
	assert_non_null(web_route_find("/healthz", name));
	assert_string_equal(name, "");
}

static void other_paths_have_none(void **state)
{
	static const char *const bad[] = {
		"",
		"/",
		"/api",
		"/api/v1/profile/",
		"/api/v1/profiles",
		"//api/v1/profile",
		"/api/v1/labels/",
		"/api/v1/labels//values",
		"/api/v1/labels/a/b/values",
		"/api/v1/labels/a/value",
		"/api/v1/labels/a/values/",
		"/healthz/",
		"/debug/pprof/heap",
	};
	char name[WEB_NAME_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (web_route_find(bad[i], name))
			fail_msg("%s", bad[i]);
}

static void a_name_is_as_long_as_there_is_room(void **state)
{
	char name[WEB_NAME_BYTES + 1], part[WEB_NAME_BYTES + 1], path[400];

	(void)state;
	for (size_t len = WEB_NAME_BYTES - 1; len <= WEB_NAME_BYTES; len++) {
		memset(part, 'x', len);
		part[len] = '\0';
		name[WEB_NAME_BYTES] = '|';
		snprintf(path, sizeof(path), "/api/v1/labels/%s/values", part);
		assert_int_equal(web_route_find(path, name) != NULL, len < WEB_NAME_BYTES);
		assert_string_equal(name, len < WEB_NAME_BYTES ? part : "");
		assert_int_equal(name[WEB_NAME_BYTES], '|');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_path_has_its_route),
		cmocka_unit_test(other_paths_have_none),
		cmocka_unit_test(a_name_is_as_long_as_there_is_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
