/*
 * A flush: store_feed_take() makes blocks and a chunk of what a feed holds, store_write() commits
 * them; and when epochs end.
 *
 * The first knows the feeds and the growing dictionary, the second the database and its state:
 * two threads may be at both, but at one flush in turn.
 */
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

struct store_flush {
	struct block blocks[FLUSH_BLOCKS_MAX];
	uint32_t n_blocks;
	struct chunk chunk; /* what the blocks need of the dictionary */
	struct db_state state; /* what it says of the dictionary; the other fields are 0 */
	char *counters; /* NULL: as before */
	uint64_t now_ns, resolution_ms;
	bool imported;
};

struct store_flush *store_flush_free(struct store_flush *w)
{
	if (!w)
		return NULL;
	for (uint32_t i = 0; i < w->n_blocks; i++)
		block_done(&w->blocks[i]);
	chunk_done(&w->chunk);
	free(w->counters);
	free(w);
	return NULL;
}

static void store_flush_freep(struct store_flush **w)
{
	store_flush_free(*w);
}

/* ---- taking: the feed's samples as blocks ---- */

static uint64_t to_ms(uint64_t ns)
{
	return ns / NS_PER_MS < BLOCK_TIME_MS_MAX ? ns / NS_PER_MS : BLOCK_TIME_MS_MAX - 1;
}

static int add_sample(struct store_feed *f, struct store_flush *w,
		      const struct profile_sample *from)
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

static int gather(struct store_feed *f, struct store_flush *w)
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

/* ---- epochs ---- */

static bool dict_is_too_large(const struct store *s)
{
	size_t bytes = dict_bytes(s->growth.dict);

	return bytes > EPOCH_DICT_BYTES_MAX ||
	       (bytes > EPOCH_DICT_BYTES && s->epoch_samples > 2 * bytes) ||
	       s->growth.dict->n_labels > EPOCH_LABELS;
}

static bool epoch_is_over(const struct store *s, uint64_t now_ns)
{
	uint64_t began = s->epoch_started_ns;
	uint64_t age = now_ns > began ? now_ns - began : 0;

	if (s->growth.torn || dict_is_too_large(s))
		return true;
	return age > EPOCH_NS_MAX || (age > EPOCH_NS_MIN && s->epoch_samples > EPOCH_SAMPLES);
}

int store_new_epoch(struct store *s, uint64_t now_ns)
{
	struct growth fresh;
	int r = growth_init(&fresh, s->growth.dict->epoch + 1);

	if (r < 0)
		return r;
	growth_done(&s->previous);
	s->previous = s->growth;
	s->growth = fresh;
	s->epoch_started_ns = now_ns;
	s->epoch_samples = 0;
	return 0;
}

/* The epoch that the feed's samples go to. */
static int choose_epoch(struct store_feed *f, uint64_t now_ns)
{
	struct store *s = f->store;
	int r = 0;

	if (epoch_is_over(s, now_ns))
		r = store_new_epoch(s, now_ns);
	else if (now_ns > s->epoch_started_ns + STORE_PREVIOUS_NS)
		growth_done(&s->previous);
	if (r >= 0 && f->epoch != s->growth.dict->epoch) {
		store_feed_forget(f);
		f->epoch = s->growth.dict->epoch;
	}
	return r;
}

static int take(struct store_feed *f, const char *counters, struct store_flush *w)
{
	struct store *s = f->store;
	int r = choose_epoch(f, w->now_ns);

	w->counters = counters ? strdup(counters) : NULL;
	if (counters && !w->counters)
		return -ENOMEM;
	if (r >= 0)
		r = store_feed_widen(f);
	if (r >= 0)
		r = gather(f, w);
	if (r >= 0)
		r = store_feed_names(f);
	if (r < 0)
		return r;
	w->imported = f->imported;
	w->resolution_ms = f->resolution_ms ? f->resolution_ms : 1;
	for (uint32_t i = 0; i < w->n_blocks; i++)
		s->epoch_samples += w->blocks[i].n_samples;
	growth_take(&s->growth, &w->chunk);
	w->state = (struct db_state){
		.epoch = f->epoch,
		.epoch_started_ns = s->epoch_started_ns,
		.epoch_samples = s->epoch_samples,
		.period_ns = f->live->period_ns,
		.locations = s->growth.dict->tables->n_locations,
		.named = s->growth.named,
		.nameless = s->growth.nameless,
	};
	return 0;
}

int store_feed_take(struct store_feed *f, const char *counters_json, struct err *err)
{
	_cleanup_(store_flush_freep) struct store_flush *w = NULL;
	int r;

	if (!f->store)
		return err_set(err, -EINVAL, "flush: the store was closed");
	if (f->store->taken)
		return err_set(err, -EBUSY, "flush: the one before it is not written yet");
	w = calloc(1, sizeof(*w));
	if (w)
		w->now_ns = quantity_now_ns();
	r = w ? take(f, counters_json, w) : -ENOMEM;
	if (r < 0)
		return err_set(err, r, "flush: %s", strerror(-r));
	profile_clear_samples(f->live);
	f->live->n_losses = 0;
	f->store->taken = steal_ptr(w);
	return 0;
}

