/* Tables as bytes in files; see table_cache.h. */
#include "profiler/resolve/table_cache.h"

#include "profiler/base/cleanup.h"
#include "profiler/resolve/file_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct table_cache {
	struct file_cache *files;
};

int table_cache_open(const char *path, struct table_cache **ret)
{
	static const struct file_cache_limits limits = {TABLE_CACHE_BYTES_MAX,
							TABLE_CACHE_FILES_MAX};
	struct table_cache *c = calloc(1, sizeof(*c));
	int r = c ? file_cache_open(path, &limits, &c->files) : -ENOMEM;

	if (r < 0)
		free(c);
	else
		*ret = c;
	return r;
}

struct table_cache *table_cache_close(struct table_cache *c)
{
	if (c)
		file_cache_close(c->files);
	free(c);
	return NULL;
}

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
	_cleanup_close_ int fd = c ? file_cache_find(c->files, domain, build_id, bytes) : -1;
	_cleanup_free_ uint8_t *data = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > TABLE_CACHE_TABLE_MAX)
		return -ENOENT;
	data = malloc((size_t)st.st_size);
	if (!data || read_all(fd, data, (size_t)st.st_size) < 0)
		return -ENOENT;
	if (unwind_table_parse(data, (size_t)st.st_size, ret) < 0) {
		file_cache_drop(c->files, domain, build_id, bytes);
		return -ENOENT;
	}
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
	struct buf b;

	if (!c)
		return;
	buf_init(&b, TABLE_CACHE_TABLE_MAX);
	if (unwind_table_write(table, &b) == 0)
		fd = file_cache_begin(c->files);
	if (fd >= 0 && write_all(fd, b.data, b.len) == 0)
		file_cache_keep(c->files, fd, domain, build_id, bytes);
	buf_done(&b);
}
