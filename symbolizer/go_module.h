/*
 * Where an ELF file has Go's table, and the two addresses that the table does not have: where code
 * begins, and what inline trees are counted from. Both stand in the runtime's "module data", which
 * has no symbol in a stripped program: it is known by beginning with pointers into the table.
 */
#pragma once

#include "symbolizer/go_table.h"

struct go_module {
	struct go_table table;
	uint64_t gofunc; /* address; 0: not known, or pointers are used (GO_1_16) */
};

/* False: the file is no Go program, or none that can be read. */
bool go_module_find(const struct elf_image *image, struct go_module *ret);

/* The bytes of the file from an address of its memory on; empty where there are none. */
struct span elf_image_memory(const struct elf_image *image, uint64_t address);

/* The inline tree of a function; empty where there is none. */
struct span go_module_tree(const struct elf_image *image, const struct go_module *m,
			   const struct go_function *f);
