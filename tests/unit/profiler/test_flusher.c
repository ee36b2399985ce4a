/*
 * Who samples waits for no disk: these tests' own thread lets the disk hang and lets it go on, so
 * that one that waited would never end.
 */
#include "profiler/base/quantity.h"
#include "profiler/flusher.h"
#include "tests/unit/storage/faulty_disk.h"
#include "tests/unit/storage/oracle.h"
#include "tests/unit/storage/place.h"

#include <errno.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define SECONDS	  30 /* for which the disk hangs */
#define PER_FLUSH 200

struct world {
	const struct place *at;
	struct oracle o;
	struct store *s;
	struct profile *live;
	struct store_feed *feed;
	struct flusher *flusher;
	unsigned int seconds;
	double longest_ms; /* of the calls that the sampling thread makes */
};

static void begin(struct world *w, const struct place *at)
{
	/* The samples are of the list's own time, years ago. */
	static const struct store_options options = {.detail_time_ns = UINT64_MAX / 8,
						     .retention_time_ns = UINT64_MAX / 8};

	faulty_disk_plan(FAULT_NONE, 0);
	*w = (struct world){.at = at, .o = {.random = 3}};
	w->s = place_writer(at, &options);
	assert_int_equal(profile_new(false, &w->live), 0);
	assert_int_equal(store_feed_new(w->s, w->live, &w->feed), 0);
	assert_int_equal(flusher_new(w->s, &w->flusher), 0);
}

static void sample(struct world *w)
{
	uint64_t now_ms = ORACLE_T0_MS + 1000 * w->seconds++;

	oracle_add_some(&w->o, w->live, PER_FLUSH, now_ms, now_ms + 1000, 300, 30);
}

/* What the daemon does once a second. True: what there was is taken. */
static bool flush(struct world *w, bool sync)
{
	uint64_t begin_ns = quantity_monotonic_ns();
	struct err err = {};
	bool taken = false;
	double ms;

	sample(w);
	if (!flusher_is_busy(w->flusher)) {
		taken = store_feed_take(w->feed, "{}", &err) == 0;
		flusher_begin(w->flusher, sync);
	}
	ms = (double)(quantity_monotonic_ns() - begin_ns) / 1e6;
	w->longest_ms = ms > w->longest_ms ? ms : w->longest_ms;
	return taken;
}

static int wait(struct world *w)
{
	struct flusher_round round = {};

	flusher_wait(w->flusher);
	assert_true(flusher_done(w->flusher, &round));
	assert_false(flusher_done(w->flusher, &round));
	assert_int_equal(round.aged < 0, false);
	if (round.written < 0)
		assert_true(round.write_err.text[0]);
	return round.written;
}

static void end(struct world *w)
{
	struct store *reader;

	assert_null(flusher_free(w->flusher));
	store_feed_free(w->feed);
	store_close(w->s);
	reader = place_reader(w->at);
	oracle_check_store(&w->o, reader, ORACLE_T0_MS, ORACLE_T0_MS + 1000 * w->seconds, NULL);
	store_close(reader);
	profile_free(w->live);
	oracle_done(&w->o);
}

static void a_disk_that_hangs_holds_up_nobody_who_samples(void **state)
{
	struct store_summary sum;
	struct world w;

	begin(&w, *state);
	assert_true(flush(&w, false));
	assert_int_equal(wait(&w), 0);
	faulty_disk_hold(true);
	assert_true(flush(&w, true));
	for (int i = 0; i < SECONDS; i++) {
		assert_false(flush(&w, false));
		assert_int_equal(w.live->n_samples, (i + 1) * PER_FLUSH);
		assert_int_equal(store_feed_take(w.feed, "{}", NULL), -EBUSY);
	}
	assert_int_equal(flusher_summary(w.flusher, 1, &sum), -EAGAIN);
	faulty_disk_hold(false);
	assert_int_equal(wait(&w), 0);
	assert_true(flush(&w, false));
	assert_int_equal(wait(&w), 0);
	print_message("the longest call took %.1f ms\n", w.longest_ms);
	end(&w);
}

static void what_could_not_be_written_is_tried_again(void **state)
{
	struct world w;

	begin(&w, *state);
	faulty_disk_plan(FAULT_FULL, 0);
	assert_true(flush(&w, false));
	assert_int_equal(wait(&w), -ENOSPC);
	assert_true(faulty_disk_happened());
	faulty_disk_plan(FAULT_NONE, 0);
	assert_false(flush(&w, false));
	assert_int_equal(wait(&w), 0);
	assert_true(flush(&w, false));
	assert_int_equal(wait(&w), 0);
	end(&w);
}

static void a_sync_that_fails_is_told(void **state)
{
	struct world w;

	begin(&w, *state);
	faulty_disk_plan(FAULT_NO_SYNC, 0);
	assert_true(flush(&w, true));
	assert_int_equal(wait(&w), STORE_UNSYNCED);
	faulty_disk_plan(FAULT_NONE, 0);
	assert_true(flush(&w, false));
	assert_int_equal(wait(&w), 0);
	assert_int_equal(faulty_disk_syncs(), 1);
	end(&w);
}

static void it_knows_what_is_in_the_store(void **state)
{
	struct store_summary sum;
	struct world w;

	begin(&w, *state);
	for (unsigned int i = 1; i <= 3; i++) {
		assert_true(flush(&w, false));
		assert_int_equal(wait(&w), 0);
		assert_int_equal(flusher_summary(w.flusher, 60000, &sum), 0);
		assert_int_equal(sum.samples, oracle_count(&w.o, 0, UINT64_MAX, NULL));
		store_summary_done(&sum);
	}
	end(&w);
}

static void what_is_under_way_is_written_at_the_end(void **state)
{
	struct world w;

	begin(&w, *state);
	assert_true(flush(&w, true));
	end(&w);
}

static void what_could_not_be_written_is_tried_once_more_at_the_end(void **state)
{
	struct world w;

	begin(&w, *state);
	faulty_disk_plan(FAULT_FULL, 0);
	assert_true(flush(&w, false));
	assert_int_equal(wait(&w), -ENOSPC);
	faulty_disk_plan(FAULT_NONE, 0);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(a_disk_that_hangs_holds_up_nobody_who_samples),
		PLACE_TEST(what_could_not_be_written_is_tried_again),
		PLACE_TEST(a_sync_that_fails_is_told),
		PLACE_TEST(it_knows_what_is_in_the_store),
		PLACE_TEST(what_is_under_way_is_written_at_the_end),
		PLACE_TEST(what_could_not_be_written_is_tried_once_more_at_the_end),
	};

	faulty_disk_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
