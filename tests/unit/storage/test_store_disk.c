/*
 * A disk that fails at each operation in turn: power cut at a write, no room at a write, an error
 * at a read or at a sync. Nothing that was synced is missing, a flush is there whole or not at
 * all, what failed is said and stored later, and no answer is wrong.
 *
 * Without an argument some operations are tried, spread over all; `test_store_disk all` tries
 * each.
 */
#include "tests/unit/storage/faulty_disk.h"
#include "tests/unit/storage/oracle.h"
#include "tests/unit/storage/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define FLUSHES	   70
#define PER_FLUSH  40
#define STEP_MS	   1000
#define SYNC_EVERY 7
#define SPREAD	   20 /* how many operations are tried when not all are */

static bool try_all;

struct run {
	struct oracle o;
	int opened, acknowledged, synced; /* flushes: all below are */
	unsigned int failures;
};

static uint64_t step_over(uint64_t operations)
{
	return try_all || operations < SPREAD ? 1 : operations / SPREAD;
}

static void fill(struct run *r, struct profile *live, int flush)
{
	uint64_t now = ORACLE_T0_MS + (uint64_t)flush * STEP_MS;

	oracle_add_some(&r->o, live, PER_FLUSH, now, now + STEP_MS, 300, 30);
}

/* A failed operation says why. Which errno it is depends on where SQLite was. */
static void note_failure(struct run *r, int code, const struct err *err)
{
	if (!err->text[0] || err->code != code)
		fail_msg("%d without a sentence", code);
	r->failures++;
}

/*
 * Opens, flushes, ages and closes. A flush that fails is tried again with the next; the last ones
 * until they pass, unless the disk is dark.
 */
static void run_writer(const struct place *at, struct run *r, bool dark)
{
	struct store_options options = {.detail_time_ns = 40 * 1000 * ORACLE_MS};
	struct profile *live;
	struct store_feed *f;
	struct store *s = NULL;
	struct err err = {};
	int code;

	for (int i = 0; i < (dark ? 1 : 10) && !s; i++) {
		err = (struct err){};
		code = store_open_writer(at->path, &options, &s, &err);
		if (code < 0)
			note_failure(r, code, &err);
	}
	if (!s && dark)
		return;
	assert_non_null(s);
	r->opened++;
	assert_int_equal(profile_new(false, &live), 0);
	live->period_ns = 10101010;
	assert_int_equal(store_feed_new(s, live, &f), 0);
	for (int i = 0; i < FLUSHES + 10; i++) {
		bool sync = i % SYNC_EVERY == 0 || i >= FLUSHES;
		uint64_t now = ORACLE_T0_MS + (uint64_t)(i + 1) * STEP_MS;

		if (i < FLUSHES)
			fill(r, live, i);
		err = (struct err){};
		code = store_feed_flush(f, "{}", sync, &err);
		if (code != 0)
			note_failure(r, code, &err);
		if (code >= 0)
			r->acknowledged = i + 1;
		if (code == 0 && sync)
			r->synced = i + 1;
		if (code == 0 && i >= FLUSHES)
			break;
		err = (struct err){};
		code = store_age(s, now * ORACLE_MS, &err);
		if (code < 0)
			note_failure(r, code, &err);
	}
	store_feed_free(f);
	store_close(s);
	profile_free(live);
}

static uint64_t count_flush(struct store *s, int flush)
{
	uint64_t from_ms = ORACLE_T0_MS + (uint64_t)flush * STEP_MS;

	return oracle_count_in(s, from_ms, from_ms + STEP_MS);
}

static void assert_undamaged(struct store *s)
{
	struct store_summary sum;

	assert_int_equal(store_summary(s, &sum, NULL), 0);
	assert_int_equal(sum.damaged_blocks + sum.damaged_rows + sum.missing_blocks, 0);
	store_summary_done(&sum);
}

