/*
 * Several stores into one: block by block, always from the store whose next block is the oldest, so
 * that the merged one is in the order of time and its size drops the oldest first.
 */
#include "storage/store_scan.h"

#include "profiler/base/cleanup.h"
#include "storage/profile_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIVE_BYTES_MAX (64u << 20) /* of a live profile; a larger one begins anew */
#define UNSEEN	       UINT32_MAX

struct source {
	const char *path;
	struct store *store;
	struct store_query query;
	struct scan scan;
	bool open, has_block;
	struct profile *live;
	struct store_feed *feed;
	struct profile_map map; /* from the dictionary of the block at hand to live */
	uint32_t *labels; /* by label set of that dictionary */
	uint64_t last_ms; /* end of the block before */
	struct profile *told; /* losses that the blocks had themselves */
};

static void source_done(struct source *s)
{
	if (s->open)
		scan_close(&s->scan);
	profile_map_done(&s->map);
	free(s->labels);
	store_feed_free(s->feed);
	profile_free(s->live);
	profile_free(s->told);
	store_close(s->store);
}

static int source_open(struct source *s, const char *path, struct err *err)
{
	int r = store_open_reader(path, &s->store, err);

	s->path = path;
	s->query = (struct store_query){.until_ns = INT64_MAX};
	if (r >= 0)
		r = profile_new(false, &s->told);
	if (r >= 0)
		r = scan_open(&s->scan, s->store, &s->query, "merge", err);
	if (r < 0)
		return r;
	s->open = true;
	return 0;
}

/* 0, or what scan_end() says. */
static int next_block(struct source *s, struct err *err)
{
	int r = scan_next(&s->scan);

	s->has_block = r > 0;
	return r < 0 ? scan_end(&s->scan, r, err) : 0;
}

/* ---- a block ---- */

static int begin_live(struct store *into, struct source *s)
{
	uint32_t n = dict_count(s->scan.dict, CHUNK_LABELS);
	int r;

	s->feed = store_feed_free(s->feed);
	profile_map_done(&s->map);
	s->live = profile_free(s->live);
	free(s->labels);
	s->labels = malloc(((size_t)n + 1) * sizeof(*s->labels));
	if (!s->labels)
		return -ENOMEM;
	memset(s->labels, 0xff, ((size_t)n + 1) * sizeof(*s->labels));
	r = profile_new(false, &s->live);
	if (r >= 0)
		r = profile_map_init(&s->map, s->live, s->scan.dict->tables);
	return r < 0 ? r : store_feed_new(into, s->live, &s->feed);
}

static int map_labels(struct source *s, uint32_t labels)
{
	struct profile_labels l;
	int64_t id;
	int r;

	if (s->labels[labels] != UNSEEN)
		return 0;
	r = dict_labels(s->scan.dict, labels, &l);
	if (r >= 0)
		r = profile_map_label_strings(&s->map, &l);
	id = r < 0 ? r : profile_labels(s->live, &l);
	if (id >= 0)
		s->labels[labels] = (uint32_t)id;
	return id < 0 ? (int)id : 0;
}

static int add_sample(struct source *s, const struct block_sample *sample)
{
	uint32_t stack = 0;
	int r = scan_takes(&s->scan, sample);

	if (r <= 0)
		return r;
	r = map_labels(s, sample->labels);
	if (r >= 0)
		r = profile_map_stack(&s->map, sample->stack, &stack);
	return r < 0 ? r
		     : profile_add_sample(s->live, sample->time_ms * NS_PER_MS, stack,
					  s->labels[sample->labels], sample->count);
}

static int remember_losses(struct source *s)
{
	const struct block *b = &s->scan.block;
	int r = 0;

	for (uint32_t i = 0; i < b->n_losses && r >= 0; i++)
		r = profile_add_loss(s->told, b->reasons[b->losses[i].reason], b->losses[i].count);
	return r;
}

