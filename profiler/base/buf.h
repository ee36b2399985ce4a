/*
 * A growing byte buffer that is born with its maximum.
 *
 * Failure is sticky: after -ENOMEM or -EFBIG nothing more is added and every later call returns the
 * same error, so that a run of appends is checked once, at its end. Not thread-safe.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data; /* len bytes; buf_str() adds a NUL behind them */
	size_t len;
	size_t cap;
	size_t max;
	int err; /* 0, -ENOMEM, -EFBIG */
};

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b); /* frees; b may be used again after buf_init() */
void buf_clear(struct buf *b); /* len = 0, err = 0, memory kept */

int buf_add(struct buf *b, const void *data, size_t len);
int buf_add_str(struct buf *b, const char *s);
int buf_add_char(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *b, const char *fmt, va_list ap);

/* Little-endian fixed width, and LEB128 varints (zigzag for the signed one). */
int buf_add_u8(struct buf *b, uint8_t v);
int buf_add_u16(struct buf *b, uint16_t v);
int buf_add_u32(struct buf *b, uint32_t v);
int buf_add_u64(struct buf *b, uint64_t v);
int buf_add_varint(struct buf *b, uint64_t v);
int buf_add_zigzag(struct buf *b, int64_t v);

/*
 * Room for len more bytes at data + len, or NULL (sticky error). The caller adds to b->len what
 * it used.
 */
void *buf_reserve(struct buf *b, size_t len);

/* The content as a C string, owned by b until its next change; "" where memory ran out. */
const char *buf_str(struct buf *b);

/* The bytes leave (the caller frees them); b is empty afterwards. NULL when err is set. */
uint8_t *buf_steal(struct buf *b, size_t *ret_len);

/*
 * A bounded reader over foreign bytes: a read past the end sets err to -EBADMSG, and reads give 0
 * from then on.
 */
struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	int err;
};

static inline struct cursor cursor_over(const void *data, size_t len)
{
	const uint8_t *at =
		data ? (const uint8_t *)data : (const uint8_t *)""; /* NULL + 0 is undefined */

	return (struct cursor){.at = at, .end = at + len};
}

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
uint64_t cursor_varint(struct cursor *c); /* more than 64 bits of value is -EBADMSG */
int64_t cursor_zigzag(struct cursor *c);
const uint8_t *cursor_bytes(struct cursor *c, size_t len); /* borrowed, NULL past the end */
