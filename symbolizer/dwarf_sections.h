/*
 * The DWARF sections of an ELF file as bytes, inflated where they are compressed; of split DWARF
 * those whose names end in .dwo.
 */
#pragma once

#include "symbolizer/dwarf_data.h"
#include "symbolizer/symbolizer.h"

/*
 * Room that was given, and is used again when its sections are done with: there is not endlessly
 * much of it. A zeroed one is empty.
 */
#define DWARF_ROOMS_MAX 16 /* more than these are given back */
struct dwarf_rooms {
	struct dwarf_room {
		uint8_t *at; /* NULL: none */
		uint64_t bytes;
		bool taken;
	} v[DWARF_ROOMS_MAX];
};
void dwarf_rooms_done(struct dwarf_rooms *r); /* none is taken any more */

/* Who opens files for one module; open may be NULL. */
struct file_opener {
	sym_open open;
	void *ctx;
	uint32_t module;
	struct dwarf_rooms *rooms; /* outlives what is opened; NULL: none is used again */
};

/* A descriptor, the caller's, or negative errno. */
int file_opener_open(const struct file_opener *o, const struct sym_want *want);

struct dwarf_sections {
	struct span v[DWARF_SECTION_COUNT];
	uint8_t *inflated; /* all that were compressed, one behind the other */
	size_t inflated_bytes;
	bool in_room; /* in a file without a name, not in our memory */
	struct dwarf_rooms *rooms;
};

/* Whether there is debug information at all. */
bool dwarf_sections_there(const struct elf_image *image);

/*
 * Find them in image, which outlives them. Those that are not there are empty. Compressed ones that
 * would take more than bytes_max together are inflated into room that opener gives. 0, -EFBIG past
 * SYM_ROOM_BYTES_MAX, -ENOSPC where there is no room, -EBADMSG, -EOPNOTSUPP, -ENOMEM; to be given
 * to dwarf_sections_done() in any case.
 */
int dwarf_sections_open(struct dwarf_sections *s, const struct elf_image *image, bool split,
			const struct file_opener *opener, size_t bytes_max);
void dwarf_sections_done(struct dwarf_sections *s); /* a zeroed one is allowed */
/* Nobody reads them for a while: the pages of room are their file's alone. */
void dwarf_sections_rest(struct dwarf_sections *s);
/* Heap bytes in use. */
size_t dwarf_sections_bytes(const struct dwarf_sections *s);
