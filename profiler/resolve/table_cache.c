/*
 * Files named DOMAIN-BUILDID, written beside and renamed; see table_cache.h. A file's mtime is when
 * it was used last.
 */
#include "profiler/resolve/table_cache.h"

#include "profiler/base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES    (8 + 1 + 2 * 64 + 1)
#define BUILD_ID_MIN  8 /* shorter ones name nothing */
#define BUILD_ID_MAX  64
#define BEING_WRITTEN "new" /* one thread of one daemon; a left-over is overwritten */
#define OTHERS_SHARE  4

struct table_cache {
	int dir;
	uint64_t bytes; /* of all files, as last counted and added to since */
	uint32_t files;
};

struct kept {
	char name[NAME_BYTES];
	uint64_t bytes;
	struct timespec used;
	bool is_root;
};

static bool is_ours(const struct stat *st)
{
	return S_ISDIR(st->st_mode) && st->st_uid == geteuid() && !(st->st_mode & 022);
}

static int name_of(uint32_t domain, const uint8_t *build_id, size_t bytes, char ret[NAME_BYTES])
{
	int at;

	if (bytes < BUILD_ID_MIN || bytes > BUILD_ID_MAX)
		return -EINVAL;
	at = snprintf(ret, NAME_BYTES, "%x-", domain);
	for (size_t i = 0; i < bytes; i++)
		at += snprintf(ret + at, NAME_BYTES - (size_t)at, "%02x", build_id[i]);
	return 0;
}

/* ---- what there is ---- */

static bool look_at(int dir, const char *name, struct kept *ret)
{
	struct stat st;

	if (!strchr(name, '-') || strlen(name) >= sizeof(ret->name) ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return false;
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	ret->bytes = (uint64_t)st.st_size;
	ret->used = st.st_mtim;
	ret->is_root = strncmp(name, "0-", 2) == 0;
	return true;
}

/* Every file, at most twice what is kept. NULL with *ret_n 0 where there is none. */
static struct kept *list(const struct table_cache *c, size_t *ret_n)
{
	struct kept *v = calloc(2 * TABLE_CACHE_FILES_MAX, sizeof(*v));
	int fd = openat(c->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	size_t n = 0;

	while (v && dir && n < 2 * TABLE_CACHE_FILES_MAX && (entry = readdir(dir)))
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
		*ret_others += v[i].is_root ? 0 : v[i].bytes;
	}
}

/* Back below the maximum, and a little more, so that it is not done for each. */
static void shrink(struct table_cache *c)
{
	uint64_t max = TABLE_CACHE_BYTES_MAX - TABLE_CACHE_BYTES_MAX / 8, all, others;
	size_t n, left;
	struct kept *v = list(c, &n);

	if (!v)
		return;
	qsort(v, n, sizeof(*v), by_use);
	sum(v, n, &all, &others);
	left = n;
	for (size_t i = 0; i < n; i++) {
		bool too_much = all > max || left > TABLE_CACHE_FILES_MAX - 64;
		bool others_too_much = others > max / OTHERS_SHARE && !v[i].is_root;

		if (!too_much && !others_too_much)
			continue;
		if (unlinkat(c->dir, v[i].name, 0) < 0)
			continue;
		all -= v[i].bytes;
		others -= v[i].is_root ? 0 : v[i].bytes;
		left--;
	}
	free(v);
	c->bytes = all;
	c->files = (uint32_t)left;
}

/* ---- opening ---- */

int table_cache_open(const char *path, struct table_cache **ret)
{
	_cleanup_close_ int dir = -1;
	struct table_cache *c;
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
	shrink(c);
	*ret = c;
	return 0;
}

struct table_cache *table_cache_close(struct table_cache *c)
{
	if (!c)
		return NULL;
	close(c->dir);
	free(c);
	return NULL;
}

/* ---- reading and writing ---- */

static int read_all(int fd, uint8_t *to, size_t bytes)
{
	size_t at = 0;

	while (at < bytes) {
		ssize_t n = read(fd, to + at, bytes - at);

		if (n <= 0)
			return -EIO;
		at += (size_t)n;
	}
	return 0;
}

int table_cache_get(struct table_cache *c, uint32_t domain, const uint8_t *build_id, size_t bytes,
		    struct unwind_table *ret)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ uint8_t *data = NULL;
	char name[NAME_BYTES];
	struct stat st;

	if (!c || name_of(domain, build_id, bytes, name) < 0)
		return -ENOENT;
	fd = openat(c->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
	    st.st_size > TABLE_CACHE_TABLE_MAX)
		return -ENOENT;
	data = malloc((size_t)st.st_size);
	if (!data || read_all(fd, data, (size_t)st.st_size) < 0)
		return -ENOENT;
	if (unwind_table_parse(data, (size_t)st.st_size, ret) < 0) {
		unlinkat(c->dir, name, 0);
		return -ENOENT;
	}
	futimens(fd, NULL);
	return 0;
}

static int write_all(int fd, const uint8_t *from, size_t bytes)
{
	size_t at = 0;

	while (at < bytes) {
		ssize_t n = write(fd, from + at, bytes - at);

		if (n <= 0)
			return -EIO;
		at += (size_t)n;
	}
	return 0;
}

void table_cache_put(struct table_cache *c, uint32_t domain, const uint8_t *build_id, size_t bytes,
		     const struct unwind_table *table)
{
	_cleanup_close_ int fd = -1;
	char name[NAME_BYTES];
	struct buf b;

	if (!c || name_of(domain, build_id, bytes, name) < 0)
		return;
	buf_init(&b, TABLE_CACHE_TABLE_MAX);
	if (unwind_table_write(table, &b) == 0)
		fd = openat(c->dir, BEING_WRITTEN,
			    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0) {
		if (write_all(fd, b.data, b.len) == 0 &&
		    renameat(c->dir, BEING_WRITTEN, c->dir, name) == 0) {
			c->bytes += b.len;
			c->files++;
		} else {
			unlinkat(c->dir, BEING_WRITTEN, 0);
		}
	}
	buf_done(&b);
	if (c->bytes > TABLE_CACHE_BYTES_MAX || c->files > TABLE_CACHE_FILES_MAX)
		shrink(c);
}
