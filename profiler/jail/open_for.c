/*
 * The file that a process has, or had, mapped; see open_for.h. The work is done by try_file(), once
 * for each place.
 */
#include "profiler/jail/open_for.h"
#include "profiler/base/cleanup.h"
#include "profiler/jail/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define NS_PER_S	1000000000ull
#define STAT_BYTES	1024 /* /proc/PID/stat: 52 numbers and a name */
#define STAT_STARTTIME	20 /* fields behind the name's ')' before the start time */
#define WRITE_BY_OTHERS (S_IWGRP | S_IWOTH)

uint32_t open_for_domain(uid_t owner, mode_t mode)
{
	if (owner == 0)
		return mode & WRITE_BY_OTHERS ? OPEN_FOR_DOMAIN_WRITABLE : OPEN_FOR_DOMAIN_ROOT;
	return owner < UINT32_MAX - 2 ? owner + 1 : UINT32_MAX - 1;
}

/* ---- which process ---- */

/*
 * Clock ticks since boot, from the text of /proc/PID/stat: the name may hold anything, so from its
 * last ')'.
 */
static int parse_start(const char *stat, uint64_t *ret_ticks)
{
	const char *at = strrchr(stat, ')');
	char *end;

	for (int field = 0; at && field < STAT_STARTTIME; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return -EBADMSG;
	*ret_ticks = strtoull(at, &end, 10);
	return end == at ? -EBADMSG : 0;
}

static bool is_same_process(int proc, uint64_t start_ns)
{
	_cleanup_close_ int fd = -1;
	char text[STAT_BYTES];
	uint64_t ticks;
	ssize_t n;

	if (!start_ns)
		return true;
	fd = openat(proc, "stat", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return parse_start(text, &ticks) == 0 &&
	       ticks == start_ns / (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
}

int open_for_process(uint32_t pid, uint64_t start_ns)
{
	_cleanup_close_ int fd = -1;
	char path[32];

	if (!pid)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%" PRIu32, pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return is_same_process(fd, start_ns) ? steal_fd(fd) : -ESRCH;
}

/* ---- which file ---- */

static bool key_agrees(const struct abi_file_key *key, const struct stat *st)
{
	return st->st_ino == key->ino && (uint64_t)st->st_size == key->size &&
	       (uint64_t)st->st_mtim.tv_sec * NS_PER_S + (uint64_t)st->st_mtim.tv_nsec ==
		       key->mtime_ns;
}

static bool device_agrees(const struct abi_file_key *key, const struct stat *st)
{
	return key->dev == (major(st->st_dev) << 20 | minor(st->st_dev));
}

/* Who could read it without us: all, or the owner that the domain stands for. */
static bool is_readable_for(const struct open_for *what, const struct stat *st)
{
	return st->st_mode & S_IROTH || (st->st_mode & S_IRUSR && st->st_uid != 0 &&
					 open_for_domain(st->st_uid, st->st_mode) == what->domain);
}

/*
 * Look at the file that fd (O_PATH) is: 1 it is the mapped one, 0 it may be, negative errno it must
 * not be read.
 */
static int judge(const struct open_for *what, int fd)
{
	struct stat st;
	uint32_t domain;
	bool exact;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ESTALE;
	exact = key_agrees(&what->key, &st);
	if (!exact && !what->build_id_known)
		return -ESTALE;
	domain = open_for_domain(st.st_uid, st.st_mode);
	if (domain != what->domain && domain != OPEN_FOR_DOMAIN_ROOT)
		return -EACCES;
	if (!(exact && device_agrees(&what->key, &st)) && !is_readable_for(what, &st))
		return -EACCES;
	return exact;
}

static int reopen(int fd)
{
	char path[32];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return again < 0 ? -errno : again;
}

/* Take ownership of fd (O_PATH, or a negative errno, which is passed on). */
static int try_file(const struct open_for *what, int path_fd, bool *ret_exact)
{
	_cleanup_close_ int fd = path_fd;
	int exact, readable;

	if (fd < 0)
		return fd;
	exact = judge(what, fd);
	if (exact < 0)
		return exact;
	readable = reopen(fd);
	if (readable >= 0)
		*ret_exact = exact;
	return readable;
}

/* ---- where to look ---- */

static int magic_link_open(int proc, const char *name)
{
	int fd = openat(proc, name, O_PATH | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int below_open(int root, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* The path below the directory that name leads to from at: "/", or "root" of /proc/PID. */
static int try_root(const struct open_for *what, int at, const char *name, bool *ret_exact)
{
	_cleanup_close_ int root = openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return -errno;
	return try_file(what, below_open(root, what->path), ret_exact);
}

static int try_process(const struct open_for *what, int proc, bool *ret_exact)
{
	char name[64];
	int r = -ENOENT;

	if (what->vm_start) {
		snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, what->vm_start,
			 what->vm_end);
		r = try_file(what, magic_link_open(proc, name), ret_exact);
	}
	if (r < 0 && what->is_exe)
		r = try_file(what, magic_link_open(proc, "exe"), ret_exact);
	return r;
}

static bool is_path(const char *path)
{
	return path && path[0] == '/';
}

/*
 * The answer that says most: a file that was seen and refused tells more than one that was not
 * there.
 */
static int worse(int a, int b)
{
	return a == -ENOENT || a == -ESRCH ? b : a;
}

static int search(const struct open_for *what, bool *ret_exact)
{
	_cleanup_close_ int proc = open_for_process(what->pid, what->start_ns);
	int why = -ENOENT;
	int r;

	if (proc >= 0) {
		r = try_process(what, proc, ret_exact);
		if (r >= 0)
			return r;
		why = worse(r, why);
		r = is_path(what->path) ? try_root(what, proc, "root", ret_exact) : -ENOENT;
		if (r >= 0)
			return r;
		why = worse(why, r);
	}
	r = is_path(what->path) ? try_root(what, AT_FDCWD, "/", ret_exact) : -ENOENT;
	return r >= 0 ? r : worse(why, r);
}

int open_for_mapped(const struct open_for *what, bool *ret_exact, struct err *err)
{
	const char *path = what->path ? what->path : "(no path)";
	bool exact = false;
	int fd = search(what, &exact);

	if (fd >= 0) {
		*ret_exact = exact;
		return fd;
	}
	switch (fd) {
	case -ENOENT:
	case -ESRCH:
	case -ENOTDIR:
		return err_set(err, -ENOENT, "%s is no longer there, nor mapped where it was",
			       path);
	case -ESTALE:
		return err_set(err, fd, "another file has taken the place of %s", path);
	case -EACCES:
	case -EPERM:
		return err_set(err, -EACCES, "%s is not to be read for those who had it mapped",
			       path);
	default:
		return err_set(err, fd, "cannot open %s: %s", path, strerror(-fd));
	}
}

/* ---- other files ---- */

/*
 * Access files as the domain's owner; root's as somebody who owns nothing. Whoever is not root has
 * his own rights already. 0, or -EPERM where the rights cannot be changed.
 */
static int borrow_rights(uint32_t domain)
{
	bool is_roots = domain == OPEN_FOR_DOMAIN_ROOT || domain == OPEN_FOR_DOMAIN_WRITABLE;
	uid_t uid = is_roots ? UIDS_DYNAMIC_MAX : domain - 1;

	if (geteuid() != 0)
		return 0;
	if (syscall(SYS_setgroups, 0, NULL) < 0) /* of this thread, which glibc's is not */
		return -EPERM;
	setfsgid(uid);
	setfsuid(uid);
	return (uid_t)setfsuid((uid_t)-1) == uid ? 0 : -EPERM; /* it tells the one before */
}

static void return_rights(void)
{
	setfsuid(geteuid());
	setfsgid(getegid());
}

static int judge_other(int fd, uint32_t domain)
{
	struct stat st;
	uint32_t owner;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ESTALE;
	owner = open_for_domain(st.st_uid, st.st_mode);
	return owner == domain || owner == OPEN_FOR_DOMAIN_ROOT ? 0 : -EACCES;
}

int open_for_other(int root, const char *path, uint32_t domain)
{
	_cleanup_close_ int fd = -1;
	int r = borrow_rights(domain);

	if (r == 0) {
		fd = below_open(root, path);
		r = fd < 0 ? fd : judge_other(fd, domain);
	}
	if (r == 0)
		r = reopen(fd);
	return_rights();
	return r;
}

static int judge_public(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ESTALE;
	return st.st_mode & S_IROTH ? 0 : -EACCES;
}

int open_for_everyone(int root, const char *path)
{
	_cleanup_close_ int fd = -1;
	int r = borrow_rights(OPEN_FOR_DOMAIN_ROOT);

	if (r == 0) {
		fd = below_open(root, path);
		r = fd < 0 ? fd : judge_public(fd);
	}
	if (r == 0)
		r = reopen(fd);
	return_rights();
	return r;
}
