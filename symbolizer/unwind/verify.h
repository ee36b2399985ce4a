/*
 * The judge: a table against what elfutils' libdw makes of the same CFI.
 *
 * Both are evaluated over made-up registers and memory, so that only what they compute counts, not
 * how they say it: the CFA, the caller's return address and its frame pointer. Asked is at
 * every address where either of them changes.
 */
#pragma once

#include "symbolizer/unwind/unwind.h"

#include <stdint.h>

#define UNWIND_MISMATCHES_KEPT 16

struct unwind_mismatch {
	uint64_t address;
	char text[120];
};

struct unwind_verdict {
	uint64_t compared; /* addresses at which both say something, or both nothing */
	uint64_t unsaid[UNWIND_KIND_COUNT]; /* addresses whose row says that it cannot say */
	uint64_t refused; /* addresses of which libdw has an FDE, and cannot say what it means */
	uint64_t entry; /* addresses of an entry point without CFI, an END of our own */
	uint64_t derived; /* addresses of code without CFI, whose rules are of its instructions */
	uint64_t mismatches;
	struct unwind_mismatch mismatch[UNWIND_MISMATCHES_KEPT]; /* the first ones */
};

/*
 * Compare t, which was compiled from in. 0, or negative errno where libdw cannot be asked. A table
 * without rows is compared too: libdw must not have any then.
 */
int unwind_verify(const struct unwind_input *in, const struct unwind_table *t,
		  struct unwind_verdict *ret, struct err *err);
