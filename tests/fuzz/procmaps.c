/*
 * /proc/PID/maps of any bytes: the lines one by one, each mapping as its contract has it, and the
 * whole by a descriptor, which must come to the same.
 */
#include "symbolizer/procmaps.h"

#include "profiler/base/cleanup.h"

#include <string.h>
#include <sys/mman.h>

#undef NDEBUG /* the checks are what it is for */
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct procmaps_mapping *m, const char *line, size_t len)
{
	char path[64];
	size_t n = procmaps_path(m, path, sizeof(path));

	assert(m->start < m->end);
	assert(m->offset + (m->end - m->start) >= m->offset);
	assert(m->path >= line && m->path + m->path_len <= line + len);
	assert(n < sizeof(path) && n <= m->path_len && path[n] == '\0');
	assert(strlen(path) == n);
}

static int count(void *context, const struct procmaps_mapping *m)
{
	(void)m;
	++*(size_t *)context;
	return 0;
}

/* The lines up to the first that is none. */
static size_t parse_lines(const char *text, size_t len)
{
	size_t lines = 0;

	while (len) {
		const char *newline = memchr(text, '\n', len);
		size_t line_len = newline ? (size_t)(newline - text) : len;
		size_t step = newline ? line_len + 1 : len;
		struct procmaps_mapping m;

		if (line_len > PROCMAPS_LINE_BYTES || procmaps_parse_line(text, line_len, &m) < 0)
			break;
		check(&m, text, line_len);
		lines++;
		text += step;
		len -= step;
	}
	return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_close_ int fd = memfd_create("maps", MFD_CLOEXEC);
	size_t lines = parse_lines((const char *)data, len), taken = 0;

	if (fd < 0 || write(fd, data, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)
		return 0;
	procmaps_each(fd, count, &taken);
	assert(taken == lines);
	return 0;
}
