/*
 * The code that the kernel starts a program or its loader at: the outermost frame of its first
 * thread.
 */
#pragma once

#include "symbolizer/module.h"
#include "symbolizer/unwind/cfi.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The range of the entry point's code, where no FDE covers it: [*ret_start, *ret_end), addresses.
 * False: an FDE does, there is no entry point, or its end is not known.
 */
bool unwind_entry_find(const struct elf_image *image, const struct cfi_entries *e,
		       uint64_t *ret_start, uint64_t *ret_end);
