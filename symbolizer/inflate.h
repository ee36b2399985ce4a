/* Compressed sections of ELF files. Pure. */
#pragma once

#include "symbolizer/module.h"

/*
 * Inflate a section whose flags say SHF_COMPRESSED (zlib or zstd behind an Elf_Chdr), or whose name
 * begins with .zdebug (zlib behind "ZLIB" and a size: GNU's older way), into memory that the caller
 * frees. -EFBIG where it would take more than bytes_max, -EBADMSG, -EOPNOTSUPP
 * for another compression, -ENOMEM.
 */
int inflate_section(const struct elf_image *image, const struct elf_section *section,
		    size_t bytes_max, uint8_t **ret, size_t *ret_size);
