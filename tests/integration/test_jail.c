/*
 * The jail on the real kernel: what a worker cannot do any more, how it is started, and that it
 * ends with its parent.
 *
 * jail_start() runs this program again, so this program is the worker as well: see main().
 */
#include "profiler/base/cleanup.h"
#include "profiler/base/wire.h"
#include "profiler/jail/jail.h"
#include "profiler/jail/parts.h"
#include "profiler/jail/protocol.h"
#include "profiler/jail/worker.h"

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

#define HELLO_MS 20000 /* a loaded machine; nothing is measured by it */
#define END_MS	 1000 /* the promise */

/* Sanitizers have a thread of their own and need more room; see jail_enter.c. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

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

static const struct attempt {
	const char *what;
	long (*run)(void);
	bool works_outside; /* tried without a jail it must succeed, or the test shows nothing */
	bool web_may;
} attempts[] = {
	{"open a file", try_open, true, false},
	{"create a file", try_create, true, false},
	{"open a file of /proc", try_open_proc, true, false},
	{"remove a file", try_unlink, true, false},
	{"make a socket", try_socket, true, false},
	{"connect", try_connect, true, false},
	{"fork", try_fork, true, false},
	{"start a thread", try_thread, true, true},
	{"exec", try_exec, true, false},
	{"ptrace", try_ptrace, true, false},
	{"signal its parent", try_kill, true, false},
	{"signal its parent's thread", try_kill_thread, true, false},
	{"write to an open file", try_write, true, true},
	{"write at a place of an open file", try_pwrite, true, true},
	{"send on another socket", try_send_elsewhere, true, true},
	{"read its parent's memory", try_read_memory, true, false},
	{"map executable memory", try_map_executable, true, false},
	{"make memory executable", try_make_executable, true, false},
	{"make a file in memory", try_memfd, true, false},
	{"become root", try_become_root, true, false},
	{"make a namespace", try_namespace, false, false},
	{"use BPF", try_bpf, false, false},
	{"use io_uring", try_io_uring, false, false},
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
		if (role >= 0 && jail_enter((enum jail_role)role, role == JAIL_WEB, &err) < 0)
			_exit(NO_JAIL);
		_exit(a->run() >= 0 ? ALLOWED : REFUSED);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(sock);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? REFUSED : -WTERMSIG(status);
	return WEXITSTATUS(status);
}

static void check_attempts(int role, bool only_web)
{
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		const struct attempt *a = &attempts[i];
		int expected = only_web && a->web_may ? ALLOWED : REFUSED;
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
	check_attempts(JAIL_SYMBOLIZER, false);
}

static void the_web_worker_can_do_what_serving_needs_and_no_more(void **state)
{
	(void)state;
	check_attempts(JAIL_WEB, true);
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

	if (landlock_close(&err) != 1)
		_exit(NO_JAIL);
	return open("/etc/passwd", O_RDONLY);
}

static long landlock_and_network(void)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons(1), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int sock = socket(AF_INET, SOCK_STREAM, 0);
	struct err err = {};

	if (landlock_close(&err) != 1)
		_exit(NO_JAIL);
	connect(sock, (const struct sockaddr *)&a, sizeof(a));
	return errno == EACCES ? -1 : 0;
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

/* ---- real workers ---- */

static uint32_t receive_hello(const struct jail_worker *w)
{
	struct wire_msg m;
	uint32_t bits;

	assert_int_equal(wire_receive(w->sock, &m, HELLO_MS), 1);
	assert_int_equal(m.type, PROTOCOL_HELLO);
	assert_int_equal(protocol_u32_parse(m.body.data, m.body.len, &bits), 0);
	wire_msg_done(&m);
	return bits;
}

static uint32_t start(struct jail_worker *w, bool drop)
{
	struct err err = {};

	if (jail_start(JAIL_SYMBOLIZER, NULL, drop, w, &err) < 0)
		fail_msg("%s", err.text);
	return receive_hello(w);
}

/* The value of a line "Key:\tvalue" of /proc/PID/FILE, cut at the line's end. */
static void proc_value(pid_t pid, const char *file, const char *key, char *ret, size_t bytes)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0) {
			line[strcspn(line, "\n")] = '\0';
			snprintf(ret, bytes, "%s",
				 line + strlen(key) + strspn(line + strlen(key), ": \t"));
			return;
		}
	fail_msg("no %s in %s", key, path);
}

static void assert_status(pid_t pid, const char *key, const char *expected)
{
	char value[256];

	proc_value(pid, "status", key, value, sizeof(value));
	for (size_t len = strlen(value); len && value[len - 1] == ' '; len--)
		value[len - 1] = '\0';
	if (strcmp(value, expected) != 0)
		fail_msg("%s of the worker is \"%s\", not \"%s\"", key, value, expected);
}

