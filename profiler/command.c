/* Running the command that is recorded; see command.h. */
#include "profiler/command.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND      127

/* The child: wait until the gate opens, then become the command. */
static void __attribute__((noreturn))
child(char *const *argv, int gate, int report, const sigset_t *mask)
{
	char byte;
	int code;

	while (read(gate, &byte, 1) < 0 && errno == EINTR)
		;
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	code = errno;
	if (write(report, &code, sizeof(code)) != sizeof(code))
		_exit(STATUS_NOT_EXECUTABLE);
	_exit(code == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

int command_prepare(char *const *argv, struct command *ret, struct err *err)
{
	int gate[2] = {-1, -1}, report[2] = {-1, -1};
	struct command c = {.pidfd = -1};
	sigset_t mask;

	/*
	 * The recorder's own signals are blocked by now; the command gets what the recorder was
	 * given.
	 */
	sigprocmask(SIG_SETMASK, NULL, &mask);
	sigdelset(&mask, SIGINT);
	sigdelset(&mask, SIGTERM);
	sigdelset(&mask, SIGHUP);
	if (pipe2(gate, O_CLOEXEC) || pipe2(report, O_CLOEXEC))
		goto failed;
	c.pid = fork();
	if (c.pid < 0)
		goto failed;
	if (c.pid == 0) {
		close(gate[1]);
		close(report[0]);
		child(argv, gate[0], report[1], &mask);
	}
	close(gate[0]);
	close(report[1]);
	c.gate = gate[1];
	c.report = report[0];
	c.pidfd = (int)syscall(SYS_pidfd_open, c.pid, 0);
	*ret = c;
	return 0;
failed:
	c.status = -errno;
	for (int i = 0; i < 2; i++) {
		if (gate[i] >= 0)
			close(gate[i]);
		if (report[i] >= 0)
			close(report[i]);
	}
	return err_set(err, c.status, "the command could not be started: %s", strerror(-c.status));
}

void command_release(struct command *c)
{
	close(c->gate);
	c->gate = -1;
}

bool command_has_ended(struct command *c)
{
	if (!c->reaped && waitpid(c->pid, &c->status, WNOHANG) == c->pid)
		c->reaped = true;
	return c->reaped;
}

int command_end(struct command *c, bool kill_it)
{
	int code = 0;

	if (!c->reaped && kill_it)
		kill(c->pid, SIGKILL);
	if (c->gate >= 0)
		command_release(c);
	while (!c->reaped && waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
		;
	if (read(c->report, &code, sizeof(code)) == sizeof(code))
		fprintf(stderr, "hearth record: the command could not be run: %s\n",
			strerror(code));
	close(c->report);
	if (c->pidfd >= 0)
		close(c->pidfd);
	c->pid = 0;
	if (WIFSIGNALED(c->status))
		return 128 + WTERMSIG(c->status);
	return WEXITSTATUS(c->status);
}
