/*
 * The thread that has the store: it commits, syncs, ages and looks what is there, so that who
 * samples waits for no disk.
 *
 * One round at a time: what store_feed_take() took is given, and while it is under way samples
 * stay where they are. The other thread keeps to its feeds meanwhile.
 */
#pragma once

#include "storage/store.h"

#include <stdbool.h>

struct flusher;

struct flusher_round {
	int written, aged; /* as store_write() and store_age() say; not written is not aged */
	struct err write_err, age_err;
};

/* s stays the caller's, and is not touched by others until flusher_free(). 0 or negative errno. */
int flusher_new(struct store *s, struct flusher **ret);
/* Waits for what is under way. NULL is fine. */
struct flusher *flusher_free(struct flusher *f);

/* Write what was taken; with a sync, and while there is much, age too. Not while it is busy. */
void flusher_begin(struct flusher *f, bool sync);
/* Have the thread call work, which tells ctx what became of it. Not while it is busy. */
void flusher_work(struct flusher *f, void (*work)(void *ctx), void *ctx);
bool flusher_is_busy(struct flusher *f);
/* What became of a round, once; false: it is under way, or was told. */
bool flusher_done(struct flusher *f, struct flusher_round *ret);
void flusher_wait(struct flusher *f); /* until it is not busy */

/*
 * What the store holds, the caller's; where the thread is busy for longer than wait_ms, what was
 * found too late for the question before; -EAGAIN: nothing of the two.
 */
int flusher_summary(struct flusher *f, unsigned int wait_ms, struct store_summary *ret);
