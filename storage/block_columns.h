/*
 * The shape of a block's bytes, said once for its writer and its parser; FORMAT.md, "A block",
 * tells the rest.
 *
 * Sorted by class, then label set, then time, a sample is: how far from a tick of a clock, and
 * the rank of its stack in its class. Each of these is a column. Private to block_write.c and
 * block_parse.c.
 */
#pragma once

#include "storage/block.h"
#include "storage/ticks.h"

#define BLOCK_MAGIC	     "HBLK"
#define BLOCK_VERSION	     1
#define BLOCK_CAPS	     0 /* features that a reader must know; none yet */
#define BLOCK_CHECKSUM_BYTES 8

/* X(name): the columns in the order of the bytes */
#define BLOCK_COLUMN_LIST(X)                                                                      \
	X(CLASS) /* each class: its number, over the one before */                                \
	X(CLASS_GROUPS) /* each class: how many label sets, less one */                           \
	X(LABELS) /* each group: its label set, signed, over the one before */                    \
	X(GROUP_SAMPLES) /* each group: how many samples, less one */                             \
	X(STACK) /* each stack in order of first use: its number, signed, over the one before */  \
	X(RANK) /* each sample: rank of its stack in its class, 0 the first time */               \
	X(FRESH) /* each rank 0: 0 the next of the stacks, else how far back it was first used */ \
	X(START) /* each group: its first tick, signed, over that of the group before */          \
	X(GAP) /* each further stretch of a group: ticks, signed, over the last one before */     \
	X(RUN) /* each stretch: how many samples, each one tick after the other, less one */      \
	X(CLOCK) /* each stretch: its clock */                                                    \
	X(OFF) /* each sample: milliseconds off its tick, signed */                               \
	X(COUNT) /* each sample: its count less one; empty where all are one */                   \
	X(LOSS_REASON) /* each loss: number of the reason */                                      \
	X(LOSS_TIME) /* each loss: milliseconds, signed, over the one before (base) */            \
	X(LOSS_COUNT)

enum {
#define COLUMN_ENUM(name) COL_##name,
	BLOCK_COLUMN_LIST(COLUMN_ENUM)
#undef COLUMN_ENUM
		COLUMNS
};

/* X(name, maximum): the numbers of the head, in the order of the bytes */
#define BLOCK_HEAD_LIST(X)                \
	X(n_samples, BLOCK_SAMPLES_MAX)   \
	X(n_classes, BLOCK_SAMPLES_MAX)   \
	X(n_groups, BLOCK_SAMPLES_MAX)    \
	X(n_stacks, BLOCK_SAMPLES_MAX)    \
	X(n_fresh, BLOCK_SAMPLES_MAX)     \
	X(n_counts, BLOCK_SAMPLES_MAX)    \
	X(n_stretches, BLOCK_SAMPLES_MAX) \
	X(n_clocks, TICKS_CLOCKS_MAX)     \
	X(base_ms, BLOCK_TIME_MS_MAX)     \
	X(tick_ns, TICKS_NS_MAX)          \
	X(n_reasons, BLOCK_REASONS_MAX)   \
	X(n_losses, BLOCK_LOSSES_MAX)

struct block_head {
#define HEAD_FIELD(name, max) uint64_t name;
	BLOCK_HEAD_LIST(HEAD_FIELD)
#undef HEAD_FIELD
};
