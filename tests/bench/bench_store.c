/*
 * bench_store [HOURS] [DIRECTORY]: a made-up day through the store, one flush a second and ageing
 * as the daemon does it. bench_store FILE: the questions alone, of a store that was kept.
 *
 * Prints bytes a sample, CPU time of taking in and of ageing, the longest step, and what
 * questions cost: cold is a reader that was just opened, of a file that no page of is in memory.
 * Asserts nothing.
 */
#include "storage/store.h"
#include "profiler/base/quantity.h"
#include "tests/bench/made_up_day.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define START_NS 1760000000000000000ull
#define NS_PER_S 1000000000ull
#define DEPTH	 24

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void must(int r, const char *what, const struct err *err)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, err->code ? err_text(err) : strerror(-r));
	exit(1);
}

/*
 * Stacks of a program share their roots: a tree of three children a node, seen from the leaf's
 * number.
 */
static uint32_t stack_of(struct profile *p, uint32_t program, uint32_t number)
{
	struct profile_object o = {.kind = PROFILE_OBJECT_FILE, .identity = program};
	uint32_t stack = 0, object;
	char text[64];

	snprintf(text, sizeof(text), "/usr/lib/x86_64-linux-gnu/libprogram-%u.so.1", program);
	o.path = (uint32_t)profile_string(p, text);
	object = (uint32_t)profile_object(p, &o);
	for (uint32_t depth = 0; depth < DEPTH; depth++) {
		uint32_t at = depth < 14
				      ? depth
				      : number * 31 / (1 + (DEPTH - depth) * (DEPTH - depth) * 9);
		int64_t location = profile_location(p, object, 4096 + depth * 65536 + at * 37);

		if (depth == DEPTH - 1)
			location = profile_location(p, object, 4096 + 20 * 65536 + number * 29);
		stack = (uint32_t)profile_stack(p, stack, (uint32_t)location);
	}
	return stack;
}

static void name_all(struct profile *p, uint32_t *named)
{
	for (; *named < p->n_locations; ++*named) {
		char text[96];
		struct profile_function f = {};
		struct profile_line line = {.line = *named % 900 + 1};

		if (p->locations[*named].naming != PROFILE_UNNAMED)
			continue;
		snprintf(text, sizeof(text),
			 "ns%u::some_class_%u::do_the_work_%u(int, std::string const&)", *named % 7,
			 *named % 211, *named / 4);
		f.name = f.system_name = (uint32_t)profile_string(p, text);
		snprintf(text, sizeof(text), "src/module%u/file%u.cc", *named % 13, *named % 311);
		f.file = (uint32_t)profile_string(p, text);
		f.start_line = *named % 800;
		line.function = (uint32_t)profile_function(p, &f);
		profile_set_lines(p, *named, &line, 1);
	}
}

static uint32_t labels_of(struct profile *p, const struct day_sample *s)
{
	struct profile_labels l = {};
	char text[64];

	l.has = 1u << PROFILE_LABEL_PID | 1u << PROFILE_LABEL_START | 1u << PROFILE_LABEL_TID |
		1u << PROFILE_LABEL_COMM | 1u << PROFILE_LABEL_THREAD | 1u << PROFILE_LABEL_EXE |
		1u << PROFILE_LABEL_CGROUP | 1u << PROFILE_LABEL_UID | 1u << PROFILE_LABEL_HOST;
	l.value[PROFILE_LABEL_PID] = s->pid;
	l.value[PROFILE_LABEL_START] = s->pid < 1000 ? 1759990000000ull + s->pid * 1171
						     : 1760000000000ull + s->pid * 960ull;
	l.value[PROFILE_LABEL_TID] = s->pid < 1000 ? s->pid * 10 + s->thread : s->pid;
	snprintf(text, sizeof(text), "program-%u", s->program);
	l.value[PROFILE_LABEL_COMM] = (uint64_t)profile_string(p, text);
	snprintf(text, sizeof(text), "worker-%u", s->thread);
	l.value[PROFILE_LABEL_THREAD] = (uint64_t)profile_string(p, text);
	snprintf(text, sizeof(text), "/usr/bin/program-%u", s->program);
	l.value[PROFILE_LABEL_EXE] = (uint64_t)profile_string(p, text);
	snprintf(text, sizeof(text), "/system.slice/program-%u.service", s->program);
	l.value[PROFILE_LABEL_CGROUP] = (uint64_t)profile_string(p, text);
	l.value[PROFILE_LABEL_UID] = s->program % 5;
	l.value[PROFILE_LABEL_HOST] = (uint64_t)profile_string(p, "host-1");
	return (uint32_t)profile_labels(p, &l);
}

