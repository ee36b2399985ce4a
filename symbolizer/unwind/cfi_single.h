/*
 * One FDE and its CIE, written anew as an .eh_frame of their own, with a binary search table of one
 * entry before them: what libunwind's search over a remote process reads.
 */
#pragma once

#include "profiler/base/buf.h"
#include "symbolizer/unwind/cfi.h"

#include <stdint.h>

#define CFI_SINGLE_MAX	 65536 /* functions with longer programs are not unwound */
#define CFI_SINGLE_TABLE 8 /* bytes of the table; the FDE's own place is in it */

/*
 * Into b, which is cleared and will stand at address; the code is bias above where the file has it.
 * Table entries count from address. 0, -ENOMEM, or -EFBIG past CFI_SINGLE_MAX.
 */
int cfi_single_write(struct buf *b, uint64_t address, const struct cfi_cie *cie,
		     const struct cfi_fde *fde, uint64_t bias);
