/*
 * A column: many numbers, most of them small, as one byte each and a few bits beside it.
 *
 * The byte (the symbol) says the number's size and its first bits, so that zstd's entropy coder
 * sees the whole distribution; what is left of large numbers are raw bits. FORMAT.md has the
 * table. Pure.
 */
#pragma once

#include "profiler/base/buf.h"
#include "storage/compress.h"

#include <stdbool.h>
#include <stdint.h>

struct column {
	struct buf symbols, extra;
	uint64_t bits; /* not yet in extra, lowest first */
	unsigned int n_bits;
};

void column_init(struct column *c);
void column_done(struct column *c);
void column_add(struct column *c, uint64_t v); /* failure is sticky and told by column_write() */
void column_add_signed(struct column *c, int64_t v);
int column_write(struct column *c, struct compress *z, int level, struct buf *out);

struct column_reader {
	uint8_t *symbols, *extra;
	size_t n, at;
	struct cursor more;
	uint64_t bits;
	unsigned int n_bits;
	int err; /* -EBADMSG once a read went past the end */
};

/* Foreign bytes: a column of exactly n numbers. 0, -EBADMSG, -ENOMEM. */
int column_open(struct column_reader *c, struct compress *z, struct cursor *in, size_t n);
/* Go past a column of n numbers without unpacking it; the reader is empty. 0 or -EBADMSG. */
int column_pass(struct column_reader *c, struct cursor *in, size_t n);
void column_close(struct column_reader *c);
/* All numbers were read, and no byte is left over; of an empty reader as well. */
bool column_is_used_up(const struct column_reader *c);
/* Leave out the next n numbers; returns how many of them are 0. */
uint64_t column_skip(struct column_reader *c, uint64_t n);

#define COLUMN_EXACT 64 /* numbers below are their own symbol */

uint64_t column_next_large(struct column_reader *c); /* column_next()'s, where it is none of them */

/* In the header: a question takes most of its time here, and most numbers are small. */
static inline uint64_t column_next(struct column_reader *c)
{
	if (c->at < c->n && c->symbols[c->at] < COLUMN_EXACT)
		return c->symbols[c->at++];
	return column_next_large(c);
}

static inline int64_t column_next_signed(struct column_reader *c)
{
	uint64_t v = column_next(c);

	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}
