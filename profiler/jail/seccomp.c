/*
 * The system calls that each role may make, by libseccomp. Everything else ends the symbolizer, and
 * is refused to the others, whose libraries probe; what only an attacker asks for ends all.
 *
 * All roles: no exec, no process, no executable memory. The symbolizer speaks on its socket only,
 * and opens nothing, nor does the web worker but for source files, which Landlock bounds; neither
 * makes sockets. The fetcher may connect, and open for reading what Landlock leaves it.
 *
 * A comparison must hold for all 64 bits of a register, of which the kernel may read 32: equal is
 * safe, unequal is not.
 */
#include "profiler/jail/parts.h"

#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Sanitizers report on descriptor 2 and probe: to them, as to the web worker, what is not allowed
 * is refused.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/*
 * All roles, with any arguments: memory without execution is below, with the others that look at
 * an argument.
 */
static const int allowed[] = {
	SCMP_SYS(read),		SCMP_SYS(readv),
	SCMP_SYS(dup),		SCMP_SYS(preadv),
	SCMP_SYS(pread64),	SCMP_SYS(lseek),
	SCMP_SYS(fstat),	SCMP_SYS(close),
	SCMP_SYS(munmap),	SCMP_SYS(brk),
	SCMP_SYS(mremap),	SCMP_SYS(madvise),
	SCMP_SYS(futex),	SCMP_SYS(poll),
	SCMP_SYS(ppoll),	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),	SCMP_SYS(getrandom),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
	SCMP_SYS(sched_yield),	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),		SCMP_SYS(exit_group),
	SCMP_SYS(getpid),	SCMP_SYS(gettid),
	SCMP_SYS(getppid),	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),	SCMP_SYS(getrusage),
	SCMP_SYS(rseq),		SCMP_SYS(set_robust_list),
};

/* Refused with EPERM, because libraries try them and live without. */
static const int refused[] = {
	SCMP_SYS(open),	      SCMP_SYS(openat),
	SCMP_SYS(openat2),    SCMP_SYS(creat),
	SCMP_SYS(access),     SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2), SCMP_SYS(stat),
	SCMP_SYS(lstat),      SCMP_SYS(statx),
	SCMP_SYS(readlink),   SCMP_SYS(readlinkat),
	SCMP_SYS(getcwd),     SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),   SCMP_SYS(ioctl),
	SCMP_SYS(uname),      SCMP_SYS(sysinfo),
	SCMP_SYS(prlimit64),  SCMP_SYS(getrlimit),
	SCMP_SYS(prctl),      SCMP_SYS(socket),
	SCMP_SYS(connect),    SCMP_SYS(kill),
	SCMP_SYS(tkill),      SCMP_SYS(write),
	SCMP_SYS(writev),     SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getdents64), SCMP_SYS(statfs),
	SCMP_SYS(fstatfs),    SCMP_SYS(pipe2),
	SCMP_SYS(mincore),
};

/* The web worker's own: sockets that are there, locks and pages of files that are open, threads. */
static const int allowed_web[] = {
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(sendfile),
	SCMP_SYS(shutdown),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(pwrite64),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(fallocate),
	SCMP_SYS(eventfd2),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(timerfd_gettime),
	SCMP_SYS(pipe2),
	SCMP_SYS(fcntl),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getrlimit),
	SCMP_SYS(sysinfo),
	SCMP_SYS(uname),
	SCMP_SYS(clock_getres),
	SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(rt_sigsuspend),
	SCMP_SYS(membarrier),
	SCMP_SYS(fadvise64),
};

/* The fetcher's own: connections, the thread that finds a host, the file that it fills. */
static const int allowed_fetcher[] = {
	SCMP_SYS(connect),     SCMP_SYS(sendto),      SCMP_SYS(recvfrom),   SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),     SCMP_SYS(sendmmsg),    SCMP_SYS(setsockopt), SCMP_SYS(getsockopt),
	SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(shutdown),   SCMP_SYS(write),
	SCMP_SYS(writev),      SCMP_SYS(fcntl),	      SCMP_SYS(newfstatat),
};

/* Nobody's library asks for these: they end the process. */
static const int deadly[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(mount),
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(kcmp),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(pidfd_open),
	SCMP_SYS(memfd_create),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(chroot),
	SCMP_SYS(pivot_root),
	SCMP_SYS(setuid),
	SCMP_SYS(setresuid),
	SCMP_SYS(capset),
};

/* A call that is allowed only with these arguments. */
struct conditional {
	int call;
	unsigned int n;
	struct scmp_arg_cmp arg[2];
};

static const struct conditional conditional[] = {
	{SCMP_SYS(mmap), 1, {SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)}},
	{SCMP_SYS(mprotect), 1, {SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)}},
	/*
	 * fstat() of glibc up to 2.36. A path could be given too, which tells what stat tells and
	 * no more.
	 */
	{SCMP_SYS(newfstatat), 1, {SCMP_A3_32(SCMP_CMP_EQ, AT_EMPTY_PATH)}},
};

