/*
 * Ageing: sums beside the blocks, and sums of sums; see store_sums.h.
 *
 * Level 0 is the sums of one block, level 1 of two, and from there each of eight of the level
 * before. Level 0 goes when there is level 1: it is for blocks that may still be merged. A block
 * has sums where they are several times smaller than it; else, and where adding up would take
 * too long, a row without data says that nothing is to be done.
 */
#include "storage/store_age.h"

#include "profiler/base/cleanup.h"
#include "storage/store_sums.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SUMMED_ENTRIES (MERGE_ENTRIES / 8) /* of a block: smaller ones are read as fast */
#define SUMMED_LESS    4 /* times fewer entries than the block */
#define SUMS_FAN_IN    8 /* sums of a level that are one of the next */
#define SUMS_PAIR      2 /* the same of level 0 */
#define SUMS_FRESH     5 /* at the end of level 0, whose blocks may still be merged */
#define SUMS_LEVEL     9 /* zstd's: a few kilobytes, written once and read often */
#define GONE_AT_ONCE   64

/* An empty block: a row that says that there is nothing. */
static int put_sums(struct ageing *a, const struct db_chunk *head, struct block *sums)
{
	int r = 0;

	buf_clear(&a->bytes);
	if (sums->n_samples)
		r = block_write(sums, &a->store->compress, 0, SUMS_LEVEL, &a->bytes);
	if (r < 0)
		return r;
	a->changed = true;
	r = db_chunk_put(a->store->db, DB_SUMS, head, a->bytes.data, a->bytes.len);
	return r < 0 ? r : 1;
}

/* ---- of blocks ---- */

static int sum_block(struct ageing *a, const struct db_block *b)
{
	_cleanup_(block_done) struct block all = {}, sums = {};
	struct db_chunk head = {.first = b->first, .last = b->last, .epoch = b->epoch};
	int r = ageing_read_block(a, b, &all);

	if (r < 0)
		return r == -EBADMSG ? 0 : r;
	r = store_sums_of_block(&all, b->from_ms, &sums);
	if (r < 0 && r != -E2BIG)
		return r;
	if (r == -E2BIG || sums.n_samples > b->entries / SUMMED_LESS)
		block_clear(&sums);
	return put_sums(a, &head, &sums);
}

/* Both lists are in the order of numbers; *at moves on in that of the sums. */
static bool has_sums(const struct db_chunk_list *sums, size_t *at, const struct db_block *b)
{
	while (*at < sums->n && (sums->chunks[*at].last < b->first || sums->chunks[*at].level > 1))
		++*at;
	return *at < sums->n && sums->chunks[*at].first <= b->first;
}

static int sum_blocks(struct ageing *a, const struct db_chunk_list *sums)
{
	size_t at = 0;
	int r = 0;

	for (size_t i = 0; i < a->list.n && r == 0; i++) {
		const struct db_block *b = &a->list.blocks[i];

		if (ageing_is_kept(b) && b->entries >= SUMMED_ENTRIES &&
		    !store_is_bad_block(a->store, b->first) && !has_sums(sums, &at, b))
			r = sum_block(a, b);
	}
	return r;
}

/* ---- of sums ---- */

/* 0 taken, 1 damaged and gone (it is made again), or a negative errno. */
static int take_part(struct ageing *a, const struct db_chunk *part, struct block *all)
{
	_cleanup_(block_done) struct block b = {};
	int r;

	buf_clear(&a->bytes);
	r = db_chunk_data(a->store->db, DB_SUMS, part, &a->bytes);
	if (r >= 0)
		r = block_parse(a->bytes.data, a->bytes.len, &a->store->compress, &b);
	if (r == -EBADMSG || r == -EPROTO || r == -EFBIG) {
		r = db_chunk_delete(a->store->db, DB_SUMS, part);
		a->changed = true;
		return r < 0 ? r : 1;
	}
	return r < 0 ? r : block_append(all, &b);
}

static void to_one_moment(struct block *b, uint64_t time_ms)
{
	for (uint32_t i = 0; i < b->n_samples; i++)
		b->samples[i].time_ms = time_ms;
	for (uint32_t i = 0; i < b->n_losses; i++)
		b->losses[i].time_ms = time_ms;
}

