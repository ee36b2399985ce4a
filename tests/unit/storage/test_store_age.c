/*
 * Ageing: whatever was merged, rolled up or dropped, every question is answered as a naive pass
 * over the raw samples would answer it.
 */
#include "storage/store_private.h"
#include "tests/unit/storage/oracle.h"
#include "tests/unit/storage/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define DAY_S (24 * 3600ull)

static const char *const matches[] = {
	NULL,
	"{comm=\"comm-1\"}",
	"{comm!=\"comm-1\"}",
	"{container=~\"web.*\"}",
	"{container!~\"web[12]\", pid!=\"104\"}",
	"{zone=\"eu\"}",
	"{container=\"\"}",
	"{comm=\"nobody\"}",
};

static void check_randomly(struct oracle *o, struct store *s, uint64_t from_ms, uint64_t until_ms,
			   int rounds)
{
	for (int i = 0; i < rounds; i++) {
		uint64_t a = from_ms + oracle_random(o, until_ms - from_ms);
		uint64_t b = from_ms + oracle_random(o, until_ms - from_ms);
		const char *match = matches[oracle_random(o, sizeof(matches) / sizeof(matches[0]))];

		oracle_check_store(o, s, a < b ? a : b, a < b ? b : a, match);
	}
	oracle_check_store(o, s, from_ms, until_ms, NULL);
}

static void age_fully(struct store *s, uint64_t now_ms)
{
	struct err err = {};
	int r, steps = 0;

	while ((r = store_age(s, now_ms * ORACLE_MS, &err)) > 0)
		if (++steps > 100000)
			fail_msg("ageing does not end");
	if (r < 0)
		fail_msg("%s", err_text(&err));
}

static void check_detail(struct store *s, uint64_t seconds_from_ms, uint64_t detail_from_ms)
{
	struct store_summary sum;

	assert_int_equal(store_summary(s, &sum, NULL), 0);
	assert_int_equal(sum.seconds_from_ns, seconds_from_ms * ORACLE_MS);
	assert_int_equal(sum.detail_from_ns, detail_from_ms * ORACLE_MS);
	store_summary_done(&sum);
}

