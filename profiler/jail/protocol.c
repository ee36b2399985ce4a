/*
 * The bodies of the messages between the collector and its workers; see protocol.h.
 *
 * What comes from a worker may have been written by an attacker: reading checks all of it before
 * any of it is given away.
 */
#include "profiler/jail/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ELLIPSIS "..."

/* The least room that a line takes in a body: three empty strings and two numbers. */
#define LINE_BYTES_MIN (3 * 2 + 2 * 4)

static int ended(const struct cursor *c)
{
	return c->err || cursor_left(c) ? -EBADMSG : 0;
}

/* Copy a sentence from the other side, for a terminal or a log. */
static void sentence_copy(char *to, const uint8_t *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = from[i] < ' ' || from[i] == 0x7f ? '?' : (char)from[i];
	to[len] = '\0';
}

/*
 * Negative errno, as far as the kernel has numbers; anything else is not an error that we would
 * send.
 */
static int error_read(struct cursor *c)
{
	int error = (int)cursor_u32(c);

	if (error > 0 || error < -4095)
		c->err = -EBADMSG;
	return error;
}

void protocol_request_write(struct buf *b, const struct protocol_request *r)
{
	buf_add_u32(b, r->object);
	buf_add_u8(b, (uint8_t)r->kind);
	buf_add_u8(b, r->with_fd);
	buf_add_u16(b, 0);
	if (r->kind == PROTOCOL_OBJECT_MODULE) {
		size_t len = strnlen(r->module, PROTOCOL_MODULE_MAX);

		buf_add_u64(b, r->base);
		buf_add_u8(b, (uint8_t)len);
		buf_add(b, r->module, len);
	}
	buf_add_u32(b, r->n);
	for (uint32_t i = 0; i < r->n; i++)
		buf_add_u64(b, r->offsets[i]);
}

static void module_read(struct cursor *c, struct protocol_request *r)
{
	const uint8_t *name;
	size_t len;

	r->base = cursor_u64(c);
	len = cursor_u8(c);
	name = cursor_bytes(c, len);
	if (!name || len == 0 || len > PROTOCOL_MODULE_MAX || memchr(name, '\0', len)) {
		c->err = -EBADMSG;
		return;
	}
	memcpy(r->module, name, len);
	r->module[len] = '\0';
}

int protocol_request_parse(const void *body, size_t len, struct protocol_request *ret)
{
	struct cursor c = cursor_over(body, len);
	struct protocol_request r;
	uint8_t kind, with_fd;

	r.object = cursor_u32(&c);
	kind = cursor_u8(&c);
	with_fd = cursor_u8(&c);
	if (cursor_u16(&c) != 0 || with_fd > 1 || kind < PROTOCOL_OBJECT_FILE ||
	    kind > PROTOCOL_OBJECT_ADDRESSES)
		return -EBADMSG;
	r.kind = (enum protocol_object)kind;
	r.with_fd = with_fd;
	r.base = 0;
	r.module[0] = '\0';
	if (r.kind == PROTOCOL_OBJECT_MODULE)
		module_read(&c, &r);
	r.n = cursor_u32(&c);
	if (c.err || r.n > PROTOCOL_OFFSETS_MAX)
		return -EBADMSG;
	for (uint32_t i = 0; i < r.n; i++)
		r.offsets[i] = cursor_u64(&c);
	if (ended(&c) < 0)
		return -EBADMSG;
	*ret = r;
	return 0;
}

static void string_write(struct buf *b, const char *s)
{
	size_t len = s ? strlen(s) : 0;

	if (len <= PROTOCOL_STRING_MAX) {
		buf_add_u16(b, (uint16_t)len);
		buf_add(b, s, len);
		return;
	}
	buf_add_u16(b, PROTOCOL_STRING_MAX);
	buf_add(b, s, PROTOCOL_STRING_MAX - strlen(ELLIPSIS));
	buf_add_str(b, ELLIPSIS);
}

/* Where the head's count of offsets stands. */
static size_t count_at(const struct buf *b)
{
	return sizeof(uint32_t) + 1 + b->data[sizeof(uint32_t)];
}

void protocol_answer_begin(struct buf *b, const uint8_t *build_id, size_t build_id_bytes)
{
	if (build_id_bytes > PROTOCOL_BUILD_ID_MAX)
		build_id_bytes = 0;
	buf_add_u32(b, 0);
	buf_add_u8(b, (uint8_t)build_id_bytes);
	buf_add(b, build_id, build_id_bytes);
	buf_add_u32(b, 0);
}

void protocol_answer_offset(struct buf *b, const struct protocol_line *lines, size_t n)
{
	if (n > PROTOCOL_LINES_MAX)
		n = PROTOCOL_LINES_MAX;
	buf_add_u16(b, (uint16_t)n);
	for (size_t i = 0; i < n; i++) {
		string_write(b,
			     lines[i].function && lines[i].function[0] ? lines[i].function : "??");
		string_write(b, lines[i].system_name);
		string_write(b, lines[i].file);
		buf_add_u32(b, lines[i].line);
		buf_add_u32(b, lines[i].column);
	}
}

static void sentence_write(struct buf *b, const char *sentence)
{
	size_t len = strnlen(sentence, PROTOCOL_SENTENCE_MAX);

	buf_add_u16(b, (uint16_t)len);
	buf_add(b, sentence, len);
}

void protocol_answer_end(struct buf *b, uint32_t n, const char *trouble)
{
	sentence_write(b, trouble ? trouble : "");
	if (b->err)
		return;
	for (size_t i = 0; i < sizeof(n); i++)
		b->data[count_at(b) + i] = (uint8_t)(n >> (8 * i));
}

