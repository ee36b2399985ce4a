/* The jail on the real kernel: children of this test enter it and try what they may not do. */
#include "profiler/base/cleanup.h"
#include "profiler/jail/jail.h"
#include "profiler/jail/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Exit statuses of a child that tries something. */
enum outcome { ALLOWED = 10, REFUSED = 11, NO_JAIL = 12 };

static char scratch[] = "/tmp/hearth-jail-XXXXXX";
static int scratch_fd;
static int other_socket[2];

/* ---- what a worker must not do: 0 or more is success, as the calls have it ---- */

static long try_open(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static long try_create(void)
{
	return open("/tmp/hearth-jail-created", O_WRONLY | O_CREAT, 0600);
}

static long try_open_proc(void)
{
	return open("/proc/self/maps", O_RDONLY);
}

static long try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long try_connect(void)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons(1), .sin_addr = {htonl(INADDR_LOOPBACK)}};

	/* Nobody listens there: being told so is as good as being connected. */
	return connect(other_socket[0], (struct sockaddr *)&a, sizeof(a)) < 0 &&
			       (errno == EPERM || errno == EACCES)
		       ? -1
		       : 0;
}

static long try_fork(void)
{
	long pid = syscall(SYS_fork);

	if (pid == 0)
		_exit(0);
	return pid;
}

static long try_clone(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid;
}

static void *do_nothing(void *arg)
{
	return arg;
}

static long try_thread(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, do_nothing, NULL) == 0 && pthread_join(t, NULL) == 0 ? 0
											     : -1;
}

static long try_exec(void)
{
	char *argv[] = {(char *)"true", NULL};

	execve("/nowhere/at/all", argv, NULL);
	return errno == ENOENT ? 0 : -1;
}

static long try_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long try_kill(void)
{
	return kill(getppid(), 0);
}

