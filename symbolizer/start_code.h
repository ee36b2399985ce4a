/*
 * The two functions that every stripped program of the GNU C library has: `_start`, whose code is
 * always the same, and `main`, whose address stands in it. x86-64 only. Pure over an opened image.
 */
#pragma once

#include "symbolizer/symbol_list.h"

/*
 * Add a symbol for each where the code at the entry is the library's to the last byte. What main
 * covers is said by its unwind information; without that only its first address is known. 0 or
 * -ENOMEM.
 */
int start_symbols(const struct elf_image *image, struct symbol_list *l);
