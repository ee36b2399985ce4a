/*
 * What a sample keeps for the next one on its CPU (the process's mappings, its cgroup, what user
 * space told of a file) holds no longer than it is true: here it changes many times a second, and
 * every sample is judged by its own moment. Mappings are changed by test_unwind_moments.py.
 */
#include "profiler/base/quantity.h"
#include "profiler/collector/bpf_object.h"
#include "profiler/collector/events.h"
#include "profiler/collector/sampler.h"
#include "tests/integration/can_sample.h"

#include <fcntl.h>
#include <mntent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define FREQUENCY_HZ 1999
#define CHANGES	     40
#define CHANGE_US    25000
#define SKEW_NS	     3000000 /* the sampler's clock is a quick one: it may be a little ahead */
#define NUMBER	     7
#define MANY	     50 /* of about 2,000 that are due; fewer where the machine is emulated */

/* From when on something was surely so; what came before it, until then, is not judged. */
struct moment {
	uint64_t begun_ns, done_ns;
	uint64_t value;
};

/* A process that spins, what it was at which moment, and how many samples said so. */
struct scene {
	pid_t pid;
	struct moment moment[CHANGES];
	unsigned int n;
	unsigned int right, wrong;
	uint32_t n_files;
	uint64_t (*value_of)(const struct abi_sample *s, const struct abi_object_ref *objects);
	struct abi_file_key exe; /* of the process, once it is known */
	struct bpf_programs *programs;
	struct events *events;
	struct sampler *sampler;
};

static pid_t spin(void)
{
	volatile unsigned long x = 0;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		x++;
}

static void on_sample(void *ctx, const struct abi_sample *s, const uint64_t *kernel,
		      const struct abi_frame *user, const struct abi_object_ref *objects)
{
	struct scene *scene = ctx;

	(void)kernel;
	(void)user;
	if (s->pid != (uint32_t)scene->pid)
		return;
	for (unsigned int i = scene->n; i-- > 0;) {
		const struct moment *m = &scene->moment[i];

		if (s->time_ns < m->begun_ns)
			continue;
		if (s->time_ns < m->done_ns)
			return;
		if (scene->value_of(s, objects) == m->value)
			scene->right++;
		else
			scene->wrong++;
		return;
	}
}

static void on_object(void *ctx, const struct abi_object *o, const char *path)
{
	struct abi_object_info info = {};
	struct scene *scene = ctx;

	(void)path;
	if (o->pid != (uint32_t)scene->pid)
		return;
	/* Mappings are kept when all that the stack goes through is numbered. */
	info.number = ++scene->n_files + NUMBER;
	if (o->is_exe)
		scene->exe = o->key;
	else
		assert_int_equal(bpf_programs_tell_object(scene->programs, &o->key, &info), 0);
}

/* As the collector does: a cgroup that is numbered is not described again. */
static void on_cgroup(void *ctx, const struct abi_cgroup *c, const char *path)
{
	struct scene *scene = ctx;

	(void)path;
	assert_int_equal(bpf_programs_number_cgroup(scene->programs, c->id, c->hierarchy, 1), 0);
}

static void begin(struct scene *scene)
{
	static const struct events_handlers handlers = {on_sample, on_object, on_cgroup};
	struct bpf_programs_options options = {.frequency_hz = FREQUENCY_HZ, .user = true};

	*scene = (struct scene){.pid = spin()};
	assert_int_equal(bpf_programs_load(&options, &scene->programs, NULL), 0);
	assert_int_equal(events_open(bpf_programs_ring_fd(scene->programs), &handlers, scene,
				     &scene->events),
			 0);
	assert_int_equal(sampler_start(scene->programs, FREQUENCY_HZ, &scene->sampler, NULL), 0);
}

