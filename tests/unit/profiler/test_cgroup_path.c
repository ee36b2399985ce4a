/* Cgroup paths to what the kernel calls them, on the hierarchies that are mounted here. */
#include "profiler/collector/cgroup_path.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SKIPPED 77

/* A mounted hierarchy, v2 before v1; "" where there is none. */
static char root[256];
static bool is_v2;

static void find_root(void)
{
	char line[1024], where[256], type[32];

	for (int v2 = 1; v2 >= 0 && !*root; v2--) {
		FILE *f = fopen("/proc/self/mounts", "re");

		while (f && fgets(line, sizeof(line), f))
			if (!*root && sscanf(line, "%*s %255s %31s", where, type) == 2 &&
			    !strcmp(type, v2 ? "cgroup2" : "cgroup")) {
				snprintf(root, sizeof(root), "%s", where);
				is_v2 = v2;
			}
		if (f)
			fclose(f);
	}
}

static void find(const char *path, uint64_t *ret_id, uint32_t *ret_hierarchy)
{
	struct err err = {};

	if (cgroup_path_find(path, ret_id, ret_hierarchy, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static void the_root_is_found_by_every_spelling(void **state)
{
	uint64_t id = 0, other = 0;
	uint32_t hierarchy = 77, again = 77;
	char path[300];
	struct stat st;

	(void)state;
	find("/", &id, &hierarchy);
	find(root, &other, &again);
	assert_int_equal(id, other);
	assert_int_equal(hierarchy, again);
	assert_int_equal(hierarchy == 0, is_v2);
	snprintf(path, sizeof(path), "%s/", root);
	find(path, &other, &again);
	assert_int_equal(id, other);
	/* What a kernfs id is: the inode's number. */
	assert_int_equal(stat(root, &st), 0);
	assert_int_equal(id, st.st_ino);
}

static void a_link_to_a_hierarchy_is_another_spelling(void **state)
{
	char directory[] = "/tmp/cgroup_path_XXXXXX", link[sizeof(directory) + 8];
	uint64_t id = 0, other = 0;
	uint32_t hierarchy = 77, again = 77;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(link, sizeof(link), "%s/link", directory);
	assert_int_equal(symlink(root, link), 0);
	find(root, &id, &hierarchy);
	find(link, &other, &again);
	assert_int_equal(id, other);
	assert_int_equal(hierarchy, again);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(rmdir(directory), 0);
}

static void what_is_no_cgroup_is_told(void **state)
{
	static const char *const paths[] = {"/no such cgroup", "/../../../../proc/self",
					    "/../../../../tmp", "/cgroup.procs", "/\n"};
	char too_long[5000];

	(void)state;
	memset(too_long, 'x', sizeof(too_long));
	too_long[sizeof(too_long) - 1] = '\0';
	for (size_t i = 0; i <= sizeof(paths) / sizeof(paths[0]); i++) {
		bool last = i == sizeof(paths) / sizeof(paths[0]);
		const char *path = last ? too_long : paths[i];
		uint64_t id = 77;
		uint32_t hierarchy = 77;
		struct err err = {};

		if (cgroup_path_find(path, &id, &hierarchy, &err) != -ENOENT)
			fail_msg("%.40s was taken", path);
		assert_ptr_equal(strstr(err_text(&err), "there is no cgroup /"),
				 last ? NULL : err_text(&err));
		assert_int_equal(id, 77);
		assert_int_equal(hierarchy, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_root_is_found_by_every_spelling),
		cmocka_unit_test(a_link_to_a_hierarchy_is_another_spelling),
		cmocka_unit_test(what_is_no_cgroup_is_told),
	};

	find_root();
	if (!*root) {
		fprintf(stderr, "skipped: no cgroup hierarchy is mounted here\n");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
