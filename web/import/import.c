/* The door of import: unpacking, lines, and which format it is; see import.h. */
#include "web/import/import.h"

#include "profiler/base/cleanup.h"
#include "web/import/parts.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC	      "#hearth-samples "
#define INFLATE_BYTES 65536
#define GZIP_WINDOW   (15 + 16) /* zlib: the largest window, gzip's header */
#define TELLING_BYTES 64 /* whether it is text */

static const char *const format_names[IMPORT_FORMAT_COUNT] = {
#define IMPORT_FORMAT_NAME(name, text) [IMPORT_##name] = text,
	IMPORT_FORMAT_LIST(IMPORT_FORMAT_NAME)
#undef IMPORT_FORMAT_NAME
};

const char *import_format_name(enum import_format f)
{
	return format_names[f];
}

int import_format_parse(const char *name)
{
	for (int i = 0; i < IMPORT_FORMAT_COUNT; i++)
		if (!strcmp(format_names[i], name))
			return i;
	return -ENOENT;
}

int import_wrong(struct import *w, int code, const char *fmt, ...)
{
	char text[ERR_TEXT_BYTES];
	va_list ap;

	if (w->err.code)
		return w->err.code;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (w->line)
		return err_set(&w->err, code, "line %llu: %s", (unsigned long long)w->line, text);
	return err_set(&w->err, code, "%s", text);
}

int import_new(const struct import_options *options, struct import **ret)
{
	struct import *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->options = *options;
	w->format = options->format;
	buf_init(&w->held, IMPORT_PPROF_BYTES_MAX);
	buf_init(&w->text, 2 * IMPORT_LINE_BYTES_MAX);
	buf_init(&w->stack_text, IMPORT_STACKS_BYTES_MAX);
	buf_init(&w->label_text, IMPORT_STACKS_BYTES_MAX);
	buf_init(&w->event, IMPORT_LINE_BYTES_MAX);
	buf_init(&w->frames, SIZE_MAX / 2);
	r = import_begin_profile(w);
	if (r < 0) {
		import_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

struct import *import_free(struct import *w)
{
	if (!w)
		return NULL;
	profile_free(w->p);
	idmap_done(&w->chains);
	idmap_done(&w->reasons);
	if (w->inflating)
		inflateEnd(&w->stream);
	buf_done(&w->held);
	buf_done(&w->text);
	buf_done(&w->stack_text);
	free(w->stacks);
	idmap_done(&w->stack_by_id);
	buf_done(&w->label_text);
	free(w->sets);
	idmap_done(&w->set_by_text);
	buf_done(&w->event);
	buf_done(&w->frames);
	free(w);
	return NULL;
}

const struct import_counts *import_counts(const struct import *w)
{
	return &w->counts;
}

/* ---- which format ---- */

static bool is_blank(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isspace((unsigned char)s[i]))
			return false;
	return true;
}

/* Its bytes; never NULL. */
static const char *text_of(const struct buf *b)
{
	return b->data ? (const char *)b->data : "";
}

/* Protobufs have small numbers in their first bytes; lines of text have none. */
static bool is_binary(const char *s, size_t len)
{
	for (size_t i = 0; i < len && i < TELLING_BYTES; i++)
		if ((unsigned char)s[i] < ' ' && s[i] != '\t' && s[i] != '\n' && s[i] != '\r')
			return true;
	return false;
}

/* By the first line that says something; IMPORT_UNKNOWN: there was none yet. */
static enum import_format detect(const struct buf *b, bool is_all)
{
	const char *at = text_of(b), *end = at + b->len;

	if (is_binary(at, b->len))
		return IMPORT_PPROF;
	if (b->len < TELLING_BYTES && !is_all)
		return IMPORT_UNKNOWN;
	while (at < end) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));
		size_t len;

		if (!eol && !is_all)
			break;
		len = (size_t)((eol ? eol : end) - at);
		if (len >= strlen(MAGIC) && !memcmp(at, MAGIC, strlen(MAGIC)))
			return IMPORT_SAMPLES;
		if (len && *at != '#' && !is_blank(at, len))
			return import_perf_is_header(at, len) ? IMPORT_PERF : IMPORT_FOLDED;
		at += len + 1;
	}
	return is_all ? IMPORT_FOLDED : IMPORT_UNKNOWN;
}

/* ---- lines ---- */

static int take_line(struct import *w, const char *line, size_t len)
{
	w->line++;
	if (len && line[len - 1] == '\r')
		len--;
	switch (w->format) {
	case IMPORT_SAMPLES:
		return import_samples_line(w, line, len);
	case IMPORT_PERF:
		return import_perf_line(w, line, len);
	default:
		return import_folded_line(w, line, len);
	}
}