static long try_kill_thread(void)
{
	return syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static long try_write(void)
{
	return write(scratch_fd, "x", 1);
}

static long try_pwrite(void)
{
	return pwrite(scratch_fd, "x", 1, 0);
}

static long try_send_elsewhere(void)
{
	struct iovec v = {(void *)"x", 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

	return sendmsg(other_socket[0], &m, 0);
}

static long try_read_memory(void)
{
	char here[8];
	struct iovec local = {here, sizeof(here)}, remote = {&scratch_fd, sizeof(scratch_fd)};

	return process_vm_readv(getppid(), &local, 1, &remote, 1, 0);
}

static long try_map_executable(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}

static long try_make_executable(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(at, 4096, PROT_READ | PROT_EXEC);
}

static long try_memfd(void)
{
	return memfd_create("x", 0);
}

static long try_become_root(void)
{
	return setresuid(0, 0, 0);
}

static long try_unlink(void)
{
	return unlink("/tmp/hearth-jail-created");
}

static long try_namespace(void)
{
	return unshare(CLONE_NEWUSER);
}

static long try_bpf(void)
{
	char attr[128] = {};

	return syscall(SYS_bpf, 0, attr, sizeof(attr)) < 0 && errno == EINVAL ? 0 : -1;
}

static long try_io_uring(void)
{
	char params[256] = {};

	return syscall(SYS_io_uring_setup, 1, params) >= 0 || errno == EINVAL ? 0 : -1;
}

static long try_open_hosts(void)
{
	return open("/etc/hosts", O_RDONLY);
}

static long try_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

/* Datagrams of a pair can be sent to any socket that has a path. */
static long try_datagrams(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
}

static long try_bind(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int sock = socket(AF_INET, SOCK_STREAM, 0);

	return bind(sock, (struct sockaddr *)&a, sizeof(a));
}

static const struct attempt {
	const char *what;
	long (*run)(void);
	bool works_outside; /* tried without a jail it must succeed, or the test shows nothing */
	bool web_may, fetcher_may;
} attempts[] = {
	{"open a file", try_open, true, false, false},
	{"create a file", try_create, true, false, false},
	{"open a file of /proc", try_open_proc, true, false, false},
	{"open what names hosts", try_open_hosts, true, false, true},
	{"remove a file", try_unlink, true, false, false},
	{"make a socket", try_socket, true, false, true},
	{"make a socket of this host", try_unix_socket, true, false, false},
	{"make a pair for datagrams", try_datagrams, true, false, false},
	{"be connected to", try_bind, true, false, false},
	{"connect", try_connect, true, false, true},
	{"fork", try_fork, true, false, false},
	{"clone", try_clone, true, false, false},
	{"start a thread", try_thread, true, true, true},
	{"exec", try_exec, true, false, false},
	{"ptrace", try_ptrace, true, false, false},
	{"signal its parent", try_kill, true, false, false},
	{"signal its parent's thread", try_kill_thread, true, false, false},
	{"write to an open file", try_write, true, true, true},
	{"write at a place of an open file", try_pwrite, true, true, false},
	{"send on another socket", try_send_elsewhere, true, true, true},
	{"read its parent's memory", try_read_memory, true, false, false},
	{"map executable memory", try_map_executable, true, false, false},
	{"make memory executable", try_make_executable, true, false, false},
	{"make a file in memory", try_memfd, true, false, false},
	{"become root", try_become_root, true, false, false},
	{"make a namespace", try_namespace, false, false, false},
	{"use BPF", try_bpf, false, false, false},
	{"use io_uring", try_io_uring, false, false, false},
};

/* A child with the socket that a worker has. Ours is returned; 0 in the child. */
static pid_t fork_with_socket(int *ret_sock)
{
	int pair[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (dup2(pair[1], JAIL_SOCK) < 0)
			_exit(NO_JAIL);
		return 0;
	}
	close(pair[1]);
	*ret_sock = pair[0];
	return pid;
}

static int outcome_of(const struct attempt *a, int role)
{
	struct err err = {};
	int sock, status;
	pid_t pid = fork_with_socket(&sock);

	if (pid == 0) {
		if (role >= 0 &&
		    jail_enter((enum jail_role)role, role != JAIL_SYMBOLIZER, NULL, &err) < 0)
			_exit(NO_JAIL);
		_exit(a->run() >= 0 ? ALLOWED : REFUSED);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(sock);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? REFUSED : -WTERMSIG(status);
	return WEXITSTATUS(status);
}

static bool may(const struct attempt *a, int role)
{
	return (role == JAIL_WEB && a->web_may) || (role == JAIL_FETCHER && a->fetcher_may);
}

static void check_attempts(int role)
{
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		const struct attempt *a = &attempts[i];
		int expected = may(a, role) ? ALLOWED : REFUSED;
		int outside = outcome_of(a, -1);
		int inside = outcome_of(a, role);

		if (a->works_outside && outside != ALLOWED)
			fail_msg("outside a jail one could not %s (%d): this shows nothing",
				 a->what, outside);
		if (inside != expected)
			fail_msg("the %s worker: to %s gave %d, not %d",
				 jail_role_name((enum jail_role)role), a->what, inside, expected);
	}
	unlink("/tmp/hearth-jail-created");
}

static void the_symbolizer_can_do_none_of_it(void **state)
{
	(void)state;
	check_attempts(JAIL_SYMBOLIZER);
}

static void the_web_worker_can_do_what_serving_needs_and_no_more(void **state)
{
	(void)state;
	check_attempts(JAIL_WEB);
}

static void the_fetcher_can_do_what_asking_a_server_needs_and_no_more(void **state)
{
	(void)state;
	check_attempts(JAIL_FETCHER);
}

static long map_and_read(void)
{
	char byte;
	void *at = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, scratch_fd, 0);
	void *memory = malloc(1 << 20);
	struct stat st;

	free(memory);
	return at == MAP_FAILED || !memory || fstat(scratch_fd, &st) < 0 ||
			       pread(scratch_fd, &byte, 1, 0) != 1
		       ? -1
		       : 0;
}

static long end_itself(void)
{
	abort();
}

static void what_the_symbolizer_needs_still_works(void **state)
{
	static const struct attempt reading = {"read", map_and_read, true, true};
	static const struct attempt ending = {"abort", end_itself, true, true};

	(void)state;
	assert_int_equal(outcome_of(&reading, JAIL_SYMBOLIZER), ALLOWED);
	assert_int_equal(outcome_of(&ending, JAIL_SYMBOLIZER), -SIGABRT);
}

/* Each wall alone: one that another hides would not be missed. */
static long landlock_alone(void)
{
	struct err err = {};

	if (landlock_close(JAIL_SYMBOLIZER, NULL, &err) != 1)
		_exit(NO_JAIL);
	return open("/etc/passwd", O_RDONLY);
}

static long landlock_and_network(void)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons(1), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int sock = socket(AF_INET, SOCK_STREAM, 0);
	struct err err = {};

	if (landlock_close(JAIL_SYMBOLIZER, NULL, &err) != 1)
		_exit(NO_JAIL);
	connect(sock, (const struct sockaddr *)&a, sizeof(a));
	return errno == EACCES ? -1 : 0;
}

