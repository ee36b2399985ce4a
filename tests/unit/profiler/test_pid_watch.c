/* The processes of `record -p`: who has ended is told, once. */
#include "profiler/pid_watch.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

struct told {
	unsigned int n;
	uint32_t last;
};

static void on_ended(void *context, uint32_t pid)
{
	struct told *told = context;

	told->n++;
	told->last = pid;
}

static uint32_t waiting_process(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return (uint32_t)pid;
}

static void end(uint32_t pid)
{
	kill((pid_t)pid, SIGKILL);
	waitpid((pid_t)pid, NULL, 0);
}

static void each_end_is_told_once(void **state)
{
	uint32_t pids[3] = {waiting_process(), waiting_process(), waiting_process()};
	struct pid_watch *watch = NULL;
	struct told told = {};

	(void)state;
	assert_int_equal(pid_watch_new(pids, 3, &watch, NULL), 0);
	assert_int_equal(pid_watch_update(watch, on_ended, &told), 3);
	assert_int_equal(told.n, 0);
	end(pids[1]);
	assert_int_equal(pid_watch_update(watch, on_ended, &told), 2);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.last, pids[1]);
	assert_int_equal(pid_watch_update(watch, on_ended, &told), 2);
	assert_int_equal(told.n, 1);
	end(pids[0]);
	end(pids[2]);
	assert_int_equal(pid_watch_update(watch, on_ended, &told), 0);
	assert_int_equal(told.n, 3);
	pid_watch_free(watch);
}

static void a_process_that_is_none_is_named(void **state)
{
	uint32_t pids[2] = {waiting_process(), waiting_process()};
	struct pid_watch *watch = NULL;
	struct err err = {};

	(void)state;
	end(pids[1]);
	assert_int_equal(pid_watch_new(pids, 2, &watch, &err), -ESRCH);
	assert_null(watch);
	assert_non_null(err_text(&err));
	end(pids[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_end_is_told_once),
		cmocka_unit_test(a_process_that_is_none_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
