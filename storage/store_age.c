/*
 * Ageing: small blocks and chunks become larger ones, old samples coarser, and what is too old or
 * too much is dropped.
 *
 * One call does one bounded step, the most urgent one: space, age, roll-up, merging,
 * dictionaries, free pages. Numbers of blocks stay without gaps: a merged block covers the
 * numbers of its parts, and a block that is dropped out of turn leaves a row without data, which
 * goes when everything before it has gone.
 */
#include "storage/store_age.h"

#include "profiler/base/cleanup.h"

#include <errno.h>

/* Deleting touches each page of what goes. */
#define DROPPED_AT_ONCE	   64 /* blocks */
#define DROP_BYTES_AT_ONCE (16u << 20)
#define FREE_PAGES_AT_ONCE 256
#define FREE_BYTES_KEPT	   (1u << 20) /* are soon used again */
#define WAL_SHARE	   16 /* of the limit: what the WAL may have of it */

static void ageing_done(struct ageing *a)
{
	db_block_list_done(&a->list);
	buf_done(&a->bytes);
}

/* ---- dropping ---- */

/*
 * Block i goes. Where it is not the first, its numbers stay as a row without data, joined with such
 * rows beside it.
 */
static int drop_block(struct ageing *a, size_t i)
{
	struct db_block *b = &a->list.blocks[i];
	int r = db_block_delete(a->store->db, b->first);

	if (r < 0)
		return r;
	a->changed = true;
	b->level = DB_DROPPED;
	b->samples = b->entries = b->from_ms = b->until_ms = b->period_ns = b->bytes = b->hash = 0;
	b->resolution_ms = 1;
	return db_block_move(a->store->db, b->first, b);
}

/* Rows without data that nothing older holds up go, and neighbours become one. */
static int tidy_dropped(struct ageing *a)
{
	struct db_block *blocks = a->list.blocks;
	size_t i = 0;
	int r = 0;

	for (; i < a->list.n && !ageing_is_kept(&blocks[i]) && r >= 0; i++) {
		/* Only without a gap before it: a missing row is not covered up. */
		if (blocks[i].first != a->state.first_block)
			break;
		r = db_block_delete(a->store->db, blocks[i].first);
		a->state.first_block = blocks[i].last + 1;
		a->changed = true;
	}
	for (i++; i < a->list.n && r >= 0; i++) {
		struct db_block *before = &blocks[i - 1], *b = &blocks[i];

		if (ageing_is_kept(before) || ageing_is_kept(b) || before->last + 1 != b->first)
			continue;
		r = db_block_delete(a->store->db, before->first);
		if (r >= 0) {
			uint64_t old = b->first;

			b->first = before->first;
			r = db_block_move(a->store->db, old, b);
		}
		a->changed = true;
	}
	return r;
}

uint64_t ageing_ms_before(const struct ageing *a, uint64_t ns)
{
	return a->now_ms > ns / NS_PER_MS ? a->now_ms - ns / NS_PER_MS : 0;
}

static int drop_old(struct ageing *a)
{
	uint64_t until_ms = ageing_ms_before(a, a->store->options.retention_time_ns);
	unsigned int n = 0;
	uint64_t bytes = 0;
	int r = 0;

	for (size_t i = 0; i < a->list.n && r >= 0; i++) {
		struct db_block *b = &a->list.blocks[i];

		if (!ageing_is_kept(b) || b->until_ms > until_ms || store_is_imported(b))
			continue;
		bytes += b->bytes;
		r = drop_block(a, i);
		if (++n >= DROPPED_AT_ONCE || bytes > DROP_BYTES_AT_ONCE)
			break;
	}
	return r;
}

/*
 * The first in the order of writing: it is right whatever the clock did. The newest block stays
 * in any case.
 */
static int drop_surplus(struct ageing *a, uint64_t surplus_bytes)
{
	unsigned int n = 0;
	uint64_t bytes = 0;
	int r = 0;

	for (size_t i = 0; i + 1 < a->list.n && r >= 0; i++) {
		if (!ageing_is_kept(&a->list.blocks[i]))
			continue;
		bytes += a->list.blocks[i].bytes;
		r = drop_block(a, i);
		if (++n >= DROPPED_AT_ONCE || bytes >= surplus_bytes || bytes > DROP_BYTES_AT_ONCE)
			break;
	}
	return r;
}

/*
 * Bytes above the limit. Free pages do not count, they are given back or used again; of the WAL
 * no more than its share does, because a reader may keep it long, and samples are not dropped for
 * that.
 */
