/*
 * bench_store [HOURS] [DIRECTORY]: a made-up day through the store, one flush a second and ageing
 * as the daemon does it. bench_store FILE: the questions alone, of a store that was kept.
 *
 * Prints bytes a sample, CPU time of taking in and of ageing, the longest step, and what
 * questions cost; see ask.h. Asserts nothing.
 */
#include "storage/store.h"
#include "profiler/base/quantity.h"
#include "tests/bench/ask.h"
#include "tests/bench/day_profile.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_NS 1760000000000000000ull
#define NS_PER_S 1000000000ull

struct figures {
	uint64_t samples, take_ns, write_ns, age_ns, make_ns;
	double slowest_take_ms, slowest_write_ms, slowest_age_ms; /* by the clock */
	/* CPU: what a busy machine does not add to */
	double dearest_take_ms, dearest_write_ms, dearest_age_ms;
};

static void note(double ms, double *most)
{
	if (ms > *most)
		*most = ms;
}

static double ms_since(uint64_t from_ns)
{
	return (double)(quantity_monotonic_ns() - from_ns) / 1e6;
}

static void age(struct store *s, uint64_t now_ns, struct figures *f, bool all)
{
	uint64_t cpu = bench_cpu_ns();
	struct err err = {};
	int more;

	do {
		uint64_t begin = quantity_monotonic_ns(), begin_cpu = bench_cpu_ns();

		more = store_age(s, now_ns, &err);
		bench_must(more, "age", &err);
		note(ms_since(begin), &f->slowest_age_ms);
		note((double)(bench_cpu_ns() - begin_cpu) / 1e6, &f->dearest_age_ms);
	} while (all && more);
	f->age_ns += bench_cpu_ns() - cpu;
}

/* As the daemon does it: who samples waits for the first half alone. */
static void flush(struct store *s, struct store_feed *feed, bool sync, bool counts,
		  struct figures *f)
{
	uint64_t cpu = bench_cpu_ns(), begin = quantity_monotonic_ns(), half_cpu, half;
	struct err err = {};

	bench_must(store_feed_take(feed, "{}", &err), "take", &err);
	half_cpu = bench_cpu_ns();
	half = quantity_monotonic_ns();
	if (counts) {
		note(ms_since(begin), &f->slowest_take_ms);
		note((double)(half_cpu - cpu) / 1e6, &f->dearest_take_ms);
	}
	f->take_ns += half_cpu - cpu;
	bench_must(store_write(s, sync, &err), "write", &err);
	f->write_ns += bench_cpu_ns() - half_cpu;
	if (counts) {
		note(ms_since(half), &f->slowest_write_ms);
		note((double)(bench_cpu_ns() - half_cpu) / 1e6, &f->dearest_write_ms);
	}
}

static void run_day(struct store *s, uint64_t hours, struct figures *f)
{
	static uint32_t stacks[DAY_STACKS];
	struct store_feed *feed;
	struct profile *live;
	struct day day;
	struct day_sample next;
	uint32_t named = 0;
	struct err err = {};

	day_init(&day, 7, START_NS);
	bench_must(profile_new(false, &live), "profile", &err);
	live->period_ns = DAY_PERIOD_NS;
	bench_must(store_feed_new(s, live, &feed), "feed", &err);
	next = day_next(&day);
	for (uint64_t second = 0; second < hours * 3600; second++) {
		uint64_t end_ns = START_NS + (second + 1) * NS_PER_S, cpu = bench_cpu_ns();

		for (; next.time_ns < end_ns; next = day_next(&day), f->samples++) {
			if (!stacks[next.stack])
				stacks[next.stack] =
					day_profile_stack(live, next.program, next.stack);
			bench_must(profile_add_sample(live, next.time_ns, stacks[next.stack],
						      day_profile_labels(live, &next), 1),
				   "sample", &err);
		}
		day_profile_name(live, &named);
		f->make_ns += bench_cpu_ns() - cpu;
		flush(s, feed, second % 10 == 9, second > 60, f);
		age(s, end_ns, f, false);
	}
	printf("live profile at the end      %8.1f MB, %u stacks, %u locations, %u label sets\n",
	       (double)profile_bytes(live) / 1e6, live->n_stacks, live->n_locations,
	       live->n_labels);
	store_feed_free(feed);
	profile_free(live);
}