/* ---- writing ---- */

static int put_block(struct store *s, const struct store_flush *w, struct block *b,
		     struct db_state *state, struct buf *bytes)
{
	struct db_block head = {
		.first = state->next_block,
		.last = state->next_block,
		.type = STORE_TYPE_CPU,
		.epoch = state->epoch,
		.resolution_ms = w->resolution_ms,
		.period_ns = w->state.period_ns,
	};
	int r;

	if (!b->n_samples && !b->n_losses)
		return 0;
	if (w->imported)
		memcpy(head.type, STORE_TYPE_CPU STORE_IMPORTED,
		       sizeof(STORE_TYPE_CPU STORE_IMPORTED));
	buf_clear(bytes);
	r = block_write(b, &s->compress, head.period_ns, FRESH_LEVEL, bytes);
	if (r < 0)
		return r;
	block_span(b, &head.from_ms, &head.until_ms);
	head.samples = block_count(b);
	head.entries = b->n_samples;
	state->next_block++;
	return db_block_put(s->db, &head, bytes->data, bytes->len);
}

static int put_chunk(struct store *s, const struct chunk *c, struct db_state *state,
		     struct buf *bytes)
{
	struct db_chunk head = {
		.first = state->next_chunk, .last = state->next_chunk, .epoch = state->epoch};
	int r;

	if (chunk_is_empty(c))
		return 0;
	buf_clear(bytes);
	r = chunk_write(c, &s->compress, FRESH_LEVEL, bytes);
	if (r < 0)
		return r;
	state->next_chunk++;
	return db_chunk_put(s->db, DB_CHUNKS, &head, bytes->data, bytes->len);
}

static int put_run(struct store *s, const struct store_flush *w, struct db_run *run)
{
	const char *before = s->run.counters ? s->run.counters : "{}";
	int r;

	run->last_flush_ns = w->now_ns;
	run->clean = false;
	run->counters = (char *)(w->counters ? w->counters : before);
	r = db_run_put(s->db, run);
	if (r >= 0 && !s->run_written && run->number > RUNS_KEPT)
		r = db_run_trim(s->db, run->number - RUNS_KEPT);
	return r;
}

static int put_all(struct store *s, struct store_flush *w, struct db_state *state,
		   struct db_run *run)
{
	_cleanup_(buf_done) struct buf bytes;
	int r;

	buf_init(&bytes, BLOCK_BYTES_MAX);
	r = put_chunk(s, &w->chunk, state, &bytes);
	for (uint32_t i = 0; i < w->n_blocks && r >= 0; i++)
		r = put_block(s, w, &w->blocks[i], state, &bytes);
	if (r >= 0)
		r = db_state_put(s->db, state);
	return r < 0 ? r : put_run(s, w, run);
}

/* The state behind a flush, but for the numbers that it gives out. */
static struct db_state state_after(const struct store *s, const struct store_flush *w)
{
	struct db_state state = s->state;

	state.epoch = w->state.epoch;
	state.epoch_started_ns = w->state.epoch_started_ns;
	state.epoch_samples = w->state.epoch_samples;
	state.run = s->run.number;
	if (w->state.period_ns)
		state.period_ns = w->state.period_ns;
	state.locations = w->state.locations;
	state.named = w->state.named;
	state.nameless = w->state.nameless;
	return state;
}

static int commit(struct store *s, struct store_flush *w, bool sync)
{
	struct db_state state = state_after(s, w);
	struct db_run run = s->run;
	int r = db_begin(s->db, true);

	if (r >= 0)
		r = put_all(s, w, &state, &run);
	if (r >= 0)
		r = db_commit(s->db, sync || s->unsynced);
	if (r < 0) {
		db_rollback(s->db);
		return r;
	}
	run.counters = s->run.counters;
	if (w->counters) {
		free(run.counters);
		run.counters = steal_ptr(w->counters);
	}
	s->run = run;
	s->run_written = true;
	s->state = state;
	s->unsynced = r == DB_UNSYNCED;
	return 0;
}

int store_write(struct store *s, bool sync, struct err *err)
{
	int r;

	if (!s->taken)
		return 0;
	r = commit(s, s->taken, sync);
	if (r < 0)
		return db_error(s->db, err, r, "flush");
	s->taken = store_flush_free(s->taken);
	if (s->unsynced)
		return err_set(err, STORE_UNSYNCED,
			       "flush: the disk does not take what is written to it; a power cut "
			       "would cost more than the last seconds");
	return 0;
}

int store_feed_flush(struct store_feed *f, const char *counters_json, bool sync, struct err *err)
{
	struct store *s = f->store;
	/* What could not be written the last time comes first. */
	int r = s ? store_write(s, false, err) : 0;

	if (r >= 0)
		r = store_feed_take(f, counters_json, err);
	return r < 0 ? r : store_write(s, sync, err);
}
