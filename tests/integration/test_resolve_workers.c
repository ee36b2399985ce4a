/* Resolve's workers in their jail: what happens when they stall and die, and who shares one. */
#include "tests/integration/resolve_asker.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PATIENCE_MS 700 /* of resolve, where a test waits for it to run out */
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
