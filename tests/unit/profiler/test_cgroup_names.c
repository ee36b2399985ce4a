/* Containers and units of cgroup paths, as the runtimes lay them out. */
#include "profiler/collector/cgroup_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct expected {
	const char *path;
	const char *container; /* NULL: none */
	const char *unit;
};

static void paths_of_known_runtimes(void **state)
{
	static const struct expected cases[] = {
		{"/", NULL, NULL},
		{"", NULL, NULL},
		{"/system.slice/ssh.service", NULL, "ssh.service"},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/run-u12.scope", NULL,
		 "run-u12.scope"},
		{"/system.slice/docker-" ID ".scope", ID, "docker-" ID ".scope"},
		{"/docker/" ID, ID, NULL},
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/"
		 "cri-containerd-" ID ".scope",
		 ID, "cri-containerd-" ID ".scope"},
		{"/kubepods/burstable/pod6f2e/" ID, ID, NULL},
		{"/machine.slice/libpod-" ID ".scope/container", ID, "libpod-" ID ".scope"},
		{"/crio-" ID ".scope", ID, "crio-" ID ".scope"},
		{"/lxc/web1", "web1", NULL},
		{"/lxc.payload.db2/system.slice/cron.service", "db2", "cron.service"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[CGROUP_NAME_BYTES];

		assert_int_equal(cgroup_container(cases[i].path, name), cases[i].container != NULL);
		if (cases[i].container)
			assert_string_equal(name, cases[i].container);
		assert_int_equal(cgroup_unit(cases[i].path, name), cases[i].unit != NULL);
		if (cases[i].unit)
			assert_string_equal(name, cases[i].unit);
	}
}

static void what_only_looks_like_an_id_is_none(void **state)
{
	static const char *const paths[] = {
		"/docker/0123456789abcdef",
		"/docker/" ID "0",
		"/docker/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
		"/docker-.scope",
		"/.service/.scope",
	};
	char name[CGROUP_NAME_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_false(cgroup_container(paths[i], name));
	assert_false(cgroup_unit("/.service/.scope", name));
}

static void a_component_that_is_too_long_is_no_name(void **state)
{
	char path[CGROUP_NAME_BYTES + 64] = "/";
	char name[CGROUP_NAME_BYTES];

	(void)state;
	memset(path + 1, 'x', CGROUP_NAME_BYTES);
	memcpy(path + 1 + CGROUP_NAME_BYTES, ".service", sizeof(".service"));
	assert_false(cgroup_unit(path, name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_of_known_runtimes),
		cmocka_unit_test(what_only_looks_like_an_id_is_none),
		cmocka_unit_test(a_component_that_is_too_long_is_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