struct figures {
	uint64_t samples, flush_ns, age_ns, make_ns;
	double slowest_flush_ms, slowest_age_ms; /* by the clock */
	double dearest_flush_ms, dearest_age_ms; /* CPU: what a busy machine does not add to */
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
	uint64_t cpu = cpu_ns();
	struct err err = {};
	int more;

	do {
		uint64_t begin = quantity_monotonic_ns(), begin_cpu = cpu_ns();

		more = store_age(s, now_ns, &err);
		must(more, "age", &err);
		note(ms_since(begin), &f->slowest_age_ms);
		note((double)(cpu_ns() - begin_cpu) / 1e6, &f->dearest_age_ms);
	} while (all && more);
	f->age_ns += cpu_ns() - cpu;
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
	must(profile_new(false, &live), "profile", &err);
	live->period_ns = DAY_PERIOD_NS;
	must(store_feed_new(s, live, &feed), "feed", &err);
	next = day_next(&day);
	for (uint64_t second = 0; second < hours * 3600; second++) {
		uint64_t end_ns = START_NS + (second + 1) * NS_PER_S, cpu = cpu_ns(), begin;

		for (; next.time_ns < end_ns; next = day_next(&day), f->samples++) {
			if (!stacks[next.stack])
				stacks[next.stack] = stack_of(live, next.program, next.stack);
			must(profile_add_sample(live, next.time_ns, stacks[next.stack],
						labels_of(live, &next), 1),
			     "sample", &err);
		}
		name_all(live, &named);
		f->make_ns += cpu_ns() - cpu;
		cpu = cpu_ns();
		begin = quantity_monotonic_ns();
		must(store_feed_flush(feed, "{}", false, &err), "flush", &err);
		f->flush_ns += cpu_ns() - cpu;
		if (second > 60) {
			note(ms_since(begin), &f->slowest_flush_ms);
			note((double)(cpu_ns() - cpu) / 1e6, &f->dearest_flush_ms);
		}
		age(s, end_ns, f, false);
	}
	printf("live profile at the end      %8.1f MB, %u stacks, %u locations, %u label sets\n",
	       (double)profile_bytes(live) / 1e6, live->n_stacks, live->n_locations,
	       live->n_labels);
	store_feed_free(feed);
	profile_free(live);
}

static void print_question(const char *what, uint64_t begin_ns, uint64_t begin_cpu_ns, int warm)
{
	double ms = ms_since(begin_ns), cpu_ms = (double)(cpu_ns() - begin_cpu_ns) / 1e6;

	printf("%-28s %8.1f ms, %8.1f ms of CPU, %s: ", what, ms, cpu_ms, warm ? "warm" : "cold");
}

/* What is on the disk alone: no page of the file stays in memory. */
static void make_cold(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
		fprintf(stderr, "%s: stays in the page cache\n", path);
	if (fd >= 0)
		close(fd);
}

