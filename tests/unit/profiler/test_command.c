/* The command that is recorded: held at its gate, then itself, with the status that a shell gives. */
#include "profiler/command.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

static int status_of(char *const *argv)
{
	struct command c = {};

	assert_int_equal(command_prepare(argv, &c, NULL), 0);
	command_release(&c);
	return command_end(&c, false);
}

static void its_status_is_the_commands(void **state)
{
	char *const seven[] = {"sh", "-c", "exit 7", NULL};
	char *const killed[] = {"sh", "-c", "kill -KILL $$", NULL};
	char *const missing[] = {"/no/such/program", NULL};
	char *const no_program[] = {"/etc/passwd", NULL};

	(void)state;
	assert_int_equal(status_of(seven), 7);
	assert_int_equal(status_of(killed), 128 + SIGKILL);
	assert_int_equal(status_of(missing), 127);
	assert_int_equal(status_of(no_program), 126);
}

static void nothing_of_it_runs_before_it_is_released(void **state)
{
	int pipe_fds[2];
	char script[64], byte;
	char *const argv[] = {"sh", "-c", script, NULL};
	struct command c = {};

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	assert_true(snprintf(script, sizeof(script), "echo >&%d", pipe_fds[1]) > 0);
	assert_int_equal(command_prepare(argv, &c, NULL), 0);
	usleep(50000);
	assert_false(command_has_ended(&c));
	command_release(&c);
	assert_int_equal(command_end(&c, false), 0);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void it_can_be_given_up_before_it_began(void **state)
{
	char *const argv[] = {"sh", "-c", "exit 0", NULL};
	struct command c = {};

	(void)state;
	assert_int_equal(command_prepare(argv, &c, NULL), 0);
	assert_int_equal(command_end(&c, true), 128 + SIGKILL);
	assert_int_equal(c.pid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_status_is_the_commands),
		cmocka_unit_test(nothing_of_it_runs_before_it_is_released),
		cmocka_unit_test(it_can_be_given_up_before_it_began),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
