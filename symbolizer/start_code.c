/*
 * glibc's crt1.o, which is linked into programs as it is: _start clears the frame pointer, takes
 * the arguments from the stack, and calls __libc_start_main with main in rdi. Until glibc 2.34 it
 * gave two more functions, in r8 and rcx, which have been nothing since. It loads them relative to
 * itself or, in programs at a fixed address, as they are.
 */
#include "symbolizer/start_code.h"

#include <errno.h>
#include <string.h>

#define ADDRESS_BYTES 4
#define LOAD_BYTES    (3 + ADDRESS_BYTES)

/* .eh_frame_hdr (LSB 5.0, 10.6.2), in the encodings that linkers use. */
#define HEADER_BYTES 12
#define ENTRY_BYTES  8
#define FDE_BYTES    16 /* length, CIE, start and size */

static const uint8_t branch_target[] = {0xf3, 0x0f, 0x1e, 0xfa}; /* endbr64 */
static const uint8_t head[] = {
	0x31, 0xed, /* xor %ebp,%ebp */
	0x49, 0x89, 0xd1, /* mov %rdx,%r9 */
	0x5e, /* pop %rsi */
	0x48, 0x89, 0xe2, /* mov %rsp,%rdx */
	0x48, 0x83, 0xe4, 0xf0, /* and $-16,%rsp */
	0x50, 0x54, /* push %rax, push %rsp */
};
static const uint8_t nothing[] = {
	0x45, 0x31, 0xc0, /* xor %r8d,%r8d */
	0x31, 0xc9, /* xor %ecx,%ecx */
};
struct load {
	uint8_t relative[3]; /* lea f(%rip),%register */
	uint8_t absolute[3]; /* mov $f,%register */
};
static const struct load to_r8 = {{0x4c, 0x8d, 0x05}, {0x49, 0xc7, 0xc0}}; /* __libc_csu_fini */
static const struct load to_rcx = {{0x48, 0x8d, 0x0d}, {0x48, 0xc7, 0xc1}}; /* __libc_csu_init */
static const struct load to_rdi = {{0x48, 0x8d, 0x3d}, {0x48, 0xc7, 0xc7}}; /* main */
static const uint8_t call[] = {0xff, 0x15}; /* call *__libc_start_main@GOT(%rip) */
static const uint8_t direct_call[] = {0x67, 0xe8}; /* the same, as linkers shorten it */
static const uint8_t plt_call[] = {0xe8}; /* call __libc_start_main@PLT, of still older ones */
static const uint8_t halt[] = {0xf4};
static const uint8_t eh_frame_header[] = {1, 0x1b, 0x03, 0x3b};

/* n bytes of the file at an address, or NULL. */
static const uint8_t *bytes_at(const struct elf_image *image, uint64_t address, uint64_t n)
{
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];

		if (s->type == PT_LOAD && address >= s->address && n <= s->file_bytes &&
		    address - s->address <= s->file_bytes - n)
			return image->data + s->offset + (address - s->address);
	}
	return NULL;
}

/* A signed number of 4 bytes, widened. */
static uint64_t signed_at(const uint8_t *at)
{
	int32_t v;

	memcpy(&v, at, sizeof(v));
	return (uint64_t)(int64_t)v;
}

/* The size of the function that begins at start, as its FDE has it; 0: not known. */
static uint64_t size_by_fde(const struct elf_image *image, uint64_t fde, uint64_t start)
{
	const uint8_t *at = bytes_at(image, fde, FDE_BYTES);
	uint32_t size;

	if (!at || fde + 8 + signed_at(at + 8) != start)
		return 0;
	memcpy(&size, at + 12, sizeof(size));
	return size;
}

static uint64_t size_of(const struct elf_image *image, const struct elf_segment *header,
			uint64_t start)
{
	const uint8_t *at = bytes_at(image, header->address, HEADER_BYTES);
	uint32_t low = 0, high;

	if (!at || memcmp(at, eh_frame_header, sizeof(eh_frame_header)) != 0)
		return 0;
	memcpy(&high, at + 8, sizeof(high));
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const uint8_t *entry = bytes_at(
			image, header->address + HEADER_BYTES + (uint64_t)middle * ENTRY_BYTES,
			ENTRY_BYTES);
		uint64_t begin = entry ? header->address + signed_at(entry) : UINT64_MAX;

		if (begin == start)
			return size_by_fde(image, header->address + signed_at(entry + 4), start);
		if (begin < start)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

static int add(const struct elf_image *image, struct symbol_list *l, const char *name,
	       uint64_t address, uint64_t size)
{
	struct pending_symbol p = {
		.address = address, .size = size, .name = name, .len = strlen(name)};
	int r = symbol_list_add(l, image, &p);

	return r == -EFBIG ? 0 : r;
}

static int add_main(const struct elf_image *image, struct symbol_list *l, uint64_t address)
{
	uint64_t size = 0;

	for (size_t i = 0; i < image->n_segments && !size; i++)
		if (image->segments[i].type == PT_GNU_EH_FRAME)
			size = size_of(image, &image->segments[i], address);
	return add(image, l, "main", address, size);
}

struct reader {
	const struct elf_image *image;
	uint64_t at;
};

/* Goes on behind these bytes if they are next. */
static bool take(struct reader *r, const uint8_t *bytes, size_t n)
{
	const uint8_t *at = bytes_at(r->image, r->at, n);

	if (!at || memcmp(at, bytes, n) != 0)
		return false;
	r->at += n;
	return true;
}

static bool take_load(struct reader *r, const struct load *l, uint64_t *ret)
{
	const uint8_t *at = bytes_at(r->image, r->at, LOAD_BYTES);
	uint64_t address;

	if (!at)
		return false;
	address = signed_at(at + sizeof(l->relative));
	if (memcmp(at, l->relative, sizeof(l->relative)) == 0)
		address += r->at + LOAD_BYTES;
	else if (memcmp(at, l->absolute, sizeof(l->absolute)) != 0)
		return false;
	r->at += LOAD_BYTES;
	*ret = address;
	return true;
}

static bool take_call(struct reader *r)
{
	if (!take(r, call, sizeof(call)) && !take(r, direct_call, sizeof(direct_call)) &&
	    !take(r, plt_call, sizeof(plt_call)))
		return false;
	r->at += ADDRESS_BYTES;
	return true;
}

/* Is this _start, to the last byte but the addresses of others? */
static bool take_start(struct reader *r, uint64_t *ret_main)
{
	uint64_t other;

	take(r, branch_target, sizeof(branch_target));
	return take(r, head, sizeof(head)) &&
	       (take(r, nothing, sizeof(nothing)) ||
		(take_load(r, &to_r8, &other) && take_load(r, &to_rcx, &other))) &&
	       take_load(r, &to_rdi, ret_main) && take_call(r) && take(r, halt, sizeof(halt));
}

int start_symbols(const struct elf_image *image, struct symbol_list *l)
{
	struct reader r = {.image = image};
	uint64_t main_address;
	Elf64_Ehdr e;
	int result;

	if (!image->is_64 || image->machine != EM_X86_64 || image->size < sizeof(e))
		return 0;
	memcpy(&e, image->data, sizeof(e));
	r.at = e.e_entry;
	if (!take_start(&r, &main_address))
		return 0;
	result = add(image, l, "_start", e.e_entry, r.at - e.e_entry);
	return result < 0 ? result : add_main(image, l, main_address);
}
