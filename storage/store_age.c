/*
 * Ageing: small blocks and chunks become larger ones, old samples coarser, and what is too old or
 * too much is dropped.
 *
 * One call does one bounded step, the most urgent one: space, age, roll-up, merging,
 * dictionaries, free pages. Numbers of blocks stay without gaps: a merged block covers the
 * numbers of its parts, and a block that is dropped out of turn leaves a row without data, which
 * goes when everything before it has gone.
 */
#include "storage/store_private.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Merging. A full block is parsed and coded in about 40 ms (tests/bench/bench_store.c). Coarser
 * blocks span as much more than an hour as they are coarser. Columns are made for zstd's entropy
 * coder: higher levels look for matches and lose 1 %.
 */
#define MERGE_FAN_IN	   16 /* blocks of a level that become one of the next */
#define MERGE_ENTRIES	   (1u << 18)
#define MERGE_SPAN_MS	   (3600 * 1000ull)
#define MERGE_SPAN_MAX_MS  (4 * 24 * 3600 * 1000ull)
#define MERGED_BLOCK_LEVEL 1
#define MERGE_CHUNK_BYTES  (128u << 10)
#define MERGED_CHUNK_LEVEL 9

#define SECOND_MS	   1000
#define MINUTE_MS	   60000
#define MINUTES_AFTER	   3 /* times the detail time: from there on minutes instead of seconds */

/* Deleting touches each page of what goes. */
#define DROPPED_AT_ONCE	   64 /* blocks */
#define DROP_BYTES_AT_ONCE (16u << 20)
#define FREE_PAGES_AT_ONCE 256
#define FREE_BYTES_KEPT	   (1u << 20) /* are soon used again */
#define WAL_SHARE	   16 /* of the limit: what the WAL may have of it */

struct ageing {
	struct store *store;
	uint64_t now_ms;
	struct db_block_list list;
	struct db_state state; /* as it will be */
	struct buf bytes;
	bool changed;
};

static void ageing_done(struct ageing *a)
{
	db_block_list_done(&a->list);
	buf_done(&a->bytes);
}

