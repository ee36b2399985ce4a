/* Resolve's workers in their jail: what happens when they stall and die, and who shares one. */
#include "tests/integration/resolve_asker.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 700 /* of resolve, where a test waits for it to run out */
#define BUSY_MS	    (2 * PATIENCE_MS)
#define OTHER_UID   12345
#define COPY	    "/tmp/hearth-resolve-copy"

/* ---- workers that die ---- */

static pid_t only_worker(struct resolve *r)
{
	struct resolve_process p[RESOLVE_WORKERS_MAX];

	assert_int_equal(resolve_processes(r, p, RESOLVE_WORKERS_MAX), 1);
	assert_string_equal(p[0].role, "symbolizer");
	return p[0].pid;
}

/* A resolve whose worker has named object 1 and is stopped now; objects 2 and 3 are asked for. */
static struct resolve *with_stopped_worker(unsigned int request_ms, struct seen *s,
					   pid_t *ret_worker)
{
	struct resolve *r = new_resolve(request_ms);

	announce_self(r, 1);
	ask_function(r, 1);
	take_all(r, s);
	*ret_worker = only_worker(r);
	assert_int_equal(kill(*ret_worker, SIGSTOP), 0);
	announce_self(r, 2);
	announce_self(r, 3);
	ask_function(r, 2);
	ask_function(r, 3);
	return r;
}

static void assert_only_2_is_set_aside(struct resolve *r, struct seen *s, const char *reason)
{
	take_all(r, s);
	assert_int_equal(s->object[2].failed, 1);
	if (!strstr(s->object[2].sentence, reason))
		fail_msg("\"%s\" does not say \"%s\"", s->object[2].sentence, reason);
	assert_int_equal(s->object[2].nameless, 1);
	assert_named(s, 3);
	ask_function(r, 1); /* known to the dead worker: the new one is told again */
	take_all(r, s);
	assert_int_equal(s->object[1].named, 2);
	assert_int_equal(status_number(r, "\"workers_restarted\""), 1);
	assert_int_equal(status_number(r, "\"objects_failed\""), 1);
	resolve_free(r);
}

static void the_object_that_stalls_a_worker_is_set_aside_and_the_rest_is_named(void **state)
{
	struct seen s = {};
	pid_t worker;
	struct resolve *r = with_stopped_worker(PATIENCE_MS, &s, &worker);

	(void)state;
	assert_only_2_is_set_aside(r, &s, "too long");
}

static void the_object_that_kills_a_worker_is_set_aside_and_the_rest_is_named(void **state)
{
	struct seen s = {};
	pid_t worker;
	struct resolve *r = with_stopped_worker(0, &s, &worker);

	(void)state;
	usleep(300000); /* the request is on its way */
	kill(worker, SIGKILL);
	assert_only_2_is_set_aside(r, &s, "signal 9");
}

/*
 * A child that leaves the CPU of that worker to nobody else, for BUSY_MS: when it runs. (The kernel
 * lets others have a twentieth of a second in each.)
 */
static pid_t keep_its_cpu_busy(pid_t worker)
{
	const struct sched_param first = {.sched_priority = 1};
	cpu_set_t allowed, one;
	int ready[2], cpu = 0;
	char byte = 0;
	pid_t pid;

	assert_int_equal(sched_getaffinity(worker, sizeof(allowed), &allowed), 0);
	while (!CPU_ISSET(cpu, &allowed))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(worker, sizeof(one), &one), 0);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		uint64_t until;

		if (sched_setaffinity(0, sizeof(one), &one) ||
		    sched_setscheduler(0, SCHED_FIFO, &first) || write(ready[1], &byte, 1) != 1)
			_exit(1);
		for (until = now_ms() + BUSY_MS; now_ms() < until;)
			;
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void a_worker_that_others_leave_no_cpu_is_waited_for(void **state)
{
	struct resolve *r = new_resolve(PATIENCE_MS);
	struct seen s = {};
	bool met = false;

	(void)state;
	announce_self(r, 1);
	ask_function(r, 1);
	take_all(r, &s);
	/* Where others use the machine as well, we may come too late with our question. */
	for (uint32_t object = 2; object < 8 && !met; object++) {
		pid_t busy = keep_its_cpu_busy(only_worker(r));
		uint64_t began = now_ms();
		int status = -1;

		announce_self(r, object);
		ask_function(r, object);
		take_all(r, &s);
		assert_named(&s, object);
		met = now_ms() - began > PATIENCE_MS; /* it had none for so long */
		assert_int_equal(waitpid(busy, &status, 0), busy);
		assert_int_equal(status, 0);
	}
	assert_true(met);
	assert_int_equal(status_number(r, "\"workers_restarted\""), 0);
	resolve_free(r);
}

