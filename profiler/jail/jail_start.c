/*
 * Outside: starting our own binary again in a role, with nothing but a socket; and ending it.
 *
 * The caller may have threads, so the child calls only what is safe after fork, and its argument
 * list is made before.
 */
#include "profiler/jail/jail.h"
#include "profiler/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX    64
#define STATUS_FD   (JAIL_SOCK + 1)
#define HIGH_FD	    10 /* above those that the worker's own are put on */
#define END_WAIT_MS 1000
#define ROLE_BYTES  32
#define SELF_EXE    "/proc/self/exe"

const char *jail_role_name(enum jail_role role)
{
	static const char *const names[] = {
#define ROLE_NAME(name, word, user, n) [JAIL_##name] = word,
		JAIL_ROLE_LIST(ROLE_NAME)
#undef ROLE_NAME
	};

	return (unsigned int)role < JAIL_ROLE_COUNT ? names[role] : "unknown";
}

struct child {
	char role[ROLE_BYTES];
	char *argv[ARGS_MAX];
	int sock, status, null;
};

static int child_args(struct child *c, enum jail_role role, const char *const *args, bool drop)
{
	size_t n = 0;

	snprintf(c->role, sizeof(c->role), "@%s", jail_role_name(role));
	c->argv[n++] = (char *)"hearth";
	c->argv[n++] = c->role;
	if (!drop)
		c->argv[n++] = (char *)JAIL_NO_SANDBOX;
	for (; args && *args; args++) {
		if (n == ARGS_MAX - 1)
			return -E2BIG;
		c->argv[n++] = (char *)*args;
	}
	c->argv[n] = NULL;
	return 0;
}

/* Everything from fd on. */
static void close_from(unsigned int fd)
{
	struct rlimit limit;

	if (syscall(SYS_close_range, fd, ~0u, 0) == 0)
		return;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		_exit(127);
	for (; fd < limit.rlim_cur; fd++)
		close((int)fd);
}

static void reset_signals(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A session of its own: neither the terminal's Ctrl-C nor its keys are the worker's. */
static __attribute__((noreturn)) void child_run(const struct child *c)
{
	static char *const no_environment[] = {NULL};
	int error;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	setsid();
	if (dup2(c->null, STDIN_FILENO) >= 0 && dup2(c->null, STDOUT_FILENO) >= 0 &&
	    dup2(c->sock, JAIL_SOCK) >= 0 && dup3(c->status, STATUS_FD, O_CLOEXEC) >= 0) {
		close_from(STATUS_FD + 1);
		reset_signals();
		execve(SELF_EXE, c->argv, no_environment);
	}
	error = errno;
	/*
	 * Nobody reads it where even this fails: the parent sees the end of the pipe and of the
	 * worker.
	 */
	(void)!write(c->status, &error, sizeof(error));
	(void)!write(STATUS_FD, &error, sizeof(error));
	_exit(127);
}

/*
 * A descriptor that gives nothing and takes nothing, at HIGH_FD or above; a bare chroot may have no
 * /dev.
 */
static int nothing_open(void)
{
	_cleanup_close_ int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int ends[2];
	int high;

	if (fd < 0) {
		if (pipe2(ends, O_CLOEXEC) < 0)
			return -errno;
		close(ends[1]);
		fd = ends[0];
	}
	high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
	return high < 0 ? -errno : high;
}

static int move_high(int *fd)
{
	int high = fcntl(*fd, F_DUPFD_CLOEXEC, HIGH_FD);

	if (high < 0)
		return -errno;
	close(*fd);
	*fd = high;
	return 0;
}

/* The pipe closes when exec succeeds; before that it tells why not. */
static int wait_for_exec(int status)
{
	int error = 0;
	ssize_t n;

	do {
		n = read(status, &error, sizeof(error));
	} while (n < 0 && errno == EINTR);
	return n == sizeof(error) && error > 0 ? -error : 0;
}

static int spawn(struct child *c, struct jail_worker *w)
{
	_cleanup_close_ int status = -1;
	int ends[2];
	int r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	status = ends[0];
	c->status = ends[1];
	r = move_high(&c->status);
	if (r == 0) {
		w->pid = fork();
		if (w->pid == 0)
			child_run(c);
		r = w->pid < 0 ? -errno : 0;
	}
	close(c->status);
	if (r < 0) {
		w->pid = 0;
		return r;
	}
	w->pidfd = (int)syscall(SYS_pidfd_open, w->pid, 0);
	r = w->pidfd < 0 ? -errno : wait_for_exec(status);
	if (r < 0)
		jail_end(w);
	return r;
}

int jail_start(enum jail_role role, const char *const *args, bool drop, struct jail_worker *ret,
	       struct err *err)
{
	struct jail_worker w = {.pidfd = -1, .sock = -1, .role = role};
	_cleanup_close_ int theirs = -1;
	_cleanup_close_ int null = -1;
	_cleanup_close_ int ours = -1;
	struct child child;
	int pair[2];
	int r;

	r = child_args(&child, role, args, drop);
	if (r < 0)
		return err_set(err, r, "too many arguments for the %s worker",
			       jail_role_name(role));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, -errno, "no socket for the %s worker: %s", jail_role_name(role),
			       strerror(errno));
	ours = pair[0];
	theirs = pair[1];
	null = nothing_open();
	r = null < 0 ? null : move_high(&theirs);
	if (r < 0)
		return err_set(err, r, "no descriptors for the %s worker: %s", jail_role_name(role),
			       strerror(-r));
	child.sock = theirs;
	child.null = null;
	r = spawn(&child, &w);
	if (r < 0)
		return err_set(err, r, "the %s worker could not be started from %s: %s",
			       jail_role_name(role), SELF_EXE, strerror(-r));
	w.sock = steal_fd(ours);
	*ret = w;
	return 0;
}

bool jail_has_ended(const struct jail_worker *w)
{
	struct pollfd p = {.fd = w->pidfd, .events = POLLIN};

	return w->pid <= 0 || poll(&p, 1, 0) > 0;
}

/*
 * The status as waitpid() has it, or -1 when it does not end in time or somebody else has waited
 * for it.
 */
static int reap(const struct jail_worker *w)
{
	struct pollfd p = {.fd = w->pidfd, .events = POLLIN};
	int status;
	pid_t r;

	if (w->pidfd >= 0 && poll(&p, 1, END_WAIT_MS) == 0)
		return -1;
	do {
		r = waitpid(w->pid, &status, 0);
	} while (r < 0 && errno == EINTR);
	return r == w->pid ? status : -1;
}

int jail_end(struct jail_worker *w)
{
	int status = -1;

	if (w->pid <= 0)
		return -1;
	if (w->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, w->pidfd, SIGKILL, NULL, 0);
	else
		kill(w->pid, SIGKILL);
	status = reap(w);
	if (w->pidfd >= 0)
		close(w->pidfd);
	if (w->sock >= 0)
		close(w->sock);
	*w = (struct jail_worker){.pidfd = -1, .sock = -1, .role = w->role};
	return status;
}
