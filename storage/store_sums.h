/*
 * Sums: the samples of whole blocks added up over their times, by stack and class, so that a
 * question about a long range reads a hundredth of it.
 *
 * Sums are blocks too, of one moment and with a class in each label set's place. They cover
 * numbers [first, last] of blocks. What a range of numbers holds never changes, whatever ageing
 * does to its blocks, but for dropping: so sums are right as long as their numbers are exactly
 * those of blocks that are kept, and nothing has to be said to them.
 */
#pragma once

#include "storage/store_private.h"

/*
 * Do the blocks of the list from *ret_from to before *ret_until have exactly these numbers, all
 * kept and alike in epoch, type and period?
 */
bool store_sums_cover(const struct db_block_list *l, const struct db_chunk *sums, size_t *ret_from,
		      size_t *ret_until);

/*
 * The samples of b, which are in the order of the format, added up by class and stack, and its
 * losses, all at time_ms. 0, -ENOMEM, -E2BIG: numbers of stacks are too large.
 */
int store_sums_of_block(const struct block *b, uint64_t time_ms, struct block *ret);

/* The labels that sums know: what is equal in all label sets of a class. NULL-terminated. */
extern const char *const store_sums_labels[];
/* Are these (NULL-terminated; NULL: all that there are) among them? */
bool store_sums_know(const char *const *by);
