/*
 * An ELF file or image opened for reading: its bytes under a guard, its segments and sections
 * copied out once and checked against the size, so that nobody after this file meets an offset
 * that leads out of it.
 *
 * It knows no symbols and no debug information; those are the sources'.
 */
#pragma once

#include "profiler/base/err.h"
#include "symbolizer/guard.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Headers past these are corrupt: Linux itself takes no more than 65,535 segments, linkers make
 * few sections.
 */
#define ELF_SECTIONS_MAX       (1u << 20)

#define ELF_SECTION_NAME_BYTES 24

/* Bytes that belong to somebody else; {NULL, 0} where there are none. */
struct span {
	const uint8_t *data;
	size_t size;
};

struct elf_segment {
	uint32_t type;
	uint32_t flags; /* PF_X and the like */
	uint64_t offset;
	uint64_t address;
	uint64_t file_bytes; /* within the file */
	uint64_t memory_bytes;
	uint64_t align;
};

struct elf_section {
	char name[ELF_SECTION_NAME_BYTES]; /* "" where it has none; none of ours is longer */
	uint32_t type;
	uint32_t link;
	uint64_t flags;
	uint64_t address;
	uint64_t offset;
	uint64_t size; /* within the file, unless SHT_NOBITS */
	uint64_t entry_bytes;
	uint64_t align;
};

struct elf_image {
	struct guard guard; /* the mapping, of files */
	uint8_t *copy; /* the bytes, of images from memory */
	const uint8_t *data;
	size_t size;
	bool is_64;
	uint16_t machine; /* EM_* */
	uint16_t type; /* ET_* */
	struct elf_segment *segments;
	size_t n_segments;
	struct elf_section *sections; /* [0] is the empty one; n may be 0 */
	size_t n_sections;
};

/*
 * Open the regular file fd, which stays the caller's and may be closed afterwards. -EBADMSG: not
 * an ELF file of this machine's byte order, or corrupt, the sentence in err.
 */
int elf_image_open(struct elf_image *image, int fd, struct err *err);

/* The same over a copy of data[0, size). */
int elf_image_copy(struct elf_image *image, const void *data, size_t size, struct err *err);

/* The same over data[0, size) itself, which stays the caller's and outlives the image. */
int elf_image_borrow(struct elf_image *image, const void *data, size_t size, struct err *err);

void elf_image_done(struct elf_image *image); /* a zeroed image is allowed */

/*
 * Where the byte at offset is in memory, by the PT_LOAD that holds it, executable ones first.
 * False: nowhere.
 */
bool elf_image_address(const struct elf_image *image, uint64_t offset, uint64_t *ret_address);

/*
 * Is [address, address + 1) in an executable PT_LOAD (or in an executable section, of files
 * without segments)?
 */
bool elf_image_is_code(const struct elf_image *image, uint64_t address);

/* The first section of that name, or NULL. */
const struct elf_section *elf_image_section(const struct elf_image *image, const char *name);

/* The bytes of a section as they stand in the file; empty for SHT_NOBITS and for NULL. */
struct span elf_image_bytes(const struct elf_image *image, const struct elf_section *section);

/*
 * The build id, from PT_NOTE or from note sections, Go's where there is no GNU one: bytes written
 * to ret[0, max), 0 for none.
 */
size_t elf_image_build_id(const struct elf_image *image, uint8_t *ret, size_t max);

/*
 * The NUL-terminated string at offset of a span: its length, or -1 when it does not end there
 * soon enough.
 */
#define SPAN_STRING_MAX (1u << 20)
ptrdiff_t span_string(struct span strings, uint64_t offset, const char **ret);
