/*
 * Lines of /proc/PID/maps ("55d0c8a00000-55d0c8a01000 r-xp 00002000 fd:01 1234   /usr/bin/cat"),
 * read in pieces; procmaps.h is the contract. procmaps_parse_line() does the work.
 *
 * The numbers come from the kernel: a line where they are not as it writes them is of something
 * else.
 */
#include "symbolizer/procmaps.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <string.h>

#define READ_BYTES (64u << 10)
#define MAJOR_MAX  0xfffu /* MINORBITS of the kernel is 20 */
#define MINOR_MAX  0xfffffu

_Static_assert(READ_BYTES > PROCMAPS_LINE_BYTES, "a line fits the memory it is read into");

struct text {
	const char *at;
	const char *end;
};

static bool take_char(struct text *t, char c)
{
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

/* Digits up to what is none, at least one; false as well where they do not fit 64 bits. */
static bool take_number(struct text *t, unsigned int base, uint64_t *ret)
{
	const char *begin = t->at;
	uint64_t value = 0;

	for (; t->at < t->end; t->at++) {
		unsigned int digit;

		if (*t->at >= '0' && *t->at <= '9')
			digit = (unsigned int)(*t->at - '0');
		else if (base == 16 && *t->at >= 'a' && *t->at <= 'f')
			digit = (unsigned int)(*t->at - 'a') + 10;
		else
			break;
		if (value > (UINT64_MAX - digit) / base)
			return false;
		value = value * base + digit;
	}
	*ret = value;
	return t->at > begin;
}

/* "r-xp": each letter or a dash in its place, and whether writes are shared. */
static bool take_perms(struct text *t, uint32_t *ret)
{
	static const char letters[] = "rwx";
	uint32_t perms = 0;

	for (unsigned int i = 0; i < 3; i++) {
		if (take_char(t, letters[i]))
			perms |= 1u << i;
		else if (!take_char(t, '-'))
			return false;
	}
	if (take_char(t, 's'))
		perms |= PROCMAPS_SHARED;
	else if (!take_char(t, 'p'))
		return false;
	*ret = perms;
	return true;
}

static bool take_device(struct text *t, struct procmaps_mapping *m)
{
	uint64_t major, minor;

	if (!take_number(t, 16, &major) || !take_char(t, ':') || !take_number(t, 16, &minor))
		return false;
	if (major > MAJOR_MAX || minor > MINOR_MAX)
		return false;
	m->major = (uint32_t)major;
	m->minor = (uint32_t)minor;
	return true;
}

/* What is left behind the inode: nothing, or blanks and a path. */
static bool take_path(struct text *t, struct procmaps_mapping *m)
{
	static const char suffix[] = " (deleted)";
	const size_t suffix_len = sizeof(suffix) - 1;
	size_t len;

	if (t->at < t->end && *t->at != ' ')
		return false;
	while (take_char(t, ' '))
		;
	len = (size_t)(t->end - t->at);
	if (len && (memchr(t->at, '\0', len) || memchr(t->at, '\n', len)))
		return false;
	m->path = t->at;
	m->deleted = len > suffix_len && !memcmp(t->end - suffix_len, suffix, suffix_len);
	m->path_len = m->deleted ? len - suffix_len : len;
	return true;
}

int procmaps_parse_line(const char *line, size_t len, struct procmaps_mapping *ret)
{
	struct procmaps_mapping m = {};
	struct text t = {line, line + len};

	if (!take_number(&t, 16, &m.start) || !take_char(&t, '-') || !take_number(&t, 16, &m.end))
		return -EBADMSG;
	if (!take_char(&t, ' ') || !take_perms(&t, &m.perms) || !take_char(&t, ' '))
		return -EBADMSG;
	if (!take_number(&t, 16, &m.offset) || !take_char(&t, ' '))
		return -EBADMSG;
	if (!take_device(&t, &m) || !take_char(&t, ' ') || !take_number(&t, 10, &m.inode))
		return -EBADMSG;
	if (!take_path(&t, &m))
		return -EBADMSG;
	/*
	 * An offset past the end of 64 bits somewhere in the mapping would place two addresses
	 * alike.
	 */
	if (m.start >= m.end || m.offset > UINT64_MAX - (m.end - m.start))
		return -EBADMSG;
	*ret = m;
	return 0;
}

size_t procmaps_path(const struct procmaps_mapping *m, char *ret, size_t cap)
{
	static const char newline[] = "\\012";
	size_t n = 0;

	for (size_t i = 0; i < m->path_len && n + 1 < cap; i++) {
		if (m->path_len - i >= 4 && !memcmp(m->path + i, newline, 4)) {
			ret[n++] = '\n';
			i += 3;
		} else {
			ret[n++] = m->path[i];
		}
	}
	ret[n] = '\0';
	return n;
}

static int take_line(const char *line, size_t len, procmaps_take take, void *context)
{
	struct procmaps_mapping m;
	int r;

	if (len > PROCMAPS_LINE_BYTES)
		return -EBADMSG;
	r = procmaps_parse_line(line, len, &m);
	return r < 0 ? r : take(context, &m);
}

int procmaps_each(int fd, procmaps_take take, void *context)
{
	_cleanup_free_ char *chunk = malloc(READ_BYTES);
	size_t have = 0;

	if (!chunk)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read(fd, chunk + have, READ_BYTES - have);
		char *at = chunk, *end, *newline;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return have ? take_line(chunk, have, take, context) : 0;
		have += (size_t)n;
		end = chunk + have;
		while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
			int r = take_line(at, (size_t)(newline - at), take, context);

			if (r < 0)
				return r;
			at = newline + 1;
		}
		have = (size_t)(end - at);
		if (have > PROCMAPS_LINE_BYTES)
			return -EBADMSG;
		memmove(chunk, at, have);
	}
}