/* Older samples of the list stand at their second, as ageing leaves them. */
static void check_all(const struct place *at, struct run *r)
{
	struct store *s = place_reader(at);
	struct store_query q = {.until_ns = UINT64_MAX};
	static const char *const by[] = {"comm", NULL};
	struct profile *p;

	assert_undamaged(s);
	assert_int_equal(store_query_profile(s, &q, by, false, &p, NULL), 0);
	assert_int_equal(profile_sample_count(p), oracle_count(&r->o, 0, UINT64_MAX, NULL));
	profile_free(p);
	for (int i = 0; i < FLUSHES; i++) {
		uint64_t from = ORACLE_T0_MS + (uint64_t)i * STEP_MS;

		assert_int_equal(count_flush(s, i),
				 oracle_count(&r->o, from, from + STEP_MS, NULL));
	}
	store_close(s);
}

/* ---- power ---- */

static void check_after_power_cut(const struct place *at, const struct run *r, uint64_t write)
{
	bool ended = false;
	struct store *s = NULL;
	struct err err = {};

	if (store_open_writer(at->path, NULL, &s, &err) < 0)
		fail_msg("cut at write %llu: %s", (unsigned long long)write, err_text(&err));
	assert_undamaged(s);
	for (int i = 0; i < FLUSHES; i++) {
		uint64_t from = ORACLE_T0_MS + (uint64_t)i * STEP_MS;
		uint64_t want = oracle_count(&r->o, from, from + STEP_MS, NULL);
		uint64_t have = count_flush(s, i);

		if (have && (ended || have != want))
			fail_msg("cut at write %llu: flush %d has %llu of %llu%s",
				 (unsigned long long)write, i, (unsigned long long)have,
				 (unsigned long long)want, ended ? " and one before it none" : "");
		if (!have && i < r->synced)
			fail_msg("cut at write %llu: flush %d was synced and is gone",
				 (unsigned long long)write, i);
		ended |= have == 0;
	}
	store_close(s);
}

static void a_power_cut_loses_only_what_was_not_synced(void **state)
{
	struct place *at = (struct place *)*state;
	struct run clean = {.o = {.random = 3}};
	uint64_t writes, lost = 0, cuts = 0;

	faulty_disk_plan(FAULT_NONE, 0);
	run_writer(at, &clean, false);
	writes = faulty_disk_writes();
	assert_int_equal(clean.failures, 0);
	check_all(at, &clean);
	oracle_done(&clean.o);
	for (uint64_t w = 0; w < writes; w += step_over(writes)) {
		struct run r = {.o = {.random = 3}};

		place_empty(at);
		faulty_disk_plan(FAULT_POWER, w);
		run_writer(at, &r, true);
		assert_true(faulty_disk_happened());
		lost += (uint64_t)(r.acknowledged - r.synced);
		faulty_disk_power_back(w % 2);
		check_after_power_cut(at, &r, w);
		oracle_done(&r.o);
		cuts++;
	}
	print_message("%llu writes, %llu cuts\n", (unsigned long long)writes,
		      (unsigned long long)cuts);
	assert_true(lost > 0);
}

/* ---- errors that pass ---- */

static uint64_t count_operations(const struct place *at, uint64_t (*operations)(void))
{
	struct run r = {.o = {.random = 3}};
	uint64_t n;

	faulty_disk_plan(FAULT_NONE, 0);
	run_writer(at, &r, false);
	n = operations();
	oracle_done(&r.o);
	return n;
}

static void fail_each(const struct place *at, enum faulty_disk_fault fault,
		      uint64_t (*operations)(void))
{
	uint64_t n = count_operations(at, operations);
	unsigned int told = 0;

	for (uint64_t i = 0; i < n; i += step_over(n)) {
		struct run r = {.o = {.random = 3}};

		place_empty(at);
		faulty_disk_plan(fault, i);
		run_writer(at, &r, false);
		assert_true(faulty_disk_happened());
		told += r.failures > 0;
		faulty_disk_plan(FAULT_NONE, 0);
		check_all(at, &r);
		oracle_done(&r.o);
	}
	print_message("%llu operations, %u runs with a failure\n", (unsigned long long)n, told);
	assert_true(told > 0);
}

