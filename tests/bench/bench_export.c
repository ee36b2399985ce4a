/*
 * The CPU time of the encoders for a call tree of a million nodes, and how large their output is.
 *
 *	bench_export [DIR]	with DIR: the outputs are kept there, for the judges
 *
 * The profile: 40 processes, 20,000 functions of 200 objects, stacks of 15 to 60 frames that share
 * their beginnings.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "web/export/export.h"
#include "web/export/tree.h"
#include "web/gzip.h"

#define NODES	  1000000u
#define FUNCTIONS 20000u
#define OBJECTS	  200u
#define COMMS	  40u

static uint64_t seed = 88172645463325252ull;

static uint32_t below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 11) % n;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void add_functions(struct profile *p)
{
	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		char name[128];
		struct profile_object o = {.kind = PROFILE_OBJECT_FILE};
		struct profile_function f = {.start_line = 1 + below(5000)};
		struct profile_line line = {.line = f.start_line + 3};

		snprintf(name, sizeof(name), "/usr/lib/x86_64-linux-gnu/lib%u.so", i % OBJECTS);
		o.path = (uint32_t)profile_string(p, name);
		snprintf(name, sizeof(name), "ns::module%u::Class%u::method_%u(int, char const*)",
			 i % 97, i % 1013, i);
		f.name = (uint32_t)profile_string(p, name);
		snprintf(name, sizeof(name), "_ZN2ns%u6method%uEiPKc", i % 97, i);
		f.system_name = (uint32_t)profile_string(p, name);
		snprintf(name, sizeof(name), "/build/src/module%u/class%u.cc", i % 97, i % 1013);
		f.file = (uint32_t)profile_string(p, name);
		line.function = (uint32_t)profile_function(p, &f);
		profile_set_lines(p,
				  (uint32_t)profile_location(p, (uint32_t)profile_object(p, &o),
							     4096 + 16 * i),
				  &line, 1);
	}
}

static struct profile *make(void)
{
	struct profile *p = NULL;
	uint32_t labels[COMMS];

	if (profile_new(true, &p) < 0)
		abort();
	p->period_ns = 10101010;
	p->end_ns = 86400000000000ull;
	add_functions(p);
	for (uint32_t i = 0; i < COMMS; i++) {
		struct profile_labels l = {.has = 1u << PROFILE_LABEL_COMM};
		char name[32];

		snprintf(name, sizeof(name), "process-%u", i);
		l.value[PROFILE_LABEL_COMM] = (uint64_t)profile_string(p, name);
		labels[i] = (uint32_t)profile_labels(p, &l);
	}
	while (p->n_stacks < NODES) {
		uint32_t comm = below(COMMS), depth = 15 + below(46), at = 0;
		uint32_t shared = below(depth);

		/* A stack is a process's usual beginning, then its own way. */
		for (uint32_t i = 0; i < depth; i++) {
			uint32_t f =
				i < shared ? (comm * 131 + i * 17) % FUNCTIONS : below(FUNCTIONS);

			at = (uint32_t)profile_stack(p, at, f);
		}
		profile_add_sample(p, 0, at, labels[comm], 1 + below(100));
	}
	return p;
}

static void keep(const char *dir, const char *ending, const struct buf *out)
{
	char path[512];
	FILE *f;

	if (!dir)
		return;
	snprintf(path, sizeof(path), "%s/bench%s", dir, ending);
	f = fopen(path, "wb");
	if (!f || fwrite(out->data, 1, out->len, f) != out->len)
		abort();
	fclose(f);
}

static void measure_gzip(const char *name, const struct buf *flame)
{
	struct buf out;
	struct gzip *g;
	double begin = now();

	buf_init(&out, EXPORT_BYTES_MAX);
	if (gzip_begin(&g, &out, 1) < 0)
		abort();
	gzip_add(g, flame->data, flame->len);
	gzip_end(g);
	printf("%-7s gzip %7.1f ms  %8.2f MB\n", name, (now() - begin) * 1e3,
	       (double)out.len / 1e6);
	buf_done(&out);
}

static void measure(const struct profile *p, enum export_format f, bool binary, const char *dir)
{
	struct export_options options = {.version = HEARTH_VERSION, .binary = binary};
	const char *name = binary ? "binary" : export_format_name(f);
	struct err err = {};
	struct buf out;
	double begin = now();
	int r;

	buf_init(&out, EXPORT_BYTES_MAX);
	r = export_write(f, p, &options, &out, &err);
	printf("%-12s %7.1f ms  %8.2f MB%s%s\n", name, (now() - begin) * 1e3, (double)out.len / 1e6,
	       r < 0 ? "  " : "", r < 0 ? err_text(&err) : "");
	if (f == EXPORT_FLAME)
		measure_gzip(name, &out);
	if (!binary)
		keep(dir, export_format_ending(f), &out);
	buf_done(&out);
}

int main(int argc, char **argv)
{
	struct profile *p = make();

	printf("%u stacks, %u samples, %.1f MB profile\n", p->n_stacks, p->n_samples,
	       (double)profile_bytes(p) / 1e6);
	for (enum export_format f = 0; f < EXPORT_FORMAT_COUNT; f++)
		if (export_format_times_ns(f) != EXPORT_TIMES_ALWAYS)
			measure(p, f, false, argc > 1 ? argv[1] : NULL);
	measure(p, EXPORT_FLAME, true, NULL);
	profile_free(p);
	return 0;
}