static void ask_heatmap(const char *path, uint64_t from_ns, uint64_t until_ns)
{
	struct store_query q = {.from_ns = from_ns, .until_ns = until_ns};
	struct store_heatmap map;
	struct err err = {};
	struct store *s;

	make_cold(path);
	must(store_open_reader(path, &s, &err), "reader", &err);
	for (int warm = 0; warm < 2; warm++) {
		uint64_t begin = quantity_monotonic_ns(), begin_cpu = cpu_ns();

		must(store_query_heatmap(s, &q, &map, &err), "heat map", &err);
		print_question("last hour's heat map", begin, begin_cpu, warm);
		printf("%u seconds by %u slots\n", map.n_columns, STORE_HEATMAP_SLOTS);
		store_heatmap_done(&map);
	}
	store_close(s);
}

static void ask(const char *path, const char *what, uint64_t from_ns, uint64_t until_ns,
		const char *match, bool by_nothing)
{
	static const char *const nothing[] = {NULL};
	struct store_query q = {.from_ns = from_ns, .until_ns = until_ns, .match = match};
	struct err err = {};
	struct profile *p;
	struct store *s;

	make_cold(path);
	must(store_open_reader(path, &s, &err), "reader", &err);
	for (int warm = 0; warm < 2; warm++) {
		uint64_t begin = quantity_monotonic_ns(), begin_cpu = cpu_ns();

		must(store_query_profile(s, &q, by_nothing ? nothing : NULL, false, &p, &err), what,
		     &err);
		print_question(what, begin, begin_cpu, warm);
		printf("%llu samples in %u rows\n", (unsigned long long)profile_sample_count(p),
		       p->n_samples);
		profile_free(p);
	}
	store_close(s);
}

static void ask_all(const char *path, uint64_t from_ns, uint64_t end_ns)
{
	uint64_t cut_ns = (end_ns - from_ns) / 70;

	ask(path, "all, by stack", from_ns, end_ns, NULL, true);
	ask(path, "the same, cut at both ends", from_ns + cut_ns, end_ns - cut_ns, NULL, true);
	ask(path, "all, by label set", from_ns, end_ns, NULL, false);
	ask(path, "last 5 minutes", end_ns - 300 * NS_PER_S, end_ns, NULL, true);
	ask(path, "one process's hour", end_ns - 3600 * NS_PER_S, end_ns, "{pid=\"103\"}", true);
	ask_heatmap(path, end_ns - 3600 * NS_PER_S, end_ns);
}

static int ask_kept(const char *path)
{
	struct store_summary sum;
	struct err err = {};
	struct store *s;

	must(store_open_reader(path, &s, &err), "reader", &err);
	must(store_summary(s, &sum, &err), "summary", &err);
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
	must(store_open_writer(path, NULL, &s, &err), "open", &err);
	run_day(s, hours, &f);
	age(s, end_ns, &f, true);
	must(store_summary(s, &sum, &err), "summary", &err);
	printf("samples                      %8llu in %llu blocks\n", (unsigned long long)f.samples,
	       (unsigned long long)sum.blocks);
	printf("on disk, with WAL            %8.3f MB, %.3f bytes a sample\n",
	       (double)sum.bytes / 1e6, (double)sum.bytes / (double)f.samples);
	printf("flush, CPU                   %8.2f us a sample, %.3f ms a flush, the dearest %.1f "
	       "ms, "
	       "slowest %.1f ms by the clock\n",
	       (double)f.flush_ns / 1e3 / (double)f.samples,
	       (double)f.flush_ns / 1e6 / (double)(hours * 3600), f.dearest_flush_ms,
	       f.slowest_flush_ms);
	printf("ageing, CPU                  %8.2f us a sample, the dearest step %.1f ms, slowest "
	       "%.1f ms by the clock\n",
	       (double)f.age_ns / 1e3 / (double)f.samples, f.dearest_age_ms, f.slowest_age_ms);
	printf("flush and ageing             %8.4f %% of one CPU\n",
	       100.0 * (double)(f.flush_ns + f.age_ns) / (double)(hours * 3600 * NS_PER_S));
	printf("heap in use                  %8.1f MB\n", (double)mallinfo2().uordblks / 1e6);
	store_summary_done(&sum);
	store_close(s);
	ask_all(path, START_NS, end_ns);
	printf("kept: %s\n", path);
	return 0;
}
