/*
 * Split DWARF: units whose entries stand in another file, a .dwo each or a .dwp for all, behind a
 * skeleton in the program which has the addresses and the lines. A unit there is taken only where
 * its 64-bit id is the skeleton's.
 *
 * (DWARF 5 standard, section 7.3; GNU's extension to DWARF 4, "DebugFission" of GCC's wiki.)
 */
#pragma once

#include "symbolizer/debug_file.h"
#include "symbolizer/dwarf_unit.h"
#include "symbolizer/names.h"

#include <sys/queue.h>

struct dwarf_split {
	struct budget_item item;
	LIST_ENTRY(dwarf_split) link;
	struct dwarf_unit *skeleton;
	struct names *names; /* point into the file: dropped with it */
	struct elf_image image; /* of a .dwo */
	struct dwarf_sections sections; /* likewise */
	struct dwarf_file file;
	struct dwarf_unit *unit; /* of it */
};

/* All that a program has of it. */
struct dwarf_splits {
	struct file_opener opener;
	LIST_HEAD(, dwarf_split) all;
	bool package_sought;
	int package_error; /* why one that is there cannot be read; 0: nothing is wrong */
	struct elf_image package; /* a .dwp; size 0: none */
	struct dwarf_sections package_sections;
};

void dwarf_splits_done(struct dwarf_splits *s); /* a zeroed one is allowed */
/* As of guard_release_pages(). */
void dwarf_splits_rest(struct dwarf_splits *s);

/*
 * The split unit of a skeleton of main, until the budget is trimmed. Its guard and the package's
 * are to be entered while it is used. -ENOENT: there is none; else why it cannot be read, told once
 * for each; -ENOMEM.
 */
int dwarf_split_get(struct dwarf_splits *s, struct dwarf_file *main, struct dwarf_unit *skeleton,
		    struct names *names, struct dwarf_split **ret);
void dwarf_split_drop(struct dwarf_split *split);

/*
 * Where the unit with an id is in a .dwp, by the bytes of its .debug_cu_index: [offset, offset +
 * size) of those sections that it has, 0 of others. Pure. False: it is not there, or the index is
 * corrupt.
 */
struct dwarf_part {
	uint32_t offset, size;
};
bool dwarf_package_find(struct span index, uint64_t id, struct dwarf_part ret[DWARF_SECTION_COUNT]);
