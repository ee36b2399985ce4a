/* Containers, pods and units of cgroup paths, as runtimes, Kubernetes and systemd lay them out. */
#include "profiler/collector/cgroup_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define ID   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2  "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define UID  "6f2e1c9a-3b4d-4e5f-8a7b-9c0d1e2f3a4b"
#define UID_ "6f2e1c9a_3b4d_4e5f_8a7b_9c0d1e2f3a4b"
#define HASH "d4c3b2a190887766554433221100ffee" /* of a static pod's file */

struct expected {
	const char *path;
	const char *container; /* NULL: none */
	const char *runtime; /* NULL: as container; "": the path does not tell */
	const char *pod, *unit; /* NULL: none */
};

/* As found on hosts of each kind: systemd and cgroupfs drivers, v2 and v1, nested. */
static const struct expected cases[] = {
	{"/", NULL, NULL, NULL, NULL},
	{"", NULL, NULL, NULL, NULL},
	/* systemd */
	{"/init.scope", NULL, NULL, NULL, "init.scope"},
	{"/system.slice/ssh.service", NULL, NULL, NULL, "ssh.service"},
	{"/system.slice/system-getty.slice/getty@tty1.service", NULL, NULL, NULL,
	 "getty@tty1.service"},
	{"/user.slice/user-1000.slice/user@1000.service/app.slice/run-u12.scope", NULL, NULL, NULL,
	 "run-u12.scope"},
	{"/user.slice/user-1000.slice/session-3.scope", NULL, NULL, NULL, "session-3.scope"},
	{"/system.slice/containerd.service", NULL, NULL, NULL, "containerd.service"},
	/* Docker: systemd driver, cgroupfs driver, a process of its own group inside, in Docker */
	{"/system.slice/docker-" ID ".scope", ID, "docker", NULL, "docker-" ID ".scope"},
	{"/docker/" ID, ID, "docker", NULL, NULL},
	{"/docker/" ID "/system.slice/nginx.service", ID, "docker", NULL, "nginx.service"},
	{"/docker/" ID2 "/docker/" ID, ID, "docker", NULL, NULL},
	{"/system.slice/docker-" ID ".scope/init.scope", ID, "docker", NULL, "init.scope"},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID ".scope", ID,
	 "docker", NULL, "docker-" ID ".scope"},
	{"/actions_job/" ID, ID, "", NULL, NULL},
	/* Kubernetes with containerd */
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice/"
	 "cri-containerd-" ID ".scope",
	 ID, "containerd", UID, "cri-containerd-" ID ".scope"},
	{"/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" ID ".scope", ID, "containerd",
	 UID, "cri-containerd-" ID ".scope"},
	{"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
	 "kubelet-kubepods-besteffort-pod" UID_ ".slice/cri-containerd-" ID ".scope",
	 ID, "containerd", UID, "cri-containerd-" ID ".scope"},
	{"/kubepods/burstable/pod" UID "/" ID, ID, "", UID, NULL},
	{"/kubepods/pod" UID "/" ID, ID, "", UID, NULL},
	{"/kubepods/burstable/pod" HASH "/" ID, ID, "", HASH, NULL},
	{"/system.slice/containerd.service/kubepods-burstable-pod" UID_ ".slice:cri-containerd:" ID,
	 ID, "containerd", UID, "containerd.service"},
	{"/kubepods-besteffort-pod" UID_ ".slice:cri-containerd:" ID, ID, "containerd", UID, NULL},
	{"/k8s.io/" ID, ID, "containerd", NULL, NULL},
	{"/default/" ID, ID, "containerd", NULL, NULL},
	{"/system.slice/nerdctl-" ID ".scope", ID, "containerd", NULL, "nerdctl-" ID ".scope"},
	/* Kubernetes with Docker, with CRI-O */
	{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_
	 ".slice/docker-" ID ".scope",
	 ID, "docker", UID, "docker-" ID ".scope"},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice/crio-" ID
	 ".scope",
	 ID, "cri-o", UID, "crio-" ID ".scope"},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" HASH ".slice/crio-" ID
	 ".scope/container",
	 ID, "cri-o", HASH, "crio-" ID ".scope"},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
	 ".slice/crio-conmon-" ID ".scope",
	 NULL, NULL, UID, "crio-conmon-" ID ".scope"},
	{"/kubepods/besteffort/pod" UID "/crio-" ID, ID, "cri-o", UID, NULL},
	/* The pod's own group, and kind: Kubernetes in Docker */
	{"/kubepods.slice/kubepods-pod" UID_ ".slice", NULL, NULL, UID, NULL},
	{"/docker/" ID2 "/kubelet/kubepods/besteffort/pod" UID "/" ID, ID, "", UID, NULL},
	{"/system.slice/docker-" ID2 ".scope/kubelet.slice/kubelet-kubepods.slice/"
	 "kubelet-kubepods-pod" UID_ ".slice/cri-containerd-" ID ".scope",
	 ID, "containerd", UID, "cri-containerd-" ID ".scope"},
	/* Podman: as root, as a user, cgroupfs, split */
	{"/machine.slice/libpod-" ID ".scope/container", ID, "podman", NULL, "libpod-" ID ".scope"},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope", ID,
	 "podman", NULL, "libpod-" ID ".scope"},
	{"/machine.slice/libpod-conmon-" ID ".scope", NULL, NULL, NULL,
	 "libpod-conmon-" ID ".scope"},
	{"/libpod_parent/libpod-" ID, ID, "podman", NULL, NULL},
	{"/system.slice/web.service/libpod-payload-" ID, ID, "podman", NULL, "web.service"},
	{"/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope", ID, "podman", NULL,
	 "libpod-" ID ".scope"},
	/* LXC, and what runs inside */
	{"/lxc/web1", "web1", "lxc", NULL, NULL},
	{"/lxc.payload.db2/system.slice/cron.service", "db2", "lxc", NULL, "cron.service"},
	{"/lxc.monitor.db2", NULL, NULL, NULL, NULL},
	{"/lxc/104/ns/system.slice/ssh.service", "104", "lxc", NULL, "ssh.service"},
	{"/lxc.payload.u1/system.slice/docker-" ID ".scope", ID, "docker", NULL,
	 "docker-" ID ".scope"},
	/* ECS */
	{"/ecs/5fd1/" ID, ID, "", NULL, NULL},
};