static int surplus(struct store *s, uint64_t *ret)
{
	uint64_t limit = s->options.retention_bytes, used, wal;
	struct db_space space;
	int r = db_space(s->db, &space);

	if (r < 0)
		return r;
	wal = space.wal_bytes < limit / WAL_SHARE ? space.wal_bytes : limit / WAL_SHARE;
	used = space.file_bytes - space.free_bytes + wal;
	*ret = used > limit ? used - limit : 0;
	return 0;
}

/* ---- dictionaries ---- */

static bool epoch_is_used(const struct ageing *a, uint64_t epoch)
{
	if (epoch >= a->state.epoch)
		return true;
	for (size_t i = 0; i < a->list.n; i++)
		if (ageing_is_kept(&a->list.blocks[i]) && a->list.blocks[i].epoch == epoch)
			return true;
	return false;
}

/* Chunks go from the front only, so that their numbers stay without gaps. */
static int drop_chunks(struct ageing *a)
{
	struct db_chunk_list l;
	int r = db_chunk_list(a->store->db, DB_CHUNKS, &l);

	if (r < 0)
		return r;
	for (size_t i = 0; i < l.n && r >= 0; i++) {
		if (l.chunks[i].first != a->state.first_chunk ||
		    epoch_is_used(a, l.chunks[i].epoch))
			break;
		r = db_chunk_delete(a->store->db, DB_CHUNKS, &l.chunks[i]);
		a->state.first_chunk = l.chunks[i].last + 1;
		a->changed = true;
	}
	db_chunk_list_done(&l);
	return r;
}

/* ---- steps ---- */

/* 1 something was done. */
static int drop(struct ageing *a)
{
	uint64_t too_much;
	int r = surplus(a->store, &too_much);

	if (r >= 0 && too_much)
		r = drop_surplus(a, too_much);
	if (r >= 0 && !a->changed)
		r = drop_old(a);
	if (r >= 0 && a->changed)
		r = tidy_dropped(a);
	if (r >= 0)
		r = drop_chunks(a);
	return r < 0 ? r : a->changed;
}

static int step(struct ageing *a)
{
	int r = db_block_list(a->store->db, &a->list);

	if (r >= 0)
		r = drop(a);
	if (r == 0)
		r = ageing_roll_up(a);
	if (r == 0)
		r = ageing_merge_blocks(a);
	if (r == 0)
		r = ageing_merge_chunks(a);
	if (r == 0)
		r = ageing_sum_up(a);
	return r;
}

/*
 * Free pages go back to the file system when there are many, or the file is above its limit; the
 * WAL is emptied where it is what is above it. 1: there is more to do.
 */
static int give_back(struct store *s)
{
	uint64_t limit = s->options.retention_bytes, kept = limit / 8;
	struct db_space space;
	int r = db_space(s->db, &space);

	if (r < 0)
		return r;
	kept = kept < FREE_BYTES_KEPT ? kept : FREE_BYTES_KEPT;
	if (space.file_bytes + space.wal_bytes > limit)
		kept = 0;
	if (space.free_bytes > kept) {
		r = db_give_back(s->db, FREE_PAGES_AT_ONCE);
		return r < 0 ? r : 1;
	}
	/*
	 * Only as an end, since giving back writes to the WAL too. A reader may prevent it: then
	 * the next time.
	 */
	if (space.file_bytes + space.wal_bytes > limit && space.wal_bytes > limit / WAL_SHARE)
		db_empty_wal(s->db);
	return 0;
}

int store_age(struct store *s, uint64_t now_ns, struct err *err)
{
	_cleanup_(ageing_done) struct ageing a = {.store = s, .now_ms = now_ns / NS_PER_MS};
	int r, done;

	if (!s->writer)
		return err_set(err, -EINVAL, "age: open for reading only");
	buf_init(&a.bytes, BLOCK_BYTES_MAX);
	a.state = s->state;
	r = db_begin(s->db, true);
	if (r < 0)
		return db_error(s->db, err, r, "age");
	done = r = step(&a);
	if (r >= 0 && a.changed)
		r = db_state_put(s->db, &a.state);
	if (r >= 0 && a.changed)
		r = db_commit(s->db, false);
	else
		db_rollback(s->db);
	if (r < 0)
		return db_error(s->db, err, r, "age");
	if (a.changed)
		s->state = a.state;
	if (!done)
		done = give_back(s);
	return done < 0 ? db_error(s->db, err, done, "age") : done;
}

int store_sum_up(struct store *s)
{
	_cleanup_(ageing_done) struct ageing a = {.store = s};
	int r = db_begin(s->db, true);

	buf_init(&a.bytes, BLOCK_BYTES_MAX);
	if (r >= 0)
		r = db_block_list(s->db, &a.list);
	while (r >= 0 && (r = ageing_sum_up(&a)) > 0)
		;
	if (r >= 0)
		r = db_commit(s->db, false);
	else
		db_rollback(s->db);
	return r < 0 ? r : 0;
}
