/*
 * Fuzzer of the way from a file to instructions on the page: what is said about code (the first
 * byte is 0: a question, 1: an answer), and the function and instructions of an ELF file (else; the
 * next two bytes choose where). Besides memory safety: what is taken is written again as it was,
 * and rows follow each other without gaps.
 */
#include <stdlib.h>
#include <string.h>

#include "profiler/jail/protocol_code.h"
#include "symbolizer/disassemble.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void try_question(const uint8_t *data, size_t len)
{
	struct protocol_code q;
	struct buf again;

	if (protocol_code_parse(data, len, &q) < 0)
		return;
	buf_init(&again, 1 << 16);
	protocol_code_write(&again, &q);
	must(again.len == len && !memcmp(again.data, data, len));
	buf_done(&again);
}

static void try_answer(const uint8_t *data, size_t len)
{
	struct web_code code;

	if (protocol_code_rows_parse(data, len, &code) < 0)
		return;
	for (size_t i = 1; i < code.n; i++)
		must(code.row[i - 1].offset < code.row[i].offset);
	for (size_t i = 0; i < code.n; i++)
		must(strlen(code.row[i].text) <= PROTOCOL_CODE_TEXT_MAX);
	web_code_done(&code);
}

static int take_row(void *ctx, uint64_t address, size_t bytes, const char *text)
{
	uint64_t *next = ctx;

	must(address == *next && bytes > 0 && bytes < 256);
	must(strlen(text) < DISASSEMBLE_TEXT_MAX);
	*next += bytes;
	return 0;
}

/* Once: loading the library takes longer than a run. */
static const struct disassembler *disassembler(void)
{
	static struct disassembler *d;
	struct err err = {};

	if (!d)
		must(disassembler_new(&d, &err) == 0);
	return d;
}

static void try_file(const uint8_t *data, size_t len, uint16_t where)
{
	uint64_t address, start, end, next;
	struct elf_image image;
	struct err err = {};

	if (elf_image_borrow(&image, data, len, NULL) < 0)
		return;
	if (where < len && elf_image_address(&image, where, &address)) {
		if (disassemble_function(&image, address, &start, &end))
			must(start <= address && address < end);
		next = address;
		disassemble(disassembler(), image.machine, data + where, len - where, address,
			    take_row, &next, &err);
	}
	elf_image_done(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 3)
		return 0;
	if (data[0] == 0)
		try_question(data + 1, len - 1);
	else if (data[0] == 1)
		try_answer(data + 1, len - 1);
	else
		try_file(data + 3, len - 3, (uint16_t)(data[1] | data[2] << 8));
	return 0;
}
