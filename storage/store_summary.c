/* What a store holds and what is wrong with it, without answering questions from it. */
#include "storage/store_private.h"

#include "storage/lock.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MS_PER_SECOND 1000
#define VERIFY_BYTES \
	(64u         \
	 << 20) /* of data read for their checksum in one summary; the next goes on behind them */

/*
 * Blocks follow each other without a gap; a gap that a damaged row explains is not counted twice.
 */
static void count_missing(const struct db_block_list *l, const struct db_state *state,
			  struct store_summary *sum)
{
	uint64_t next = state->first_block, gaps = 0;

	if (!next && l->n)
		next = l->blocks[0].first; /* the state is not known */

	for (size_t i = 0; i < l->n; i++) {
		if (l->blocks[i].first > next)
			gaps += l->blocks[i].first - next;
		if (l->blocks[i].last >= next)
			next = l->blocks[i].last + 1;
	}
	if (state->next_block > next)
		gaps += state->next_block - next;
	sum->missing_blocks = gaps > l->damaged ? gaps - l->damaged : 0;
}

static void count_block(const struct db_block *b, struct store_summary *sum)
{
	uint64_t from_ns = b->from_ms * NS_PER_MS, until_ns = b->until_ms * NS_PER_MS;

	if (b->level == DB_DROPPED)
		return;
	sum->blocks++;
	sum->samples += b->samples;
	if (!sum->until_ns || from_ns < sum->from_ns)
		sum->from_ns = from_ns;
	if (until_ns > sum->until_ns)
		sum->until_ns = until_ns;
	/* The last time of a coarse block stands for the whole of its second or minute. */
	until_ns += (b->resolution_ms - 1) * NS_PER_MS;
	if (b->resolution_ms > 1 && until_ns > sum->detail_from_ns)
		sum->detail_from_ns = until_ns;
	if (b->resolution_ms > MS_PER_SECOND && until_ns > sum->seconds_from_ns)
		sum->seconds_from_ns = until_ns;
	if (b->period_ns)
		sum->period_ns = b->period_ns;
}

/* Read data that was not read yet, so that damage is known before somebody asks for it. */
static int verify_blocks(struct store *s, const struct db_block_list *l)
{
	struct buf data;
	uint64_t bytes = 0;
	int r = 0;

	buf_init(&data, BLOCK_BYTES_MAX);
	for (size_t i = 0; i < l->n && bytes < VERIFY_BYTES && r >= 0; i++) {
		if (l->blocks[i].level == DB_DROPPED || l->blocks[i].last < s->verified_until)
			continue;
		buf_clear(&data);
		r = db_block_data(s->db, &l->blocks[i], &data);
		bytes += data.len;
		if (r == -EBADMSG || r == -EFBIG)
			r = store_note_bad_block(s, l->blocks[i].first);
		s->verified_until = l->blocks[i].last + 1;
	}
	buf_done(&data);
	return r;
}

static int verify_chunks(struct store *s, const struct db_state *state, struct store_summary *sum)
{
	struct db_chunk_list l;
	uint64_t next = state->first_chunk;
	struct buf data;
	int r = db_chunk_list(s->db, DB_CHUNKS, &l);

	if (r < 0)
		return r;
	buf_init(&data, CHUNK_BYTES_MAX);
	if (!next && l.n)
		next = l.chunks[0].first;
	for (size_t i = 0; i < l.n && r >= 0; i++) {
		if (l.chunks[i].first > next)
			sum->damaged_rows++;
		next = l.chunks[i].last + 1;
		buf_clear(&data);
		r = db_chunk_data(s->db, DB_CHUNKS, &l.chunks[i], &data);
		if (r == -EBADMSG || r == -EFBIG) {
			sum->damaged_rows++;
			r = 0;
		}
	}
	if (next < state->next_chunk)
		sum->damaged_rows++;
	buf_done(&data);
	db_chunk_list_done(&l);
	return r;
}

static int count_blocks(struct store *s, const struct db_state *state, struct store_summary *sum)
{
	struct db_block_list l;
	int r = db_block_list(s->db, &l);

	if (r < 0)
		return r;
	for (size_t i = 0; i < l.n; i++)
		count_block(&l.blocks[i], sum);
	count_missing(&l, state, sum);
	if (!sum->seconds_from_ns)
		sum->seconds_from_ns = sum->from_ns;
	if (sum->detail_from_ns < sum->seconds_from_ns)
		sum->detail_from_ns = sum->seconds_from_ns;
	r = verify_blocks(s, &l);
	for (size_t i = 0; i < l.n; i++)
		sum->damaged_blocks += store_is_bad_block(s, l.blocks[i].first);
	sum->damaged_blocks += l.damaged;
	db_block_list_done(&l);
	return r;
}

static int read_run(struct store *s, const struct db_state *state, struct store_summary *sum)
{
	struct db_run run;
	int r = db_run_last(s->db, &run);

	sum->clean = true;
	if (r == -EBADMSG) {
		sum->damaged_rows++;
		sum->clean = false;
		return 0;
	}
	if (r == -ENOENT) {
		sum->damaged_rows += state->run != 0;
		return 0;
	}
	if (r < 0)
		return r;
	sum->damaged_rows += run.number < state->run;
	sum->clean = s->writer ? s->last_run_clean : run.clean || lock_is_held(s->lock_fd);
	sum->last_flush_ns = run.last_flush_ns;
	sum->counters_json = run.counters;
	return 0;
}

static int read_all(struct store *s, struct store_summary *sum)
{
	struct db_state state = {}; /* not known: only gaps between rows are seen */
	int r = db_state_get(s->db, &state);
	bool missing = r == -ENOENT;

	if (r == -EBADMSG)
		sum->damaged_rows++;
	else if (r < 0 && !missing)
		return r;
	sum->damaged_rows += state.lost_rows;
	sum->locations = state.locations;
	sum->named = state.named;
	sum->nameless = state.nameless;
	r = count_blocks(s, &state, sum);
	if (r >= 0 && missing && sum->blocks)
		sum->damaged_rows++;
	if (r >= 0)
		r = verify_chunks(s, &state, sum);
	return r < 0 ? r : read_run(s, &state, sum);
}

int store_summary(struct store *s, struct store_summary *ret, struct err *err)
{
	struct store_summary sum = {.version = DB_VERSION};
	struct db_space space;
	int r = db_begin(s->db, false);

	if (r >= 0) {
		r = read_all(s, &sum);
		db_rollback(s->db);
	}
	if (r >= 0)
		r = db_space(s->db, &space);
	if (r < 0) {
		store_summary_done(&sum);
		return db_error(s->db, err, r, "summary");
	}
	sum.bytes = space.file_bytes + space.wal_bytes;
	*ret = sum;
	return 0;
}

void store_summary_done(struct store_summary *s)
{
	free(s->counters_json);
	*s = (struct store_summary){};
}
