/*
 * The FDEs of one ELF image by the code that they cover: what to unwind an address by.
 *
 * Of FDEs that overlap, the one that begins last before the address is found; of those that begin
 * together the one that stands first, .eh_frame before .debug_frame.
 */
#pragma once

#include "symbolizer/module.h"
#include "symbolizer/unwind/cfi.h"
#include "symbolizer/unwind/find.h"

#include <stdbool.h>
#include <stdint.h>

struct cfi_index {
	struct cfi_sections sections;
	struct cfi_entries entries;
	uint32_t *by_start; /* into entries.fdes */
	size_t n;
	uint64_t entry_start, entry_end; /* an entry point without FDE: the outermost frame */
};

/*
 * Of image, which outlives *ret. 0, also for an image without CFI, -ENOMEM, or -E2BIG past a
 * maximum of cfi.h; then *ret is empty. It must not move: its parts point to each other.
 */
int cfi_index_build(const struct elf_image *image, struct cfi_index *ret);
void cfi_index_done(struct cfi_index *x); /* a zeroed one is empty */

/* The FDE that covers address, or NULL. Borrowed. */
const struct cfi_fde *cfi_index_find(const struct cfi_index *x, uint64_t address);
bool cfi_index_is_entry(const struct cfi_index *x, uint64_t address);