/* What path below / gives where files below /usr alone may be read. */
static long landlock_but_usr(const char *path, int flags)
{
	int fd[] = {open("/usr", O_PATH | O_DIRECTORY)}, root = open("/", O_PATH | O_DIRECTORY);
	struct err err = {};

	if (landlock_close(JAIL_WEB, &(struct jail_dirs){fd, 1}, &err) != 1)
		_exit(NO_JAIL);
	return openat(root, path, flags);
}

static long read_in_usr(void)
{
	return landlock_but_usr("usr/bin/env", O_RDONLY);
}

static long read_beside_usr(void)
{
	return landlock_but_usr("etc/passwd", O_RDONLY);
}

static long write_in_usr(void)
{
	return landlock_but_usr("usr/bin/env", O_WRONLY);
}

static void landlock_leaves_reading_below_the_directories_that_are_told(void **state)
{
	static const struct attempt in = {"open", read_in_usr, true, true};
	static const struct attempt beside = {"open", read_beside_usr, true, true};
	static const struct attempt writing = {"open", write_in_usr, true, true};

	(void)state;
	if (landlock_abi() < 1)
		return;
	assert_int_equal(outcome_of(&in, -1), ALLOWED);
	assert_int_equal(outcome_of(&beside, -1), REFUSED);
	assert_int_equal(outcome_of(&writing, -1), REFUSED);
}

static void landlock_alone_closes_files_and_network(void **state)
{
	static const struct attempt files = {"open", landlock_alone, true, true};
	static const struct attempt network = {"connect", landlock_and_network, true, true};

	(void)state;
	if (landlock_abi() >= 1)
		assert_int_equal(outcome_of(&files, -1), REFUSED);
	if (landlock_abi() >= 4)
		assert_int_equal(outcome_of(&network, -1), REFUSED);
}

static void a_worker_whose_parent_is_gone_already_does_not_start(void **state)
{
	int told[2], result = 0;
	pid_t parent;

	(void)state;
	assert_int_equal(pipe(told), 0);
	fflush(NULL);
	parent = fork();
	if (parent == 0) {
		int sock;
		pid_t me = getpid();

		if (fork_with_socket(&sock) == 0) {
			struct err err;

			while (getppid() == me)
				usleep(1000);
			result = jail_enter(JAIL_SYMBOLIZER, false, NULL, &err);
			/*
			 * Told before the filter would forbid it: only where the jail was not
			 * closed.
			 */
			(void)!write(told[1], &result, sizeof(result));
			_exit(0);
		}
		_exit(0);
	}
	close(told[1]);
	waitpid(parent, NULL, 0);
	assert_int_equal(read(told[0], &result, sizeof(result)), sizeof(result));
	assert_int_equal(result, -ESRCH);
	close(told[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_symbolizer_can_do_none_of_it),
		cmocka_unit_test(the_web_worker_can_do_what_serving_needs_and_no_more),
		cmocka_unit_test(the_fetcher_can_do_what_asking_a_server_needs_and_no_more),
		cmocka_unit_test(what_the_symbolizer_needs_still_works),
		cmocka_unit_test(landlock_leaves_reading_below_the_directories_that_are_told),
		cmocka_unit_test(landlock_alone_closes_files_and_network),
		cmocka_unit_test(a_worker_whose_parent_is_gone_already_does_not_start),
	};

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: the jail's walls are checked as root\n");
		return 77;
	}
	scratch_fd = fcntl(mkstemp(scratch), F_DUPFD_CLOEXEC,
			   JAIL_SOCK + 1); /* children put their socket on that */
	if (scratch_fd < 0 || write(scratch_fd, "0123456789", 10) != 10 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, other_socket))
		return 1;
	unlink(scratch);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
