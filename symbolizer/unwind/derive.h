/*
 * Rules for code that no CFI covers, from its instructions: hand-written assembly (libzstd's
 * decoder) and what a C library's start files bring into every program (_init, frame_dummy).
 *
 * A hole is read function by function along every way through it. As long as the stack pointer
 * moves by constants alone, where the frame begins is known at each instruction. It is believed
 * only if all of it fits: every way to one instruction leaves the stack alike, every return finds
 * it where the call left it, rbp and rbx are saved before they change, whatever jumps out of the
 * hole lands where CFI says the same, and one way at least gets that far. What does not fit stays a
 * hole, from the function on that does not.
 */
#pragma once

#include "bpf/unwind_table.h"
#include "symbolizer/code_steps.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Assembly is small. Memory for one hole: 14 bytes for each of its own. */
#define DERIVE_BYTES_MAX (64u << 10)

struct derive {
	const uint8_t *code;
	size_t bytes; /* at most DERIVE_BYTES_MAX */
	uint64_t address; /* of code[0] */
	/* Whether rule is what CFI says at an address outside the hole. */
	bool (*is_rule)(void *ctx, uint64_t address, const struct unwind_rule *rule);
	/*
	 * rule holds from code[at] on, NULL: none does. With rising at; negative errno ends it. The
	 * end of the hole is not told.
	 */
	int (*take)(void *ctx, size_t at, const struct unwind_rule *rule);
	void *ctx;
};

/* 0, -ENOMEM, or what take returned. Time is linear in the bytes. */
int derive_rules(const struct derive *hole, struct code_steps *steps);
