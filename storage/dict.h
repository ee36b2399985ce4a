/*
 * The dictionary of one epoch: what the numbers in its blocks mean.
 *
 * It is a profile whose ids are the numbers, plus the label sets, packed, and the ranges of
 * numbers whose chunk was missing or damaged. An epoch is about a day of samples; its dictionary
 * lives and dies with its blocks, so that what is no longer used goes without anybody counting
 * references. Not thread-safe.
 *
 * A reader's is given its chunks as bytes and unpacks of them what a question needs: strings and
 * the other tables when they are asked for, label sets chunk by chunk.
 */
#pragma once

#include "storage/chunk.h"

#define DICT_HOLES_MAX 64

struct dict_hole {
	enum chunk_kind kind;
	uint32_t from, until;
};

/* A chunk whose bytes wait. */
struct dict_piece {
	struct chunk_head head;
	uint8_t *data; /* NULL: all of it is unpacked */
	size_t len;
	bool strings, code, labels; /* these are unpacked */
};

struct dict {
	uint64_t epoch;
	/* no labels and no samples in it; of readers only there after dict_unpack() */
	struct profile *tables;
	struct dict_piece *pieces; /* by their numbers */
	uint32_t n_pieces, cap_pieces;
	uint32_t n_strings, n_code; /* of pieces before that, the tables are there */
	uint32_t end[CHUNK_KINDS]; /* the numbers that they have are below */
	size_t piece_bytes;
	struct compress *unpacker;
	uint8_t *label_bytes; /* of readers: sets one after the other */
	uint32_t n_label_bytes, cap_label_bytes;
	uint32_t *label_at; /* UINT32_MAX: not there yet */
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

/*
 * The same for a reader: the chunk's bytes are copied and wait; z outlives the dictionary. 0,
 * -ENOMEM, or -EBADMSG, -EPROTO: it is as if the chunk were missing. What turns out to be damaged
 * when it is unpacked becomes holes.
 */
int dict_add_bytes(struct dict *d, const void *data, size_t len, struct compress *z);
/*
 * All tables are there when this is 0, or the strings alone, which label sets need; -ENOMEM. Cheap
 * when there is nothing to do.
 */
int dict_unpack(struct dict *d);
int dict_unpack_strings(struct dict *d);

/* Is everything that this number needs really there? Of a reader's, once it is unpacked. */
bool dict_has_stack(const struct dict *d, uint32_t stack);
bool dict_has(const struct dict *d, enum chunk_kind kind, uint32_t id);

/*
 * A label set; its strings are ids of tables, which may have to be unpacked for them. 0, -ENOMEM,
 * or -EBADMSG where it, or a string of it, is missing.
 */
int dict_labels(struct dict *d, uint32_t labels, struct profile_labels *ret);

uint32_t dict_count(const struct dict *d, enum chunk_kind kind);