static int sum_sums(struct ageing *a, const struct db_chunk *const *parts, size_t n)
{
	_cleanup_(block_done) struct block all = {};
	struct db_chunk head = *parts[0];
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		r = take_part(a, parts[i], &all);
		if (r == 0 && all.n_samples > MERGE_ENTRIES)
			r = -E2BIG;
	}
	if (r == 1 || (r < 0 && r != -E2BIG))
		return r;
	if (r == -E2BIG)
		block_clear(&all);
	if (all.n_samples)
		to_one_moment(&all, all.samples[0].time_ms);
	head.last = parts[n - 1]->last;
	head.level++;
	return put_sums(a, &head, &all);
}

/* The rows of a level that no row of the next one covers, from number `first` on. */
static size_t rows_of_level(const struct db_chunk_list *sums, int64_t level,
			    const struct db_chunk **ret)
{
	uint64_t covered = 0; /* below */
	size_t n = 0;

	for (size_t i = 0; i < sums->n; i++) {
		const struct db_chunk *c = &sums->chunks[i];

		if (c->level == level + 1 && c->last >= covered)
			covered = c->last + 1;
	}
	for (size_t i = 0; i < sums->n; i++)
		if (sums->chunks[i].level == level && sums->chunks[i].first >= covered)
			ret[n++] = &sums->chunks[i];
	return n;
}

/* Do the parts follow each other, and will their sum be one that can be used? */
static bool go_together(const struct ageing *a, const struct db_chunk *const *parts, size_t n)
{
	struct db_chunk whole = *parts[0];
	size_t from, until;

	for (size_t i = 0; i < n; i++)
		if (!parts[i]->bytes || (i && parts[i]->first != parts[i - 1]->last + 1))
			return false;
	whole.last = parts[n - 1]->last;
	return store_sums_cover(&a->list, &whole, &from, &until);
}

static int sum_level(struct ageing *a, const struct db_chunk_list *sums, int64_t level)
{
	_cleanup_free_ const struct db_chunk **rows = malloc((sums->n + 1) * sizeof(*rows));
	size_t n, parts = level ? SUMS_FAN_IN : SUMS_PAIR, fresh = level ? 0 : SUMS_FRESH;

	if (!rows)
		return -ENOMEM;
	n = rows_of_level(sums, level, rows);
	for (size_t i = 0; i + parts + fresh <= n; i++)
		if (go_together(a, rows + i, parts))
			return sum_sums(a, rows + i, parts);
	return 0;
}

/* ---- sums whose blocks are gone or were merged ---- */

/* In the order of first and level the first part stands before its pair, the other behind. */
static bool is_in_pair(const struct db_chunk_list *sums, size_t i)
{
	const struct db_chunk *c = &sums->chunks[i];

	if (c->level)
		return false;
	if (i + 1 < sums->n && sums->chunks[i + 1].first == c->first &&
	    sums->chunks[i + 1].level == 1)
		return true;
	for (size_t k = i; k-- > 0;)
		if (sums->chunks[k].level == 1)
			return sums->chunks[k].last >= c->last;
	return false;
}

static int drop_gone(struct ageing *a, const struct db_chunk_list *sums)
{
	size_t from, until;
	int r = 0, n = 0;

	for (size_t i = 0; i < sums->n && n < GONE_AT_ONCE && r >= 0; i++) {
		const struct db_chunk *c = &sums->chunks[i];

		if (store_sums_cover(&a->list, c, &from, &until) && !is_in_pair(sums, i))
			continue;
		r = db_chunk_delete(a->store->db, DB_SUMS, c);
		a->changed = true;
		n++;
	}
	return r < 0 ? r : n > 0;
}

int ageing_sum_up(struct ageing *a)
{
	struct db_chunk_list sums;
	int r = db_chunk_list(a->store->db, DB_SUMS, &sums);

	if (r < 0)
		return r;
	r = drop_gone(a, &sums);
	if (r == 0)
		r = sum_blocks(a, &sums);
	for (int64_t level = 0; level < DB_SUMS_LEVEL_MAX && r == 0; level++)
		r = sum_level(a, &sums, level);
	db_chunk_list_done(&sums);
	return r;
}