static void a_worker_has_no_user_group_or_capability_of_its_parent(void **state)
{
	struct jail_features features;
	struct jail_worker w = {};
	char ids[64];
	uint32_t bits;

	(void)state;
	jail_probe(&features);
	bits = start(&w, true);
	assert_true(bits & PROTOCOL_JAIL_UID);
	assert_int_equal(!!(bits & PROTOCOL_JAIL_SECCOMP), features.seccomp);
	assert_int_equal(!!(bits & PROTOCOL_JAIL_LANDLOCK), features.landlock_abi > 0);
	assert_int_not_equal(features.uid[JAIL_SYMBOLIZER], 0);
	snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u", features.uid[JAIL_SYMBOLIZER],
		 features.uid[JAIL_SYMBOLIZER], features.uid[JAIL_SYMBOLIZER],
		 features.uid[JAIL_SYMBOLIZER]);
	assert_status(w.pid, "Uid", ids);
	assert_status(w.pid, "Groups", "");
	assert_status(w.pid, "CapInh", "0000000000000000");
	assert_status(w.pid, "CapPrm", "0000000000000000");
	assert_status(w.pid, "CapEff", "0000000000000000");
	assert_status(w.pid, "CapBnd", "0000000000000000");
	assert_status(w.pid, "CapAmb", "0000000000000000");
	assert_status(w.pid, "NoNewPrivs", "1");
	assert_status(w.pid, "Seccomp", "2");
	assert_status(w.pid, "Threads", "1");
	jail_end(&w);
}

static int count_files(pid_t pid, const char *what)
{
	char command[64];
	int n = 0;

	for (int fd = 0; fd < 1024; fd++) {
		struct stat st;

		snprintf(command, sizeof(command), "/proc/%d/%s/%d", pid, what, fd);
		n += lstat(command, &st) == 0;
	}
	return n;
}

static void a_worker_inherits_no_descriptor_environment_or_terminal(void **state)
{
	int leaked = open("/dev/null", O_RDONLY); /* not close-on-exec */
	struct jail_worker w = {};
	char path[64], text[256];
	struct stat st;
	int fd;

	(void)state;
	setenv("HEARTH_SECRET", "x", 1);
	start(&w, true);
	assert_int_equal(count_files(w.pid, "fd"), JAIL_SOCK + 1);
	snprintf(path, sizeof(path), "/proc/%d/environ", w.pid);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, text, sizeof(text)), 0);
	close(fd);
	snprintf(path, sizeof(path), "/proc/%d/mem", w.pid);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0); /* undumpable */
	assert_int_not_equal(getsid(w.pid), getsid(0));
	proc_value(w.pid, "limits", "Max core file size", text, sizeof(text));
	assert_memory_equal(text, "0 ", 2);
	proc_value(w.pid, "limits", "Max processes", text, sizeof(text));
	if (!SANITIZED)
		assert_memory_equal(text, "0 ", 2);
	jail_end(&w);
	close(leaked);
}

static void without_a_sandbox_the_worker_is_who_we_are(void **state)
{
	struct jail_worker w = {};

	(void)state;
	assert_int_equal(start(&w, false), 0);
	assert_status(w.pid, "Uid", "0\t0\t0\t0");
	assert_status(w.pid, "Seccomp", "0");
	jail_end(&w);
}

static bool ends_within(int pidfd, int ms)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

static void ending_a_worker_reaps_it_even_when_it_is_stopped_or_dead(void **state)
{
	struct jail_worker w = {};
	pid_t pid;
	int status;

	(void)state;
	start(&w, true);
	pid = w.pid;
	kill(pid, SIGSTOP);
	status = jail_end(&w);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(jail_end(&w), -1);
	start(&w, true);
	kill(w.pid, SIGUSR1);
	assert_true(ends_within(w.pidfd, END_MS));
	assert_true(jail_has_ended(&w));
	status = jail_end(&w);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
}

/* A parent that starts a worker, tells its pid and sleeps, after what prepare() does. */
static pid_t parent_of_worker(int (*prepare)(void), pid_t *ret_worker, uint32_t *ret_bits)
{
	uint32_t words[2] = {};
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct jail_worker w = {};
		struct err err = {};
		struct wire_msg m;

		if (prepare() == 0 && jail_start(JAIL_SYMBOLIZER, NULL, true, &w, &err) == 0 &&
		    wire_receive(w.sock, &m, HELLO_MS) == 1 && m.type == PROTOCOL_HELLO &&
		    protocol_u32_parse(m.body.data, m.body.len, &words[1]) == 0)
			words[0] = (uint32_t)w.pid;
		(void)!write(ends[1], words, sizeof(words));
		pause();
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], words, sizeof(words)), sizeof(words));
	close(ends[0]);
	*ret_worker = (pid_t)words[0];
	*ret_bits = words[1];
	return pid;
}

