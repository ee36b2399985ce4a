/* A flush: what a feed holds as blocks and a chunk, and one commit of all; and when epochs end. */
#include "storage/store_private.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_ENTRIES_MAX (1u << 18) /* of one block; more make several */
#define FLUSH_BLOCKS_MAX  64
#define FRESH_LEVEL	  1 /* zstd's: what is fresh is soon coded again */
#define RUNS_KEPT	  100

/*
 * An epoch ends when it is a day old and has samples that are worth a dictionary, or is old, or
 * its dictionary large: what is in use is written again then, so that it has to have paid first,
 * with two samples for each of its bytes (which become about a fortieth on the disk), up to a size
 * that always holds.
 */
#define EPOCH_NS_MIN	     (24 * 3600 * NS_PER_S)
#define EPOCH_NS_MAX	     (4 * 24 * 3600 * NS_PER_S)
#define EPOCH_SAMPLES	     8000000
#define EPOCH_DICT_BYTES     (12u << 20)
#define EPOCH_DICT_BYTES_MAX (18u << 20)
#define EPOCH_LABELS	     1000000

/* ---- blocks ---- */

struct flush {
	struct block blocks[FLUSH_BLOCKS_MAX];
	uint32_t n_blocks;
	struct buf bytes;
	struct db_state state; /* as it will be */
	uint64_t now_ns;
};

static void flush_done(struct flush *w)
{
	for (uint32_t i = 0; i < w->n_blocks; i++)
		block_done(&w->blocks[i]);
	buf_done(&w->bytes);
}

static uint64_t to_ms(uint64_t ns)
{
	return ns / NS_PER_MS < BLOCK_TIME_MS_MAX ? ns / NS_PER_MS : BLOCK_TIME_MS_MAX - 1;
}

static int add_sample(struct store_feed *f, struct flush *w, const struct profile_sample *from)
{
	struct block_sample s = {.time_ms = to_ms(from->time_ns), .count = from->count};
	struct block *b;
	int r = store_feed_stack(f, from->stack);

	if (r >= 0)
		r = store_feed_labels(f, from->labels);
	if (r < 0)
		return r;
	s.stack = f->stack[from->stack];
	s.labels = f->labels[from->labels];
	s.class = f->class[from->labels];
	b = &w->blocks[w->n_blocks - 1];
	if (b->n_samples == FLUSH_ENTRIES_MAX) {
		if (w->n_blocks == FLUSH_BLOCKS_MAX)
			return -E2BIG;
		b = &w->blocks[w->n_blocks++];
	}
	return block_add(b, &s);
}

static int gather(struct store_feed *f, struct flush *w)
{
	const struct profile *p = f->live;
	uint64_t last_ns = 0;
	int r = 0;

	w->n_blocks = 1;
	for (uint32_t i = 0; i < p->n_samples && r >= 0; i++) {
		if (p->samples[i].count)
			r = add_sample(f, w, &p->samples[i]);
		last_ns = p->samples[i].time_ns > last_ns ? p->samples[i].time_ns : last_ns;
	}
	if (!last_ns)
		last_ns = p->end_ns ? p->end_ns - 1 : w->now_ns;
	for (uint32_t i = 0; f->losses && i < f->losses->n_losses && r >= 0; i++)
		r = block_add_loss(&w->blocks[0], f->losses->losses[i].time_ms,
				   f->losses->reasons[f->losses->losses[i].reason],
				   f->losses->losses[i].count);
	for (uint32_t i = 0; i < p->n_losses && r >= 0; i++)
		if (p->losses[i].count)
			r = block_add_loss(&w->blocks[0], to_ms(last_ns),
					   profile_str(p, p->losses[i].reason), p->losses[i].count);
	return r;
}

static int put_block(struct store_feed *f, struct flush *w, struct block *b)
{
	struct store *s = f->store;
	struct db_block head = {
		.first = w->state.next_block,
		.last = w->state.next_block,
		.type = STORE_TYPE_CPU,
		.epoch = w->state.epoch,
		.resolution_ms = f->resolution_ms ? f->resolution_ms : 1,
		.period_ns = f->live->period_ns,
	};
	int r;

	if (!b->n_samples && !b->n_losses)
		return 0;
	if (f->imported)
		memcpy(head.type, STORE_TYPE_CPU STORE_IMPORTED,
		       sizeof(STORE_TYPE_CPU STORE_IMPORTED));
	buf_clear(&w->bytes);
	r = block_write(b, &s->compress, head.period_ns, FRESH_LEVEL, &w->bytes);
	if (r < 0)
		return r;
	block_span(b, &head.from_ms, &head.until_ms);
	head.samples = block_count(b);
	head.entries = b->n_samples;
	r = db_block_put(s->db, &head, w->bytes.data, w->bytes.len);
	if (r < 0)
		return r;
	w->state.next_block++;
	w->state.epoch_samples += head.entries;
	return 0;
}

