/*
 * kill -9 at any moment: the store opens, holds every flush that was acknowledged and at most the
 * one that was under way, each whole or not at all, and says that the end was not clean.
 *
 * `test_store_crash ROUNDS` kills that often: by then samples were merged and rolled up to seconds
 * and minutes.
 */
#include "tests/unit/storage/oracle.h"
#include "tests/unit/storage/place.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define ROUNDS	   30 /* without an argument */
#define PER_FLUSH  25
#define FLUSH_STEP 1000
#define DETAIL_NS  (500 * 1000 * ORACLE_MS) /* flushes; in thrice that, seconds become minutes */

static int rounds = ROUNDS;

/*
 * The child: flushes and ages as fast as it can, and says each number that is committed. Flush n
 * holds PER_FLUSH samples of second n.
 */
static void write_for_ever(const struct place *at, uint64_t from, int say)
{
	struct store_options options = {.detail_time_ns = DETAIL_NS};
	struct oracle o = {.random = from + 1};
	struct store_feed *f;
	struct profile *live;
	struct store *s;

	if (store_open_writer(at->path, &options, &s, NULL) < 0 || profile_new(false, &live) < 0)
		_exit(3);
	live->period_ns = 10101010;
	if (store_feed_new(s, live, &f) < 0)
		_exit(3);
	for (uint64_t n = from;; n++) {
		uint64_t now = ORACLE_T0_MS + n * FLUSH_STEP;

		for (int i = 0; i < PER_FLUSH; i++)
			oracle_add(&o, live, now + (uint64_t)i, (uint32_t)oracle_random(&o, 300),
				   (uint32_t)oracle_random(&o, 30), 1);
		if (store_feed_flush(f, "{}", n % 10 == 0, NULL) < 0 ||
		    store_age(s, now * ORACLE_MS, NULL) < 0)
			_exit(4);
		if (write(say, &n, sizeof(n)) != sizeof(n))
			_exit(5);
	}
}

/* Kill the child after a random while; the last number that it said, or `from - 1`. */
static uint64_t run_and_kill(const struct place *at, uint64_t from, struct oracle *dice)
{
	struct timespec wait = {.tv_nsec = (long)oracle_random(dice, 60) * 1000000};
	uint64_t last = from - 1, n;
	int pipe_fd[2], status;
	pid_t child;

	assert_int_equal(pipe(pipe_fd), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(pipe_fd[0]);
		write_for_ever(at, from, pipe_fd[1]);
	}
	close(pipe_fd[1]);
	/* Mostly after the first flush, now and then while it opens. */
	if (oracle_random(dice, 6) && read(pipe_fd[0], &n, sizeof(n)) == sizeof(n))
		last = n;
	nanosleep(&wait, NULL);
	kill(child, SIGKILL);
	while (read(pipe_fd[0], &n, sizeof(n)) == sizeof(n))
		last = n;
	close(pipe_fd[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status))
		fail_msg("the writer ended by itself: %d", WEXITSTATUS(status));
	return last;
}

/* Samples of flush n that are there. */
static uint64_t count_flush(struct store *s, uint64_t n)
{
	uint64_t from_ms = ORACLE_T0_MS + n * FLUSH_STEP;

	return oracle_count_in(s, from_ms, from_ms + FLUSH_STEP);
}

static void a_killed_writer_loses_nothing_that_it_acknowledged(void **state)
{
	struct place *at = (struct place *)*state;
	struct oracle dice = {.random = 4711};
	uint64_t next = 1, under_way;

	for (int round = 0; round < rounds; round++) {
		uint64_t last = run_and_kill(at, next, &dice);
		struct store_summary sum;
		struct store *s = NULL;

		/* Killed before there was a store: nothing to see. */
		if (store_open_reader(at->path, &s, NULL) < 0) {
			assert_int_equal(last, next - 1);
			continue;
		}
		assert_int_equal(store_summary(s, &sum, NULL), 0);
		assert_int_equal(sum.damaged_blocks + sum.damaged_rows + sum.missing_blocks, 0);
		if (last >= next)
			assert_false(sum.clean);
		under_way = count_flush(s, last + 1);
		assert_true(under_way == 0 || under_way == PER_FLUSH);
		assert_int_equal(sum.samples, PER_FLUSH * (last + (under_way > 0)));
		for (uint64_t n = next; n <= last; n += 1 + last / 50)
			assert_int_equal(count_flush(s, n), PER_FLUSH);
		store_summary_done(&sum);
		store_close(s);
		next = last + 1 + (under_way > 0);
	}
	assert_true(next > (uint64_t)rounds / 2);
	print_message("%d kills, %lu flushes\n", rounds, next - 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(a_killed_writer_loses_nothing_that_it_acknowledged),
	};

	if (argc > 1)
		rounds = atoi(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
