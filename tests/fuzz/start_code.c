/*
 * Fuzzer of the search for _start and main in programs without symbols. The input is the bytes of a
 * program that is loaded where it stands in the file, behind eight bytes: its entry, and where its
 * .eh_frame_hdr is. Besides memory safety: what is found is code, and nothing else is found.
 */
#include "symbolizer/start_code.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define LOADED 0x400000u /* where the program lies */

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct symbol_list *l, size_t bytes)
{
	static const char *const names[] = {"_start", "main"};

	must(l->n <= 2);
	for (size_t i = 0; i < l->n; i++) {
		const struct pending_symbol *p = &l->v[i];

		must(p->address >= LOADED && p->address < LOADED + bytes);
		must(p->extent_end > p->address && p->extent_end <= LOADED + bytes);
		must(strcmp(p->name, names[i]) == 0 && p->len == strlen(names[i]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct elf_segment segments[2] = {
		{.type = PT_LOAD, .flags = PF_R | PF_X, .address = LOADED},
		{.type = PT_GNU_EH_FRAME},
	};
	struct elf_image image = {
		.is_64 = true, .machine = EM_X86_64, .segments = segments, .n_segments = 2};
	struct symbol_list found = {};
	Elf64_Ehdr header = {};
	uint32_t entry, frames;
	uint8_t *bytes;

	if (len < 8)
		return 0;
	memcpy(&entry, data, 4);
	memcpy(&frames, data + 4, 4);
	header.e_entry = LOADED + (uint64_t)entry;
	segments[1].address = LOADED + (uint64_t)frames;
	image.size = segments[0].file_bytes = segments[0].memory_bytes = sizeof(header) + len - 8;
	bytes = malloc(image.size);
	must(bytes != NULL);
	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), data + 8, len - 8);
	image.data = bytes;
	must(start_symbols(&image, &found) == 0);
	check(&found, image.size);
	free(found.v);
	free(bytes);
	return 0;
}
