/* Columns of numbers; see column.h. */
#include "storage/column.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EXACT		 COLUMN_EXACT
#define EXACT_LOG2	 6
#define STEPS_LOG2	 3 /* symbols an octave, as a power of two */
#define RAW		 255 /* 64 raw bits follow; used from 2^29 */
#define RAW_LOG2	 29
#define COLUMN_BYTES_MAX (64u << 20)

void column_init(struct column *c)
{
	*c = (struct column){};
	buf_init(&c->symbols, COLUMN_BYTES_MAX);
	buf_init(&c->extra, COLUMN_BYTES_MAX);
}

void column_done(struct column *c)
{
	buf_done(&c->symbols);
	buf_done(&c->extra);
}

static void add_bits(struct column *c, uint64_t v, unsigned int n)
{
	c->bits |= v << c->n_bits;
	c->n_bits += n;
	while (c->n_bits >= 8) {
		buf_add_u8(&c->extra, (uint8_t)c->bits);
		c->bits >>= 8;
		c->n_bits -= 8;
	}
}

void column_add(struct column *c, uint64_t v)
{
	unsigned int octave, rest;

	if (v < EXACT) {
		buf_add_u8(&c->symbols, (uint8_t)v);
		return;
	}
	octave = 63 - (unsigned int)__builtin_clzll(v);
	if (octave >= RAW_LOG2) {
		buf_add_u8(&c->symbols, RAW);
		add_bits(c, v & UINT32_MAX, 32);
		add_bits(c, v >> 32, 32);
		return;
	}
	rest = octave - STEPS_LOG2;
	buf_add_u8(&c->symbols, (uint8_t)(EXACT + ((octave - EXACT_LOG2) << STEPS_LOG2) +
					  ((v >> rest) & ((1u << STEPS_LOG2) - 1))));
	add_bits(c, v & ((1ull << rest) - 1), rest);
}

static uint64_t zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

void column_add_signed(struct column *c, int64_t v)
{
	column_add(c, zigzag(v));
}

int column_write(struct column *c, struct compress *z, int level, struct buf *out)
{
	int r;

	if (c->n_bits)
		add_bits(c, 0, 8 - c->n_bits);
	if (c->symbols.err || c->extra.err)
		return c->symbols.err ? c->symbols.err : c->extra.err;
	r = compress_write(z, c->symbols.data, c->symbols.len, level, out);
	if (r < 0)
		return r;
	return compress_write(z, c->extra.data, c->extra.len, level, out);
}

/* ---- reading ---- */

int column_open(struct column_reader *c, struct compress *z, struct cursor *in, size_t n)
{
	size_t n_symbols, n_extra;
	int r;

	*c = (struct column_reader){};
	r = compress_read(z, in, n, &c->symbols, &n_symbols);
	if (r < 0)
		return r;
	if (n_symbols != n) {
		column_close(c);
		return -EBADMSG;
	}
	r = compress_read(z, in, 8 * n, &c->extra, &n_extra);
	if (r < 0) {
		column_close(c);
		return r;
	}
	c->n = n;
	c->more = cursor_over(c->extra, n_extra);
	return 0;
}

int column_pass(struct column_reader *c, struct cursor *in, size_t n)
{
	int r;

	*c = (struct column_reader){};
	r = compress_pass(in, n);
	return r < 0 ? r : compress_pass(in, 8 * n);
}

void column_close(struct column_reader *c)
{
	free(c->symbols);
	free(c->extra);
	c->symbols = c->extra = NULL;
	c->n = c->at = 0;
}

/*
 * At least n (32 at most) are in bits then; above n_bits may stand some of what follows, and is put
 * there again. While eight bytes are left at most seven are taken, so that one that belongs to no
 * number is left in the end.
 */
static void refill(struct column_reader *c, unsigned int n)
{
	uint64_t word;

	if (cursor_left(&c->more) >= sizeof(word)) {
		memcpy(&word, c->more.at, sizeof(word));
		c->bits |= le64toh(word) << c->n_bits;
		c->more.at += (63 - c->n_bits) / 8;
		c->n_bits += (63 - c->n_bits) / 8 * 8;
	}
	for (; c->n_bits < n; c->n_bits += 8) {
		if (c->more.at < c->more.end)
			c->bits |= (uint64_t)*c->more.at++ << c->n_bits;
		else
			c->err = -EBADMSG;
	}
}

