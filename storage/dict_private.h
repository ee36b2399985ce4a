/*
 * What dict.c (the tables, label sets, holes) and dict_pieces.c (chunks whose bytes wait) share.
 */
#pragma once

#include "storage/dict.h"

#define DICT_NOT_THERE	      UINT32_MAX /* in label_at */
#define DICT_HOLE_ENTRIES_MAX CHUNK_ENTRIES_MAX

/* Each 0 or a negative errno. */

/* Room for so many elements in an array that is behind a pointer. */
int dict_grow(void *array, uint32_t *cap, uint64_t want, size_t size);
int dict_widen_labels(struct dict *d, uint64_t n); /* room for the numbers below n */
int dict_set_labels(struct dict *d, uint32_t id, const struct profile_labels *l);
int dict_unpack_labels(struct dict *d, uint32_t labels); /* the chunk that has it */
int dict_fill_gap(struct dict *d, enum chunk_kind kind, uint32_t until); /* with holes */
void dict_add_hole(struct dict *d, enum chunk_kind kind, uint32_t from, uint32_t until);
int dict_apply_kind(struct dict *d, const struct chunk *c, enum chunk_kind kind);
int dict_apply_code(struct dict *d, const struct chunk *c); /* all between strings and labels */
