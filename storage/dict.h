/*
 * The dictionary of one epoch: what the numbers in its blocks mean.
 *
 * It is a profile whose ids are the numbers, plus the label sets, packed, and the ranges of
 * numbers whose chunk was missing or damaged. An epoch is about a day of samples; its dictionary
 * lives and dies with its blocks, so that what is no longer used goes without anybody counting
 * references. Not thread-safe.
 */
#pragma once

#include "storage/chunk.h"

#define DICT_HOLES_MAX 64

struct dict_hole {
	enum chunk_kind kind;
	uint32_t from, until;
};

struct dict {
	uint64_t epoch;
	struct profile *tables; /* no labels and no samples in it */
	uint8_t *label_bytes; /* of readers: sets one after the other */
	uint32_t n_label_bytes, cap_label_bytes;
	uint32_t *label_at;
	uint32_t n_labels, cap_labels;
	bool keep_labels;
	struct dict_hole holes[DICT_HOLES_MAX];
	uint32_t n_holes;
	bool broken; /* more holes than can be kept: nothing in it can be believed */
};

int dict_new(uint64_t epoch, bool keep_labels, struct dict **ret);
struct dict *dict_free(struct dict *d);
size_t dict_bytes(const struct dict *d);

/*
 * Add a chunk; entries that are there already are skipped, so a chunk that overlaps is fine.
 * Entries that are missing between become holes. 0, -ENOMEM, or -EBADMSG: the chunk contradicts
 * the dictionary, and its numbers are holes.
 */
int dict_apply(struct dict *d, const struct chunk *c);

/* Is everything that this number needs really there? */
bool dict_has_stack(const struct dict *d, uint32_t stack);
bool dict_has(const struct dict *d, enum chunk_kind kind, uint32_t id);

/*
 * A label set; its strings are ids of tables. 0, or -EBADMSG where it, or a string of it, is
 * missing.
 */
int dict_labels(const struct dict *d, uint32_t labels, struct profile_labels *ret);

uint32_t dict_count(const struct dict *d, enum chunk_kind kind);
