/*
 * Where the CFI of an ELF file is: .eh_frame by its section, or where there are no sections by the
 * PT_GNU_EH_FRAME segment that points to it; and .debug_frame, also compressed.
 */
#pragma once

#include "symbolizer/module.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A compressed .debug_frame that says it is larger is not opened. */
#define UNWIND_INFLATED_MAX (256u << 20)

struct cfi_section {
	const uint8_t *data;
	size_t size;
	uint64_t address; /* of data[0] */
	uint64_t data_base; /* what DW_EH_PE_datarel is relative to; 0: there is none */
	bool is_eh; /* .eh_frame; otherwise .debug_frame */
	bool ends_at_zero; /* its size is not known: an entry of length 0 is its end */
	uint8_t *inflated; /* what data points to, where that was compressed */
};

#define CFI_SECTIONS_MAX 3

struct cfi_sections {
	struct cfi_section v[CFI_SECTIONS_MAX]; /* .eh_frame before .debug_frame */
	size_t n;
};

/*
 * The sections of image, which outlives *ret; those of debug (NULL: there is none), a separate
 * debug file, are only its .debug_frame. 0, also where there is none, or -ENOMEM. What is corrupt
 * is as good as not there.
 */
int unwind_find_cfi(const struct elf_image *image, const struct elf_image *debug,
		    struct cfi_sections *ret);
void unwind_find_done(struct cfi_sections *s);
