/* Source files; see source.h. web_source_read() is the only place that opens a file for a page. */
#include "web/source.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "profiler/base/cleanup.h"

#define NS_PER_S UINT64_C(1000000000)

int web_source_open(struct web_source_dirs *d, const char *const *paths, size_t n, struct err *err)
{
	*d = (struct web_source_dirs){};
	if (n > WEB_SOURCE_DIRS_MAX)
		return err_set(err, -E2BIG, "at most %d source directories", WEB_SOURCE_DIRS_MAX);
	for (size_t i = 0; i < n; i++) {
		int fd = open(paths[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0) {
			int r = -errno;

			web_source_close(d);
			return err_set(err, r, "cannot open the source directory %s: %s", paths[i],
				       strerror(-r));
		}
		d->path[d->n] = paths[i];
		d->fd[d->n++] = fd;
	}
	return 0;
}

void web_source_close(struct web_source_dirs *d)
{
	while (d->n > 0)
		close(d->fd[--d->n]);
}

/* Into scratch without empty parts, "." and what ".." takes back. */
static void make_plain(const char *path, char *scratch)
{
	size_t n = 0;

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && !memcmp(path, "..", 2)) {
			while (n > 0 && scratch[--n] != '/')
				;
		} else if (len > 0 && !(len == 1 && *path == '.')) {
			if (n > 0)
				scratch[n++] = '/';
			memcpy(scratch + n, path, len);
			n += len;
		}
		path += len + (path[len] == '/');
	}
	scratch[n] = '\0';
}

size_t web_source_suffixes(const char *path, char *scratch, const char **ret, size_t max)
{
	size_t parts = 1, n = 0;
	const char *at = scratch;

	make_plain(path, scratch);
	for (const char *c = scratch; *c; c++)
		parts += *c == '/';
	for (; at && *at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL)
		if (parts-- <= max)
			ret[n++] = at;
	return n;
}

static int open_below(int dir, const char *suffix, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, dir, suffix, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static int judge(const struct stat *st)
{
	if (!S_ISREG(st->st_mode) || !(st->st_mode & S_IROTH))
		return -EACCES;
	return (uint64_t)st->st_size > WEB_SOURCE_BYTES_MAX ? -EFBIG : 0;
}

/*
 * Looked at by a descriptor that has no effect on it first: opening a pipe or a device may have
 * one. A descriptor, or negative errno.
 */
static int open_file(int dir, const char *suffix, struct stat *ret)
{
	_cleanup_close_ int seen = open_below(dir, suffix, O_PATH), fd = -1;
	struct stat before;
	int r;

	if (seen < 0)
		return seen;
	if (fstat(seen, &before) < 0)
		return -errno;
	r = judge(&before);
	if (r < 0)
		return r;
	fd = open_below(dir, suffix, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fd;
	if (fstat(fd, ret) < 0)
		return -errno;
	if (ret->st_ino != before.st_ino || ret->st_dev != before.st_dev)
		return -EACCES;
	r = judge(ret);
	return r < 0 ? r : steal_fd(fd);
}

static int read_text(int fd, struct buf *text)
{
	char piece[65536];
	ssize_t n;

	buf_init(text, WEB_SOURCE_BYTES_MAX);
	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (buf_add(text, piece, (size_t)n) < 0)
			return text->err;
	}
	return 0;
}

static int read_below(const struct web_source_dirs *d, size_t dir, const char *suffix,
		      struct web_source *ret)
{
	struct stat st;
	_cleanup_close_ int fd = open_file(d->fd[dir], suffix, &st);
	struct web_source s = {};
	int r;

	if (fd < 0)
		return fd;
	r = read_text(fd, &s.text);
	if (r == 0 && asprintf(&s.found, "%s/%s", d->path[dir], suffix) < 0) {
		s.found = NULL;
		r = -ENOMEM;
	}
	if (r < 0) {
		web_source_done(&s);
		return r;
	}
	s.modified_ns = (uint64_t)st.st_mtim.tv_sec * NS_PER_S + (uint64_t)st.st_mtim.tv_nsec;
	*ret = s;
	return 0;
}

static int tell(int why, const char *path, struct err *err)
{
	switch (why) {
	case -EACCES:
	case -EPERM:
		return err_set(err, -EACCES,
			       "%s is there, but is no regular file that everyone may read", path);
	case -EFBIG:
		return err_set(err, why, "%s is larger than the %u MB that are read", path,
			       WEB_SOURCE_BYTES_MAX >> 20);
	case -ENOMEM:
		return err_set(err, why, "no memory for a source file");
	default:
		return err_set(err, -ENOENT, "%s is not below any of the source directories", path);
	}
}

/* A refusal says more than that nothing is there. */
static bool is_refusal(int r)
{
	return r == -EACCES || r == -EPERM || r == -EFBIG || r == -ENOMEM;
}

int web_source_read(const struct web_source_dirs *d, const char *path, struct web_source *ret,
		    struct err *err)
{
	_cleanup_free_ char *scratch = malloc(strlen(path) + 1);
	const char *suffix[WEB_SOURCE_PARTS_MAX];
	int why = -ENOENT;
	size_t n;

	if (!scratch)
		return tell(-ENOMEM, path, err);
	n = web_source_suffixes(path, scratch, suffix, WEB_SOURCE_PARTS_MAX);
	for (size_t i = 0; i < n; i++)
		for (size_t dir = 0; dir < d->n; dir++) {
			int r = read_below(d, dir, suffix[i], ret);

			if (r == 0)
				return 0;
			if (is_refusal(r))
				why = r;
		}
	return tell(why, path, err);
}

void web_source_done(struct web_source *s)
{
	free(s->found);
	buf_done(&s->text);
	*s = (struct web_source){};
}
