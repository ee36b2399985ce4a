/*
 * check.h: sound stores are said to be, each kind of damage is found, and a repaired store is
 * sound, keeps all that was readable and still says what was lost.
 */
#include "storage/check.h"

#include "tests/unit/storage/oracle.h"
#include "tests/unit/storage/place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PAGE	4096
#define FLUSHES 40
#define EACH	15

/* Small blocks and chunks, some merged; everything in the file itself. */
static uint64_t make_store(const struct place *at)
{
	struct oracle o = {.random = 77};
	struct store *s = place_writer(at, NULL);
	struct store_feed *f;
	struct profile *live;
	uint64_t now = ORACLE_T0_MS, samples = 0;
	sqlite3 *db;

	assert_int_equal(profile_new(false, &live), 0);
	live->period_ns = 10101010;
	assert_int_equal(store_feed_new(s, live, &f), 0);
	for (int i = 0; i < FLUSHES; i++, now += 1000) {
		oracle_add_some(&o, live, EACH, now, now + 1000, 5 + 3 * (uint32_t)i,
				3 + (uint32_t)i / 2);
		samples += profile_sample_count(live);
		assert_int_equal(store_feed_flush(f, "{}", false, NULL), 0);
		if (i == 20)
			while (store_age(s, now * ORACLE_MS, NULL) > 0)
				;
	}
	store_feed_free(f);
	store_close(s);
	profile_free(live);
	oracle_done(&o);
	assert_int_equal(sqlite3_open(at->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	return samples;
}

static void damage(const struct place *at, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(at->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	assert_true(sqlite3_changes(db) > 0);
	sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	sqlite3_close(db);
}

static struct check look(const struct place *at)
{
	struct check c = {};
	struct err err = {};

	if (check_store(at->path, &c, &err) < 0)
		fail_msg("%s", err_text(&err));
	return c;
}

/* Samples that a question about everything gets, and what it says is lost. */
static uint64_t ask(const struct place *at, uint64_t *ret_lost)
{
	struct store *s = place_reader(at);
	struct store_query q = {.until_ns = INT64_MAX};
	struct profile *p;
	struct err err = {};
	uint64_t n;

	if (store_query_profile(s, &q, NULL, true, &p, &err) < 0)
		fail_msg("%s", err_text(&err));
	n = profile_sample_count(p);
	*ret_lost = 0;
	for (uint32_t i = 0; i < p->n_losses; i++)
		*ret_lost += p->losses[i].count;
	profile_free(p);
	store_close(s);
	return n;
}

/* What was damaged, by a bit for each kind. */
static unsigned int kinds(const struct check *c)
{
	unsigned int bits = 0;

	for (int k = 0; k < CHECK_ITEM_COUNT; k++)
		if (c->count[k])
			bits |= 1u << k;
	return bits;
}

/* Repaired: sound, with as many samples as were there to be read, and the loss is told. */
static void repair(const struct place *at, uint64_t readable, bool loses)
{
	char *aside = NULL;
	struct check c = {};
	struct err err = {};
	uint64_t lost;

	if (check_repair(at->path, &c, &aside, &err) < 0)
		fail_msg("%s", err_text(&err));
	assert_non_null(aside);
	assert_int_equal(access(aside, F_OK), 0);
	check_done(&c);
	c = look(at);
	if (!check_is_good(&c))
		fail_msg("after the repair: kinds %x", kinds(&c));
	assert_int_equal(c.samples, readable);
	check_done(&c);
	assert_int_equal(ask(at, &lost), readable);
	assert_true(loses ? lost > 0 : lost == 0);
	free(aside);
}

static void sound_stores_are_sound_and_stay(void **state)
{
	const struct place *at = *state;
	uint64_t samples = make_store(at);
	struct check c = look(at);
	char *aside = (char *)"";

	assert_true(check_is_good(&c));
	assert_int_equal(c.samples, samples);
	assert_int_equal(c.n_items, 0);
	check_done(&c);
	assert_int_equal(check_repair(at->path, &c, &aside, NULL), 0);
	assert_null(aside);
	check_done(&c);
}

static void a_fresh_store_is_sound(void **state)
{
	const struct place *at = *state;
	struct check c;

	store_close(place_writer(at, NULL));
	c = look(at);
	assert_true(check_is_good(&c));
	check_done(&c);
}

static void each_kind_of_damage_is_found_and_mended(void **state)
{
	static const struct {
		const char *sql;
		unsigned int kinds;
		bool loses;
	} cases[] = {
		{"UPDATE block_data SET data = zeroblob(length(data)) WHERE first = 30",
		 1u << CHECK_BLOCK, true},
		{"DELETE FROM block_data WHERE first = 30", 1u << CHECK_BLOCK, true},
		{"UPDATE block SET samples = samples + 1 WHERE first = 30",
		 1u << CHECK_BLOCK_HEAD | 1u << CHECK_BLOCK_MISSING, true},
		{"UPDATE block SET first = 1000000 WHERE first = 30",
		 1u << CHECK_BLOCK_HEAD | 1u << CHECK_BLOCK_MISSING, true},
		{"DELETE FROM block WHERE first >= 35", 1u << CHECK_BLOCK_MISSING, true},
		{"DELETE FROM block WHERE first < 30", 1u << CHECK_BLOCK_MISSING, true},
		{"DELETE FROM block", 1u << CHECK_BLOCK_MISSING, true},
		{"DELETE FROM chunk WHERE first = (SELECT max(first) FROM chunk)",
		 1u << CHECK_CHUNK_MISSING | 1u << CHECK_NAMES, true},
		{"DELETE FROM chunk WHERE first = 1", 1u << CHECK_CHUNK_MISSING | 1u << CHECK_NAMES,
		 true},
		{"DELETE FROM chunk", 1u << CHECK_CHUNK_MISSING | 1u << CHECK_NAMES, true},
		{"UPDATE chunk SET data = zeroblob(9) WHERE first = 25",
		 1u << CHECK_CHUNK | 1u << CHECK_CHUNK_MISSING | 1u << CHECK_NAMES, true},
		{"UPDATE state SET sum = sum + 1", 1u << CHECK_STATE, false},
		{"DELETE FROM state", 1u << CHECK_STATE, false},
		{"UPDATE run SET counters = '{ }'", 1u << CHECK_RUN, false},
		{"DELETE FROM run", 1u << CHECK_RUN, false},
	};
	struct place *at = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t samples, lost;
		struct check c;

		place_empty(at);
		samples = make_store(at);
		damage(at, cases[i].sql);
		c = look(at);
		if (kinds(&c) != cases[i].kinds)
			fail_msg("%s: kinds %x", cases[i].sql, kinds(&c));
		assert_true(c.samples <= samples);
		/* The same as questions can get. */
		assert_int_equal(c.samples, ask(at, &lost));
		check_done(&c);
		repair(at, ask(at, &lost), cases[i].loses);
	}
}

static void a_repaired_store_is_written_to_again(void **state)
{
	const struct place *at = *state;
	struct store *s;
	struct store_feed *f;
	struct profile *live;
	struct check c;
	struct oracle o = {.random = 5};
	uint64_t readable, lost;

	make_store(at);
	damage(at, "DELETE FROM chunk WHERE first = (SELECT max(first) FROM chunk)");
	readable = ask(at, &lost);
	repair(at, readable, true);
	s = place_writer(at, NULL);
	assert_int_equal(profile_new(false, &live), 0);
	live->period_ns = 10101010;
	assert_int_equal(store_feed_new(s, live, &f), 0);
	oracle_add_some(&o, live, 100, ORACLE_T0_MS + 99000, ORACLE_T0_MS + 100000, 300, 60);
	readable += profile_sample_count(live);
	assert_int_equal(store_feed_flush(f, "{}", true, NULL), 0);
	while (store_age(s, (ORACLE_T0_MS + 100000) * ORACLE_MS, NULL) > 0)
		;
	store_feed_free(f);
	store_close(s);
	profile_free(live);
	oracle_done(&o);
	c = look(at);
	assert_true(check_is_good(&c));
	assert_int_equal(c.samples, readable);
	check_done(&c);
	assert_int_equal(ask(at, &lost), readable);
}

/* ---- copies ---- */

/* As `.backup` of the sqlite3 program does, a few pages at a time, while a daemon writes. */
static void a_copy_of_a_live_store_is_a_good_one(void **state)
{
	struct place *at = *state, copy = *at;
	struct oracle o = {.random = 9};
	uint64_t before, now = ORACLE_T0_MS, lost;
	struct store *s = place_writer(at, NULL);
	struct store_feed *f;
	struct profile *live;
	struct check c;
	sqlite3 *from, *to;
	sqlite3_backup *b;
	int result;

	snprintf(copy.path, sizeof(copy.path), "%s/copy.db", at->dir);
	assert_int_equal(profile_new(false, &live), 0);
	live->period_ns = 10101010;
	assert_int_equal(store_feed_new(s, live, &f), 0);
	for (int i = 0; i < 50; i++, now += 1000) {
		oracle_add_some(&o, live, 100, now, now + 1000, 300, 60);
		assert_int_equal(store_feed_flush(f, "{}", false, NULL), 0);
	}
	before = ask(at, &lost);
	assert_int_equal(sqlite3_open_v2(at->path, &from, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_open(copy.path, &to), SQLITE_OK);
	b = sqlite3_backup_init(to, "main", from, "main");
	assert_non_null(b);
	for (int steps = 0; (result = sqlite3_backup_step(b, 5)) == SQLITE_OK; steps++) {
		if (steps > 8)
			continue;
		oracle_add_some(&o, live, 100, now, now + 1000, 300, 60);
		now += 1000;
		assert_int_equal(store_feed_flush(f, "{}", false, NULL), 0);
		assert_true(store_age(s, now * ORACLE_MS, NULL) >= 0);
	}
	assert_int_equal(result, SQLITE_DONE);
	sqlite3_backup_finish(b);
	sqlite3_close(from);
	sqlite3_close(to);
	c = look(&copy);
	assert_true(check_is_good(&c));
	assert_true(c.samples >= before);
	check_done(&c);
	assert_true(ask(&copy, &lost) >= before);
	assert_int_equal(lost, 0);
	/* And the daemon's own goes on. */
	assert_true(ask(at, &lost) >= before);
	store_feed_free(f);
	store_close(s);
	s = place_writer(&copy, NULL);
	store_close(s);
	profile_free(live);
	oracle_done(&o);
}

/* ---- pages ---- */

static uint8_t *read_file(const char *path, size_t *ret_len)
{
	int fd = open(path, O_RDONLY);
	off_t len = lseek(fd, 0, SEEK_END);
	uint8_t *data = malloc((size_t)len);

	assert_non_null(data);
	assert_int_equal(pread(fd, data, (size_t)len, 0), len);
	close(fd);
	*ret_len = (size_t)len;
	return data;
}

static void write_file(const struct place *at, const uint8_t *data, size_t len)
{
	int fd;

	place_empty(at);
	fd = open(at->path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

/* Each page in turn is garbage: whatever is left is kept, and all that is said is true. */
static void whatever_page_is_garbage_the_rest_is_kept(void **state)
{
	const struct place *at = *state;
	uint64_t samples = make_store(at), kept = 0;
	size_t len, repaired = 0;
	uint8_t *good = read_file(at->path, &len);

	for (size_t page = 0; page < len / PAGE; page++) {
		uint8_t *bad = malloc(len);
		struct check c = {};
		struct err err = {};
		char *aside = NULL;
		int r;

		memcpy(bad, good, len);
		for (size_t i = 0; i < PAGE; i++)
			bad[page * PAGE + i] ^= (uint8_t)(1 + i * 37);
		write_file(at, bad, len);
		free(bad);
		r = check_repair(at->path, &c, &aside, &err);
		if (page == 0) {
			assert_true(r < 0 && err.text[0]);
			continue;
		}
		if (r < 0)
			fail_msg("page %zu: %s", page, err_text(&err));
		check_done(&c);
		c = look(at);
		if (!check_is_good(&c))
			fail_msg("page %zu: kinds %x after the repair", page, kinds(&c));
		if (c.samples > samples)
			fail_msg("page %zu: more samples than there were", page);
		kept += c.samples;
		repaired += aside != NULL;
		check_done(&c);
		free(aside);
	}
	free(good);
	assert_true(repaired > 5);
	/* One page of about a dozen costs its own samples, or names of many. */
	assert_true(kept > samples * (len / PAGE - 1) / 3);
}

static void what_is_no_store_or_in_use_is_told(void **state)
{
	const struct place *at = *state;
	struct check c = {};
	struct err err = {};
	char *aside = NULL;
	struct store *s;

	assert_int_equal(check_store(at->path, &c, &err), -ENOENT);
	assert_int_equal(check_repair(at->path, &c, &aside, &err), -ENOENT);
	s = place_writer(at, NULL);
	assert_int_equal(check_repair(at->path, &c, &aside, &err), -EBUSY);
	store_close(s);
	assert_int_equal(truncate(at->path, 100), 0);
	assert_int_equal(check_repair(at->path, &c, &aside, &err), -EBADMSG);
	assert_null(aside);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(sound_stores_are_sound_and_stay),
		PLACE_TEST(a_fresh_store_is_sound),
		PLACE_TEST(each_kind_of_damage_is_found_and_mended),
		PLACE_TEST(a_repaired_store_is_written_to_again),
		PLACE_TEST(a_copy_of_a_live_store_is_a_good_one),
		PLACE_TEST(whatever_page_is_garbage_the_rest_is_kept),
		PLACE_TEST(what_is_no_store_or_in_use_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