static void check(bool found, const char *name, const char *expected, const char *path)
{
	if (found != (expected != NULL) || (expected && strcmp(name, expected) != 0))
		fail_msg("%s: %s, not %s", path, found ? name : "none",
			 expected ? expected : "none");
}

static void paths_of_known_runtimes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct expected *e = &cases[i];
		char name[CGROUP_NAME_BYTES];
		const char *runtime = NULL;

		check(cgroup_container(e->path, name, &runtime), name, e->container, e->path);
		check(runtime != NULL, runtime, e->runtime, e->path);
		check(cgroup_pod(e->path, name), name, e->pod, e->path);
		check(cgroup_unit(e->path, name), name, e->unit, e->path);
	}
}

static void what_only_looks_like_a_pod_is_none(void **state)
{
	static const char *const paths[] = {
		"/kubepods/burstable/pod1",
		"/kubepods/burstable/podman",
		"/kubepods",
		"/kubepods.slice/kubepods-burstable.slice",
		"/kubepods/pod6f2e1c9a-3b4d-4e5f-8a7b-9c0d1e2f3a4",
		"/kubepods/pod6f2e1c9a-3b4d-4e5f-8a7b-9c0d1e2f3a4bb",
		"/kubepods/pod6f2e1c9a-3b4d-4e5f-8a7b-9c0d1e2f3a4G",
		"/kubepods/pod6f2e1c9a3-b4d-4e5f-8a7b-9c0d1e2f3a4b",
		"/system.slice/pod" UID,
		"/user.slice/kubepod-pod" UID_ ".slice",
		"/kubepods:pod" UID,
	};
	char name[CGROUP_NAME_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (cgroup_pod(paths[i], name))
			fail_msg("%s: %s", paths[i], name);
}

static void what_only_looks_like_an_id_is_none(void **state)
{
	static const char *const paths[] = {
		"/docker/0123456789abcdef",
		"/docker/" ID "0",
		"/docker/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
		"/docker-.scope",
		"/a.slice:cri-containerd:0123",
		"/a.slice:cri-containerd:",
		"/lxc",
		"/lxc.payload.",
		"/.service/.scope",
	};
	char name[CGROUP_NAME_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_false(cgroup_container(paths[i], name, NULL));
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
		cmocka_unit_test(what_only_looks_like_a_pod_is_none),
		cmocka_unit_test(what_only_looks_like_an_id_is_none),
		cmocka_unit_test(a_component_that_is_too_long_is_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