static int take_block(struct store *into, struct source *s, uint64_t *samples, struct err *err)
{
	const struct scan *c = &s->scan;
	int r = 0;

	if (c->dict_changed || !s->live || profile_bytes(s->live) > LIVE_BYTES_MAX)
		r = begin_live(into, s);
	for (uint32_t i = 0; i < c->block.n_samples && r >= 0; i++)
		r = add_sample(s, &c->block.samples[i]);
	if (r >= 0)
		r = remember_losses(s);
	if (r < 0)
		return err_set(err, r, "%s: %s", s->path, strerror(-r));
	s->live->period_ns = c->head.period_ns;
	s->feed->imported = store_is_imported(&c->head);
	s->feed->resolution_ms = c->head.resolution_ms;
	s->feed->losses = &c->block;
	s->last_ms = c->head.until_ms;
	*samples += profile_sample_count(s->live);
	r = store_feed_flush(s->feed, NULL, false, err);
	s->feed->losses = NULL;
	return r;
}

static uint64_t count_of(const struct profile *losses, const char *reason)
{
	for (uint32_t i = 0; i < losses->n_losses; i++)
		if (!strcmp(profile_str(losses, losses->losses[i].reason), reason))
			return losses->losses[i].count;
	return 0;
}

/* What is damaged or missing there is lost here too. */
static int take_damage(struct store *into, struct source *s, struct err *err)
{
	const struct profile *all = s->scan.losses;
	struct profile *live;
	struct store_feed *feed;
	int r = profile_new(false, &live);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < all->n_losses && r >= 0; i++) {
		const char *reason = profile_str(all, all->losses[i].reason);
		uint64_t told = count_of(s->told, reason);

		if (all->losses[i].count > told)
			r = profile_add_loss(live, reason, all->losses[i].count - told);
	}
	live->end_ns = s->last_ms * NS_PER_MS;
	if (r >= 0 && live->n_losses) {
		r = store_feed_new(into, live, &feed);
		if (r >= 0) {
			r = store_feed_flush(feed, NULL, false, err);
			store_feed_free(feed);
		}
	}
	profile_free(live);
	return r;
}

/* ---- all ---- */

static struct source *oldest(struct source *sources, size_t n)
{
	struct source *best = NULL;

	for (size_t i = 0; i < n; i++)
		if (sources[i].has_block &&
		    (!best || sources[i].scan.head.from_ms < best->scan.head.from_ms))
			best = &sources[i];
	return best;
}

static int merge_all(struct store *into, struct source *sources, size_t n,
		     void (*told)(void *arg, uint64_t samples), void *arg, struct err *err)
{
	struct source *s;
	uint64_t samples = 0;
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++)
		r = next_block(&sources[i], err);
	while (r >= 0 && (s = oldest(sources, n))) {
		r = take_block(into, s, &samples, err);
		if (r >= 0)
			r = next_block(s, err);
		if (r >= 0 && told)
			told(arg, samples);
	}
	for (size_t i = 0; i < n && r >= 0; i++)
		r = take_damage(into, &sources[i], err);
	return r;
}

int store_merge(struct store *s, const char *const *paths, size_t n,
		void (*told)(void *arg, uint64_t samples), void *arg, struct err *err)
{
	_cleanup_free_ struct source *sources = NULL;
	int r = 0;

	if (!s->writer || n > STORE_MERGE_MAX)
		return err_set(err, -EINVAL, "merge: at most %d stores at once", STORE_MERGE_MAX);
	sources = calloc(n + 1, sizeof(*sources));
	if (!sources)
		return -ENOMEM;
	for (size_t i = 0; i < n && r >= 0; i++)
		r = source_open(&sources[i], paths[i], err);
	if (r >= 0)
		r = merge_all(s, sources, n, told, arg, err);
	for (size_t i = 0; i < n; i++)
		source_done(&sources[i]);
	return r;
}
