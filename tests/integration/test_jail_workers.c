/*
 * Real workers on the real kernel: who they are, what they inherit, and that they end with their
 * parent.
 *
 * jail_start() runs this program again, so this program is the worker as well: see main().
 */
#include "profiler/base/cleanup.h"
#include "profiler/base/wire.h"
#include "profiler/jail/jail.h"
#include "profiler/jail/protocol.h"
#include "profiler/jail/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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
	static const gid_t groups[] = {4, 12345};
	struct jail_features features;
	struct jail_worker w = {};
	char ids[64];
	uint32_t bits;

	(void)state;
	assert_int_equal(setgroups(2, groups), 0);
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
		cmocka_unit_test(a_worker_has_no_user_group_or_capability_of_its_parent),
		cmocka_unit_test(a_worker_inherits_no_descriptor_environment_or_terminal),
		cmocka_unit_test(without_a_sandbox_the_worker_is_who_we_are),
		cmocka_unit_test(ending_a_worker_reaps_it_even_when_it_is_stopped_or_dead),
		cmocka_unit_test(a_worker_ends_within_a_second_of_its_parent_s_kill),
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
	return cmocka_run_group_tests(tests, NULL, NULL);
}
