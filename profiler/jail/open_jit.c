/* The map and the dump of a process; open_jit.h is the contract. judge() says what may be read. */
#include "profiler/jail/open_jit.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "profiler/jail/open_for.h"
#include "symbolizer/procmaps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S	1000000000ll
#define STATUS_BYTES	4096 /* of /proc/PID/status: NSpid is among its first lines */
#define NAME_BYTES	48
#define SEARCH_AGAIN_NS (10ull * NS_PER_S) /* reading all mappings of a Java takes a millisecond */
#define STALE_NS	NS_PER_S /* clocks are compared that tick differently */
#define FOUND		1 /* ends the reading of the mappings */

/* ---- the process ---- */

int open_jit_parse_pid(const char *status, uint32_t *ret)
{
	static const char key[] = "\nNSpid:";
	const char *at = strstr(status, key);
	const char *end;
	uint64_t pid = 0;

	if (!at)
		return -EBADMSG;
	at += sizeof(key) - 1;
	end = strchr(at, '\n');
	if (!end)
		return -EBADMSG;
	while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	for (at = end; at[-1] >= '0' && at[-1] <= '9'; at--)
		;
	for (; at < end && pid <= INT32_MAX; at++)
		pid = pid * 10 + (uint64_t)(*at - '0');
	if (pid == 0 || pid > INT32_MAX)
		return -EBADMSG;
	*ret = (uint32_t)pid;
	return 0;
}

static int read_inner_pid(int proc, uint32_t *ret)
{
	_cleanup_close_ int fd = openat(proc, "status", O_RDONLY | O_CLOEXEC);
	char text[STATUS_BYTES];
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	return open_jit_parse_pid(text, ret);
}

static int below_open(int at, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | flags,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, at, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

int open_jit_begin(struct open_jit *j, uint32_t pid, uint64_t start_ns, uint32_t uid)
{
	_cleanup_close_ int root = -1;
	int r;

	*j = (struct open_jit){
		.pid = pid, .start_ns = start_ns, .uid = uid, .proc = -1, .tmp = -1, .dump = -1};
	j->proc = open_for_process(pid, start_ns);
	if (j->proc < 0)
		return j->proc;
	r = read_inner_pid(j->proc, &j->inner_pid);
	if (r < 0)
		return r;
	root = openat(j->proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	/* Where there is none, there is no map in it. */
	j->tmp = below_open(root, "tmp", O_DIRECTORY, RESOLVE_IN_ROOT);
	return 0;
}

void open_jit_end(struct open_jit *j)
{
	int *const fds[] = {&j->proc, &j->tmp, &j->dump};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

/* What has no root any more runs nothing. */
bool open_jit_is_over(const struct open_jit *j)
{
	_cleanup_close_ int root =
		j->proc < 0 ? -1 : openat(j->proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return root < 0;
}

/* ---- what may be read ---- */

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* Left by another process that had its pid. */
static bool is_stale(const struct open_jit *j, const struct stat *st)
{
	int64_t started =
		(int64_t)j->start_ns + clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
	int64_t written = (int64_t)st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec;

	return j->start_ns && written + STALE_NS < started;
}

static bool is_readable_for(const struct open_jit *j, const struct stat *st)
{
	if (j->uid == 0)
		return true;
	return st->st_mode & (st->st_uid == j->uid ? S_IRUSR : S_IROTH);
}

/* The file that fd (O_PATH) is: 0, or why it must not be read. */
static int judge(const struct open_jit *j, int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "it cannot be examined: %s", strerror(errno));
	if (S_ISLNK(st.st_mode))
		return err_set(err, -ELOOP, "it is a symbolic link");
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EACCES, "it is not a regular file");
	if (st.st_uid != j->uid && st.st_uid != 0)
		return err_set(err, -EACCES, "it belongs to another user than its process");
	if (j->uid == 0 && st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, -EACCES, "others than root can write it");
	if (!is_readable_for(j, &st))
		return err_set(err, -EACCES, "the user of its process could not read it");
	if (is_stale(j, &st))
		return err_set(err, -ESTALE, "it is older than its process");
	return 0;
}

static int reopen(const struct open_jit *j, int fd, struct err *err)
{
	char path[32];
	int again, r = judge(j, fd, err);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return again < 0 ? err_set(err, -errno, "it cannot be opened: %s", strerror(errno)) : again;
}

/* ---- the map ---- */

void open_jit_map_path(const struct open_jit *j, char ret[OPEN_JIT_PATH_BYTES])
{
	snprintf(ret, OPEN_JIT_PATH_BYTES, "/tmp/perf-%" PRIu32 ".map", j->inner_pid);
}

int open_jit_map(const struct open_jit *j, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char name[NAME_BYTES];

	if (j->tmp < 0)
		return -ENOENT;
	snprintf(name, sizeof(name), "perf-%" PRIu32 ".map", j->inner_pid);
	fd = below_open(j->tmp, name, O_NOFOLLOW, RESOLVE_BENEATH);
	if (fd < 0)
		return fd == -ENOENT ? fd
				     : err_set(err, fd, "it cannot be opened: %s", strerror(-fd));
	return reopen(j, fd, err);
}

/* ---- the dump ---- */

struct search {
	char name[NAME_BYTES];
	uint64_t start, end;
};

static int look_for_dump(void *context, const struct procmaps_mapping *m)
{
	struct search *s = context;
	size_t len = strlen(s->name);

	if (m->path_len <= len || memcmp(m->path + m->path_len - len, s->name, len))
		return 0;
	s->start = m->start;
	s->end = m->end;
	return -FOUND;
}

static int find_dump(const struct open_jit *j)
{
	_cleanup_close_ int maps = openat(j->proc, "maps", O_RDONLY | O_CLOEXEC);
	struct search s = {};
	char link[64];
	int fd;

	if (maps < 0)
		return -errno;
	snprintf(s.name, sizeof(s.name), "/jit-%" PRIu32 ".dump", j->inner_pid);
	if (procmaps_each(maps, look_for_dump, &s) != -FOUND)
		return -ENOENT;
	snprintf(link, sizeof(link), "map_files/%" PRIx64 "-%" PRIx64, s.start, s.end);
	fd = openat(j->proc, link, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int open_jit_dump(struct open_jit *j, struct err *err)
{
	uint64_t now_ns = quantity_monotonic_ns();

	if (j->dump < 0 && (!j->searched_ns || now_ns >= j->searched_ns + SEARCH_AGAIN_NS)) {
		j->searched_ns = now_ns;
		j->dump = find_dump(j);
	}
	return j->dump < 0 ? -ENOENT : reopen(j, j->dump, err);
}
