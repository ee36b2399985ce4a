/* What PT_DYNAMIC says of symbols, for files without section headers. Pure over an opened image. */
#pragma once

#include "symbolizer/symbol_list.h"

/*
 * The dynamic symbol table that DT_SYMTAB, DT_STRTAB and the hash tables describe. False: none,
 * or corrupt.
 */
bool dynamic_symbols(const struct elf_image *image, struct symbol_table *ret);
