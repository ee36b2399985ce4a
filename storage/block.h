/*
 * Blocks: the samples of a time range as columns of bytes, and back.
 *
 * A block refers to stacks and label sets by their numbers in the dictionary of its epoch and
 * knows nothing else of them, but for the class of a label set: a label set that stands for all
 * that run the same code (comm, thread and exe are equal). Samples of a class are coded together,
 * since they hit the same stacks. Pure; FORMAT.md has the bytes.
 */
#pragma once

#include "storage/compress.h"

#include <stdbool.h>
#include <stdint.h>

#define BLOCK_SAMPLES_MAX      (1u << 20)
#define BLOCK_LOSSES_MAX       (1u << 16)
#define BLOCK_BYTES_MAX	       (48u << 20)
#define BLOCK_REASON_BYTES_MAX 64
#define BLOCK_REASONS_MAX      256
#define BLOCK_TIME_MS_MAX      (1ull << 43) /* the year 2248; times a million it fits in 64 bits */

struct block_sample {
	uint64_t time_ms;
	uint64_t count;
	uint32_t stack;
	uint32_t labels;
	uint32_t class; /* a label set's number */
};

struct block_loss {
	uint64_t time_ms;
	uint64_t count;
	uint32_t reason; /* into reasons */
};

struct block {
	struct block_sample *samples;
	uint32_t n_samples, cap_samples;
	struct block_loss *losses;
	uint32_t n_losses, cap_losses;
	char (*reasons)[BLOCK_REASON_BYTES_MAX];
	uint32_t n_reasons;
	/* of parsed ones: the stacks of all samples are below, also where they were left out */
	uint32_t end_stack;
};

void block_done(struct block *b); /* a zeroed one is empty */
void block_clear(struct block *b);

/* Room for so many in all. */
int block_reserve(struct block *b, uint64_t n_samples, uint64_t n_losses);

/* 0, -ENOMEM, -E2BIG past the maximum (the block is as before). */
int block_add(struct block *b, const struct block_sample *s);
int block_add_loss(struct block *b, uint64_t time_ms, const char *reason, uint64_t count);
int block_append(struct block *into, const struct block *from);

/* Times down to multiples of resolution_ms. */
void block_coarsen(struct block *b, uint64_t resolution_ms);

/* Bring into the order of the format (class, labels, time, stack), adding up what is equal. */
int block_sort(struct block *b);

/* [*ret_from_ms, *ret_until_ms) of all times in it; 0, 0 for an empty one. */
void block_span(const struct block *b, uint64_t *ret_from_ms, uint64_t *ret_until_ms);
uint64_t block_count(const struct block *b); /* sum of the samples' counts */

/*
 * Sorts, and appends the bytes. tick_ns: the usual distance of samples, 0 unknown; it costs or
 * saves space, no more.
 */
int block_write(struct block *b, struct compress *z, uint64_t tick_ns, int level, struct buf *out);

/*
 * Foreign bytes into *ret (zeroed or cleared by the caller): 0, -EBADMSG, -EPROTO a newer
 * version, -ENOMEM. Empty on failure.
 */
int block_parse(const void *data, size_t len, struct compress *z, struct block *ret);

/* What of a block is asked for. */
struct block_want {
	/*
	 * 1 the samples of this label set, 0 not, negative: end with that. NULL: all. What is left
	 * out is not checked.
	 */
	int (*labels)(void *arg, uint32_t labels);
	void *arg;
	/* all stacks, all times are 0 then, and not checked either */
	bool no_stacks, no_times;
	/*
	 * The samples of [from_ms, until_ms) (with no_times: of all times) added up by class and
	 * stack: times are 0 and labels the class. Not with no_stacks.
	 */
	bool summed;
	bool outside; /* of all but [from_ms, until_ms) instead */
	uint64_t from_ms, until_ms;
};

/* As block_parse(), of what is wanted: several times faster where that is little. */
int block_parse_some(const void *data, size_t len, struct compress *z,
		     const struct block_want *want, struct block *ret);
