/*
 * A perf map and a jitdump as they grow; source_jit.h is the contract, source_jit_read() does the
 * work. Files are read, not mapped: their owner cuts and writes them meanwhile.
 */
#include "symbolizer/source_jit.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "symbolizer/jitdump.h"
#include "symbolizer/perfmap.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define WINDOW_BYTES (64u << 10)
/* What of a record is looked at: all but its code. */
#define RECORD_BYTES (JITDUMP_PREFIX_BYTES + JITDUMP_LOAD_BYTES + JITDUMP_NAME_MAX + 1)

_Static_assert(WINDOW_BYTES > PERFMAP_LINE_BYTES && WINDOW_BYTES > RECORD_BYTES,
	       "a line and a record fit the memory that they are read into");

/* One reading of one file. */
struct reading {
	struct source_jit_file *f;
	int fd;
	uint64_t size; /* of the file: what grows meanwhile is for the next time */
	uint64_t deadline_ns;
	uint8_t *window;
	struct err *err;
};

void source_jit_init(struct source_jit *s)
{
	*s = (struct source_jit){};
	for (int i = 0; i < SOURCE_JIT_KINDS; i++)
		jit_regions_init(&s->file[i].regions, SOURCE_JIT_BYTES_MAX);
}

static void start_anew(struct source_jit_file *f)
{
	jit_regions_clear(&f->regions);
	*f = (struct source_jit_file){.regions = f->regions};
}

void source_jit_without(struct source_jit *s, enum source_jit_kind kind)
{
	start_anew(&s->file[kind]);
}

void source_jit_done(struct source_jit *s)
{
	for (int i = 0; i < SOURCE_JIT_KINDS; i++)
		start_anew(&s->file[i]);
}

size_t source_jit_bytes(const struct source_jit *s)
{
	size_t bytes = 0;

	for (int i = 0; i < SOURCE_JIT_KINDS; i++)
		bytes += s->file[i].regions.bytes;
	return bytes;
}

/* ---- reading ---- */

