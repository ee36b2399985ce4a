/*
 * A made-up process, to evaluate both a rule and a DWARF expression in: registers and memory whose
 * every value depends on a seed, so that two computations that agree under several seeds are one.
 *
 * For verify.c.
 */
#pragma once

#include "bpf/unwind_table.h"

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct made_up {
	uint64_t seed;
	uint64_t pc;
	uint64_t fp, sp, ra, anchor; /* DWARF numbers of the registers */
	uint64_t cfa; /* for DW_OP_call_frame_cfa */
};

struct evaluated {
	bool is_known; /* false: undefined */
	uint64_t value;
};

uint64_t made_up_register(const struct made_up *m, uint64_t number);
uint64_t made_up_memory(const struct made_up *m, uint64_t address);

/*
 * The value of an expression: what it leaves on the stack. is_location: of the place that it names,
 * unless it ends in DW_OP_stack_value. False where it has an operation that is not known here.
 */
bool evaluate_dwarf(const struct made_up *m, const Dwarf_Op *ops, size_t n, bool is_location,
		    uint64_t *ret);

/* What a rule of a kind that says something computes: the CFA, and registers of the caller. */
struct evaluated_rule {
	struct evaluated cfa, ra, fp, anchor;
};

struct evaluated_rule evaluate_rule(const struct made_up *m, const struct unwind_rule *rule);
