/*
 * How long unwind tables take to compile, and how large they are: ns and bytes a row.
 *
 *	bench_unwind_compile [FILE...]
 *
 * Without files those of DESIGN's budgets: libLLVM in 0.2 s, libc in 5 ms, 4 bytes a row. The best
 * of several runs over a mapped file, after a first one that fills the page cache.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiler/base/buf.h"
#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "symbolizer/unwind/unwind.h"

#define RUNS 9

static const struct {
	const char *pattern;
	double budget_ms; /* 0: none */
} files[] = {
	{"/usr/lib/x86_64-linux-gnu/libc.so.6", 5},
	{"/usr/lib/x86_64-linux-gnu/libcrypto.so.3", 0},
	{"/usr/bin/git", 0},
	{"/usr/bin/python3.*[0-9]", 0},
	{"/usr/lib/x86_64-linux-gnu/libLLVM-1[0-9].so.1", 200},
};

struct result {
	double first_ms, best_ms, parse_ms;
	size_t cache_bytes;
	struct unwind_table table;
};

static double since_ms(uint64_t start_ns)
{
	return (double)(quantity_monotonic_ns() - start_ns) / 1e6;
}

static int compile(const struct unwind_input *in, struct result *ret)
{
	for (int i = 0; i < RUNS; i++) {
		uint64_t start_ns = quantity_monotonic_ns();
		double ms;
		int r;

		unwind_table_done(&ret->table);
		r = unwind_compile(in, &ret->table, NULL);
		if (r < 0)
			return r;
		ms = since_ms(start_ns);
		if (i == 0)
			ret->first_ms = ms;
		if (i == 0 || ms < ret->best_ms)
			ret->best_ms = ms;
	}
	return 0;
}

static void cache(struct result *ret)
{
	struct unwind_table again = {};
	uint64_t start_ns;
	struct buf b;

	buf_init(&b, 128u << 20);
	unwind_table_write(&ret->table, &b);
	ret->cache_bytes = b.len;
	start_ns = quantity_monotonic_ns();
	if (unwind_table_parse(b.data, b.len, &again) < 0)
		abort();
	ret->parse_ms = since_ms(start_ns);
	unwind_table_done(&again);
	buf_done(&b);
}

static void print(const char *path, const struct result *r, double budget_ms)
{
	const struct unwind_table *t = &r->table;
	double rows = t->n_rows ? t->n_rows : 1;

	printf("%-46s %8.2f %8.2f %6.0f %8u %8u %7.1f%% %5.2f %5u %6u %8zu %7.2f\n", path,
	       r->first_ms, r->best_ms, r->best_ms * 1e6 / (t->n_cfi_rows ? t->n_cfi_rows : 1),
	       t->n_cfi_rows, t->n_rows, 100.0 * t->kinds[UNWIND_KIND_HOLE] / rows,
	       (double)(t->n_rows * sizeof(*t->rows) + t->n_rules * sizeof(*t->rules)) / rows,
	       t->n_rules, t->n_pages, r->cache_bytes, r->parse_ms);
	if (budget_ms > 0)
		printf("    budget %.0f ms: %.2f of it\n", budget_ms, r->best_ms / budget_ms);
}

static void bench(const char *path, double budget_ms)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct unwind_input in = {};
	struct result result = {};
	struct stat st;
	void *data;

	if (fd < 0 || fstat(fd, &st) < 0) {
		printf("%-46s not on this machine\n", path);
		return;
	}
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return;
	in.data = data;
	in.bytes = (size_t)st.st_size;
	if (compile(&in, &result) == 0) {
		cache(&result);
		print(path, &result, budget_ms);
	} else {
		printf("%-46s cannot be compiled\n", path);
	}
	unwind_table_done(&result.table);
	munmap(data, in.bytes);
}

static void bench_all(const char *pattern, double budget_ms)
{
	glob_t found;

	if (glob(pattern, 0, NULL, &found) != 0) {
		printf("%-46s not on this machine\n", pattern);
		return;
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		bench(found.gl_pathv[i], budget_ms);
	globfree(&found);
}

int main(int argc, char **argv)
{
	printf("%-46s %8s %8s %6s %8s %8s %8s %5s %5s %6s %8s %7s\n", "file", "first ms", "best ms",
	       "ns/row", "CFI rows", "rows", "holes", "B/row", "rules", "pages", "cache B",
	       "load ms");
	for (int i = 1; i < argc; i++)
		bench(argv[i], 0);
	for (size_t i = 0; argc == 1 && i < sizeof(files) / sizeof(files[0]); i++)
		bench_all(files[i].pattern, files[i].budget_ms);
	return 0;
}