static bool is_kept(const struct db_block *b)
{
	return b->level != DB_DROPPED;
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

	for (; i < a->list.n && !is_kept(&blocks[i]) && r >= 0; i++) {
		/* Only without a gap before it: a missing row is not covered up. */
		if (blocks[i].first != a->state.first_block)
			break;
		r = db_block_delete(a->store->db, blocks[i].first);
		a->state.first_block = blocks[i].last + 1;
		a->changed = true;
	}
	for (i++; i < a->list.n && r >= 0; i++) {
		struct db_block *before = &blocks[i - 1], *b = &blocks[i];

		if (is_kept(before) || is_kept(b) || before->last + 1 != b->first)
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

static uint64_t ms_before(uint64_t now_ms, uint64_t ns)
{
	return now_ms > ns / NS_PER_MS ? now_ms - ns / NS_PER_MS : 0;
}

static int drop_old(struct ageing *a)
{
	uint64_t until_ms = ms_before(a->now_ms, a->store->options.retention_time_ns);
	unsigned int n = 0;
	uint64_t bytes = 0;
	int r = 0;

	for (size_t i = 0; i < a->list.n && r >= 0; i++) {
		struct db_block *b = &a->list.blocks[i];

		if (!is_kept(b) || b->until_ms > until_ms || store_is_imported(b))
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
		if (!is_kept(&a->list.blocks[i]))
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
		if (is_kept(&a->list.blocks[i]) && a->list.blocks[i].epoch == epoch)
			return true;
	return false;
}

/* Chunks go from the front only, so that their numbers stay without gaps. */
static int drop_chunks(struct ageing *a)
{
	struct db_chunk_list l;
	int r = db_chunk_list(a->store->db, &l);

	if (r < 0)
		return r;
	for (size_t i = 0; i < l.n && r >= 0; i++) {
		if (l.chunks[i].first != a->state.first_chunk ||
		    epoch_is_used(a, l.chunks[i].epoch))
			break;
		r = db_chunk_delete(a->store->db, l.chunks[i].first);
		a->state.first_chunk = l.chunks[i].last + 1;
		a->changed = true;
	}
	db_chunk_list_done(&l);
	return r;
}

/* ---- blocks: merging and rolling up ---- */

/* -EBADMSG: it is damaged, and noted. */
static int read_block(struct ageing *a, const struct db_block *head, struct block *ret)
{
	struct store *s = a->store;
	int r;

	buf_clear(&a->bytes);
	r = db_block_data(s->db, head, &a->bytes);
	if (r >= 0)
		r = block_parse(a->bytes.data, a->bytes.len, &s->compress, ret);
	if (r == -EPROTO || r == -EFBIG)
		r = -EBADMSG;
	if (r == -EBADMSG && store_note_bad_block(s, head->first) < 0)
		return -ENOMEM;
	return r;
}

/* [from, until) of the list become one block of b's samples. */
static int replace_blocks(struct ageing *a, size_t from, size_t until, struct block *b,
			  struct db_block *head)
{
	struct store *s = a->store;
	uint64_t tick_ns =
		head->resolution_ms > 1 ? head->resolution_ms * NS_PER_MS : head->period_ns;
	int r;

	buf_clear(&a->bytes);
	r = block_write(b, &s->compress, tick_ns, MERGED_BLOCK_LEVEL, &a->bytes);
	for (size_t i = from; i < until && r >= 0; i++)
		r = db_block_delete(s->db, a->list.blocks[i].first);
	if (r < 0)
		return r;
	block_span(b, &head->from_ms, &head->until_ms);
	head->samples = block_count(b);
	head->entries = b->n_samples;
	a->changed = true;
	return db_block_put(s->db, head, a->bytes.data, a->bytes.len);
}

/* Times that are coarser cover the whole of their second or minute. */
static int roll_up(struct ageing *a, size_t i, uint64_t resolution_ms)
{
	_cleanup_(block_done) struct block b = {};
	struct db_block head = a->list.blocks[i];
	int r = read_block(a, &a->list.blocks[i], &b);

	if (r < 0)
		return r;
	head.resolution_ms = resolution_ms;
	head.level = 0; /* it is smaller now, and merges again */
	block_coarsen(&b, resolution_ms);
	return replace_blocks(a, i, i + 1, &b, &head);
}

/* One block that is too detailed for its age. 1 something was done. */
static int roll_up_one(struct ageing *a)
{
	uint64_t detail_ns = a->store->options.detail_time_ns;
	uint64_t seconds_ms = ms_before(a->now_ms, detail_ns);
	uint64_t minutes_ms = ms_before(a->now_ms, detail_ns < UINT64_MAX / MINUTES_AFTER
							   ? detail_ns * MINUTES_AFTER
							   : UINT64_MAX);

	for (size_t i = 0; i < a->list.n; i++) {
		const struct db_block *b = &a->list.blocks[i];
		uint64_t want = b->until_ms <= minutes_ms   ? MINUTE_MS
				: b->until_ms <= seconds_ms ? SECOND_MS
							    : 1;
		int r;

		if (!is_kept(b) || b->resolution_ms >= want || store_is_imported(b) ||
		    store_is_bad_block(a->store, b->first))
			continue;
		r = roll_up(a, i, want);
		if (r != -EBADMSG)
			return r < 0 ? r : 1;
	}
	return 0;
}

/* The same kind of block, whatever its level. */
static bool are_alike(const struct store *s, const struct db_block *a, const struct db_block *b)
{
	return is_kept(a) && is_kept(b) && a->last + 1 == b->first && a->epoch == b->epoch &&
	       a->resolution_ms == b->resolution_ms && a->period_ns == b->period_ns &&
	       !strcmp(a->type, b->type) && !store_is_bad_block(s, a->first) &&
	       !store_is_bad_block(s, b->first);
}

static uint64_t span_limit(const struct db_block *b)
{
	uint64_t limit = MERGE_SPAN_MS * b->resolution_ms;

	return limit < MERGE_SPAN_MAX_MS ? limit : MERGE_SPAN_MAX_MS;
}

/*
 * The run of equal blocks that begins at i and fits into one. *ret_closed: it cannot grow any
 * more. A block of a smaller level behind it does not close it: that will be one of its level in
 * time.
 */
static size_t run_end(const struct ageing *a, size_t i, bool *ret_closed)
{
	const struct db_block *first = &a->list.blocks[i];
	uint64_t entries = first->entries, from = first->from_ms, until = first->until_ms;
	size_t end = i + 1;

	for (; end < a->list.n && end - i < MERGE_FAN_IN; end++) {
		const struct db_block *b = &a->list.blocks[end];

		if (!are_alike(a->store, &a->list.blocks[end - 1], b) || b->level != first->level)
			break;
		entries += b->entries;
		from = b->from_ms < from ? b->from_ms : from;
		until = b->until_ms > until ? b->until_ms : until;
		if (entries > MERGE_ENTRIES || until - from > span_limit(first))
			break;
	}
	*ret_closed = end - i == MERGE_FAN_IN ||
		      (end < a->list.n &&
		       (a->list.blocks[end].level >= first->level ||
			!are_alike(a->store, &a->list.blocks[end - 1], &a->list.blocks[end])));
	return end;
}

/* What cannot be read takes no part; its neighbours do without it the next time. */
static int merge(struct ageing *a, size_t from, size_t until)
{
	_cleanup_(block_done) struct block all = {}, part = {};
	struct db_block head = a->list.blocks[from];
	int r;

	for (size_t i = from; i < until; i++) {
		r = read_block(a, &a->list.blocks[i], &part);
		if (r >= 0)
			r = block_append(&all, &part);
		if (r < 0)
			return r;
	}
	head.last = a->list.blocks[until - 1].last;
	head.level++;
	return replace_blocks(a, from, until, &all, &head);
}

static int merge_one(struct ageing *a)
{
	size_t end;

	for (size_t i = 0; i < a->list.n; i = end) {
		bool closed;
		int r;

		end = run_end(a, i, &closed);
		if (end - i < 2 || !closed)
			continue;
		r = merge(a, i, end);
		if (r == -E2BIG)
			continue; /* too many losses for one block: they stay as they are */
		if (r != -EBADMSG)
			return r < 0 ? r : 1;
	}
	return 0;
}

/* ---- chunks: merging ---- */

static int read_chunk(struct ageing *a, const struct db_chunk *head, struct chunk *ret)
{
	int r;

	buf_clear(&a->bytes);
	r = db_chunk_data(a->store->db, head, &a->bytes);
	return r < 0 ? r : chunk_parse(a->bytes.data, a->bytes.len, &a->store->compress, ret);
}

static int merge_chunks(struct ageing *a, const struct db_chunk *chunks, size_t n)
{
	_cleanup_(chunk_done) struct chunk all = {}, part = {};
	struct db_chunk head = chunks[0];
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		r = read_chunk(a, &chunks[i], &part);
		if (r >= 0)
			r = chunk_append(&all, &part);
	}
	if (r < 0)
		return r;
	buf_clear(&a->bytes);
	r = chunk_write(&all, &a->store->compress, MERGED_CHUNK_LEVEL, &a->bytes);
	for (size_t i = 0; i < n && r >= 0; i++)
		r = db_chunk_delete(a->store->db, chunks[i].first);
	if (r < 0)
		return r;
	head.last = chunks[n - 1].last;
	head.level++;
	a->changed = true;
	return db_chunk_put(a->store->db, &head, a->bytes.data, a->bytes.len);
}

/* As run_end() does for blocks. */
static size_t chunk_run_end(const struct db_chunk_list *l, size_t i, bool *ret_closed)
{
	const struct db_chunk *first = &l->chunks[i], *c = NULL;
	uint64_t bytes = first->bytes;
	size_t end = i + 1;

	for (; end < l->n && end - i < MERGE_FAN_IN; end++) {
		c = &l->chunks[end];
		bytes += c->bytes;
		if (c->first != l->chunks[end - 1].last + 1 || c->epoch != first->epoch ||
		    c->level != first->level || bytes > MERGE_CHUNK_BYTES)
			break;
	}
	*ret_closed = end - i == MERGE_FAN_IN ||
		      (end < l->n && (c->level >= first->level || c->epoch != first->epoch));
	return end;
}

static int merge_some_chunks(struct ageing *a)
{
	struct db_chunk_list l;
	size_t end;
	int r = db_chunk_list(a->store->db, &l);

	if (r < 0)
		return r;
	for (size_t i = 0; i < l.n && r == 0; i = end) {
		bool closed;

		end = chunk_run_end(&l, i, &closed);
		if (end - i < 2 || !closed)
			continue;
		r = merge_chunks(a, l.chunks + i, end - i);
		if (r == -EBADMSG || r == -EPROTO || r == -EINVAL || r == -E2BIG)
			r = 0; /* damage stays where it is */
		else if (r >= 0)
			r = 1;
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
		r = roll_up_one(a);
	if (r == 0)
		r = merge_one(a);
	if (r == 0)
		r = merge_some_chunks(a);
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
