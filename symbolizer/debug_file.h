/*
 * The separate debug file of an ELF file: found by build id, else by .gnu_debuglink, and believed
 * only where it is that file's.
 *
 * Nothing is opened here: descriptors come from who owns the symbolizer, see struct sym_want.
 */
#pragma once

#include "symbolizer/dwarf_sections.h"
#include "symbolizer/module.h"

/* What .gnu_debuglink says: a file's name without a directory, and the CRC-32 of its bytes. */
struct debug_link {
	const char *name; /* in the section, NUL-terminated */
	uint32_t crc;
};

/*
 * Parse the bytes of the section. Pure. False: there is none, or one that is cut, empty or leads
 * into a directory.
 */
bool debug_link_parse(struct span section, struct debug_link *ret);

/* CRC-32 as of IEEE 802.3, over all bytes. */
uint32_t debug_link_crc(struct span bytes);

/* What .gnu_debugaltlink says: a path, and the build id that the file there must have. */
struct debug_alt {
	const char *path; /* in the section, NUL-terminated */
	struct span build_id;
};
bool debug_alt_parse(struct span section, struct debug_alt *ret);

/* The other files in which debug information of a file may stand. */
struct debug_files {
	bool sought;
	struct elf_image debug; /* its separate debug file; size 0: none */
	struct elf_image alt; /* what dwz moved out of it or of its debug file; size 0: none */
};

/*
 * Look for the debug files of `of`, which was entered (guard_enter); once. A debug file is taken
 * when it is for the same machine, has debug information or a symbol table, and has the build id of
 * `of`, or else the CRC of its debuglink and no other build id; it is looked for where `of` has no
 * debug information itself. 0 or -ENOMEM.
 */
int debug_files_seek(struct debug_files *d, const struct elf_image *of,
		     const struct file_opener *opener);
void debug_files_done(struct debug_files *d); /* a zeroed one is allowed */

/* Where the debug information of `of` is: there, or in its debug file. */
const struct elf_image *debug_files_dwarf(const struct debug_files *d, const struct elf_image *of);

/* All of them under their guards, and whether one was truncated meanwhile. */
void debug_files_enter(struct debug_files *d);
void debug_files_leave(struct debug_files *d);
bool debug_files_broken(const struct debug_files *d);
/* As of guard_release_pages(). */
void debug_files_rest(struct debug_files *d);
