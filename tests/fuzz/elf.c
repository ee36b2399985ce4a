/*
 * Fuzzer of all that reads an ELF file: headers, notes, symbols, PLT, DWARF, Go's table, names. The
 * input is the file, behind eight bytes that choose where it is asked; whatever other file it
 * points to is the same bytes again. Besides memory safety: every answer is well formed.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbolizer/symbolizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define QUESTIONS 24

static void must(bool holds)
{
	if (!holds)
		abort();
}

struct input {
	const uint8_t *data;
	size_t len;
};

static int open_file(const struct input *input)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	must(fd >= 0 && write(fd, input->data, input->len) == (ssize_t)input->len);
	return fd;
}

static int open_wanted(void *ctx, uint32_t module, const struct sym_want *want)
{
	(void)module;
	must(want->kind < SYM_WANT_COUNT && want->skip < SYM_WANT_SKIP_MAX);
	must(want->build_id_bytes <= SYM_BUILD_ID_MAX);
	return want->skip ? -1 : open_file(ctx);
}

static void check(const struct sym_answer *a)
{
	must(a->n_lines <= SYM_LINES_MAX);
	for (size_t i = 0; i < a->n_lines; i++) {
		const struct sym_line *line = &a->lines[i];

		must(line->function && strlen(line->function) < SYM_NAME_BYTES_MAX);
		must(!line->system_name || strlen(line->system_name) < SYM_NAME_BYTES_MAX);
	}
}

static void ask_all(struct symbolizer *s, uint32_t module, uint32_t start, uint32_t step)
{
	struct sym_answer answer;
	struct err err;

	for (uint32_t i = 0; i < QUESTIONS; i++) {
		uint64_t at = start + (uint64_t)i * step;

		if (symbolizer_name(s, module, at, &answer, &err) == 0)
			check(&answer);
		if (symbolizer_name_address(s, module, at, &answer, &err) == 0)
			check(&answer);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input input;
	const struct sym_options options = {
		.index_bytes_max = 1u << 20, .open = open_wanted, .open_ctx = &input};
	struct sym_module_info info;
	uint32_t start, step, module;
	struct symbolizer *s;
	struct err err;

	if (len < 8)
		return 0;
	input = (struct input){data + 8, len - 8};
	memcpy(&start, data, 4);
	memcpy(&step, data + 4, 4);
	must(symbolizer_new(&options, &s) == 0);
	if (symbolizer_add_elf(s, open_file(&input), &info, &module, &err) == 0) {
		must(info.build_id_bytes <= SYM_BUILD_ID_MAX);
		ask_all(s, module, start, step);
	}
	symbolizer_free(s);
	return 0;
}
