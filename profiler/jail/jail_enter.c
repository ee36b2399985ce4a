/*
 * Inside: jail_enter() builds the walls around the calling process, in the one order in which each
 * can still be built, and jail_limit_collector() takes from the collector what it does not need.
 */
#include "profiler/jail/jail.h"

#include "profiler/base/cleanup.h"
#include "profiler/jail/parts.h"
#include "profiler/jail/protocol.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* shadow memory of terabytes, threads of its own, reports to write */
#else
#define SANITIZED 0
#endif

#define PASSWD	    "/etc/passwd"
#define GROUP	    "/etc/group"
#define DYNAMIC_DIR "/run/systemd/dynamic-uid"

/*
 * X(resource, symbolizer's, web's, fetcher's). Address space is for mapped debug files (a browser's
 * has 4 GB); private memory, and what the fetcher writes, is bounded by who starts the worker.
 * Descriptors: the objects of one worker, the connections of web/API.md, or those of one download.
 */
#define RLIMIT_LIST(X)                                   \
	X(RLIMIT_CORE, 0, 0, 0)                          \
	X(RLIMIT_NOFILE, 4096, 4096, 64)                 \
	X(RLIMIT_NPROC, 0, 256, 16)                      \
	X(RLIMIT_FSIZE, 0, RLIM_INFINITY, RLIM_INFINITY) \
	X(RLIMIT_MEMLOCK, 0, 0, 0)                       \
	X(RLIMIT_AS, 64ULL << 30, 64ULL << 30, 4ULL << 30)

static int limits_set(enum jail_role role, bool own_user, struct err *err)
{
	static const struct {
		int resource;
		rlim_t of[JAIL_ROLE_COUNT];
	} limits[] = {
#define LIMIT_ROW(resource, symbolizer, web, fetcher) {resource, {symbolizer, web, fetcher}},
		RLIMIT_LIST(LIMIT_ROW)
#undef LIMIT_ROW
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		rlim_t want = limits[i].of[role];
		struct rlimit now;

		if (SANITIZED && limits[i].resource != RLIMIT_CORE &&
		    limits[i].resource != RLIMIT_NOFILE)
			continue;
		if (limits[i].resource == RLIMIT_NPROC && want && !own_user)
			continue; /* it would count everything that this person runs */
		if (getrlimit(limits[i].resource, &now) < 0)
			return err_set(err, -errno, "cannot read limit %d: %s", limits[i].resource,
				       strerror(errno));
		if (now.rlim_max != RLIM_INFINITY && (want == RLIM_INFINITY || want > now.rlim_max))
			want = now.rlim_max;
		now = (struct rlimit){want, want};
		if (setrlimit(limits[i].resource, &now) < 0)
			return err_set(err, -errno, "cannot set limit %d: %s", limits[i].resource,
				       strerror(errno));
	}
	return 0;
}

/*
 * End with the parent. The kernel forgets the request at each change of user, so this comes after
 * the last; a parent that ended before it is noticed by whose child we are now. Who started us is
 * known from the socket: its creator.
 */
int jail_bind_to_parent(struct err *err)
{
	struct ucred creator;
	socklen_t len = sizeof(creator);

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_set(err, -errno, "cannot ask to end with the parent: %s",
			       strerror(errno));
	if (getsockopt(JAIL_SOCK, SOL_SOCKET, SO_PEERCRED, &creator, &len) < 0)
		return err_set(err, -errno, "descriptor %d is not the socket of a parent: %s",
			       JAIL_SOCK, strerror(errno));
	if (creator.pid != getppid())
		return err_set(err, -ESRCH, "the parent ended before its worker had started");
	return 0;
}

/*
 * Descriptor 2 may be a terminal, whose owner's keys could be read from it and who could be shown
 * anything. From here on it leads where 0 leads, which jail_start() made nowhere.
 */
static int leave_stderr(struct err *err)
{
	if (!SANITIZED && dup2(STDIN_FILENO, STDERR_FILENO) < 0)
		return err_set(err, -errno, "cannot leave the standard error: %s", strerror(errno));
	return 0;
}

/* Root becomes the role's user; who is not root stays who he is. */
static int change_user(enum jail_role role, struct err *err)
{
	struct jail_ids ids[JAIL_ROLE_COUNT];
	int r;

	if (geteuid() != 0)
		return 0;
	r = uids_find(PASSWD, GROUP, DYNAMIC_DIR, ids);
	if (r < 0)
		return err_set(err, -EPERM, "no user found for the %s worker: %s",
			       jail_role_name(role), strerror(-r));
	return uids_change(&ids[role], err);
}

