/*
 * symbolize_lines FILE [INDEX-BYTES]: addresses on stdin, answers as `addr2line -a -f -i -C`
 * prints them.
 */
#include "symbolizer/symbolizer.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void print_line(const struct sym_line *line)
{
	printf("%s\n%s:", line->function, line->file ? line->file : "??");
	if (line->line)
		printf("%" PRIu32 "\n", line->line);
	else
		puts(line->file ? "?" : "0");
}

static int print_answer(struct symbolizer *s, uint32_t module, uint64_t address)
{
	struct sym_answer answer;
	struct err err;

	printf("0x%016" PRIx64 "\n", address);
	if (symbolizer_name_address(s, module, address, &answer, &err) < 0) {
		fprintf(stderr, "0x%" PRIx64 ": %s\n", address, err_text(&err));
		return -1;
	}
	if (!answer.n_lines)
		puts("??\n??:0");
	for (size_t i = 0; i < answer.n_lines; i++)
		print_line(&answer.lines[i]);
	return 0;
}

int main(int argc, char **argv)
{
	struct sym_options options = {.index_bytes_max = argc > 2 ? strtoull(argv[2], NULL, 0) : 0};
	struct symbolizer *s;
	struct err err;
	char line[64];
	uint32_t module;
	int failed = 0;

	if (argc < 2 || symbolizer_new(&options, &s) < 0)
		return 2;
	if (symbolizer_add_elf(s, open(argv[1], O_RDONLY | O_CLOEXEC), NULL, &module, &err) < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], err_text(&err));
		return 1;
	}
	while (!failed && fgets(line, sizeof(line), stdin))
		failed = print_answer(s, module, strtoull(line, NULL, 16)) < 0;
	symbolizer_free(s);
	return failed;
}
