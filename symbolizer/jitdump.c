/* The header and the records of a jitdump; jitdump.h is the contract. */
#include "symbolizer/jitdump.h"

#include "profiler/base/buf.h"

#include <errno.h>
#include <string.h>

#define MAGIC		 0x4a695444u
#define VERSION		 1
#define FLAG_ARCH_TIME	 1u /* times are a CPU's counter */
#define HEADER_BYTES_MAX 4096
#define PADDING_MAX	 7 /* V8 rounds the bytes of a DEBUG_INFO up to eight */
#define SAME_FILE	 "\xff" /* as the entry before */

int jitdump_parse_header(const void *bytes, size_t len, struct jitdump_header *ret)
{
	struct cursor c = cursor_over(bytes, len);
	struct jitdump_header h;
	uint64_t flags;

	if (cursor_u32(&c) != MAGIC || cursor_u32(&c) != VERSION)
		return -EBADMSG;
	h.bytes = cursor_u32(&c);
	cursor_u32(&c); /* the machine: its code is not looked at */
	cursor_u32(&c);
	h.pid = cursor_u32(&c);
	cursor_u64(&c); /* when it was begun */
	flags = cursor_u64(&c);
	if (c.err || h.bytes < JITDUMP_HEADER_BYTES || h.bytes > HEADER_BYTES_MAX)
		return -EBADMSG;
	h.monotonic = !(flags & FLAG_ARCH_TIME);
	*ret = h;
	return 0;
}

int jitdump_parse_prefix(const void *bytes, size_t len, struct jitdump_prefix *ret)
{
	struct cursor c = cursor_over(bytes, len);
	struct jitdump_prefix p;

	p.id = cursor_u32(&c);
	p.bytes = cursor_u32(&c);
	p.time_ns = cursor_u64(&c);
	if (c.err || p.bytes < JITDUMP_PREFIX_BYTES)
		return -EBADMSG;
	*ret = p;
	return 0;
}

int jitdump_parse_load(const void *body, size_t len, struct jitdump_load *ret)
{
	struct cursor c = cursor_over(body, len);
	uint64_t start, size;
	const char *name, *end;

	cursor_u64(&c); /* pid, tid */
	cursor_u64(&c); /* the address again, of a kind that perf alone tells apart */
	start = cursor_u64(&c);
	size = cursor_u64(&c);
	cursor_u64(&c); /* index */
	if (c.err || size > UINT64_MAX - start)
		return -EBADMSG;
	name = (const char *)c.at;
	end = memchr(name, '\0', cursor_left(&c));
	if (!end || end - name > JITDUMP_NAME_MAX)
		return -EBADMSG;
	*ret = (struct jitdump_load){start, start + size, name, (size_t)(end - name)};
	return 0;
}

int jitdump_parse_move(const void *body, size_t len, struct jitdump_move *ret)
{
	struct cursor c = cursor_over(body, len);
	struct jitdump_move m;

	cursor_u64(&c); /* pid, tid */
	cursor_u64(&c); /* the new address again */
	m.from = cursor_u64(&c);
	m.to = cursor_u64(&c);
	m.size = cursor_u64(&c);
	cursor_u64(&c); /* index */
	if (c.err || m.size > UINT64_MAX - m.from || m.size > UINT64_MAX - m.to)
		return -EBADMSG;
	*ret = m;
	return 0;
}

/* A path: what has control characters in it is none. */
static bool is_path(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return false;
	return len && len <= JITDUMP_NAME_MAX;
}

/* -EBADMSG where the entry is none; l is to be given up then. */
static int read_line(struct jitdump_lines *l, struct jitdump_line *ret)
{
	struct cursor c = cursor_over(l->at, (size_t)(l->end - l->at));
	const char *end;

	ret->address = cursor_u64(&c);
	ret->line = cursor_u32(&c);
	cursor_u32(&c); /* perf's discriminator, V8's column */
	ret->file = (const char *)c.at;
	end = c.err ? NULL : memchr(ret->file, '\0', cursor_left(&c));
	if (!end)
		return -EBADMSG;
	ret->file_len = (size_t)(end - ret->file);
	if (strcmp(ret->file, SAME_FILE) == 0) {
		ret->file = l->file;
		ret->file_len = l->file_len;
	}
	if (!ret->file || !is_path(ret->file, ret->file_len))
		return -EBADMSG;
	l->file = ret->file;
	l->file_len = ret->file_len;
	l->at = (const uint8_t *)end + 1;
	l->n--;
	return 0;
}

bool jitdump_next_line(struct jitdump_lines *l, struct jitdump_line *ret)
{
	return l->n && read_line(l, ret) == 0;
}

int jitdump_parse_lines(const void *body, size_t len, struct jitdump_lines *ret)
{
	struct cursor c = cursor_over(body, len);
	struct jitdump_lines l = {.code = cursor_u64(&c), .n = cursor_u64(&c)}, all;
	struct jitdump_line line;

	if (c.err)
		return -EBADMSG;
	l.at = c.at;
	l.end = c.at + cursor_left(&c);
	all = l;
	while (all.n)
		if (read_line(&all, &line) < 0)
			return -EBADMSG;
	if (all.end - all.at > PADDING_MAX)
		return -EBADMSG;
	*ret = l;
	return 0;
}