static uint64_t take_bits(struct column_reader *c, unsigned int n)
{
	uint64_t v;

	if (c->n_bits < n)
		refill(c, n);
	v = c->bits & ((1ull << n) - 1);
	c->bits >>= n;
	c->n_bits -= n;
	return v;
}

bool column_is_used_up(const struct column_reader *c)
{
	return !c->err && c->at == c->n && !cursor_left(&c->more);
}

uint64_t column_next_large(struct column_reader *c)
{
	unsigned int symbol, octave, rest;
	uint64_t low;

	if (c->at >= c->n) {
		c->err = -EBADMSG;
		return 0;
	}
	symbol = c->symbols[c->at++];
	if (symbol == RAW) {
		low = take_bits(c, 32);
		return low | take_bits(c, 32) << 32;
	}
	octave = EXACT_LOG2 + ((symbol - EXACT) >> STEPS_LOG2);
	rest = octave - STEPS_LOG2;
	low = take_bits(c, rest);
	return 1ull << octave | (uint64_t)((symbol - EXACT) & ((1u << STEPS_LOG2) - 1)) << rest |
	       low;
}

/* Bits that stand in extra for each symbol. */
static unsigned int extra_bits(uint8_t symbol)
{
	if (symbol < EXACT)
		return 0;
	return symbol == RAW ? 64 : EXACT_LOG2 - STEPS_LOG2 + ((symbol - EXACT) >> STEPS_LOG2);
}

/* ---- eight symbols at once ---- */

#define EACH(byte) (0x0101010101010101ull * (byte))

static uint64_t sum_of_bytes(uint64_t word)
{
	return word * EACH(1) >> 56;
}

/* 1 in each byte that is 0, else 0. */
static uint64_t zero_bytes(uint64_t word)
{
	return ~(((word & EACH(0x7f)) + EACH(0x7f)) | word) >> 7 & EACH(1);
}

/* As extra_bits(): an eighth of each symbol from EXACT on, less what that is for EXACT itself. */
static uint64_t extra_bits_of_eight(uint64_t word)
{
	uint64_t large = (word | word << 1) >> 7 & EACH(1);
	uint64_t steps = word >> STEPS_LOG2 & EACH(0x1f) & large * 0xff;
	uint64_t n_raw = sum_of_bytes(zero_bytes(~word));

	return sum_of_bytes(steps) -
	       sum_of_bytes(large) * ((EXACT >> STEPS_LOG2) - (EXACT_LOG2 - STEPS_LOG2)) +
	       n_raw * (64 - (EXACT_LOG2 - STEPS_LOG2 + ((RAW - EXACT) >> STEPS_LOG2)));
}

static void skip_bits(struct column_reader *c, uint64_t n)
{
	if (n > c->n_bits) {
		n -= c->n_bits;
		c->bits = c->n_bits = 0;
		if (!cursor_bytes(&c->more, n / 8))
			c->err = -EBADMSG;
		n %= 8;
	}
	take_bits(c, (unsigned int)n);
}

uint64_t column_skip(struct column_reader *c, uint64_t n)
{
	uint64_t bits = 0, zeros = 0, word;
	size_t end = c->at + n;

	if (n > c->n - c->at) {
		c->err = -EBADMSG;
		return 0;
	}
	for (; end - c->at >= 8; c->at += 8) {
		memcpy(&word, c->symbols + c->at, sizeof(word));
		zeros += sum_of_bytes(zero_bytes(word));
		bits += word & EACH(0xc0) ? extra_bits_of_eight(word) : 0;
	}
	for (; c->at < end; c->at++) {
		zeros += c->symbols[c->at] == 0;
		bits += extra_bits(c->symbols[c->at]);
	}
	skip_bits(c, bits);
	return zeros;
}