void protocol_answer_error(struct buf *b, int error, const char *sentence)
{
	buf_add_u32(b, (uint32_t)error);
	sentence_write(b, sentence);
}

/* The last of an answer. */
static int sentence_parse(struct cursor *c, struct protocol_answer *a)
{
	size_t len = cursor_u16(c);
	const uint8_t *sentence = cursor_bytes(c, len);

	if (len > PROTOCOL_SENTENCE_MAX || ended(c) < 0)
		return -EBADMSG;
	sentence_copy(a->sentence, sentence, len);
	return 0;
}

/* NULL where the string is empty; else it is copied to *at, which moves behind it. */
static const char *string_read(struct cursor *c, char **at)
{
	size_t len = cursor_u16(c);
	const uint8_t *bytes = cursor_bytes(c, len);
	char *s = *at;

	if (!bytes || len == 0)
		return NULL;
	if (len > PROTOCOL_STRING_MAX || memchr(bytes, '\0', len)) {
		c->err = -EBADMSG;
		return NULL;
	}
	memcpy(s, bytes, len);
	s[len] = '\0';
	*at = s + len + 1;
	return s;
}

static void lines_read(struct cursor *c, struct protocol_answer *a)
{
	struct protocol_line *line = a->lines;
	char *at = a->strings;

	for (uint32_t i = 0; i < a->n && !c->err; i++) {
		a->n_lines[i] = cursor_u16(c);
		if (a->n_lines[i] > PROTOCOL_LINES_MAX ||
		    cursor_left(c) < a->n_lines[i] * LINE_BYTES_MIN)
			c->err = -EBADMSG;
		for (uint16_t k = 0; k < a->n_lines[i] && !c->err; k++, line++) {
			line->function = string_read(c, &at);
			line->system_name = string_read(c, &at);
			line->file = string_read(c, &at);
			line->line = cursor_u32(c);
			line->column = cursor_u32(c);
			if (!line->function)
				c->err = -EBADMSG;
		}
	}
}

/*
 * No line takes less than LINE_BYTES_MIN of the body, and no string of L bytes, for which L + 1 are
 * needed, less than L + 2: so what is left of the body bounds both arrays.
 */
static int body_parse(struct cursor *c, struct protocol_answer *a)
{
	size_t left = cursor_left(c);

	a->n_lines = calloc(a->n + 1, sizeof(*a->n_lines));
	a->lines = calloc(left / LINE_BYTES_MIN + 1, sizeof(*a->lines));
	a->strings = malloc(left + 1);
	if (!a->n_lines || !a->lines || !a->strings)
		return -ENOMEM;
	lines_read(c, a);
	return sentence_parse(c, a);
}

int protocol_answer_parse(const void *body, size_t len, uint32_t asked, struct protocol_answer *ret)
{
	struct cursor c = cursor_over(body, len);
	struct protocol_answer a = {.error = error_read(&c)};
	const uint8_t *build_id;
	int r;

	if (c.err)
		return -EBADMSG;
	if (a.error) {
		r = sentence_parse(&c, &a);
		if (r == 0)
			*ret = a;
		return r;
	}
	a.build_id_bytes = cursor_u8(&c);
	build_id = cursor_bytes(&c, a.build_id_bytes);
	a.n = cursor_u32(&c);
	if (c.err || a.build_id_bytes > PROTOCOL_BUILD_ID_MAX || a.n > asked || (asked && !a.n))
		return -EBADMSG;
	memcpy(a.build_id, build_id, a.build_id_bytes);
	r = body_parse(&c, &a);
	if (r < 0)
		protocol_answer_done(&a);
	else
		*ret = a;
	return r;
}

void protocol_answer_done(struct protocol_answer *a)
{
	free(a->n_lines);
	free(a->lines);
	free(a->strings);
	*a = (struct protocol_answer){};
}

void protocol_failed_write(struct buf *b, int error, const char *sentence)
{
	buf_add_u32(b, (uint32_t)error);
	buf_add(b, sentence, strnlen(sentence, PROTOCOL_SENTENCE_MAX));
}

int protocol_failed_parse(const void *body, size_t len, int *ret_error,
			  char ret_sentence[PROTOCOL_SENTENCE_MAX + 1])
{
	struct cursor c = cursor_over(body, len);
	int error = error_read(&c);
	size_t text = cursor_left(&c);

	if (c.err || error == 0 || text > PROTOCOL_SENTENCE_MAX)
		return -EBADMSG;
	sentence_copy(ret_sentence, cursor_bytes(&c, text), text);
	*ret_error = error;
	return 0;
}

int protocol_u32_parse(const void *body, size_t len, uint32_t *ret)
{
	struct cursor c = cursor_over(body, len);
	uint32_t v = cursor_u32(&c);

	if (ended(&c) < 0)
		return -EBADMSG;
	*ret = v;
	return 0;
}

void protocol_config_write(struct buf *b, const char *token)
{
	size_t len = token ? strnlen(token, PROTOCOL_TOKEN_MAX) : 0;

	buf_add_u16(b, (uint16_t)len);
	buf_add(b, token, len);
}

int protocol_config_parse(const void *body, size_t len, char ret_token[PROTOCOL_TOKEN_MAX + 1])
{
	struct cursor c = cursor_over(body, len);
	size_t n = cursor_u16(&c);
	const uint8_t *token = cursor_bytes(&c, n);

	if (ended(&c) < 0 || n > PROTOCOL_TOKEN_MAX || (n && memchr(token, '\0', n)))
		return -EBADMSG;
	if (n)
		memcpy(ret_token, token, n);
	ret_token[n] = '\0';
	return 0;
}
