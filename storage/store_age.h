/*
 * The steps of ageing, between store_age.c, which decides what is most urgent and drops,
 * store_age_merge.c, which rewrites blocks and chunks, and store_age_sums.c, which adds up.
 *
 * Each step is bounded, happens inside one transaction, and returns 1 where it did something, 0
 * where there was nothing to do, or a negative errno.
 */
#pragma once

#include "storage/store_private.h"

#define MERGE_ENTRIES (1u << 18) /* of a merged block, and of sums */

struct ageing {
	struct store *store;
	uint64_t now_ms;
	struct db_block_list list;
	struct db_state state; /* as it will be */
	struct buf bytes;
	bool changed;
};

static inline bool ageing_is_kept(const struct db_block *b)
{
	return b->level != DB_DROPPED;
}

uint64_t ageing_ms_before(const struct ageing *a,
			  uint64_t ns); /* now; 0 where that is before 1970 */

/* -EBADMSG: it is damaged, and noted. */
int ageing_read_block(struct ageing *a, const struct db_block *head, struct block *ret);

int ageing_roll_up(struct ageing *a); /* one block that is too detailed for its age */
int ageing_merge_blocks(struct ageing *a);
int ageing_merge_chunks(struct ageing *a);
int ageing_sum_up(struct ageing *a);

/* All sums that ageing would make in time, at once. 0 or a negative errno. */
int store_sum_up(struct store *s);