static void a_full_disk_delays_and_loses_nothing(void **state)
{
	fail_each((const struct place *)*state, FAULT_FULL, faulty_disk_writes);
}

static void a_read_error_of_the_writer_is_told_and_passes(void **state)
{
	fail_each((const struct place *)*state, FAULT_READ, faulty_disk_reads);
}

static void a_failed_sync_loses_nothing(void **state)
{
	fail_each((const struct place *)*state, FAULT_SYNC, faulty_disk_syncs);
}

static void a_disk_that_takes_no_sync_is_told(void **state)
{
	struct place *at = (struct place *)*state;
	struct run r = {.o = {.random = 3}};
	struct store *s = place_writer(at, NULL);
	struct profile *live;
	struct store_feed *f;
	struct err err = {};

	assert_int_equal(profile_new(false, &live), 0);
	assert_int_equal(store_feed_new(s, live, &f), 0);
	faulty_disk_plan(FAULT_NO_SYNC, 0);
	fill(&r, live, 0);
	assert_int_equal(store_feed_flush(f, "{}", true, &err), STORE_UNSYNCED);
	assert_non_null(strstr(err.text, "power cut"));
	assert_int_equal(live->n_samples, 0);
	/* Told until it is mended, also where no sync was asked for. */
	fill(&r, live, 1);
	assert_int_equal(store_feed_flush(f, "{}", false, NULL), STORE_UNSYNCED);
	faulty_disk_plan(FAULT_NONE, 0);
	fill(&r, live, 2);
	assert_int_equal(store_feed_flush(f, "{}", false, NULL), 0);
	assert_int_equal(faulty_disk_syncs(), 1);
	store_feed_free(f);
	store_close(s);
	profile_free(live);
	oracle_done(&r.o);
}

/* All or a sentence: an answer in between would be a wrong one. */
static void a_reader_answers_rightly_or_not_at_all(void **state)
{
	static const char *const by[] = {"comm", NULL};
	struct place *at = (struct place *)*state;
	struct run r = {.o = {.random = 3}};
	struct store_query q = {.until_ns = UINT64_MAX};
	uint64_t want, answers = 0, refusals = 0;
	bool happened = true;

	faulty_disk_plan(FAULT_NONE, 0);
	run_writer(at, &r, false);
	want = oracle_count(&r.o, 0, UINT64_MAX, NULL);
	for (uint64_t i = 0; happened; i++) {
		struct profile *p = NULL;
		struct store *s = NULL;
		struct err err = {};
		int code;

		faulty_disk_plan(FAULT_READ, i);
		code = store_open_reader(at->path, &s, &err);
		if (code >= 0)
			code = store_query_profile(s, &q, by, false, &p, &err);
		if (code < 0) {
			note_failure(&r, code, &err);
			refusals++;
		} else {
			assert_int_equal(profile_sample_count(p), want);
			assert_int_equal(p->n_losses, 0);
			answers++;
		}
		happened = faulty_disk_happened();
		profile_free(p);
		store_close(s);
	}
	assert_true(refusals > 3 && answers > 0);
	faulty_disk_plan(FAULT_NONE, 0);
	oracle_done(&r.o);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(a_power_cut_loses_only_what_was_not_synced),
		PLACE_TEST(a_full_disk_delays_and_loses_nothing),
		PLACE_TEST(a_read_error_of_the_writer_is_told_and_passes),
		PLACE_TEST(a_failed_sync_loses_nothing),
		PLACE_TEST(a_disk_that_takes_no_sync_is_told),
		PLACE_TEST(a_reader_answers_rightly_or_not_at_all),
	};

	try_all = argc > 1 && !strcmp(argv[1], "all");
	faulty_disk_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
