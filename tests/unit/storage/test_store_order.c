/*
 * Whatever is done to a store in whatever order, every question is answered as by a plain list:
 * taking in, importing, merging, ageing, new epochs, restarts, kills, a clock that jumps.
 *
 * test_storage_store_order [ROUNDS [SEED]]; each round has a seed of its own, which a failure
 * names.
 */
#include "storage/store_private.h"

#include "profiler/base/quantity.h"
#include "tests/unit/storage/oracle.h"
#include "tests/unit/storage/place.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MINUTE_MS 60000ull
#define HOUR_MS	  (60 * MINUTE_MS)
#define T0_MS	  (ORACLE_T0_MS / MINUTE_MS * MINUTE_MS)
#define DETAIL_MS (10 * HOUR_MS)
#define END_MS	  (T0_MS + 48 * HOUR_MS)
#define OPS	  60
#define MANY	  34000 /* samples that become a block with sums */

static uint64_t rounds = 1, seed = 1;

struct world {
	struct oracle o;
	const struct place *at;
	struct place files; /* its path is that of the store as it is now */
	int copies;
	struct store *s, *reader;
	struct feed {
		struct store_feed *feed;
		struct profile *live;
	} host, imported;
	uint64_t now_ms, latest_ms;
};

static uint64_t any(struct world *w, uint64_t below)
{
	return oracle_random(&w->o, below);
}

/* ---- the store ---- */

static void feed_open(struct world *w, struct feed *f, bool imported)
{
	assert_int_equal(profile_new(false, &f->live), 0);
	f->live->period_ns = 10101010;
	assert_int_equal(store_feed_new(w->s, f->live, &f->feed), 0);
	if (imported)
		store_feed_set_imported(f->feed);
}

static void feed_close(struct feed *f)
{
	store_feed_free(f->feed);
	profile_free(f->live);
}

static void world_open(struct world *w)
{
	struct store_options options = {.detail_time_ns = DETAIL_MS * ORACLE_MS};

	w->s = place_writer(&w->files, &options);
	w->reader = place_reader(&w->files);
	feed_open(w, &w->host, false);
	feed_open(w, &w->imported, true);
}

static void world_close(struct world *w)
{
	feed_close(&w->host);
	feed_close(&w->imported);
	store_close(w->reader);
	store_close(w->s);
}

static void flush(struct feed *f)
{
	struct err err = {};

	if (store_feed_flush(f->feed, "{}", false, &err) < 0)
		fail_msg("%s", err_text(&err));
}

/* ---- what is done to it ---- */

static void take_in(struct world *w)
{
	uint64_t span = 1 + any(w, 30000);

	oracle_add_some(&w->o, w->host.live, any(w, 200), w->now_ms, w->now_ms + span,
			1 + (uint32_t)any(w, 80), 1 + (uint32_t)any(w, 30));
	if (any(w, 4) == 0)
		profile_add_loss(w->host.live, "ring_full", 1 + any(w, 9));
	flush(&w->host);
	w->now_ms += span;
}

static void take_in_many(struct world *w)
{
	oracle_add_some(&w->o, w->host.live, MANY, w->now_ms, w->now_ms + 40000,
			2 + (uint32_t)any(w, 12), 1 + (uint32_t)any(w, 12));
	flush(&w->host);
	/* Mostly too far for the next block to be merged with it: sums of sums need several. */
	w->now_ms += any(w, 4) ? 2 * HOUR_MS : 40000;
}

static void import(struct world *w)
{
	oracle_add_some(&w->o, w->imported.live, 1 + any(w, 300), T0_MS, w->now_ms + 1,
			1 + (uint32_t)any(w, 40), 1 + (uint32_t)any(w, 20));
	flush(&w->imported);
}

