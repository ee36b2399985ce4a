/* The walk over a store that check.c looks with and check_repair.c copies with. */
#pragma once

#include "storage/check.h"
#include "storage/store_private.h"
#include "storage/survey.h"

struct walk {
	struct survey survey;
	struct check *check;
	struct dict *dict; /* of the block at hand */
	struct check_sums *sums; /* NULL: they are not looked at */
	struct compress compress;
	struct buf data; /* of the chunk at hand */
	/* May be NULL; 0 or a negative errno. */
	int (*on_chunk)(struct walk *w, const struct db_chunk *head);
	/*
	 * changed: b is less than what the store's file has, because names are missing. b is empty
	 * for blocks that were dropped.
	 */
	int (*on_block)(struct walk *w, const struct db_block *head, struct block *b, bool changed);
	/* head NULL: it is not known */
	int (*on_lost)(struct walk *w, const struct check_item *item, const struct db_block *head);
	void *arg;
};

/* First all chunks, then all blocks. 0 or a negative errno. */
int walk_all(struct walk *w);
void walk_done(struct walk *w);

/* check_sums.c */
/* w->sums. How many of their rows are damaged, or a negative errno: -EBADMSG, all of them. */
int check_sums_begin(struct walk *w);
struct check_sums *check_sums_free(struct check_sums *c);
/*
 * The next block of the walk, NULL where it could not be read whole. How many sums ended with it
 * and are not what their blocks add up to, or a negative errno.
 */
int check_sums_take(struct walk *w, const struct db_block *head, const struct block *b);
