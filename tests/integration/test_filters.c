/*
 * Filters in the kernel: who is denied is not sampled, who is allowed is, and a change counts from
 * the next tick on.
 */
#include "profiler/collector/bpf_object.h"
#include "profiler/collector/events.h"
#include "profiler/collector/sampler.h"
#include "tests/integration/can_sample.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define FREQUENCY_HZ 499
#define ROUND_US     600000
#define FEW	     3 /* records that were under way when a rule changed */
/* of about 150 that one CPU gives in a round, shared with whatever else runs */
#define MANY 50

/*
 * Two processes that spin, "filter-a" and "filter-b", and how often each was sampled in this round.
 */
struct scene {
	pid_t pid[2];
	unsigned int seen[2];
	struct bpf_programs *programs;
	struct events *events;
	struct sampler *sampler;
};

static const char *const names[2] = {"filter-a", "filter-b"};

static pid_t spin_as(const char *name)
{
	volatile unsigned long x = 0;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, name);
	for (;;)
		x++;
}

static void on_sample(void *ctx, const struct abi_sample *s, const uint64_t *kernel,
		      const struct abi_frame *user, const struct abi_object_ref *objects)
{
	struct scene *scene = ctx;

	(void)kernel;
	(void)user;
	(void)objects;
	for (int i = 0; i < 2; i++)
		if (s->pid == (uint32_t)scene->pid[i])
			scene->seen[i]++;
}

static void on_object(void *ctx, const struct abi_object *o, const char *path)
{
	(void)ctx;
	(void)o;
	(void)path;
}

static void on_cgroup(void *ctx, const struct abi_cgroup *c, const char *path)
{
	(void)ctx;
	(void)c;
	(void)path;
}

static void begin(struct scene *scene, bool allows)
{
	static const struct events_handlers handlers = {on_sample, on_object, on_cgroup};
	struct bpf_programs_options options = {.frequency_hz = FREQUENCY_HZ,
					       .user = true,
					       .filter = true,
					       .filter_allows = allows};

	*scene = (struct scene){};
	for (int i = 0; i < 2; i++)
		scene->pid[i] = spin_as(names[i]);
	assert_int_equal(bpf_programs_load(&options, &scene->programs, NULL), 0);
	assert_int_equal(events_open(bpf_programs_ring_fd(scene->programs), &handlers, scene,
				     &scene->events),
			 0);
	assert_int_equal(sampler_start(scene->programs, FREQUENCY_HZ, &scene->sampler, NULL), 0);
}

static void end(struct scene *scene)
{
	sampler_stop(scene->sampler);
	events_close(scene->events);
	bpf_programs_free(scene->programs);
	for (int i = 0; i < 2; i++) {
		kill(scene->pid[i], SIGKILL);
		waitpid(scene->pid[i], NULL, 0);
	}
}

/* Sample for a while; the counts of this while alone. */
static void sample_round(struct scene *scene)
{
	assert_true(events_consume(scene->events) >= 0);
	scene->seen[0] = scene->seen[1] = 0;
	for (int i = 0; i < 10; i++) {
		usleep(ROUND_US / 10);
		assert_true(events_consume(scene->events) >= 0);
	}
	print_message("filter-a %u, filter-b %u\n", scene->seen[0], scene->seen[1]);
}

static struct abi_filter_key key_of_comm(const char *comm)
{
	struct abi_filter_key key = {.kind = ABI_FILTER_COMM};

	memcpy(key.id, comm, strlen(comm));
	return key;
}

static void who_is_denied_is_not_sampled_until_the_rule_goes(void **state)
{
	struct abi_filter_key key;
	struct scene scene;

	(void)state;
	begin(&scene, false);
	sample_round(&scene);
	assert_true(scene.seen[0] > MANY && scene.seen[1] > MANY);
	key = (struct abi_filter_key){.kind = ABI_FILTER_PID, .id = {(uint32_t)scene.pid[0]}};
	assert_int_equal(bpf_programs_filter_set(scene.programs, &key, ABI_FILTER_DENY), 0);
	sample_round(&scene);
	assert_true(scene.seen[0] <= FEW && scene.seen[1] > MANY);
	assert_int_equal(bpf_programs_filter_clear(scene.programs, &key), 0);
	sample_round(&scene);
	assert_true(scene.seen[0] > MANY && scene.seen[1] > MANY);
	key.id[0] = (uint32_t)scene.pid[1];
	assert_int_equal(bpf_programs_filter_set(scene.programs, &key, ABI_FILTER_DENY), 0);
	sample_round(&scene);
	assert_true(scene.seen[0] > MANY && scene.seen[1] <= FEW);
	end(&scene);
}

static void only_who_is_allowed_is_sampled(void **state)
{
	struct abi_filter_key key = key_of_comm("filter-b");
	struct scene scene;

	(void)state;
	begin(&scene, true);
	sample_round(&scene);
	assert_true(scene.seen[0] == 0 && scene.seen[1] == 0);
	assert_int_equal(bpf_programs_filter_set(scene.programs, &key, ABI_FILTER_ALLOW), 0);
	sample_round(&scene);
	assert_true(scene.seen[0] == 0 && scene.seen[1] > MANY);
	/* Denying wins over allowing. */
	key = (struct abi_filter_key){.kind = ABI_FILTER_PID, .id = {(uint32_t)scene.pid[1]}};
	assert_int_equal(bpf_programs_filter_set(scene.programs, &key, ABI_FILTER_DENY), 0);
	sample_round(&scene);
	assert_true(scene.seen[0] == 0 && scene.seen[1] <= FEW);
	end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_denied_is_not_sampled_until_the_rule_goes),
		cmocka_unit_test(only_who_is_allowed_is_sampled),
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
