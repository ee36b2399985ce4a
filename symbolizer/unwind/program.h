/*
 * The CFA program interpreter: what the instructions of an FDE say of each address of its range
 * (DWARF 5 section 6.4.2, with what GNU and arm64 added).
 *
 * Of all registers four are followed: the return address, the frame pointer, the stack pointer and
 * the anchor (bpf/registers.h).
 */
#pragma once

#include "symbolizer/unwind/cfi.h"

#include <stdbool.h>
#include <stdint.h>

enum cfi_how {
	CFI_UNSPECIFIED,
	CFI_UNDEFINED,
	CFI_SAME,
	CFI_AT, /* at CFA + offset */
	CFI_VALUE, /* it is CFA + offset */
	CFI_IN_REGISTER, /* offset is its number */
	CFI_EXPRESSION, /* at the address that the expression gives */
	CFI_VALUE_EXPRESSION, /* it is what the expression gives */
};

struct cfi_rule {
	enum cfi_how how;
	uint32_t bytes; /* of the expression */
	int64_t offset;
	const uint8_t *expression;
};

/* What holds at an address. */
struct cfi_state {
	bool has_cfa;
	struct cfi_rule cfa; /* CFI_AT: base + offset; CFI_EXPRESSION: its value, offset kept */
	uint64_t base; /* a register */
	struct cfi_rule ra, fp, sp, anchor;
};

/* DWARF numbers of the registers that are followed. */
struct cfi_registers {
	uint64_t fp, sp, ra;
	uint64_t anchor; /* UINT64_MAX: there is none */
	bool is_arm64; /* its own instructions are known */
};

/* false: a machine that is not unwound. */
bool cfi_registers_of(uint16_t machine, struct cfi_registers *ret);

/*
 * state holds from address on, until the next call or the end of the range. Negative errno ends the
 * program.
 */
typedef int (*cfi_row_fn)(void *arg, uint64_t address, const struct cfi_state *state);

/* What all FDEs of a CIE begin with. 0 or -EBADMSG. */
int cfi_program_begin(const struct cfi_cie *cie, const struct cfi_registers *registers,
		      struct cfi_state *ret);

/*
 * Run the program of fde, whose CIE began with initial. Calls row with rising addresses, for the
 * first always, for others where something may have changed. 0, what row returned, or -EBADMSG:
 * from *ret_known_until on nothing is known.
 */
int cfi_program_run(const struct cfi_cie *cie, const struct cfi_fde *fde,
		    const struct cfi_registers *registers, const struct cfi_state *initial,
		    cfi_row_fn row, void *arg, uint64_t *ret_known_until);