static void end(struct scene *scene)
{
	assert_true(events_consume(scene->events) >= 0);
	print_message("%u samples right, %u wrong\n", scene->right, scene->wrong);
	assert_int_equal(scene->wrong, 0);
	assert_true(scene->right >= MANY);
	sampler_stop(scene->sampler);
	events_close(scene->events);
	bpf_programs_free(scene->programs);
	kill(scene->pid, SIGKILL);
	waitpid(scene->pid, NULL, 0);
}

static struct moment *change_begins(struct scene *scene, uint64_t value)
{
	struct moment *m = &scene->moment[scene->n++];

	*m = (struct moment){
		.begun_ns = quantity_monotonic_ns(), .done_ns = UINT64_MAX, .value = value};
	return m;
}

static void change_ends(struct scene *scene, struct moment *m)
{
	m->done_ns = quantity_monotonic_ns() + SKEW_NS;
	usleep(CHANGE_US);
	assert_true(events_consume(scene->events) >= 0);
}

/* ---- a process that is moved from cgroup to cgroup ---- */

static uint64_t cgroup_of(const struct abi_sample *s, const struct abi_object_ref *objects)
{
	(void)objects;
	return s->cgroup;
}

/* The folder of the v2 hierarchy; false where there is none. */
static bool cgroup_root(char ret[256])
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent *m;
	bool found = false;

	while (mounts && !found && (m = getmntent(mounts))) {
		found = !strcmp(m->mnt_type, "cgroup2");
		snprintf(ret, 256, "%s", m->mnt_dir);
	}
	if (mounts)
		endmntent(mounts);
	return found;
}

static void move_to(pid_t pid, const char *folder)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "%d", (int)pid) > 0);
	close(fd);
}

static void a_cgroup_is_that_of_the_moment(void **state)
{
	char root[256], folder[2][300];
	struct stat st[2];
	struct scene scene;

	(void)state;
	if (!cgroup_root(root))
		skip();
	for (int i = 0; i < 2; i++) {
		snprintf(folder[i], sizeof(folder[i]), "%s/hearth-kept-%d", root, i);
		rmdir(folder[i]); /* of a run that failed */
		assert_int_equal(mkdir(folder[i], 0755), 0);
		assert_int_equal(stat(folder[i], &st[i]), 0);
	}
	begin(&scene);
	scene.value_of = cgroup_of;
	for (unsigned int i = 0; i < CHANGES; i++) {
		/* The id of a cgroup is its folder's inode number. */
		struct moment *m = change_begins(&scene, st[i & 1].st_ino);

		move_to(scene.pid, folder[i & 1]);
		change_ends(&scene, m);
	}
	end(&scene);
	for (int i = 0; i < 2; i++)
		assert_int_equal(rmdir(folder[i]), 0);
}

/* ---- a file that user space numbers and forgets ---- */

static uint64_t exe_number_of(const struct abi_sample *s, const struct abi_object_ref *objects)
{
	return objects[s->exe].number;
}

static void a_file_has_the_number_that_it_was_told(void **state)
{
	struct abi_object_info info = {.number = NUMBER};
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.value_of = exe_number_of;
	for (int i = 0; i < 100 && !scene.exe.ino; i++) {
		usleep(CHANGE_US);
		assert_true(events_consume(scene.events) >= 0);
	}
	assert_true(scene.exe.ino != 0);
	for (unsigned int i = 0; i < CHANGES; i++) {
		struct moment *m = change_begins(&scene, i & 1 ? 0 : NUMBER);

		if (i & 1)
			assert_int_equal(bpf_programs_forget_object(scene.programs, &scene.exe), 0);
		else
			assert_int_equal(
				bpf_programs_tell_object(scene.programs, &scene.exe, &info), 0);
		change_ends(&scene, m);
	}
	end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cgroup_is_that_of_the_moment),
		cmocka_unit_test(a_file_has_the_number_that_it_was_told),
	};

	if (!can_sample())
		return 77;
	/*
	 * Before what else runs, for the processes that spin as well: sample after sample of a CPU
	 * is then of one process, which finds what was kept for it.
	 */
	setpriority(PRIO_PROCESS, 0, -20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