static int take_lines(struct import *w)
{
	const char *begin = text_of(&w->held), *at = begin, *end = begin + w->held.len;
	const char *eol;
	int r = 0;

	while (r >= 0 && at < end && (eol = memchr(at, '\n', (size_t)(end - at)))) {
		r = take_line(w, at, (size_t)(eol - at));
		at = eol + 1;
	}
	if (r < 0)
		return r;
	w->held.len = (size_t)(end - at);
	if (at != begin)
		memmove(w->held.data, at, w->held.len);
	if (w->held.len > IMPORT_LINE_BYTES_MAX) {
		w->line++;
		return import_wrong(w, -EFBIG, "longer than %u bytes", IMPORT_LINE_BYTES_MAX);
	}
	return 0;
}

static int add_plain(struct import *w, const void *data, size_t len)
{
	int r = buf_add(&w->held, data, len);

	if (r == -EFBIG)
		return import_wrong(w, r, "more than %u bytes", IMPORT_PPROF_BYTES_MAX);
	if (r < 0)
		return r;
	if (w->format == IMPORT_UNKNOWN)
		w->format = detect(&w->held, w->held.len > IMPORT_LINE_BYTES_MAX);
	if (w->format == IMPORT_UNKNOWN || w->format == IMPORT_PPROF)
		return 0;
	return take_lines(w);
}

/* ---- gzip ---- */

static int inflate_some(struct import *w)
{
	uint8_t out[INFLATE_BYTES];
	int z;

	/* A file may be several members one behind the other, and zeros behind the last. */
	if (w->member_ended) {
		if (*w->stream.next_in == 0) {
			w->stream.next_in++;
			w->stream.avail_in--;
			return 0;
		}
		if (inflateReset(&w->stream) != Z_OK)
			return -ENOMEM;
		w->member_ended = false;
	}
	w->stream.next_out = out;
	w->stream.avail_out = sizeof(out);
	z = inflate(&w->stream, Z_NO_FLUSH);
	if (z == Z_MEM_ERROR)
		return -ENOMEM;
	if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR) {
		w->line = 0;
		return import_wrong(w, -EBADMSG, "its gzip stream is damaged");
	}
	w->member_ended = z == Z_STREAM_END;
	return add_plain(w, out, sizeof(out) - w->stream.avail_out);
}

static int add_packed(struct import *w, const void *data, size_t len)
{
	int r = 0;

	if (!w->inflating) {
		if (inflateInit2(&w->stream, GZIP_WINDOW) != Z_OK)
			return -ENOMEM;
		w->inflating = true;
	}
	w->stream.next_in = (uint8_t *)data;
	w->stream.avail_in = (uInt)len;
	do
		r = inflate_some(w);
	while (r >= 0 && (w->stream.avail_in || w->stream.avail_out == 0));
	return r;
}

static int add(struct import *w, const uint8_t *data, size_t len)
{
	/* Two bytes tell gzip; the first one waits for the second. */
	if (w->packing == PACKING_UNKNOWN) {
		uint8_t first[2] = {w->held.len ? w->held.data[0] : data[0], w->held.len ? data[0]
									     : len > 1	 ? data[1]
											 : 0};

		if (w->held.len + len < 2)
			return buf_add(&w->held, data, len);
		w->packing = first[0] == 0x1f && first[1] == 0x8b ? PACKING_GZIP : PACKING_NONE;
		if (w->packing == PACKING_GZIP && w->held.len) {
			int r;

			w->held.len = 0;
			r = add_packed(w, first, 1);
			if (r < 0)
				return r;
		}
	}
	return w->packing == PACKING_GZIP ? add_packed(w, data, len) : add_plain(w, data, len);
}

/* ---- the door ---- */

static int failed(struct import *w, int r, struct err *err)
{
	if (w->err.code)
		return err_set(err, w->err.code, "%s", w->err.text);
	return err_set(err, r, "%s", r == -ENOMEM ? "no memory for it" : strerror(-r));
}

int import_add(struct import *w, const void *data, size_t len, struct err *err)
{
	const uint8_t *at = data;

	while (len) {
		size_t part = len < (1u << 20) ? len : (1u << 20);
		int r = add(w, at, part);

		if (r < 0)
			return failed(w, r, err);
		at += part;
		len -= part;
	}
	return 0;
}

static int end(struct import *w)
{
	int r = 0;

	if (w->inflating && !w->member_ended)
		return import_wrong(w, -EBADMSG, "its gzip stream ends in the middle");
	if (w->format == IMPORT_UNKNOWN)
		w->format = detect(&w->held, true);
	if (w->format == IMPORT_PPROF)
		r = import_pprof(w, w->held.data, w->held.len);
	else
		r = take_lines(w);
	if (r >= 0 && w->format != IMPORT_PPROF && w->held.len)
		r = take_line(w, (const char *)w->held.data, w->held.len);
	if (r >= 0 && w->format == IMPORT_PERF)
		r = import_perf_end(w);
	if (r >= 0 && w->format == IMPORT_SAMPLES && w->line == 0)
		r = import_wrong(w, -EBADMSG, "empty: not a sample stream");
	return r < 0 ? r : import_hand_out(w);
}

int import_end(struct import *w, struct err *err)
{
	int r = end(w);

	return r < 0 ? failed(w, r, err) : 0;
}
