/*
 * Merging stores: every question to the merged one has the answers of all together, whatever was
 * aged, imported or lost in them.
 */
#include "tests/unit/storage/oracle.h"
#include "tests/unit/storage/place.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define END_MS (INT64_MAX / ORACLE_MS)
#define DAY_MS (24 * 3600 * 1000ull)

struct fill {
	const char *name;
	struct oracle *o;
	uint64_t from_ms;
	int flushes;
	bool imported, lossy;
};

static void fill(const struct place *at, const struct fill *how)
{
	struct place p = *at;
	struct store *s;
	struct store_feed *f;
	struct profile *live;
	uint64_t now = how->from_ms;

	snprintf(p.path, sizeof(p.path), "%s/%s", at->dir, how->name);
	s = place_writer(&p, NULL);
	assert_int_equal(profile_new(false, &live), 0);
	live->period_ns = 10101010;
	assert_int_equal(store_feed_new(s, live, &f), 0);
	if (how->imported)
		store_feed_set_imported(f);
	for (int i = 0; i < how->flushes; i++, now += 1000) {
		oracle_add_some(how->o, live, 100, now, now + 1000, 40, 9);
		if (how->lossy)
			profile_add_loss(live, "ring-full", 2);
		assert_int_equal(store_feed_flush(f, "{}", false, NULL), 0);
	}
	store_feed_free(f);
	store_close(s);
	profile_free(live);
}

static struct store *merge(const struct place *at, const char *const *names, size_t n)
{
	char paths[4][160];
	const char *given[4];
	struct err err = {};
	struct store *s = place_writer(at, NULL);

	for (size_t i = 0; i < n; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", at->dir, names[i]);
		given[i] = paths[i];
	}
	if (store_merge(s, given, n, NULL, NULL, &err) < 0)
		fail_msg("%s", err_text(&err));
	return s;
}

/* All stores were filled through one oracle, which knows what all hold together. */
static void answers_are_those_of_all_together(void **state)
{
	static const char *const names[] = {"a.db", "b.db", "c.db"};
	const struct place *at = *state;
	struct oracle o = {.random = 3};
	struct store *s;

	fill(at, &(struct fill){"a.db", &o, ORACLE_T0_MS, 30});
	fill(at, &(struct fill){"b.db", &o, ORACLE_T0_MS + 5500, 10, .imported = true});
	fill(at, &(struct fill){"c.db", &o, ORACLE_T0_MS + 90000, 5});
	s = merge(at, names, 3);
	for (int i = 0; i < 30; i++) {
		uint64_t a = ORACLE_T0_MS + oracle_random(&o, 100000);
		uint64_t b = a + oracle_random(&o, 30000);

		oracle_check_store(&o, s, a, b, i % 2 ? "{comm=\"comm-1\"}" : NULL);
	}
	oracle_check_store(&o, s, ORACLE_T0_MS, ORACLE_T0_MS + 100000, NULL);
	store_close(s);
	oracle_done(&o);
}

struct answer {
	uint64_t samples, lost, first_loss_ms;
	uint64_t detailed; /* samples that lie on no whole second */
};

static struct answer ask(struct store *s, uint64_t until_ms)
{
	struct store_query q = {.until_ns = until_ms * ORACLE_MS};
	struct answer a = {};
	struct profile *p;
	struct err err = {};

	if (store_query_profile(s, &q, NULL, true, &p, &err) < 0)
		fail_msg("%s", err_text(&err));
	a.samples = profile_sample_count(p);
	for (uint32_t i = 0; i < p->n_samples; i++)
		a.detailed += p->samples[i].time_ns / ORACLE_MS % 1000 != 0;
	for (uint32_t i = 0; i < p->n_losses; i++)
		a.lost += p->losses[i].count;
	profile_free(p);
	return a;
}

static void what_was_lost_and_when_comes_along(void **state)
{
	static const char *const names[] = {"a.db", "b.db"};
	const struct place *at = *state;
	struct oracle o = {.random = 4};
	struct place b = *at;
	struct store *s, *damaged;
	sqlite3 *db;

	fill(at, &(struct fill){"a.db", &o, ORACLE_T0_MS, 10, .lossy = true});
	fill(at, &(struct fill){"b.db", &o, ORACLE_T0_MS, 10});
	snprintf(b.path, sizeof(b.path), "%s/b.db", at->dir);
	assert_int_equal(sqlite3_open(b.path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "DELETE FROM block_data WHERE first = 3", NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	s = merge(at, names, 2);
	damaged = place_reader(&b);
	assert_int_equal(ask(s, END_MS).lost, 20 + ask(damaged, END_MS).lost);
	store_close(damaged);
	/* Those of the first five seconds: two each. */
	assert_int_equal(ask(s, ORACLE_T0_MS + 5000).lost, 10);
	store_close(s);
	oracle_done(&o);
}

static void what_was_rolled_up_stays_so_and_ages_on(void **state)
{
	static const char *const names[] = {"a.db", "b.db"};
	const uint64_t now_ms = ORACLE_T0_MS + 5 * DAY_MS;
	const struct place *at = *state;
	struct oracle o = {.random = 6};
	struct place a = *at;
	struct answer before, after;
	struct store *s;
	struct err err = {};

	fill(at, &(struct fill){"a.db", &o, ORACLE_T0_MS, 20});
	fill(at, &(struct fill){"b.db", &o, ORACLE_T0_MS, 20, .imported = true});
	snprintf(a.path, sizeof(a.path), "%s/a.db", at->dir);
	s = place_writer(&a, NULL);
	while (store_age(s, now_ms * ORACLE_MS, &err) > 0)
		;
	store_close(s);
	s = merge(at, names, 2);
	before = ask(s, now_ms);
	while (store_age(s, now_ms * ORACLE_MS, &err) > 0)
		;
	after = ask(s, now_ms);
	/* b is imported and keeps its milliseconds; a had lost them before. */
	assert_int_equal(after.samples, before.samples);
	assert_true(before.detailed > 1000);
	assert_int_equal(after.detailed, before.detailed);
	/* Past the retention time a's go, b's do not. */
	while (store_age(s, (now_ms + 60 * DAY_MS) * ORACLE_MS, &err) > 0)
		;
	after = ask(s, now_ms);
	assert_true(after.samples > 0 && after.samples < before.samples);
	assert_int_equal(after.detailed, before.detailed);
	store_close(s);
	oracle_done(&o);
}

static void a_store_that_is_not_there_is_told(void **state)
{
	const struct place *at = *state;
	struct store *s = place_writer(at, NULL);
	const char *paths[STORE_MERGE_MAX + 1] = {"/nowhere/at.db"};
	struct err err = {};

	assert_int_equal(store_merge(s, paths, 1, NULL, NULL, &err), -ENOENT);
	assert_non_null(strstr(err_text(&err), "/nowhere/at.db"));
	assert_int_equal(store_merge(s, paths, STORE_MERGE_MAX + 1, NULL, NULL, &err), -EINVAL);
	assert_int_equal(store_merge(s, paths, 0, NULL, NULL, &err), 0);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(answers_are_those_of_all_together),
		PLACE_TEST(what_was_lost_and_when_comes_along),
		PLACE_TEST(what_was_rolled_up_stays_so_and_ages_on),
		PLACE_TEST(a_store_that_is_not_there_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
