/*
 * Ageing: small blocks become larger ones, old ones coarser, and chunks of the dictionaries
 * larger ones; see store_age.h.
 */
#include "storage/store_age.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A full block is parsed and coded in about 30 ms (tests/bench/bench_store.c). Coarser blocks
 * span as much more than an hour as they are coarser. Columns are made for zstd's entropy coder:
 * higher levels look for matches and lose 1 %.
 */
#define MERGE_FAN_IN	   16 /* blocks of a level that become one of the next */
#define MERGE_SPAN_MS	   (3600 * 1000ull)
#define MERGE_SPAN_MAX_MS  (4 * 24 * 3600 * 1000ull)
#define MERGED_BLOCK_LEVEL 1
#define MERGE_CHUNK_BYTES  (128u << 10)
#define MERGED_CHUNK_LEVEL 9

#define SECOND_MS	   1000
#define MINUTE_MS	   60000
#define MINUTES_AFTER	   3 /* times the detail time: from there on minutes instead of seconds */

/* ---- blocks: merging and rolling up ---- */

int ageing_read_block(struct ageing *a, const struct db_block *head, struct block *ret)
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

static void forget_merging(struct store *s)
{
	block_done(&s->merging);
	s->merging_first = s->merging_last = 0;
}

/* Times that are coarser cover the whole of their second or minute. */
static int roll_up(struct ageing *a, size_t i, uint64_t resolution_ms)
{
	_cleanup_(block_done) struct block b = {};
	struct db_block head = a->list.blocks[i];
	int r = ageing_read_block(a, &a->list.blocks[i], &b);

	if (r < 0)
		return r;
	forget_merging(a->store);
	head.resolution_ms = resolution_ms;
	head.level = 0; /* it is smaller now, and merges again */
	block_coarsen(&b, resolution_ms);
	return replace_blocks(a, i, i + 1, &b, &head);
}

int ageing_roll_up(struct ageing *a)
{
	uint64_t detail_ns = a->store->options.detail_time_ns;
	uint64_t seconds_ms = ageing_ms_before(a, detail_ns);
	uint64_t minutes_ms = ageing_ms_before(
		a, detail_ns < UINT64_MAX / MINUTES_AFTER ? detail_ns * MINUTES_AFTER : UINT64_MAX);

	for (size_t i = 0; i < a->list.n; i++) {
		const struct db_block *b = &a->list.blocks[i];
		uint64_t want = b->until_ms <= minutes_ms   ? MINUTE_MS
				: b->until_ms <= seconds_ms ? SECOND_MS
							    : 1;
		int r;

		if (!ageing_is_kept(b) || b->resolution_ms >= want || store_is_imported(b) ||
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
	return ageing_is_kept(a) && ageing_is_kept(b) && a->last + 1 == b->first &&
	       a->epoch == b->epoch && a->resolution_ms == b->resolution_ms &&
	       a->period_ns == b->period_ns && !strcmp(a->type, b->type) &&
	       !store_is_bad_block(s, a->first) && !store_is_bad_block(s, b->first);
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
static int gather(struct ageing *a, size_t from, size_t until)
{
	_cleanup_(block_done) struct block all = {}, part = {};
	struct store *s = a->store;
	int r = 0;

	forget_merging(s);
	for (size_t i = from; i < until && r >= 0; i++) {
		r = ageing_read_block(a, &a->list.blocks[i], &part);
		if (r >= 0)
			r = block_append(&all, &part);
	}
	if (r >= 0)
		r = block_sort(&all);
	if (r < 0)
		return r;
	s->merging = all;
	all = (struct block){};
	s->merging_first = a->list.blocks[from].first;
	s->merging_last = a->list.blocks[until - 1].last;
	return 0;
}

/*
 * Two steps, since both take their time: reading and sorting the parts, and writing the whole.
 * What a range of numbers holds does not change between them, but by rolling up: then it is read
 * again.
 */
static int merge(struct ageing *a, size_t from, size_t until)
{
	struct db_block head = a->list.blocks[from];
	struct store *s = a->store;
	int r;

	head.last = a->list.blocks[until - 1].last;
	if (s->merging_first != head.first || s->merging_last != head.last)
		return gather(a, from, until);
	head.level++;
	r = replace_blocks(a, from, until, &s->merging, &head);
	forget_merging(s);
	return r;
}

int ageing_merge_blocks(struct ageing *a)
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
	r = db_chunk_data(a->store->db, DB_CHUNKS, head, &a->bytes);
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
		r = db_chunk_delete(a->store->db, DB_CHUNKS, &chunks[i]);
	if (r < 0)
		return r;
	head.last = chunks[n - 1].last;
	head.level++;
	a->changed = true;
	return db_chunk_put(a->store->db, DB_CHUNKS, &head, a->bytes.data, a->bytes.len);
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

int ageing_merge_chunks(struct ageing *a)
{
	struct db_chunk_list l;
	size_t end;
	int r = db_chunk_list(a->store->db, DB_CHUNKS, &l);

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