static const struct conditional conditional_symbolizer[] = {
	{SCMP_SYS(sendmsg), 1, {SCMP_A0_32(SCMP_CMP_EQ, JAIL_SOCK)}},
	{SCMP_SYS(recvmsg), 1, {SCMP_A0_32(SCMP_CMP_EQ, JAIL_SOCK)}},
	{SCMP_SYS(fcntl), 1, {SCMP_A1_32(SCMP_CMP_EQ, F_GETFD)}},
	{SCMP_SYS(fcntl), 1, {SCMP_A1_32(SCMP_CMP_EQ, F_SETFD)}},
	{SCMP_SYS(fcntl), 1, {SCMP_A1_32(SCMP_CMP_EQ, F_GETFL)}},
	{SCMP_SYS(fcntl), 1, {SCMP_A1_32(SCMP_CMP_EQ, F_DUPFD_CLOEXEC)}},
};

static const struct conditional conditional_web[] = {
	{SCMP_SYS(clone), 1, {SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)}},
	{SCMP_SYS(prctl), 1, {SCMP_A0_32(SCMP_CMP_EQ, PR_SET_NAME)}},
};

#define SOCKET_TYPE  0xf /* without its flags */
#define OPEN_CHANGES (O_ACCMODE | O_CREAT | O_TRUNC)

static const struct conditional conditional_fetcher[] = {
	{SCMP_SYS(clone), 1, {SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)}},
	{SCMP_SYS(socket), 1, {SCMP_A0_32(SCMP_CMP_EQ, AF_INET)}},
	{SCMP_SYS(socket), 1, {SCMP_A0_32(SCMP_CMP_EQ, AF_INET6)}},
	/*
	 * libcurl's threads wake each other by it. Not with datagrams, which could be sent on to
	 * any socket that has a path.
	 */
	{SCMP_SYS(socketpair),
	 2,
	 {SCMP_A0_32(SCMP_CMP_EQ, AF_UNIX),
	  SCMP_A1_32(SCMP_CMP_MASKED_EQ, SOCKET_TYPE, SOCK_STREAM)}},
	{SCMP_SYS(openat), 1, {SCMP_A2_32(SCMP_CMP_MASKED_EQ, OPEN_CHANGES, 0)}},
	/* How much a name server has answered. */
	{SCMP_SYS(ioctl), 1, {SCMP_A1_32(SCMP_CMP_EQ, FIONREAD)}},
};

static int add_all(scmp_filter_ctx f, uint32_t action, const int *calls, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = seccomp_rule_add(f, action, calls[i], 0);
	return r;
}

static int add_conditional(scmp_filter_ctx f, const struct conditional *c, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, c[i].call, c[i].n, c[i].arg);
	return r;
}

/* A process may end itself with a signal, as abort() does; never another. */
static int add_own_signals(scmp_filter_ctx f)
{
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid()));
}

static int add_symbolizer(scmp_filter_ctx f)
{
	int r = add_conditional(f, conditional_symbolizer, COUNT(conditional_symbolizer));

	if (r == 0 && SANITIZED)
		return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
					SCMP_A0_32(SCMP_CMP_EQ, STDERR_FILENO));
	if (r == 0)
		r = add_all(f, SCMP_ACT_ERRNO(EPERM), refused, COUNT(refused));
	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(tgkill), 1,
				     SCMP_A0_32(SCMP_CMP_NE, (uint32_t)getpid()));
	return r;
}

/*
 * The default refuses, so the refused need no rule; glibc makes threads with clone() where there is
 * no clone3().
 */
static int add_threaded(scmp_filter_ctx f)
{
	int r = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	return r == 0 ? add_all(f, SCMP_ACT_KILL_PROCESS, deadly, COUNT(deadly)) : r;
}

static int add_web(scmp_filter_ctx f, bool opens)
{
	int r = add_all(f, SCMP_ACT_ALLOW, allowed_web, COUNT(allowed_web));

	if (r == 0 && opens)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(openat2), 0);
	if (r == 0)
		r = add_conditional(f, conditional_web, COUNT(conditional_web));
	return r == 0 ? add_threaded(f) : r;
}

static int add_fetcher(scmp_filter_ctx f)
{
	int r = add_all(f, SCMP_ACT_ALLOW, allowed_fetcher, COUNT(allowed_fetcher));

	if (r == 0)
		r = add_conditional(f, conditional_fetcher, COUNT(conditional_fetcher));
	return r == 0 ? add_threaded(f) : r;
}

static int add_role(scmp_filter_ctx f, enum jail_role role, bool opens)
{
	switch (role) {
	case JAIL_WEB:
		return add_web(f, opens);
	case JAIL_FETCHER:
		return add_fetcher(f);
	default:
		return add_symbolizer(f);
	}
}

static int fill(scmp_filter_ctx f, enum jail_role role, bool opens)
{
	int r = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);

	if (r == 0)
		r = add_all(f, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
	if (r == 0)
		r = add_conditional(f, conditional, COUNT(conditional));
	if (r == 0)
		r = add_own_signals(f);
	if (r == 0)
		r = add_role(f, role, opens);
	return r;
}

bool seccomp_is_there(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
}

int seccomp_close(enum jail_role role, bool opens, struct err *err)
{
	bool kill = role == JAIL_SYMBOLIZER && !SANITIZED;
	scmp_filter_ctx f;
	int r;

	if (!seccomp_is_there())
		return 0;
	f = seccomp_init(kill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
	if (!f)
		return err_set(err, -ENOMEM, "no memory for the filter of system calls");
	r = fill(f, role, opens);
	if (r == 0)
		r = seccomp_load(f);
	seccomp_release(f);
	if (r < 0)
		return err_set(err, r, "the filter of system calls could not be set: %s",
			       strerror(-r));
	return 1;
}