/* Up to len bytes at a position; fewer only at the end of the file. */
static ssize_t read_at(int fd, uint8_t *to, size_t len, uint64_t at)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = pread(fd, to + have, len - have, (off_t)(at + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

/* The window at the place where the reading stands. */
static ssize_t look(const struct reading *in, size_t len)
{
	uint64_t left = in->size - in->f->at;
	ssize_t n = read_at(in->fd, in->window, left < len ? (size_t)left : len, in->f->at);

	return n < 0 ? err_set(in->err, (int)n, "it cannot be read: %s", strerror((int)-n)) : n;
}

static bool is_late(const struct reading *in)
{
	return in->deadline_ns && quantity_monotonic_ns() >= in->deadline_ns;
}

static int load(const struct reading *in, uint64_t start, uint64_t end, const char *name,
		size_t len, uint64_t time_ns)
{
	int r = jit_regions_load(&in->f->regions, start, end, name, len, time_ns);

	if (r == -EBADMSG) {
		in->f->bad_lines = true;
		return 0;
	}
	return r < 0 ? err_set(in->err, r, "it names more code than there is memory for") : 0;
}

/* ---- a perf map ---- */

static int take_line(const struct reading *in, const char *line, size_t len)
{
	struct source_jit_file *f = in->f;
	struct perfmap_line l;

	if (f->skipping || len > PERFMAP_LINE_BYTES || perfmap_parse_line(line, len, &l) < 0) {
		f->skipping = false;
		if (++f->bad > SOURCE_JIT_BAD_LINES + f->good / 10)
			return err_set(in->err, -EBADMSG, "it is not a perf map");
		return 0;
	}
	f->good++;
	return load(in, l.start, l.end, l.name, l.name_len, 0);
}

/* The whole lines of the window's n bytes. How many bytes are done with. */
static ssize_t take_lines(const struct reading *in, size_t n)
{
	const char *begin = (const char *)in->window, *at = begin, *end = at + n, *newline;

	while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
		int r = take_line(in, at, (size_t)(newline - at));

		if (r < 0)
			return r;
		at = newline + 1;
	}
	/* A line that is too long already is let pass, to its end. */
	if (end - at > PERFMAP_LINE_BYTES) {
		in->f->skipping = true;
		at = end;
	}
	return at - begin;
}

static int read_map(const struct reading *in)
{
	while (in->f->at < in->size) {
		ssize_t n = look(in, WINDOW_BYTES);
		ssize_t taken = n < 0 ? n : take_lines(in, (size_t)n);

		if (taken <= 0)
			return (int)taken;
		in->f->at += (uint64_t)taken;
		if (is_late(in))
			return 1;
	}
	return 0;
}

/* ---- a jitdump ---- */

static int read_header(const struct reading *in)
{
	struct jitdump_header h;
	ssize_t n = look(in, JITDUMP_HEADER_BYTES);

	if (n < JITDUMP_HEADER_BYTES)
		return n < 0 ? (int)n : 0;
	if (jitdump_parse_header(in->window, (size_t)n, &h) < 0)
		return err_set(in->err, -EBADMSG, "it is not a jitdump");
	if (h.bytes > in->size)
		return 0;
	in->f->at = h.bytes;
	in->f->timed = h.monotonic;
	in->f->begun = true;
	return 0;
}

static void take_lines_of_code(const struct reading *in, const void *body, size_t len)
{
	struct jit_regions *regions = &in->f->regions;
	struct jitdump_lines lines;
	struct jitdump_line line;

	if (jitdump_parse_lines(body, len, &lines) < 0) {
		in->f->bad_lines = true;
		return;
	}
	jit_regions_begin_lines(regions, lines.code);
	while (jitdump_next_line(&lines, &line))
		jit_regions_add_line(regions, line.address, line.line, line.file, line.file_len);
}

/* They may be more than fits the window, of which n bytes are theirs. */
static int take_debug_info(const struct reading *in, const struct jitdump_prefix *p,
			   const uint8_t *record, size_t n)
{
	_cleanup_free_ uint8_t *whole = NULL;

	if (p->bytes > JITDUMP_LINES_MAX) {
		in->f->bad_lines = true;
		return 0;
	}
	if (p->bytes > n) {
		whole = malloc(p->bytes);
		if (!whole)
			return err_set(in->err, -ENOMEM, "no memory to read it");
		if (read_at(in->fd, whole, p->bytes, in->f->at) != (ssize_t)p->bytes)
			return err_set(in->err, -EIO, "it cannot be read");
		record = whole;
	}
	take_lines_of_code(in, record + JITDUMP_PREFIX_BYTES, p->bytes - JITDUMP_PREFIX_BYTES);
	return 0;
}

static int take_record(const struct reading *in, const struct jitdump_prefix *p, const void *body,
		       size_t len)
{
	uint64_t time_ns = in->f->timed ? p->time_ns : 0;
	struct jitdump_load l;
	struct jitdump_move m;
	int r = 0;

	if (p->id == JITDUMP_LOAD) {
		r = jitdump_parse_load(body, len, &l);
		if (r == 0)
			return load(in, l.start, l.end, l.name, l.name_len, time_ns);
	} else if (p->id == JITDUMP_MOVE) {
		r = jitdump_parse_move(body, len, &m);
		if (r == 0)
			r = jit_regions_move(&in->f->regions, m.from, m.to, m.size, time_ns);
	}
	return r < 0 ? err_set(in->err, r, "it has a corrupt record") : 0;
}

/* The record at the beginning of the window's n bytes. 1: taken; 0: not whole in the file yet. */
static int take_first(const struct reading *in, const uint8_t *window, size_t n, size_t *ret_bytes)
{
	struct jitdump_prefix p;
	size_t seen;
	int r;

	if (n < JITDUMP_PREFIX_BYTES)
		return 0;
	if (jitdump_parse_prefix(window, n, &p) < 0)
		return err_set(in->err, -EBADMSG, "it has a corrupt record");
	if (p.bytes > in->size - in->f->at)
		return 0;
	seen = p.bytes < n ? p.bytes : n;
	r = p.id == JITDUMP_DEBUG_INFO ? take_debug_info(in, &p, window, seen)
				       : take_record(in, &p, window + JITDUMP_PREFIX_BYTES,
						     seen - JITDUMP_PREFIX_BYTES);
	*ret_bytes = p.bytes;
	return r < 0 ? r : 1;
}

/* The records of one window, as far as they are in it with all but their code. */
static int take_records(const struct reading *in, size_t n)
{
	uint64_t from = in->f->at;
	int r = 1;

	while (r > 0) {
		uint64_t at = in->f->at - from;
		size_t bytes = 0;

		/* The next window begins with what may be cut in this one. */
		if (at >= n || (at && n - at < RECORD_BYTES && from + n < in->size))
			return 1;
		r = take_first(in, in->window + at, n - (size_t)at, &bytes);
		in->f->at += bytes;
	}
	return r;
}

static int read_dump(const struct reading *in)
{
	int r = in->f->begun ? 0 : read_header(in);

	if (r < 0 || !in->f->begun)
		return r;
	while (in->f->at < in->size) {
		ssize_t n = look(in, WINDOW_BYTES);

		r = n < 0 ? (int)n : take_records(in, (size_t)n);
		if (r <= 0)
			return r;
		if (is_late(in))
			return 1;
	}
	return 0;
}

/* ---- which file ---- */

static size_t print_bytes(uint64_t at)
{
	return at < SOURCE_JIT_PRINT ? (size_t)at : SOURCE_JIT_PRINT;
}

static void take_print(struct source_jit_file *f, int fd)
{
	size_t n = print_bytes(f->at);

	memset(f->head, 0, sizeof(f->head));
	memset(f->tail, 0, sizeof(f->tail));
	(void)read_at(fd, f->head, n, 0);
	(void)read_at(fd, f->tail, n, f->at - n);
}

/* Whether what was read stands there still. */
static bool is_as_read(const struct source_jit_file *f, int fd)
{
	struct source_jit_file now = {.at = f->at};

	take_print(&now, fd);
	return !memcmp(now.head, f->head, sizeof(f->head)) &&
	       !memcmp(now.tail, f->tail, sizeof(f->tail));
}

/* Look at fd: whether it is to be read. A file that is another than before is forgotten. */
static int recognise(struct source_jit_file *f, int fd, struct err *err)
{
	struct stat st;
	uint64_t mtime_ns;
	bool same;

	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "it cannot be examined: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EBADMSG, "it is not a regular file");
	mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
	same = f->dev == st.st_dev && f->ino == st.st_ino && f->size <= (uint64_t)st.st_size;
	if (same && f->size == (uint64_t)st.st_size && f->mtime_ns == mtime_ns && !f->failed)
		return f->at < f->size;
	if (!same || (!f->failed && !is_as_read(f, fd)))
		start_anew(f);
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->size = (uint64_t)st.st_size;
	f->mtime_ns = mtime_ns;
	return 1;
}

static int set_aside(struct source_jit_file *f, int error, const struct err *why)
{
	jit_regions_clear(&f->regions);
	f->failed = error;
	snprintf(f->sentence, sizeof(f->sentence), "%s", err_text(why));
	return error;
}

static int read_all(struct source_jit_file *f, enum source_jit_kind kind, int fd,
		    uint64_t deadline_ns, struct err *err)
{
	_cleanup_free_ uint8_t *window = malloc(WINDOW_BYTES);
	struct reading in = {f, fd, f->size, deadline_ns, window, err};
	uint64_t max =
		kind == SOURCE_JIT_MAP ? SOURCE_JIT_MAP_BYTES_MAX : SOURCE_JIT_DUMP_BYTES_MAX;
	int r;

	if (!window)
		return err_set(err, -ENOMEM, "no memory to read it");
	if (f->size > max)
		return err_set(err, -EFBIG, "it is longer than %llu MiB",
			       (unsigned long long)max >> 20);
	r = kind == SOURCE_JIT_MAP ? read_map(&in) : read_dump(&in);
	take_print(f, fd);
	return r;
}

int source_jit_read(struct source_jit *s, enum source_jit_kind kind, int fd, bool last,
		    uint64_t deadline_ns, struct err *err)
{
	struct source_jit_file *f = &s->file[kind];
	struct err why = {};
	int r;

	assert(kind < SOURCE_JIT_KINDS);
	r = recognise(f, fd, &why);
	if (r > 0 && !f->failed)
		r = read_all(f, kind, fd, deadline_ns, &why);
	if (f->failed)
		return err_set(err, f->failed, "%s", f->sentence);
	if (r < 0) {
		set_aside(f, r, &why);
		return err_set(err, r, "%s", err_text(&why));
	}
	if (r == 0 && last && (f->at < f->size || f->skipping))
		return err_set(err, -EBADMSG, "its end is cut: the rest was read");
	if (r == 0 && (f->bad_lines || f->regions.lines_left_out))
		return err_set(err, -ENODATA, "some of its source lines are left out: %s",
			       f->bad_lines ? "they are corrupt" : "they are too many");
	return r;
}

struct jit_place source_jit_name(const struct source_jit *s, uint64_t address, uint64_t time_ns)
{
	const struct jit_regions *map = &s->file[SOURCE_JIT_MAP].regions,
				 *dump = &s->file[SOURCE_JIT_DUMP].regions;
	struct jit_place place = jit_regions_find(dump, address, time_ns);

	return place.name ? place : jit_regions_find(map, address, time_ns);
}
