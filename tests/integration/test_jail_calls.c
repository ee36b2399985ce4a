/*
 * What the symbolizer worker and the fetcher may still do: every system call that there is, tried
 * in their jails, is what the tables of README.md list, no more and no less.
 *
 * A call is tried in a child of its own, with arguments that do no harm there and that meet the
 * conditions of the filter; it is refused when the child dies of SIGSYS or is told EPERM.
 */
#include "profiler/base/cleanup.h"
#include "profiler/jail/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CALLS	   600 /* past the last number of today's kernels */
#define SYMBOLIZER "## What the symbolizer worker may still do"
#define FETCHER	   "## What the fetcher may still do"
#define TEXT_BYTES (256 << 10)

enum outcome {
	REFUSED = 77,
	ALLOWED = 78,
	NO_JAIL = 79,
};

/* The arguments: all the same. */
enum pattern {
	ZERO,
	MINUS_ONE,
	ONE, /* F_GETFD */
	THE_SOCKET, /* F_GETFL as well */
	EMPTY_PATH, /* AT_EMPTY_PATH */
	OWN_PID,
	INTERNET, /* AF_INET */
	INTERNET_6, /* AF_INET6 */
	THREAD, /* CLONE_THREAD */
	BYTES_THERE, /* FIONREAD */
	PATTERNS
};

static long argument_of(enum pattern pattern)
{
	switch (pattern) {
	case MINUS_ONE:
		return -1;
	case ONE:
		return 1;
	case THE_SOCKET:
		return JAIL_SOCK;
	case EMPTY_PATH:
		return 0x1000;
	case OWN_PID:
		return getpid();
	case INTERNET:
		return AF_INET;
	case INTERNET_6:
		return AF_INET6;
	case THREAD:
		return CLONE_THREAD;
	case BYTES_THERE:
		return FIONREAD;
	default:
		return 0;
	}
}

/* What waits for ever is ended by an alarm that was set before. */
static void try_in_jail(enum jail_role role, long number, enum pattern pattern)
{
	long a = argument_of(pattern), r;
	struct err err = {};

	/* cmocka catches them, and would go on with the test in the child. */
	signal(SIGILL, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	alarm(1);
	if (jail_enter(role, role == JAIL_FETCHER, NULL, &err) < 0)
		_exit(NO_JAIL);
	errno = 0;
	r = syscall(number, a, a, a, a, a, a);
	/* ENOSYS: as where libc asks for what it can do without. */
	_exit(r < 0 && (errno == EPERM || errno == ENOSYS) ? REFUSED : ALLOWED);
}

static bool is_allowed(enum jail_role role, long number, enum pattern pattern)
{
	int pair[2], status;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (dup2(pair[1], JAIL_SOCK) < 0)
			_exit(NO_JAIL);
		try_in_jail(role, number, pattern);
	}
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_JAIL)
		fail_msg("the jail could not be entered");
	if (WIFSIGNALED(status))
		return WTERMSIG(status) != SIGSYS;
	return WEXITSTATUS(status) != REFUSED;
}

/* uretprobe and uprobe: the kernel asks no filter, and serves its own trampolines alone. */
static bool is_the_kernel_s_own(int number)
{
#if defined(__x86_64__)
	return number == 335 || number == 336;
#else
	(void)number;
	return false;
#endif
}

/* The words in backticks of the table behind the heading. */
static void read_table(const char *heading, bool listed[CALLS])
{
	_cleanup_free_ char *text = calloc(1, TEXT_BYTES);
	_cleanup_fclose_ FILE *f = fopen(SOURCE_DIR "/README.md", "r");
	char *at, *end;

	assert_non_null(f);
	assert_non_null(text);
	assert_in_range(fread(text, 1, TEXT_BYTES - 1, f), 1, TEXT_BYTES - 2);
	at = strstr(text, heading);
	if (!at)
		fail_msg("README.md has no \"%s\"", heading);
	at += strlen(heading);
	end = strstr(at, "\n## ");
	if (end)
		*end = '\0';
	for (at = strstr(at, "\n|"); at && (at = strchr(at, '`')); at = end + 1) {
		int number;

		end = strchr(at + 1, '`');
		assert_non_null(end);
		*end = '\0';
		number = seccomp_syscall_resolve_name(at + 1);
		if (number < 0 || number >= CALLS)
			fail_msg("README.md: there is no system call %s here", at + 1);
		listed[number] = true;
	}
}

static void check_calls(enum jail_role role, const char *heading)
{
	bool listed[CALLS] = {};
	unsigned int wrong = 0, allowed = 0;

	read_table(heading, listed);
	for (int number = 0; number < CALLS; number++) {
		bool may = false;
		_cleanup_free_ char *name =
			seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

		for (int p = 0; p < PATTERNS && !may; p++)
			may = is_allowed(role, number, (enum pattern)p);
		allowed += may;
		if (may == listed[number] || is_the_kernel_s_own(number))
			continue;
		wrong++;
		print_error("%s: %s (%d) is %s, and README.md says otherwise\n",
			    jail_role_name(role), name ? name : "?", number,
			    may ? "allowed" : "refused");
	}
	assert_true(allowed > 10);
	assert_int_equal(wrong, 0);
}

static void the_symbolizer_may_make_the_calls_of_the_readme_and_no_other(void **state)
{
	(void)state;
	check_calls(JAIL_SYMBOLIZER, SYMBOLIZER);
}

static void the_fetcher_may_make_the_calls_of_the_readme_and_no_other(void **state)
{
	(void)state;
	check_calls(JAIL_FETCHER, FETCHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_symbolizer_may_make_the_calls_of_the_readme_and_no_other),
		cmocka_unit_test(the_fetcher_may_make_the_calls_of_the_readme_and_no_other),
	};

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: a worker's user is root's to change\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
