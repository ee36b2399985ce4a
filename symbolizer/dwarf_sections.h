/*
 * The DWARF sections of an ELF file as bytes, inflated where they are compressed; of split DWARF
 * those whose names end in .dwo.
 */
#pragma once

#include "symbolizer/dwarf_data.h"

struct dwarf_sections {
	struct span v[DWARF_SECTION_COUNT];
	uint8_t *inflated[DWARF_SECTION_COUNT];
	size_t inflated_bytes;
};

/* Whether there is debug information at all. */
bool dwarf_sections_there(const struct elf_image *image);

/*
 * Find them in image, which outlives them. Those that are not there are empty. 0, -EFBIG where
 * inflated ones would take more than bytes_max together, -EBADMSG, -EOPNOTSUPP, -ENOMEM; to be
 * given to dwarf_sections_done() in any case.
 */
int dwarf_sections_open(struct dwarf_sections *s, const struct elf_image *image, bool split,
			size_t bytes_max);
void dwarf_sections_done(struct dwarf_sections *s); /* a zeroed one is allowed */