static void a_worker_that_dies_between_requests_costs_no_object(void **state)
{
	struct resolve *r = new_resolve(0);
	struct seen s = {};
	pid_t worker;

	(void)state;
	announce_self(r, 1);
	ask_function(r, 1);
	take_all(r, &s);
	worker = only_worker(r);
	kill(worker, SIGKILL);
	usleep(100000);
	ask_function(r, 1);
	take_all(r, &s);
	assert_int_equal(s.object[1].failed, 0);
	assert_int_equal(s.object[1].named, 2);
	assert_int_not_equal(only_worker(r), worker);
	resolve_free(r);
}

static void the_end_waits_for_no_stalled_worker(void **state)
{
	struct seen s = {};
	pid_t worker;
	struct resolve *r = with_stopped_worker(0, &s, &worker);
	uint64_t started;

	(void)state;
	usleep(300000);
	started = now_ms();
	resolve_free(r);
	assert_true(now_ms() - started < 1500); /* a second, and this machine's sloth */
	assert_int_equal(kill(worker, 0), -1);
}

/* Without descriptors no worker starts. */
static void a_table_that_no_worker_could_be_started_for_comes_later(void **state)
{
	struct resolve_object vdso = {.object = 1, .kind = RESOLVE_VDSO, .path = "[vdso]"};
	struct resolve *r = new_resolve(0);
	struct rlimit limit, none;
	struct seen s = {};

	(void)state;
	assert_int_equal(resolve_announce(r, &vdso), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){.rlim_cur = 3, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (unsigned int i = 1; i <= 50; i++) {
		assert_int_equal(wait_for_table(r, &s, 1), 0);
		assert_int_equal(s.object[1].tables_later, i);
	}
	/* Nearly all of these were answered at once; the rest are told. */
	assert_in_range(status_number(r, "\"objects_failed\""), 1, 10);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (uint64_t until = now_ms() + 10000; !s.object[1].table_fdes && now_ms() < until;)
		wait_for_table(r, &s, 1);
	assert_true(s.object[1].table_fdes > 0);
	resolve_free(r);
}

/* ---- domains ---- */

static void owners_do_not_share_a_worker_and_all_are_served(void **state)
{
	struct resolve_process p[RESOLVE_WORKERS_MAX];
	struct resolve *r = new_resolve(0);
	struct seen s = {};

	(void)state;
	announce_self(r, 1);
	for (uint32_t i = 2; i <= 5; i++) {
		char path[64];
		struct resolve_object o;

		snprintf(path, sizeof(path), COPY "-%u", i);
		copy_self(path, OTHER_UID + i);
		o = file_object(i, path);
		assert_int_equal(o.domain, OTHER_UID + i + 1);
		assert_int_equal(resolve_announce(r, &o), 0);
		ask_function(r, i);
	}
	ask_function(r, 1);
	take_all(r, &s);
	for (uint32_t i = 1; i <= 5; i++) {
		char path[64];

		assert_named(&s, i);
		snprintf(path, sizeof(path), COPY "-%u", i);
		unlink(path);
	}
	assert_true(status_number(r, "\"workers_started\"") >= 5); /* none was used for two */
	assert_int_equal(status_number(r, "\"workers_restarted\""), 0);
	assert_in_range(resolve_processes(r, p, RESOLVE_WORKERS_MAX), 1, RESOLVE_WORKERS_MAX);
	resolve_free(r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_object_that_stalls_a_worker_is_set_aside_and_the_rest_is_named),
		cmocka_unit_test(the_object_that_kills_a_worker_is_set_aside_and_the_rest_is_named),
		cmocka_unit_test(a_worker_that_others_leave_no_cpu_is_waited_for),
		cmocka_unit_test(a_worker_that_dies_between_requests_costs_no_object),
		cmocka_unit_test(the_end_waits_for_no_stalled_worker),
		cmocka_unit_test(a_table_that_no_worker_could_be_started_for_comes_later),
		cmocka_unit_test(owners_do_not_share_a_worker_and_all_are_served),
	};
	int status;

	if (asker_begins(argc, argv, &status))
		return status;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
