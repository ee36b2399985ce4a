/*
 * Stubs of the procedure linkage table as symbols: "printf@plt". x86-64 only. Pure over an opened
 * image.
 */
#pragma once

#include "symbolizer/symbol_list.h"

/*
 * Add a symbol for each stub that jumps through a slot which a relocation fills. Their names are
 * made in *ret_names, which the caller frees when the symbols have gone. 0 or -ENOMEM.
 */
int plt_symbols(const struct elf_image *image, struct symbol_list *l, char **ret_names,
		size_t *ret_bytes);
