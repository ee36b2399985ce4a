/*
 * libcapstone's functions, for those two files that call them; disassembler_new() loads them.
 *
 * Its tables are full of pointers: linked, they would cost each process a megabyte and a half.
 */
#pragma once

#include <capstone/capstone.h>

/* X(name): of libcapstone, by their own names. */
#define CAPSTONE_LIST(X) \
	X(open)          \
	X(close)         \
	X(option)        \
	X(malloc)        \
	X(free)          \
	X(disasm_iter)   \
	X(regs_access)

struct disassembler {
	void *library;
#define CAPSTONE_MEMBER(name) __typeof__(cs_##name) *name;
	CAPSTONE_LIST(CAPSTONE_MEMBER)
#undef CAPSTONE_MEMBER
};
