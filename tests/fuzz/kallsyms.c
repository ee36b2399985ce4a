/*
 * Fuzzer of /proc/kallsyms and /proc/modules, which an empty line parts. Ranges must be sorted,
 * must not overlap, and must be found by their own ends.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbolizer/kallsyms.h"
#include "symbolizer/symbolizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static int text_fd(const uint8_t *text, size_t len)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	must(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void check_layout(const struct kernel_layout *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct kernel_range *r = &l->ranges[i];

		must(r->start < r->end && memchr(r->name, '\0', sizeof(r->name)));
		must(i == 0 || l->ranges[i - 1].end <= r->start);
		must(kernel_layout_find(l, r->start) == r &&
		     kernel_layout_find(l, r->end - 1) == r);
	}
}

static void check_names(int kallsyms_fd)
{
	struct symbolizer *s;
	struct sym_answer answer;
	uint32_t core;

	must(symbolizer_new(NULL, &s) == 0);
	if (symbolizer_add_kernel(s, kallsyms_fd, &core, NULL) == 0)
		for (uint64_t at = 0; at < 4096; at += 64)
			must(symbolizer_name(s, core, at, &answer, NULL) == 0 &&
			     answer.n_lines <= 1);
	symbolizer_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t *parting = memmem(data, len, "\n\n", 2);
	size_t first = parting ? (size_t)(parting - data) + 1 : len;
	int kallsyms = text_fd(data, first);
	int modules = parting ? text_fd(parting + 2, len - first - 1) : -1;
	struct kernel_layout l;

	if (kernel_layout_read(kallsyms, modules, &l) == 0) {
		check_layout(&l);
		kernel_layout_done(&l);
	}
	if (modules >= 0)
		close(modules);
	lseek(kallsyms, 0, SEEK_SET);
	check_names(kallsyms); /* closes it */
	return 0;
}