static int prepare_nothing(void)
{
	return 0;
}

static int prepare_collector(void)
{
	struct err err;

	return jail_limit_collector(&err);
}

static int prepare_nobody(void)
{
	return setresgid(12345, 12345, 12345) < 0 || setresuid(12345, 12345, 12345) < 0 ? -1 : 0;
}

static void assert_ends_with_parent(int (*prepare)(void))
{
	uint32_t bits;
	pid_t worker;
	pid_t parent = parent_of_worker(prepare, &worker, &bits);
	_cleanup_close_ int pidfd = -1;

	assert_int_not_equal(worker, 0);
	pidfd = (int)syscall(SYS_pidfd_open, worker, 0);
	assert_true(pidfd >= 0);
	assert_false(ends_within(pidfd, 50));
	kill(worker, SIGSTOP); /* it cannot notice the end of its socket */
	kill(parent, SIGKILL);
	assert_true(ends_within(pidfd, END_MS));
	waitpid(parent, NULL, 0);
}

static void a_worker_ends_within_a_second_of_its_parent_s_kill(void **state)
{
	(void)state;
	assert_ends_with_parent(prepare_nothing);
	assert_ends_with_parent(prepare_collector);
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
			result = jail_enter(JAIL_SYMBOLIZER, false, &err);
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

/* From level 3 on, Debian's own, the kernel opens no perf event without CAP_SYS_ADMIN. */
static bool perf_wants_admin(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
	int level = 0;

	return f && fscanf(f, "%d", &level) == 1 && level > 2;
}

static void the_limited_collector_keeps_what_it_needs_and_starts_workers(void **state)
{
	uint64_t keep = 1ULL << CAP_KILL | 1ULL << CAP_SETGID | 1ULL << CAP_SETUID |
			1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_SYS_PTRACE | 1ULL << CAP_SYSLOG |
			1ULL << CAP_PERFMON | 1ULL << CAP_BPF | 1ULL << 40;
	char expected[32];
	uint32_t bits;
	pid_t worker;
	pid_t parent = parent_of_worker(prepare_collector, &worker, &bits);

	(void)state;
	if (perf_wants_admin())
		keep |= 1ULL << CAP_SYS_ADMIN;
	snprintf(expected, sizeof(expected), "%016llx", (unsigned long long)keep);
	assert_status(parent, "CapPrm", expected);
	assert_status(parent, "CapEff", expected);
	assert_status(parent, "CapBnd", expected);
	assert_status(parent, "CapInh", "0000000000000000");
	assert_status(parent, "NoNewPrivs", "1");
	assert_int_not_equal(worker, 0);
	assert_true(bits & PROTOCOL_JAIL_UID);
	assert_status(worker, "CapPrm", "0000000000000000");
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
}

static void a_user_s_worker_is_closed_in_as_well(void **state)
{
	uint32_t bits;
	pid_t worker;
	pid_t parent = parent_of_worker(prepare_nobody, &worker, &bits);

	(void)state;
	assert_int_not_equal(worker, 0);
	assert_false(bits & PROTOCOL_JAIL_UID);
	assert_true(bits & PROTOCOL_JAIL_SECCOMP);
	assert_status(worker, "Uid", "12345\t12345\t12345\t12345");
	assert_status(worker, "Seccomp", "2");
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
}

static void limiting_the_collector_comes_before_its_threads(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (SANITIZED)
		skip();
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct err err;
		pthread_t t;

		pthread_create(&t, NULL, (void *(*)(void *))(void (*)(void))pause, NULL);
		_exit(jail_limit_collector(&err) == -EBUSY ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_symbolizer_can_do_none_of_it),
		cmocka_unit_test(the_web_worker_can_do_what_serving_needs_and_no_more),
		cmocka_unit_test(what_the_symbolizer_needs_still_works),
		cmocka_unit_test(landlock_alone_closes_files_and_network),
		cmocka_unit_test(a_worker_has_no_user_group_or_capability_of_its_parent),
		cmocka_unit_test(a_worker_inherits_no_descriptor_environment_or_terminal),
		cmocka_unit_test(without_a_sandbox_the_worker_is_who_we_are),
		cmocka_unit_test(ending_a_worker_reaps_it_even_when_it_is_stopped_or_dead),
		cmocka_unit_test(a_worker_ends_within_a_second_of_its_parent_s_kill),
		cmocka_unit_test(a_worker_whose_parent_is_gone_already_does_not_start),
		cmocka_unit_test(the_limited_collector_keeps_what_it_needs_and_starts_workers),
		cmocka_unit_test(a_user_s_worker_is_closed_in_as_well),
		cmocka_unit_test(limiting_the_collector_comes_before_its_threads),
	};

	if (argc > 1 && argv[1][0] == '@')
		return worker_main(argc, argv);
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
