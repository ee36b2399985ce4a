/*
 * C libraries end _start's CFI by an undefined return address. glibc's loader has no CFI for its
 * own entry, and nothing has in programs without .eh_frame: there the code's end is where the next
 * FDE begins if that is near, or where a call is followed by what only makes sense after
 * a call that does not return.
 */
#include "symbolizer/unwind/entry.h"

#include <elf.h>
#include <string.h>

#define ENTRY_BYTES_MAX 128 /* glibc's: 38 for programs, 61 for the loader */

#define X86_HLT		0xf4
#define X86_CALL	0xe8 /* and 4 bytes */
#define ARM64_BL	0x94000000u
#define ARM64_OP	0xfc000000u

static uint64_t entry_of(const struct elf_image *image)
{
	Elf64_Ehdr ehdr;

	if (!image->is_64 || image->size < sizeof(ehdr))
		return 0;
	memcpy(&ehdr, image->data, sizeof(ehdr));
	return ehdr.e_entry;
}

/* The file's bytes at an address in code, at most ENTRY_BYTES_MAX. */
static struct span code_at(const struct elf_image *image, uint64_t address)
{
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];
		uint64_t from = address - s->address;

		if (s->type != PT_LOAD || !(s->flags & PF_X) || address < s->address ||
		    from >= s->file_bytes)
			continue;
		return (struct span){.data = image->data + s->offset + from,
				     .size = s->file_bytes - from < ENTRY_BYTES_MAX
						     ? s->file_bytes - from
						     : ENTRY_BYTES_MAX};
	}
	return (struct span){};
}

/*
 * Behind `call ...; hlt`; both forms of call are told by their hlt 5 or 6 bytes on. 0: not there.
 */
static size_t end_x86(struct span code)
{
	for (size_t i = 5; i < code.size; i++) {
		bool near = code.data[i - 5] == X86_CALL;
		bool indirect = i >= 6 && code.data[i - 6] == 0xff && code.data[i - 5] == 0x15;

		if (code.data[i] == X86_HLT && (near || indirect))
			return i + 1;
	}
	return 0;
}

/* Behind `bl __libc_start_main; bl abort`. */
static size_t end_arm64(struct span code)
{
	uint32_t last = 0, op;

	for (size_t i = 0; i + sizeof(op) <= code.size; i += sizeof(op), last = op) {
		memcpy(&op, code.data + i, sizeof(op));
		if ((op & ARM64_OP) == ARM64_BL && (last & ARM64_OP) == ARM64_BL)
			return i + sizeof(op);
	}
	return 0;
}

bool unwind_entry_find(const struct elf_image *image, const struct cfi_entries *e,
		       uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t entry = entry_of(image), next = UINT64_MAX;
	struct span code = entry ? code_at(image, entry) : (struct span){};
	size_t size;

	if (!code.size)
		return false;
	for (size_t i = 0; i < e->n_fdes; i++) {
		if (e->fdes[i].start <= entry && entry < e->fdes[i].end)
			return false;
		if (e->fdes[i].start > entry && e->fdes[i].start < next)
			next = e->fdes[i].start;
	}
	size = next - entry;
	if (size > ENTRY_BYTES_MAX)
		size = image->machine == EM_AARCH64 ? end_arm64(code) : end_x86(code);
	*ret_start = entry;
	*ret_end = entry + size;
	return size > 0;
}
