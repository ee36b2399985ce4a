/*
 * What an instruction of x86-64 does to the stack pointer and where it leads, by libcapstone: what
 * must be known to say where a function's frame is. Pure but for the library's memory.
 */
#pragma once

#include "symbolizer/disassemble.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum code_flow {
	CODE_NEXT,
	CODE_BRANCH, /* to target or to the next one */
	CODE_JUMP, /* to target */
	CODE_JUMP_AWAY, /* to where a register or memory says */
	CODE_RETURN,
	CODE_STOP, /* goes nowhere: ud2, hlt, int3 */
};

enum code_stack {
	CODE_SP_PLUS, /* the stack pointer grows by amount, which may be 0 */
	CODE_SP_FROM_FP, /* it is the frame pointer + amount */
	CODE_SP_LOST,
};

/* The registers whose callers' values a rule can say: bits of saves and loads. */
#define CODE_FP	    1
#define CODE_ANCHOR 2

struct code_step {
	uint8_t bytes;
	bool is_padding; /* between functions: nop, int3 */
	bool is_call; /* comes back to the next one, if at all */
	enum code_flow flow;
	uint64_t target;
	enum code_stack stack;
	int32_t amount;
	uint8_t pushes; /* CODE_FP or CODE_ANCHOR, at the new top of the stack */
	uint8_t pops; /* the same, from the old one */
	uint8_t writes; /* bits: what has another value after it; not by pops */
	bool fp_is_sp; /* the frame pointer becomes the stack pointer */
};

struct code_steps;

/* 0, -ENOMEM. d outlives it. */
int code_steps_open(const struct disassembler *d, struct code_steps **ret);
struct code_steps *code_steps_close(struct code_steps *s);

/* The instruction at the front of code[0, bytes). False: none. */
bool code_steps_read(struct code_steps *s, const uint8_t *code, size_t bytes, uint64_t address,
		     struct code_step *ret);