static void print_step(const char *what, uint64_t ns, uint64_t samples, double dearest_ms,
		       double slowest_ms)
{
	printf("%-28s %8.2f us of CPU a sample, the dearest %.1f ms, slowest %.1f ms by the "
	       "clock\n",
	       what, (double)ns / 1e3 / (double)samples, dearest_ms, slowest_ms);
}

static void ask_all(const char *path, uint64_t from_ns, uint64_t end_ns)
{
	uint64_t cut_ns = (end_ns - from_ns) / 70;

	ask_profile(path, "all, by stack", from_ns, end_ns, NULL, true);
	ask_profile(path, "the same, cut at both ends", from_ns + cut_ns, end_ns - cut_ns, NULL,
		    true);
	ask_profile(path, "all, by label set", from_ns, end_ns, NULL, false);
	ask_profile(path, "last 5 minutes", end_ns - 300 * NS_PER_S, end_ns, NULL, true);
	ask_profile(path, "one process's hour", end_ns - 3600 * NS_PER_S, end_ns, "{pid=\"103\"}",
		    true);
	ask_profile(path, "one process's day", from_ns, end_ns, "{pid=\"103\"}", true);
	ask_functions(path, "functions of all", from_ns, end_ns);
	ask_series(path, "series by comm", from_ns, end_ns, "comm");
	ask_series(path, "series by pid", from_ns, end_ns, "pid");
	ask_heatmap(path, end_ns - 3600 * NS_PER_S, end_ns);
}

static int ask_kept(const char *path)
{
	struct store_summary sum;
	struct err err = {};
	struct store *s;

	bench_must(store_open_reader(path, &s, &err), "reader", &err);
	bench_must(store_summary(s, &sum, &err), "summary", &err);
	store_close(s);
	ask_all(path, sum.from_ns, sum.until_ns / NS_PER_S * NS_PER_S + NS_PER_S);
	store_summary_done(&sum);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t hours = argc > 1 ? strtoull(argv[1], NULL, 10) : 2;
	char dir[128], path[160];
	uint64_t end_ns = START_NS + hours * 3600 * NS_PER_S;
	struct figures f = {};
	struct store_summary sum;
	struct err err = {};
	struct store *s;

	if (argc > 1 && strchr(argv[1], '/'))
		return ask_kept(argv[1]);
	snprintf(dir, sizeof(dir), "%.100s/hearth-bench-XXXXXX", argc > 2 ? argv[2] : "/tmp");
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/hearth.db", dir);
	bench_must(store_open_writer(path, NULL, &s, &err), "open", &err);
	run_day(s, hours, &f);
	age(s, end_ns, &f, true);
	bench_must(store_summary(s, &sum, &err), "summary", &err);
	printf("samples                      %8llu in %llu blocks\n", (unsigned long long)f.samples,
	       (unsigned long long)sum.blocks);
	printf("on disk, with WAL            %8.3f MB, %.3f bytes a sample\n",
	       (double)sum.bytes / 1e6, (double)sum.bytes / (double)f.samples);
	print_step("taking", f.take_ns, f.samples, f.dearest_take_ms, f.slowest_take_ms);
	print_step("writing", f.write_ns, f.samples, f.dearest_write_ms, f.slowest_write_ms);
	print_step("ageing", f.age_ns, f.samples, f.dearest_age_ms, f.slowest_age_ms);
	printf("flush and ageing             %8.4f %% of one CPU\n",
	       100.0 * (double)(f.take_ns + f.write_ns + f.age_ns) /
		       (double)(hours * 3600 * NS_PER_S));
	printf("heap in use                  %8.1f MB\n", (double)mallinfo2().uordblks / 1e6);
	store_summary_done(&sum);
	store_close(s);
	ask_all(path, START_NS, end_ns);
	printf("kept: %s\n", path);
	return 0;
}
