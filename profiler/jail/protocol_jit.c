/* The bodies of JIT messages; see protocol_jit.h. */
#include "profiler/jail/protocol_jit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BITS (PROTOCOL_JIT_MAP | PROTOCOL_JIT_DUMP | PROTOCOL_JIT_LAST)

void protocol_jit_request_write(struct buf *b, const struct protocol_jit_request *r)
{
	buf_add_u32(b, r->serial);
	buf_add_u8(b, (uint8_t)r->bits);
	buf_add_u8(b, 0);
	buf_add_u16(b, 0);
	buf_add_u32(b, r->n);
	for (uint32_t i = 0; i < r->n; i++) {
		buf_add_u64(b, r->questions[i].address);
		buf_add_u64(b, r->questions[i].time_ns);
	}
}

int protocol_jit_request_parse(const void *body, size_t len, struct protocol_jit_request *ret)
{
	struct cursor c = cursor_over(body, len);
	struct protocol_jit_request r = {.serial = cursor_u32(&c), .bits = cursor_u8(&c)};
	bool reserved = cursor_u8(&c) || cursor_u16(&c);

	r.n = cursor_u32(&c);
	if (c.err || reserved || r.bits & ~(unsigned int)BITS || r.n > PROTOCOL_JIT_QUESTIONS_MAX ||
	    cursor_left(&c) != r.n * sizeof(*r.questions))
		return -EBADMSG;
	r.questions = calloc((size_t)r.n + 1, sizeof(*r.questions));
	if (!r.questions)
		return -ENOMEM;
	for (uint32_t i = 0; i < r.n; i++) {
		r.questions[i].address = cursor_u64(&c);
		r.questions[i].time_ns = cursor_u64(&c);
	}
	*ret = r;
	return 0;
}

void protocol_jit_request_done(struct protocol_jit_request *r)
{
	free(r->questions);
	*r = (struct protocol_jit_request){};
}

static void text_write(struct buf *b, const char *text, size_t max)
{
	size_t len = strnlen(text, max);

	buf_add_u16(b, (uint16_t)len);
	buf_add(b, text, len);
}

void protocol_jit_answer_write(struct buf *b, const struct protocol_jit_answer *a)
{
	buf_add_u8(b, a->behind);
	for (int i = 0; i < SOURCE_JIT_KINDS; i++)
		text_write(b, a->sentence[i], PROTOCOL_SENTENCE_MAX);
	buf_add_u32(b, a->n_places);
	for (uint32_t i = 0; i < a->n_places; i++) {
		text_write(b, a->places[i].name, PROTOCOL_STRING_MAX);
		text_write(b, a->places[i].file ? a->places[i].file : "", PROTOCOL_STRING_MAX);
		buf_add_u32(b, a->places[i].line);
	}
	buf_add_u32(b, a->n);
	for (uint32_t i = 0; i < a->n; i++)
		buf_add_u32(b, a->which[i]);
}

static void read_sentence(struct cursor *c, char ret[PROTOCOL_SENTENCE_MAX + 1])
{
	size_t len = cursor_u16(c);
	const uint8_t *text = len <= PROTOCOL_SENTENCE_MAX ? cursor_bytes(c, len) : NULL;

	if (!text) {
		c->err = -EBADMSG;
		return;
	}
	for (size_t i = 0; i < len; i++)
		ret[i] = text[i] < ' ' || text[i] == 0x7f ? '?' : (char)text[i];
	ret[len] = '\0';
}

/* A text into the strings at *at; NULL: it is empty. */
static int read_text(struct cursor *c, char **at, const char **ret)
{
	size_t len = cursor_u16(c);
	const uint8_t *text = len <= PROTOCOL_STRING_MAX ? cursor_bytes(c, len) : NULL;

	*ret = NULL;
	if (c->err || !text || memchr(text, '\0', len))
		return -EBADMSG;
	if (!len)
		return 0;
	memcpy(*at, text, len);
	(*at)[len] = '\0';
	*ret = *at;
	*at += len + 1;
	return 0;
}

static int read_place(struct cursor *c, char **at, struct jit_place *ret)
{
	int r = read_text(c, at, &ret->name);

	if (r == 0)
		r = read_text(c, at, &ret->file);
	ret->line = cursor_u32(c);
	return r < 0 || c->err || !ret->name || (ret->line && !ret->file) ? -EBADMSG : 0;
}

/* What is left in c bounds what is allocated: a text of L + 1 bytes takes L + 2 of it. */
static int read_places(struct cursor *c, uint32_t asked, struct protocol_jit_answer *a)
{
	char *at;

	a->n_places = cursor_u32(c);
	if (c->err || a->n_places > asked)
		return -EBADMSG;
	a->places = calloc((size_t)a->n_places + 1, sizeof(*a->places));
	a->strings = malloc(cursor_left(c) + 1);
	if (!a->places || !a->strings)
		return -ENOMEM;
	at = a->strings;
	for (uint32_t i = 0; i < a->n_places; i++)
		if (read_place(c, &at, &a->places[i]) < 0)
			return -EBADMSG;
	return 0;
}

static int read_which(struct cursor *c, uint32_t asked, struct protocol_jit_answer *a)
{
	a->n = cursor_u32(c);
	if (c->err || a->n != (a->behind ? 0 : asked) || cursor_left(c) != a->n * sizeof(*a->which))
		return -EBADMSG;
	a->which = calloc((size_t)a->n + 1, sizeof(*a->which));
	if (!a->which)
		return -ENOMEM;
	for (uint32_t i = 0; i < a->n; i++) {
		a->which[i] = cursor_u32(c);
		if (a->which[i] > a->n_places)
			return -EBADMSG;
	}
	return 0;
}

int protocol_jit_answer_parse(const void *body, size_t len, uint32_t asked,
			      struct protocol_jit_answer *ret)
{
	struct cursor c = cursor_over(body, len);
	struct protocol_jit_answer a = {};
	uint8_t behind = cursor_u8(&c);
	int r = c.err || behind > 1 ? -EBADMSG : 0;

	a.behind = behind;
	for (int i = 0; i < SOURCE_JIT_KINDS; i++)
		read_sentence(&c, a.sentence[i]);
	if (r == 0)
		r = c.err ? -EBADMSG : read_places(&c, asked, &a);
	if (r == 0)
		r = read_which(&c, asked, &a);
	if (r < 0)
		protocol_jit_answer_done(&a);
	else
		*ret = a;
	return r;
}

void protocol_jit_answer_done(struct protocol_jit_answer *a)
{
	free(a->places);
	free(a->which);
	free(a->strings);
	*a = (struct protocol_jit_answer){};
}
