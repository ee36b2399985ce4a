/* Questions and how long they take; see ask.h. */
#include "tests/bench/ask.h"

#include "profiler/base/quantity.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ull

uint64_t bench_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

void bench_must(int r, const char *what, const struct err *err)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, err->code ? err_text(err) : strerror(-r));
	exit(1);
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

struct took {
	double ms, cpu_ms;
	char answer[80];
};

typedef void (*question_fn)(struct store *s, const void *arg, struct took *ret);

static void put(struct store *s, question_fn question, const void *arg, struct took *least)
{
	uint64_t begin = quantity_monotonic_ns(), cpu = bench_cpu_ns();
	double ms, cpu_ms;

	question(s, arg, least);
	ms = (double)(quantity_monotonic_ns() - begin) / 1e6;
	cpu_ms = (double)(bench_cpu_ns() - cpu) / 1e6;
	least->ms = ms < least->ms ? ms : least->ms;
	least->cpu_ms = cpu_ms < least->cpu_ms ? cpu_ms : least->cpu_ms;
}

static void ask(const char *path, const char *what, question_fn question, const void *arg)
{
	struct took took[2] = {{1e12, 1e12, ""}, {1e12, 1e12, ""}};
	struct err err = {};
	struct store *s;

	for (int i = 0; i < ASK_ROUNDS; i++) {
		make_cold(path);
		bench_must(store_open_reader(path, &s, &err), "reader", &err);
		for (int warm = 0; warm < 2; warm++)
			put(s, question, arg, &took[warm]);
		store_close(s);
	}
	for (int warm = 0; warm < 2; warm++)
		printf("%-28s %8.1f ms, %8.1f ms of CPU, %s: %s\n", what, took[warm].ms,
		       took[warm].cpu_ms, warm ? "warm" : "cold", took[warm].answer);
}

struct profile_question {
	struct store_query query;
	bool by_nothing;
};

static void put_profile(struct store *s, const void *arg, struct took *ret)
{
	static const char *const nothing[] = {NULL};
	const struct profile_question *q = (const struct profile_question *)arg;
	struct err err = {};
	struct profile *p;

	bench_must(
		store_query_profile(s, &q->query, q->by_nothing ? nothing : NULL, false, &p, &err),
		"profile", &err);
	snprintf(ret->answer, sizeof(ret->answer), "%llu samples in %u rows",
		 (unsigned long long)profile_sample_count(p), p->n_samples);
	profile_free(p);
}

void ask_profile(const char *path, const char *what, uint64_t from_ns, uint64_t until_ns,
		 const char *match, bool by_nothing)
{
	struct profile_question q = {
		.query = {.from_ns = from_ns, .until_ns = until_ns, .match = match},
		.by_nothing = by_nothing,
	};

	ask(path, what, put_profile, &q);
}

static void put_functions(struct store *s, const void *arg, struct took *ret)
{
	struct store_functions f;
	struct err err = {};

	bench_must(store_query_functions(s, (const struct store_query *)arg, &f, &err), "functions",
		   &err);
	snprintf(ret->answer, sizeof(ret->answer), "%zu functions", f.n);
	store_functions_done(&f);
}

void ask_functions(const char *path, const char *what, uint64_t from_ns, uint64_t until_ns)
{
	struct store_query q = {.from_ns = from_ns, .until_ns = until_ns};

	ask(path, what, put_functions, &q);
}

struct series_question {
	struct store_query query;
	const char *by;
};

static void put_series(struct store *s, const void *arg, struct took *ret)
{
	const struct series_question *q = (const struct series_question *)arg;
	struct store_series series;
	struct err err = {};

	bench_must(store_query_series(s, &q->query, 0, q->by, &series, &err), "series", &err);
	snprintf(ret->answer, sizeof(ret->answer), "%zu lines of %u steps", series.n_lines,
		 series.n_steps);
	store_series_done(&series);
}

void ask_series(const char *path, const char *what, uint64_t from_ns, uint64_t until_ns,
		const char *by)
{
	struct series_question q = {{.from_ns = from_ns, .until_ns = until_ns}, by};

	ask(path, what, put_series, &q);
}

static void put_heatmap(struct store *s, const void *arg, struct took *ret)
{
	struct store_heatmap map;
	struct err err = {};

	bench_must(store_query_heatmap(s, (const struct store_query *)arg, &map, &err), "heat map",
		   &err);
	snprintf(ret->answer, sizeof(ret->answer), "%u seconds by %u slots", map.n_columns,
		 STORE_HEATMAP_SLOTS);
	store_heatmap_done(&map);
}

void ask_heatmap(const char *path, uint64_t from_ns, uint64_t until_ns)
{
	struct store_query q = {.from_ns = from_ns, .until_ns = until_ns};

	ask(path, "an hour's heat map", put_heatmap, &q);
}