static void merge(struct world *w)
{
	struct place other = *w->at;
	const char *paths[] = {other.path};
	struct feed f;
	struct store *mine = w->s;
	struct err err = {};

	snprintf(other.path, sizeof(other.path), "%s/other-%d.db", w->at->dir, w->copies++);
	w->s = place_writer(&other, NULL);
	feed_open(w, &f, any(w, 2));
	for (uint64_t i = any(w, 4); i > 0; i--) {
		oracle_add_some(&w->o, f.live, 1 + any(w, 200), T0_MS, w->now_ms + 1,
				1 + (uint32_t)any(w, 60), 1 + (uint32_t)any(w, 25));
		flush(&f);
	}
	feed_close(&f);
	store_close(w->s);
	w->s = mine;
	if (store_merge(w->s, paths, 1, NULL, NULL, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static void age(struct world *w)
{
	uint64_t steps = any(w, 3) ? UINT64_MAX : 1 + any(w, 5);
	struct err err = {};
	int r = 1;

	for (; r > 0 && steps > 0; steps--)
		r = store_age(w->s, w->now_ms * ORACLE_MS, &err);
	if (r < 0)
		fail_msg("%s", err_text(&err));
	w->latest_ms = w->now_ms > w->latest_ms ? w->now_ms : w->latest_ms;
}

static void begin_epoch(struct world *w)
{
	assert_int_equal(store_new_epoch(w->s, quantity_now_ns()), 0);
}

static void restart(struct world *w)
{
	world_close(w);
	world_open(w);
}

static void copy_file(const char *from, const char *to, const char *ending)
{
	char path[200], buffer[1 << 16];
	int in, out;
	ssize_t n;

	snprintf(path, sizeof(path), "%s%s", from, ending);
	in = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s%s", to, ending);
	out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		assert_int_equal(write(out, buffer, (size_t)n), n);
	close(in);
	close(out);
}

/* The files as they are at this moment are what a killed writer leaves. */
static void kill_writer(struct world *w)
{
	char path[sizeof(w->files.path)];

	memcpy(path, w->files.path, sizeof(path));
	snprintf(w->files.path, sizeof(w->files.path), "%s/copy-%d.db", w->at->dir, w->copies++);
	copy_file(path, w->files.path, "");
	copy_file(path, w->files.path, "-wal");
	world_close(w);
	world_open(w);
}

static void jump(struct world *w)
{
	uint64_t far = any(w, 5 * HOUR_MS);

	if (any(w, 2))
		w->now_ms += far;
	else
		w->now_ms = w->now_ms - T0_MS > far ? w->now_ms - far : T0_MS;
	if (w->now_ms > END_MS - 5 * HOUR_MS)
		w->now_ms = T0_MS + any(w, HOUR_MS);
}

static const struct {
	const char *name;
	void (*run)(struct world *w);
	unsigned int weight;
} ops[] = {
	{"take_in", take_in, 8},
	{"take_in_many", take_in_many, 6},
	{"import", import, 2},
	{"merge", merge, 1},
	{"age", age, 6},
	{"restart", restart, 1},
	{"kill_writer", kill_writer, 2},
	{"jump", jump, 2},
	{"begin_epoch", begin_epoch, 1},
};

static size_t choose(struct world *w)
{
	uint64_t all = 0, at;
	size_t i = 0;

	for (size_t k = 0; k < sizeof(ops) / sizeof(ops[0]); k++)
		all += ops[k].weight;
	for (at = any(w, all); at >= ops[i].weight; i++)
		at -= ops[i].weight;
	return i;
}

/* ---- questions ---- */

static void question(struct world *w, struct store *s)
{
	static const char *const matches[] = {NULL, NULL, "{comm=\"comm-1\"}", "{pid!=\"101\"}",
					      "{container=~\"web.*\", comm!=\"comm-0\"}"};
	const char *match = matches[any(w, sizeof(matches) / sizeof(matches[0]))];
	uint64_t minutes = (END_MS - T0_MS) / MINUTE_MS, exact_ms;
	uint64_t a = any(w, 3) ? any(w, minutes) : 0, b = any(w, 3) ? any(w, minutes) : minutes;

	oracle_check_minutes(&w->o, s, T0_MS + (a < b ? a : b) * MINUTE_MS,
			     T0_MS + (a < b ? b : a) * MINUTE_MS, match);
	/* What no ageing has met yet has its milliseconds. */
	exact_ms = w->latest_ms > DETAIL_MS ? w->latest_ms - DETAIL_MS + MINUTE_MS : 0;
	if (w->now_ms > exact_ms + 100)
		oracle_check_store(&w->o, s,
				   w->now_ms - any(w, w->now_ms - exact_ms > 900000
							      ? 900000
							      : w->now_ms - exact_ms),
				   w->now_ms, match);
}

static void one_round(const struct place *at, uint64_t number)
{
	struct world w = {.o.random = number * 0x9e3779b97f4a7c15ull + 1,
			  .at = at,
			  .files = *at,
			  .now_ms = T0_MS};

	world_open(&w);
	for (int i = 0; i < OPS; i++) {
		size_t op = choose(&w);

		print_message("round %" PRIu64 ", %d: %s\n", number, i, ops[op].name);
		ops[op].run(&w);
		if (any(&w, 3) == 0)
			question(&w, any(&w, 2) ? w.s : w.reader);
	}
	question(&w, w.s);
	question(&w, w.reader);
	world_close(&w);
	oracle_done(&w.o);
}

static void any_order_gives_the_same_answers(void **state)
{
	for (uint64_t i = 0; i < rounds; i++) {
		one_round((const struct place *)*state, seed + i);
		place_empty((const struct place *)*state);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {PLACE_TEST(any_order_gives_the_same_answers)};

	if (argc > 1)
		rounds = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