int jail_enter(enum jail_role role, bool keep_network, const struct jail_dirs *readable,
	       struct err *err)
{
	bool opens = readable && readable->n;
	int bits = 0;
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, -errno, "cannot set no_new_privs: %s", strerror(errno));
	capabilities_drop_bounding();
	r = change_user(role, err);
	if (r < 0)
		return r;
	if (r > 0)
		bits |= PROTOCOL_JAIL_UID;
	r = capabilities_drop(err);
	if (r < 0)
		return r;
	r = limits_set(role, bits & PROTOCOL_JAIL_UID, err);
	if (r < 0)
		return r;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(err, -errno, "cannot become undumpable: %s", strerror(errno));
	r = jail_bind_to_parent(err);
	if (r < 0)
		return r;
	r = leave_stderr(err);
	if (r < 0)
		return r;
	r = landlock_close(role, readable, err);
	if (r < 0)
		return r;
	if (r == 0 && role == JAIL_FETCHER)
		return err_set(err, -EPERM,
			       "without Landlock the fetcher could read what everybody may read");
	if (r > 0)
		bits |= PROTOCOL_JAIL_LANDLOCK;
	else if (opens)
		return err_set(err, -ENOTSUP,
			       "source files are read only where Landlock keeps the %s worker "
			       "below their directories, and this kernel has none",
			       jail_role_name(role));
	r = seccomp_close(role, opens, err);
	if (r < 0)
		return r;
	if (r > 0)
		bits |= PROTOCOL_JAIL_SECCOMP | (keep_network ? 0 : PROTOCOL_JAIL_NO_NETWORK);
	return bits;
}

void jail_probe(struct jail_features *ret)
{
	struct jail_ids ids[JAIL_ROLE_COUNT] = {};

	uids_find(PASSWD, GROUP, DYNAMIC_DIR, ids);
	*ret = (struct jail_features){.landlock_abi = landlock_abi(),
				      .seccomp = seccomp_is_there()};
	for (int role = 0; role < JAIL_ROLE_COUNT; role++) {
		ret->uid[role] = geteuid() == 0 ? ids[role].uid : geteuid();
		ret->named_user[role] = geteuid() == 0 && ids[role].named;
	}
}

/* Capabilities belong to threads: one that exists already would keep its own. */
static bool has_threads(void)
{
	struct stat st;

	return !SANITIZED && stat("/proc/self/task", &st) == 0 && st.st_nlink > 3;
}

/* False where the kernel refuses the event that sampling is made of; whatever else it lacks. */
static bool perf_allows(void)
{
	struct perf_event_attr attr = {.size = sizeof(attr),
				       .type = PERF_TYPE_SOFTWARE,
				       .config = PERF_COUNT_SW_CPU_CLOCK,
				       .disabled = 1};
	int cpu = sched_getcpu();
	_cleanup_close_ int fd = -1;

	fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu < 0 ? 0 : cpu, -1,
			  PERF_FLAG_FD_CLOEXEC);
	return fd >= 0 || (errno != EACCES && errno != EPERM);
}

int jail_limit_collector(struct err *err)
{
	uint64_t keep = 1ULL << CAP_BPF | 1ULL << CAP_PERFMON | 1ULL << CAP_SYS_PTRACE |
			1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_CHECKPOINT_RESTORE |
			1ULL << CAP_SYSLOG | 1ULL << CAP_SETUID | 1ULL << CAP_SETGID |
			1ULL << CAP_KILL;
	int r;

	if (has_threads())
		return err_set(err, -EBUSY,
			       "capabilities must be given up before the first thread is started");
	/*
	 * The kernels of Debian and Ubuntu have a kernel.perf_event_paranoid of 3 and more, at
	 * which CAP_PERFMON opens no event; Debian's starts with it. CPUs come online at any time,
	 * so the capability stays.
	 */
	if (!capabilities_suffice(keep, perf_allows))
		keep |= 1ULL << CAP_SYS_ADMIN;
	r = capabilities_limit(keep, err);
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, -errno, "cannot set no_new_privs: %s", strerror(errno));
	return 0;
}
