/* Compressed sections of ELF files. Pure. */
#pragma once

#include "symbolizer/module.h"

/*
 * What a section inflates to, in bytes, by its own word: one whose flags say SHF_COMPRESSED (zlib
 * or zstd behind an Elf_Chdr), or whose name begins with .zdebug (zlib behind "ZLIB" and a size:
 * GNU's older way). 0, -EBADMSG, or -EOPNOTSUPP for another compression.
 */
int inflate_size(const struct elf_image *image, const struct elf_section *section,
		 uint64_t *ret_bytes);

/* Inflate it into out, of exactly that size. 0 or -EBADMSG. */
int inflate_into(const struct elf_image *image, const struct elf_section *section, uint8_t *out);

/*
 * Both at once, into memory that the caller frees. -EFBIG where it would take more than bytes_max,
 * -ENOMEM, or as the two say.
 */
int inflate_section(const struct elf_image *image, const struct elf_section *section,
		    size_t bytes_max, uint8_t **ret, size_t *ret_size);
