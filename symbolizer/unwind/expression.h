/*
 * DWARF expressions of the few shapes that compilers, linkers and assembly writers use for frames.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum expression_kind {
	EXPRESSION_OTHER,
	EXPRESSION_OFFSET, /* base + at */
	EXPRESSION_DEREF, /* *(base + at) + add: stacks that were realigned */
	/*
	 * base + at + (((pc & 15) >= threshold) << 3): PLT stubs of 16 bytes, which push after so
	 * many.
	 */
	EXPRESSION_PLT,
};

struct expression {
	enum expression_kind kind;
	uint64_t base; /* a register */
	int64_t at, add;
	uint64_t threshold;
};

/* What expression[0, bytes) says; pc is the register that holds the program counter. */
struct expression expression_read(const uint8_t *expression, size_t bytes, uint64_t pc);
