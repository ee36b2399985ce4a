/*
 * Fuzzer of all that reads an ELF file: headers, notes, symbols, PLT, DWARF, names. The input is
 * the file, behind eight bytes that choose where it is asked. Besides memory safety: every answer
 * is well formed.
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
	const struct sym_options options = {.index_bytes_max = 1u << 20};
	struct sym_module_info info;
	uint32_t start, step, module;
	struct symbolizer *s;
	struct err err;
	int fd;

	if (len < 8)
		return 0;
	memcpy(&start, data, 4);
	memcpy(&step, data + 4, 4);
	fd = memfd_create("elf", MFD_CLOEXEC);
	must(fd >= 0 && write(fd, data + 8, len - 8) == (ssize_t)(len - 8));
	must(symbolizer_new(&options, &s) == 0);
	if (symbolizer_add_elf(s, fd, &info, &module, &err) == 0) {
		must(info.build_id_bytes <= SYM_BUILD_ID_MAX);
		ask_all(s, module, start, step);
	}
	symbolizer_free(s);
	return 0;
}