static void flush(struct store_feed *f)
{
	struct err err = {};

	if (store_feed_flush(f, "{}", false, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static struct profile *live_new(void)
{
	struct profile *p;

	assert_int_equal(profile_new(false, &p), 0);
	p->period_ns = 10101010;
	return p;
}

static uint64_t blocks_of(struct store *s)
{
	struct store_summary sum;
	uint64_t n;

	assert_int_equal(store_summary(s, &sum, NULL), 0);
	assert_int_equal(sum.damaged_blocks + sum.damaged_rows + sum.missing_blocks, 0);
	n = sum.blocks;
	store_summary_done(&sum);
	return n;
}

static void merging_changes_no_answer(void **state)
{
	struct place *at = (struct place *)*state;
	struct oracle o = {.random = 42};
	struct store *s = place_writer(at, NULL);
	struct profile *live = live_new();
	struct store_feed *f;
	uint64_t now = ORACLE_T0_MS;

	assert_int_equal(store_feed_new(s, live, &f), 0);
	for (int i = 0; i < 400; i++, now += 1000) {
		oracle_add_some(&o, live, 20, now, now + 1000, 200, 40);
		flush(f);
		if (i % 7 == 0)
			assert_true(store_age(s, now * ORACLE_MS, NULL) >= 0);
		if (i % 100 == 50)
			check_randomly(&o, s, ORACLE_T0_MS, now + 1000, 3);
	}
	age_fully(s, now);
	assert_true(blocks_of(s) < 50);
	check_randomly(&o, s, ORACLE_T0_MS, now + 1000, 12);
	store_feed_free(f);
	store_close(s);
	s = place_reader(at);
	check_randomly(&o, s, ORACLE_T0_MS, now + 1000, 4);
	store_close(s);
	profile_free(live);
	oracle_done(&o);
}

static void rolling_up_blurs_times_and_nothing_else(void **state)
{
	struct place *at = (struct place *)*state;
	struct store_options options = {.detail_time_ns = 3600 * NS_PER_S,
					.retention_time_ns = 30 * DAY_S * NS_PER_S};
	struct oracle o = {.random = 43};
	struct store *s = place_writer(at, &options);
	struct profile *live = live_new();
	struct store_feed *f;
	uint64_t end = ORACLE_T0_MS + 60000, total;
	uint64_t minutes_until = (end - 1) / 60000 * 60000 + 60000;

	assert_int_equal(store_feed_new(s, live, &f), 0);
	for (uint64_t now = ORACLE_T0_MS; now < end; now += 1000) {
		oracle_add_some(&o, live, 100, now, now + 1000, 50, 10);
		flush(f);
	}
	total = oracle_count(&o, 0, UINT64_MAX, NULL);
	age_fully(s, end);
	check_randomly(&o, s, ORACLE_T0_MS, end, 3);

	age_fully(s, end + 3600 * 1000 + 1000);
	oracle_coarsen(&o, end, 1000);
	check_randomly(&o, s, ORACLE_T0_MS, end, 5);
	assert_int_equal(oracle_count(&o, 0, UINT64_MAX, NULL), total);
	check_detail(s, ORACLE_T0_MS, end);

	age_fully(s, end + 3 * 3600 * 1000 + 60000);
	oracle_coarsen(&o, end, 60000);
	check_randomly(&o, s, ORACLE_T0_MS - 60000, end, 5);

	check_detail(s, minutes_until, minutes_until);

	struct store_summary sum;

	assert_int_equal(store_summary(s, &sum, NULL), 0);
	assert_int_equal(sum.samples, total);
	store_summary_done(&sum);
	store_feed_free(f);
	store_close(s);
	profile_free(live);
	oracle_done(&o);
}

static void what_is_too_old_is_dropped_and_what_is_not_stays(void **state)
{
	struct place *at = (struct place *)*state;
	struct store_options options = {.detail_time_ns = 100 * DAY_S * NS_PER_S,
					.retention_time_ns = DAY_S * NS_PER_S};
	struct oracle old = {.random = 44}, fresh = {.random = 45};
	struct store *s = place_writer(at, &options);
	struct profile *live = live_new();
	struct store_feed *f;
	uint64_t later = ORACLE_T0_MS + 2 * DAY_S * 1000;
	struct profile *p;
	struct store_query q = {.until_ns = UINT64_MAX};

	assert_int_equal(store_feed_new(s, live, &f), 0);
	for (int i = 0; i < 40; i++) {
		oracle_add_some(&old, live, 20, ORACLE_T0_MS, ORACLE_T0_MS + 1000, 50, 10);
		flush(f);
	}
	for (int i = 0; i < 40; i++) {
		oracle_add_some(&fresh, live, 20, later, later + 1000, 50, 10);
		flush(f);
	}
	age_fully(s, later + 1000);
	assert_int_equal(store_query_profile(s, &q, NULL, true, &p, NULL), 0);
	oracle_check_profile(&fresh, p, 0, UINT64_MAX, NULL, true);
	assert_int_equal(p->n_losses, 0);
	profile_free(p);
	blocks_of(s);
	store_feed_free(f);
	store_close(s);
	profile_free(live);
	oracle_done(&old);
	oracle_done(&fresh);
}

static void the_size_limit_holds_and_the_newest_stay(void **state)
{
	struct place *at = (struct place *)*state;
	struct store_options options = {.retention_bytes = 1000000};
	struct oracle o = {.random = 46};
	struct store *s = place_writer(at, &options);
	struct profile *live = live_new();
	struct store_feed *f;
	struct store_summary sum;
	uint64_t now = ORACLE_T0_MS, newest = 0;

	assert_int_equal(store_feed_new(s, live, &f), 0);
	for (int i = 0; i < 400; i++, now += 1000) {
		size_t before = o.n;

		oracle_add_some(&o, live, 1000, now, now + 1000, 5000, 40);
		newest = o.n - before;
		flush(f);
		while (store_age(s, now * ORACLE_MS, NULL) > 0)
			;
	}
	assert_int_equal(store_summary(s, &sum, NULL), 0);
	assert_true(sum.bytes <= options.retention_bytes);
	assert_true(sum.samples >= newest);
	assert_true(sum.from_ns > ORACLE_T0_MS * ORACLE_MS);
	assert_int_equal(sum.missing_blocks + sum.damaged_rows + sum.damaged_blocks, 0);
	oracle_check_store(&o, s, sum.from_ns / ORACLE_MS + 1000, now, NULL);
	store_summary_done(&sum);
	store_feed_free(f);
	store_close(s);
	profile_free(live);
	oracle_done(&o);
}

static void a_clock_that_jumps_breaks_nothing(void **state)
{
	struct place *at = (struct place *)*state;
	struct oracle o = {.random = 47};
	struct store *s = place_writer(at, NULL);
	struct profile *live = live_new();
	struct store_feed *f;
	static const int64_t jumps_s[] = {0, 3600, -7200, 400 * 86400, -300 * 86400, 5, -5};
	uint64_t now = ORACLE_T0_MS;

	assert_int_equal(store_feed_new(s, live, &f), 0);
	for (size_t j = 0; j < sizeof(jumps_s) / sizeof(jumps_s[0]); j++) {
		now += (uint64_t)(jumps_s[j] * 1000);
		for (int i = 0; i < 20; i++, now += 1000) {
			oracle_add_some(&o, live, 10, now, now + 1000, 50, 10);
			if (i == 10) /* within one flush, too */
				oracle_add_some(&o, live, 10, now - 4000000, now - 3999000, 50, 10);
			flush(f);
		}
		/* Ageing at the time of the first samples: nothing is old yet. */
		age_fully(s, ORACLE_T0_MS);
	}
	oracle_check_store(&o, s, ORACLE_T0_MS - 86400000, ORACLE_T0_MS + 500 * DAY_S * 1000, NULL);
	oracle_check_store(&o, s, ORACLE_T0_MS, ORACLE_T0_MS + 20000, NULL);
	blocks_of(s);
	store_feed_free(f);
	store_close(s);
	profile_free(live);
	oracle_done(&o);
}

static void readers_cannot_age(void **state)
{
	struct place *at = (struct place *)*state;
	struct store *s = place_writer(at, NULL);

	store_close(s);
	s = place_reader(at);
	assert_int_equal(store_age(s, 0, NULL), -EINVAL);
	store_close(s);
}

static void a_question_that_holds_up_the_log_is_ended(void **state)
{
	struct place *at = (struct place *)*state;
	struct store_query q = {.until_ns = UINT64_MAX};
	struct oracle o = {.random = 44};
	struct store *s = place_writer(at, NULL), *r;
	struct profile *live = live_new(), *p;
	struct store_feed *f;
	struct err err = {};

	assert_int_equal(store_feed_new(s, live, &f), 0);
	oracle_add_some(&o, live, 100, ORACLE_T0_MS, ORACLE_T0_MS + 1000, 50, 10);
	flush(f);
	r = place_reader(at);
	r->hold_ns_max = r->wal_bytes_max = 0;
	assert_int_equal(store_query_profile(r, &q, NULL, false, &p, &err), -EBUSY);
	assert_non_null(strstr(err.text, "log cannot be emptied"));
	r->wal_bytes_max = STORE_WAL_BYTES_MAX;
	assert_int_equal(store_query_profile(r, &q, NULL, false, &p, &err), 0);
	profile_free(p);
	store_close(r);
	store_feed_free(f);
	store_close(s);
	profile_free(live);
	oracle_done(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(merging_changes_no_answer),
		PLACE_TEST(rolling_up_blurs_times_and_nothing_else),
		PLACE_TEST(what_is_too_old_is_dropped_and_what_is_not_stays),
		PLACE_TEST(the_size_limit_holds_and_the_newest_stay),
		PLACE_TEST(a_clock_that_jumps_breaks_nothing),
		PLACE_TEST(readers_cannot_age),
		PLACE_TEST(a_question_that_holds_up_the_log_is_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
