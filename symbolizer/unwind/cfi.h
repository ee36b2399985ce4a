/*
 * A CFI section read into its entries: CIEs (what functions have in common) and FDEs (one range of
 * code each), as DWARF 5 section 6.4 and the Linux Standard Base's .eh_frame have them.
 *
 * An entry that is corrupt or of an unknown kind is counted and left out. Programs inside the
 * entries are not run here; program.h does.
 */
#pragma once

#include "profiler/base/buf.h"
#include "symbolizer/unwind/find.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An entry takes at least 12 bytes; more FDEs than this are refused: 128 MB of memory. */
#define UNWIND_FDES_MAX (4u << 20)
/* Linkers merge them to a few; .debug_frame has one a compilation unit. 64 MB of memory. */
#define UNWIND_CIES_MAX (1u << 18)

struct cfi_cie {
	uint64_t offset; /* in its section; cies of a section are sorted by it */
	const uint8_t *program;
	size_t program_bytes;
	uint64_t code_align;
	int64_t data_align;
	uint64_t ra_register;
	const struct cfi_section *section;
	uint8_t encoding; /* of pointers in its FDEs: DW_EH_PE_* */
	bool has_augmentation; /* FDEs have a block of augmentation data */
	bool is_signal; /* 'S': the caller was interrupted, its PC is no return address */
};

struct cfi_fde {
	uint64_t start; /* addresses [start, end) */
	uint64_t end;
	const uint8_t *program;
	uint32_t program_bytes;
	uint32_t cie; /* into cies */
};

struct cfi_entries {
	struct cfi_cie *cies;
	size_t n_cies, cap_cies;
	struct cfi_fde *fdes; /* in the order of the sections */
	size_t n_fdes, cap_fdes;
	uint32_t n_bad; /* entries that were left out as corrupt */
};

/*
 * Add the entries of one section, which outlives *e. An entry whose length leads past the end is
 * the last. 0, -ENOMEM, or -E2BIG past a maximum.
 */
int cfi_entries_read(const struct cfi_section *section, struct cfi_entries *e);
void cfi_entries_done(struct cfi_entries *e); /* zeroed ones are empty */
