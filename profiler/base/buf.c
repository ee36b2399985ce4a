/* A growing byte buffer with a maximum, and the bounded reader that takes it apart; see buf.h. */
#include "profiler/base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST_BYTES 256

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->err = 0;
}

/*
 * Doubled until len more bytes and a NUL fit, and never past what the maximum can use; 0 past any
 * memory.
 */
static size_t grown_cap(const struct buf *b, size_t len)
{
	size_t cap = b->cap ? b->cap : BUF_FIRST_BYTES;
	size_t need = b->len + len;

	if (need >= SIZE_MAX / 2)
		return 0;
	while (cap <= need)
		cap *= 2;
	return cap - 1 > b->max ? b->max + 1 : cap;
}

void *buf_reserve(struct buf *b, size_t len)
{
	size_t cap;
	uint8_t *data;

	if (b->err)
		return NULL;
	if (len > b->max || b->len > b->max - len) {
		b->err = -EFBIG;
		return NULL;
	}
	/* One byte more than asked, so that buf_str() always has room for its NUL. */
	if (len < b->cap && b->len < b->cap - len)
		return b->data + b->len;
	cap = grown_cap(b, len);
	data = cap ? realloc(b->data, cap) : NULL;
	if (!data) {
		b->err = -ENOMEM;
		return NULL;
	}
	b->data = data;
	b->cap = cap;
	return b->data + b->len;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	void *to = buf_reserve(b, len);

	if (!to)
		return b->err;
	if (len)
		memcpy(to, data, len);
	b->len += len;
	return 0;
}

int buf_add_str(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_add_char(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	char *to;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0) {
		b->err = -EFBIG; /* longer than an int can say */
		return b->err;
	}
	to = buf_reserve(b, (size_t)n); /* which leaves a byte for the NUL */
	if (!to)
		return b->err;
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
	return 0;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = buf_vprintf(b, fmt, ap);
	va_end(ap);
	return r;
}

static int add_le(struct buf *b, uint64_t v, size_t bytes)
{
	uint8_t *to = buf_reserve(b, bytes);

	if (!to)
		return b->err;
	for (size_t i = 0; i < bytes; i++)
		to[i] = (uint8_t)(v >> (8 * i));
	b->len += bytes;
	return 0;
}

int buf_add_u8(struct buf *b, uint8_t v)
{
	return add_le(b, v, 1);
}

int buf_add_u16(struct buf *b, uint16_t v)
{
	return add_le(b, v, 2);
}

int buf_add_u32(struct buf *b, uint32_t v)
{
	return add_le(b, v, 4);
}

int buf_add_u64(struct buf *b, uint64_t v)
{
	return add_le(b, v, 8);
}

int buf_add_varint(struct buf *b, uint64_t v)
{
	uint8_t bytes[10];
	size_t n = 0;

	while (v >= 0x80) {
		bytes[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	bytes[n++] = (uint8_t)v;
	return buf_add(b, bytes, n);
}

int buf_add_zigzag(struct buf *b, int64_t v)
{
	return buf_add_varint(b, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

const char *buf_str(struct buf *b)
{
	if (!b->data && !buf_reserve(b, 0))
		return "";
	b->data[b->len] = '\0';
	return (const char *)b->data;
}

uint8_t *buf_steal(struct buf *b, size_t *ret_len)
{
	uint8_t *data;

	if (b->err || !buf_reserve(b, 0))
		return NULL;
	data = b->data;
	data[b->len] = '\0';
	if (ret_len)
		*ret_len = b->len;
	*b = (struct buf){.max = b->max};
	return data;
}

const uint8_t *cursor_bytes(struct cursor *c, size_t len)
{
	const uint8_t *at = c->at;

	if (c->err || len > cursor_left(c)) {
		c->err = -EBADMSG;
		c->at = c->end;
		return NULL;
	}
	c->at += len;
	return at;
}

static uint64_t get_le(struct cursor *c, size_t bytes)
{
	const uint8_t *at = cursor_bytes(c, bytes);
	uint64_t v = 0;

	if (!at)
		return 0;
	for (size_t i = 0; i < bytes; i++)
		v |= (uint64_t)at[i] << (8 * i);
	return v;
}

uint8_t cursor_u8(struct cursor *c)
{
	return (uint8_t)get_le(c, 1);
}

uint16_t cursor_u16(struct cursor *c)
{
	return (uint16_t)get_le(c, 2);
}

uint32_t cursor_u32(struct cursor *c)
{
	return (uint32_t)get_le(c, 4);
}

uint64_t cursor_u64(struct cursor *c)
{
	return get_le(c, 8);
}

uint64_t cursor_varint(struct cursor *c)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		uint8_t byte = cursor_u8(c);

		if (c->err)
			return 0;
		if (shift == 63 && byte > 1)
			break;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	c->err = -EBADMSG;
	c->at = c->end;
	return 0;
}

int64_t cursor_zigzag(struct cursor *c)
{
	uint64_t v = cursor_varint(c);

	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}