static int put_chunk(struct store *s, struct flush *w)
{
	struct db_chunk head = {
		.first = w->state.next_chunk, .last = w->state.next_chunk, .epoch = w->state.epoch};
	int r;

	if (chunk_is_empty(&s->growth.pending))
		return 0;
	buf_clear(&w->bytes);
	r = chunk_write(&s->growth.pending, &s->compress, FRESH_LEVEL, &w->bytes);
	if (r < 0)
		return r;
	w->state.next_chunk++;
	return db_chunk_put(s->db, DB_CHUNKS, &head, w->bytes.data, w->bytes.len);
}

static int put_run(struct store *s, struct db_run *run, const char *counters, uint64_t now_ns)
{
	int r;

	run->last_flush_ns = now_ns;
	run->clean = false;
	run->counters = (char *)(counters ? counters : s->run.counters ? s->run.counters : "{}");
	r = db_run_put(s->db, run);
	if (r >= 0 && !s->run_written && run->number > RUNS_KEPT)
		r = db_run_trim(s->db, run->number - RUNS_KEPT);
	return r;
}

static int put_all(struct store_feed *f, struct flush *w, struct db_run *run, const char *counters)
{
	struct store *s = f->store;
	int r = put_chunk(s, w);

	for (uint32_t i = 0; i < w->n_blocks && r >= 0; i++)
		r = put_block(f, w, &w->blocks[i]);
	if (r < 0)
		return r;
	w->state.run = run->number;
	w->state.period_ns = f->live->period_ns ? f->live->period_ns : w->state.period_ns;
	w->state.locations = s->growth.dict->tables->n_locations;
	w->state.named = s->growth.named;
	w->state.nameless = s->growth.nameless;
	r = db_state_put(s->db, &w->state);
	return r < 0 ? r : put_run(s, run, counters, w->now_ns);
}

static int commit(struct store_feed *f, struct flush *w, const char *counters, bool sync)
{
	struct store *s = f->store;
	struct db_run run = s->run;
	char *copy = counters ? strdup(counters) : NULL;
	int r = counters && !copy ? -ENOMEM : db_begin(s->db, true);

	if (r >= 0)
		r = put_all(f, w, &run, counters);
	if (r >= 0)
		r = db_commit(s->db, sync || s->unsynced);
	if (r < 0) {
		db_rollback(s->db);
		free(copy);
		return r;
	}
	run.counters = s->run.counters;
	if (copy) {
		free(run.counters);
		run.counters = copy;
	}
	s->run = run;
	s->run_written = true;
	s->state = w->state;
	s->unsynced = r == DB_UNSYNCED;
	growth_committed(&s->growth);
	return 0;
}

/* ---- epochs ---- */

static bool dict_is_too_large(const struct store *s)
{
	size_t bytes = dict_bytes(s->growth.dict);

	return bytes > EPOCH_DICT_BYTES_MAX ||
	       (bytes > EPOCH_DICT_BYTES && s->state.epoch_samples > 2 * bytes) ||
	       s->growth.dict->n_labels > EPOCH_LABELS;
}

static bool epoch_is_over(const struct store *s, uint64_t now_ns)
{
	uint64_t began = s->state.epoch_started_ns;
	uint64_t age = now_ns > began ? now_ns - began : 0;

	if (s->growth.torn || dict_is_too_large(s))
		return true;
	return age > EPOCH_NS_MAX || (age > EPOCH_NS_MIN && s->state.epoch_samples > EPOCH_SAMPLES);
}

int store_new_epoch(struct store *s, uint64_t now_ns)
{
	struct growth fresh;
	int r = growth_init(&fresh, s->state.epoch + 1);

	if (r < 0)
		return r;
	growth_done(&s->previous);
	s->previous = s->growth;
	s->growth = fresh;
	s->state.epoch++;
	s->state.epoch_started_ns = now_ns;
	s->state.epoch_samples = 0;
	return 0;
}

int store_feed_flush(struct store_feed *f, const char *counters_json, bool sync, struct err *err)
{
	_cleanup_(flush_done) struct flush w = {.now_ns = quantity_now_ns()};
	struct store *s = f->store;
	int r = 0;

	if (!s)
		return err_set(err, -EINVAL, "flush: the store was closed");
	if (epoch_is_over(s, w.now_ns))
		r = store_new_epoch(s, w.now_ns);
	else if (w.now_ns > s->state.epoch_started_ns + STORE_PREVIOUS_NS)
		growth_done(&s->previous);
	if (r >= 0 && f->epoch != s->state.epoch) {
		store_feed_forget(f);
		f->epoch = s->state.epoch;
	}
	buf_init(&w.bytes, BLOCK_BYTES_MAX);
	w.state = s->state;
	if (r >= 0)
		r = store_feed_widen(f);
	if (r >= 0)
		r = gather(f, &w);
	if (r >= 0)
		r = store_feed_names(f);
	if (r >= 0)
		r = commit(f, &w, counters_json, sync);
	if (r < 0)
		return db_error(s->db, err, r, "flush");
	profile_clear_samples(f->live);
	f->live->n_losses = 0;
	if (s->unsynced)
		return err_set(err, STORE_UNSYNCED,
			       "flush: the disk does not take what is written to it; a power cut "
			       "would cost more than the last seconds");
	return 0;
}
