/*
 * bench_symbolize FILE [ADDRESSES]: addresses a CPU second with inlines and lines, loading
 * included, ours in this process against addr2line and llvm-symbolizer where they are installed.
 * Prints only.
 *
 * Addresses are drawn from the executable segments, the same ones for all.
 */
#include "symbolizer/module.h"
#include "symbolizer/symbolizer.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct measured {
	double cpu_s;
	long peak_kb;
};

static uint64_t draw(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 20;
}

/* n addresses of the largest executable segment. */
static uint64_t *draw_addresses(int fd, size_t n)
{
	const struct elf_segment *code = NULL;
	uint64_t *v = calloc(n, sizeof(*v)), seed = 1;
	struct elf_image image;

	if (!v || elf_image_open(&image, fd, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < image.n_segments; i++) {
		const struct elf_segment *s = &image.segments[i];

		if (s->type == PT_LOAD && (s->flags & PF_X) &&
		    (!code || s->file_bytes > code->file_bytes))
			code = s;
	}
	for (size_t i = 0; code && i < n; i++)
		v[i] = code->address + draw(&seed) % code->file_bytes;
	elf_image_done(&image);
	return v;
}

static struct measured of_child(pid_t pid)
{
	struct rusage u = {};
	int status;

	if (wait4(pid, &status, 0, &u) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return (struct measured){};
	return (struct measured){.cpu_s = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
					  (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6,
				 .peak_kb = u.ru_maxrss};
}

static int name_all(const char *path, const uint64_t *addresses, size_t n)
{
	struct symbolizer *s;
	size_t named = 0, lines = 0;
	uint32_t module;

	if (symbolizer_new(NULL, &s) < 0 ||
	    symbolizer_add_elf(s, open(path, O_RDONLY | O_CLOEXEC), NULL, &module, NULL) < 0)
		return 1;
	for (size_t i = 0; i < n; i++) {
		struct sym_answer a;

		if (symbolizer_name_address(s, module, addresses[i], &a, NULL) < 0)
			return 1;
		named += a.n_lines > 0;
		lines += a.n_lines;
	}
	symbolizer_free(s);
	printf("%zu of %zu named, %.2f functions each\n", named, n,
	       named ? (double)lines / (double)named : 0);
	fflush(stdout);
	return 0;
}

static struct measured measure_ours(const char *path, const uint64_t *addresses, size_t n)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(name_all(path, addresses, n));
	return of_child(pid);
}

/* The program reads addresses from a file on stdin and writes to nowhere. */
static struct measured measure_other(char *const argv[], int addresses)
{
	pid_t pid = fork();

	if (pid == 0) {
		int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

		lseek(addresses, 0, SEEK_SET);
		dup2(addresses, STDIN_FILENO);
		dup2(nowhere, STDOUT_FILENO);
		dup2(nowhere, STDERR_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	return of_child(pid);
}

static void report(const char *what, struct measured m, struct measured ours, size_t n)
{
	if (m.cpu_s <= 0) {
		printf("%-16s not installed\n", what);
		return;
	}
	printf("%-16s %10.0f addresses a CPU second, %5.2f CPU s, peak %ld MB, ours is %.1fx\n",
	       what, (double)n / m.cpu_s, m.cpu_s, m.peak_kb / 1024, m.cpu_s / ours.cpu_s);
}

int main(int argc, char **argv)
{
	size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
	int fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	uint64_t *addresses = fd >= 0 ? draw_addresses(fd, n) : NULL;
	FILE *list = tmpfile();
	struct measured ours;

	if (!addresses || !list) {
		fprintf(stderr, "usage: bench_symbolize FILE [ADDRESSES]\n");
		return 2;
	}
	for (size_t i = 0; i < n; i++)
		fprintf(list, "0x%" PRIx64 "\n", addresses[i]);
	fflush(list);
	ours = measure_ours(argv[1], addresses, n);
	report("hearth", ours, ours, n);
	report("llvm-symbolizer",
	       measure_other((char *[]){"llvm-symbolizer", "--inlines", "-e", argv[1], NULL},
			     fileno(list)),
	       ours, n);
	report("addr2line",
	       measure_other((char *[]){"addr2line", "-a", "-f", "-i", "-C", "-e", argv[1], NULL},
			     fileno(list)),
	       ours, n);
	fclose(list);
	free(addresses);
	return 0;
}
