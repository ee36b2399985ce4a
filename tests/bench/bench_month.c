/*
 * bench_month [DAYS] [DIRECTORY]: a store of 30 days of a host of 64 busy CPUs at 99 Hz that has
 * aged to minutes, and the same question from one hour to all of it. bench_month FILE: the
 * questions alone, of a store that was kept.
 *
 * A minute of it is 380,160 samples of MINUTE_ROWS threads and stacks: what ageing makes of a
 * minute, as rows with their counts, is taken in as it is (made sample by sample, the month would
 * be 16 billion). A new dictionary begins each day. Asserts nothing.
 */
#include "storage/store_private.h"

#include "profiler/base/quantity.h"
#include "tests/bench/ask.h"
#include "tests/bench/day_profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_NS    1760000040000000000ull /* a whole minute */
#define MINUTE_NS   (60 * NS_PER_S)
#define HOUR_NS	    (60 * MINUTE_NS)
#define DAY_NS	    (24 * HOUR_NS)
#define HOST_CPUS   64
#define MINUTE_ROWS 600
#define ROW_COUNT   (HOST_CPUS * 99 * 60 / MINUTE_ROWS) /* samples of one, on average */

struct month {
	struct store *store;
	struct store_feed *feed;
	struct profile *live;
	struct day day;
	uint32_t stacks[DAY_STACKS];
	uint32_t named;
	uint64_t rows, samples;
};

static void add_minute(struct month *m, uint64_t time_ns)
{
	struct err err = {};

	for (int i = 0; i < MINUTE_ROWS; i++) {
		struct day_sample s = day_next(&m->day);
		uint64_t count = 1 + m->day.random % (2 * ROW_COUNT - 1);

		if (!m->stacks[s.stack])
			m->stacks[s.stack] = day_profile_stack(m->live, s.program, s.stack);
		bench_must(profile_add_sample(m->live, time_ns, m->stacks[s.stack],
					      day_profile_labels(m->live, &s), count),
			   "sample", &err);
		m->samples += count;
		m->rows++;
	}
	day_profile_name(m->live, &m->named);
}

static void make_day(struct month *m, uint64_t day)
{
	struct err err = {};
	int more;

	bench_must(store_new_epoch(m->store, quantity_now_ns()), "epoch", &err);
	for (uint64_t at = 0; at < DAY_NS; at += MINUTE_NS) {
		add_minute(m, START_NS + day * DAY_NS + at);
		if ((at + MINUTE_NS) % HOUR_NS)
			continue;
		bench_must(store_feed_flush(m->feed, "{}", false, &err), "flush", &err);
		do
			bench_must(more = store_age(m->store, START_NS + (day + 1) * DAY_NS, &err),
				   "age", &err);
		while (more);
	}
}

static void ask_curve(const char *path, uint64_t days)
{
	static const uint64_t hours[] = {1, 6, 24, 3 * 24, 7 * 24, 30 * 24};
	uint64_t end_ns = START_NS + days * DAY_NS;
	char what[40];

	for (size_t i = 0; i < sizeof(hours) / sizeof(hours[0]); i++) {
		if (hours[i] > 24 * days)
			continue;
		snprintf(what, sizeof(what), "%llu hours, by stack", (unsigned long long)hours[i]);
		ask_profile(path, what, end_ns - hours[i] * HOUR_NS, end_ns, NULL, true);
	}
	ask_profile(path, "one process's hour", end_ns - HOUR_NS, end_ns, "{pid=\"103\"}", true);
	ask_profile(path, "one program, all days", START_NS, end_ns, "{comm=\"program-3\"}", true);
	ask_functions(path, "functions, all days", START_NS, end_ns);
	ask_series(path, "series by comm, all days", START_NS, end_ns, "comm");
	ask_series(path, "series by thread, all days", START_NS, end_ns, "thread");
	ask_series(path, "series by pid, all days", START_NS, end_ns, "pid");
}

static int ask_kept(const char *path)
{
	struct store_summary sum;
	struct err err = {};
	struct store *s;

	bench_must(store_open_reader(path, &s, &err), "reader", &err);
	bench_must(store_summary(s, &sum, &err), "summary", &err);
	store_close(s);
	ask_curve(path, (sum.until_ns - START_NS + DAY_NS - 1) / DAY_NS);
	store_summary_done(&sum);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t days = argc > 1 ? strtoull(argv[1], NULL, 10) : 30;
	struct store_options options = {.retention_time_ns = 365 * DAY_NS};
	struct month *m = calloc(1, sizeof(*m));
	struct store_summary sum;
	char dir[128], path[160];
	struct err err = {};

	if (argc > 1 && strchr(argv[1], '/'))
		return ask_kept(argv[1]);
	snprintf(dir, sizeof(dir), "%.100s/hearth-bench-XXXXXX", argc > 2 ? argv[2] : "/tmp");
	if (!m || !mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/hearth.db", dir);
	day_init(&m->day, 7, START_NS);
	bench_must(store_open_writer(path, &options, &m->store, &err), "open", &err);
	bench_must(profile_new(false, &m->live), "profile", &err);
	m->live->period_ns = DAY_PERIOD_NS;
	bench_must(store_feed_new(m->store, m->live, &m->feed), "feed", &err);
	m->feed->resolution_ms = MINUTE_NS / NS_PER_MS;
	for (uint64_t day = 0; day < days; day++)
		make_day(m, day);
	bench_must(store_summary(m->store, &sum, &err), "summary", &err);
	printf("%llu samples in %llu rows, %.1f MB, %.2f bytes a row\n",
	       (unsigned long long)m->samples, (unsigned long long)m->rows, (double)sum.bytes / 1e6,
	       (double)sum.bytes / (double)m->rows);
	store_summary_done(&sum);
	store_feed_free(m->feed);
	profile_free(m->live);
	store_close(m->store);
	free(m);
	ask_curve(path, days);
	printf("kept: %s\n", path);
	return 0;
}
