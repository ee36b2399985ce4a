/*
 * The separate debug file of an ELF file: found by build id, else by .gnu_debuglink, and believed
 * only where it is that file's.
 *
 * Nothing is opened here: descriptors come from who owns the symbolizer, see struct sym_want.
 */
#pragma once

#include "symbolizer/module.h"
#include "symbolizer/symbolizer.h"

/* Who opens files for one module; open may be NULL. */
struct file_opener {
	sym_open open;
	void *ctx;
	uint32_t module;
};

/* A descriptor, the caller's, or negative errno. */
int file_opener_open(const struct file_opener *o, const struct sym_want *want);

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

/*
 * Open into ret the debug file of `of`, which was entered (guard_enter). A file is taken when it is
 * for the same machine, has debug information or a symbol table, and has the build id of `of`, or
 * else the CRC of its debuglink and no other build id. 1; 0 where there is none; -ENOMEM.
 */
int debug_file_open(struct elf_image *ret, const struct elf_image *of,
		    const struct file_opener *opener);
