/*
 * Files named DOMAIN-BUILDID, written without a name and linked when they are whole; see
 * file_cache.h. A file's mtime is when it was used last.
 */
#include "profiler/resolve/file_cache.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/hex.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES   (8 + 1 + 2 * FILE_CACHE_BUILD_ID_MAX + 1)
#define OTHERS_SHARE 4
#define MARGIN	     8 /* a part that is free after files have left: not each file costs that */

struct file_cache {
	int dir;
	struct file_cache_limits limits;
	uint64_t bytes,
		others; /* of all files, and of others', as last counted and added to since */
	uint32_t files;
};

struct kept {
	char name[NAME_BYTES];
	uint64_t bytes;
	struct timespec used;
	bool is_others;
};

static bool is_ours(const struct stat *st)
{
	return S_ISDIR(st->st_mode) && st->st_uid == geteuid() && !(st->st_mode & 022);
}

static int name_of(uint32_t domain, const uint8_t *build_id, size_t bytes, char ret[NAME_BYTES])
{
	int at;

	if (bytes < FILE_CACHE_BUILD_ID_MIN || bytes > FILE_CACHE_BUILD_ID_MAX)
		return -EINVAL;
	at = snprintf(ret, NAME_BYTES, "%x-", domain);
	hex_text(build_id, bytes, ret + at);
	return 0;
}

/* ---- what there is ---- */

/* Of a domain that is neither root's nor that of who keeps the files. */
static bool is_others(const char *name)
{
	char own[16];

	snprintf(own, sizeof(own), "%x-", geteuid() ? geteuid() + 1 : 0);
	return strncmp(name, "0-", 2) != 0 && strncmp(name, own, strlen(own)) != 0;
}

static bool look_at(int dir, const char *name, struct kept *ret)
{
	struct stat st;

	if (!strchr(name, '-') || strlen(name) >= sizeof(ret->name) ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return false;
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	ret->bytes = (uint64_t)st.st_size;
	ret->used = st.st_mtim;
	ret->is_others = is_others(name);
	return true;
}

/* Every file, at most twice what is kept. NULL with *ret_n 0 where there is none. */
static struct kept *list(const struct file_cache *c, size_t *ret_n)
{
	size_t max = 2 * (size_t)c->limits.files_max;
	struct kept *v = calloc(max, sizeof(*v));
	int fd = openat(c->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	size_t n = 0;

	while (v && dir && n < max && (entry = readdir(dir)))
		n += look_at(c->dir, entry->d_name, &v[n]);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	*ret_n = n;
	return v;
}

static int by_use(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	return x->used.tv_nsec < y->used.tv_nsec ? -1 : x->used.tv_nsec > y->used.tv_nsec;
}

static void sum(const struct kept *v, size_t n, uint64_t *ret_all, uint64_t *ret_others)
{
	*ret_all = *ret_others = 0;
	for (size_t i = 0; i < n; i++) {
		*ret_all += v[i].bytes;
		*ret_others += v[i].is_others ? v[i].bytes : 0;
	}
}

/* Back below the limits, and a little more. */
static void shrink(struct file_cache *c)
{
	uint64_t max = c->limits.bytes_max - c->limits.bytes_max / MARGIN, all, others;
	uint32_t files_max = c->limits.files_max - c->limits.files_max / MARGIN;
	size_t n, left;
	struct kept *v = list(c, &n);

	if (!v)
		return;
	qsort(v, n, sizeof(*v), by_use);
	sum(v, n, &all, &others);
	left = n;
	for (size_t i = 0; i < n; i++) {
		bool too_much = all > max || left > files_max;
		bool others_too_much = others > max / OTHERS_SHARE && v[i].is_others;

		if (!too_much && !others_too_much)
			continue;
		if (unlinkat(c->dir, v[i].name, 0) < 0)
			continue;
		all -= v[i].bytes;
		others -= v[i].is_others ? v[i].bytes : 0;
		left--;
	}
	free(v);
	c->bytes = all;
	c->others = others;
	c->files = (uint32_t)left;
}

/* ---- opening ---- */

int file_cache_open(const char *path, const struct file_cache_limits *limits,
		    struct file_cache **ret)
{
	_cleanup_close_ int dir = -1;
	struct file_cache *c;
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) < 0)
		return -errno;
	if (!is_ours(&st))
		return -EPERM;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->dir = steal_fd(dir);
	c->limits = *limits;
	shrink(c);
	*ret = c;
	return 0;
}

struct file_cache *file_cache_close(struct file_cache *c)
{
	if (!c)
		return NULL;
	close(c->dir);
	free(c);
	return NULL;
}

uint64_t file_cache_bytes(const struct file_cache *c)
{
	return c->bytes;
}

/* ---- reading and writing ---- */

int file_cache_find(const struct file_cache *c, uint32_t domain, const uint8_t *build_id,
		    size_t bytes)
{
	_cleanup_close_ int fd = -1;
	char name[NAME_BYTES];
	struct stat st;

	if (name_of(domain, build_id, bytes, name) < 0)
		return -ENOENT;
	fd = openat(c->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -ENOENT;
	futimens(fd, NULL);
	return steal_fd(fd);
}

int file_cache_begin(const struct file_cache *c)
{
	int fd = openat(c->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

/* A name is taken over by a rename alone, and given to a nameless file by a link alone. */
static int give_name(const struct file_cache *c, int fd, const char *name)
{
	char from[32], beside[32];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	snprintf(beside, sizeof(beside), "new-%d", getpid());
	unlinkat(c->dir, beside, 0);
	if (linkat(AT_FDCWD, from, c->dir, beside, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	if (renameat(c->dir, beside, c->dir, name) < 0) {
		int r = -errno;

		unlinkat(c->dir, beside, 0);
		return r;
	}
	return 0;
}

int file_cache_keep(struct file_cache *c, int fd, uint32_t domain, const uint8_t *build_id,
		    size_t bytes)
{
	char name[NAME_BYTES];
	struct stat st;
	int r = name_of(domain, build_id, bytes, name);

	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r == 0)
		r = give_name(c, fd, name);
	if (r < 0)
		return r;
	c->bytes += (uint64_t)st.st_size;
	c->others += is_others(name) ? (uint64_t)st.st_size : 0;
	c->files++;
	if (c->bytes > c->limits.bytes_max || c->others > c->limits.bytes_max / OTHERS_SHARE ||
	    c->files > c->limits.files_max)
		shrink(c);
	return 0;
}

void file_cache_drop(const struct file_cache *c, uint32_t domain, const uint8_t *build_id,
		     size_t bytes)
{
	char name[NAME_BYTES];

	if (name_of(domain, build_id, bytes, name) == 0)
		unlinkat(c->dir, name, 0);
}
