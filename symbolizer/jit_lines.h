/*
 * Which source line a piece of run-time compiled code comes from: for each piece a sorted list of
 * offsets, made of what a jitdump says in front of it.
 *
 * A list is believed as a whole or not at all: one with an offset outside of its code, or out of
 * order, is garbage.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * perf puts a piece of code behind an ELF header of so many bytes, and some compilers (V8) count
 * their lines from there.
 */
#define JIT_LINES_HEADER_BYTES 64

struct jit_line {
	uint32_t offset; /* in the code: from here to the next one */
	uint32_t line;
	uint32_t file; /* the owner's number */
};

struct jit_lines {
	size_t n;
	struct jit_line line[];
};

/* Lines on their way; zeroed: none. */
struct jit_lines_draft {
	uint64_t code; /* where the code begins that they are of */
	struct jit_line *v;
	size_t n, cap;
	bool garbage;
};

void jit_lines_begin(struct jit_lines_draft *d, uint64_t code); /* what was there is forgotten */
int jit_lines_add(struct jit_lines_draft *d, uint64_t address, uint32_t line, uint32_t file);
void jit_lines_done(struct jit_lines_draft *d);

/* The list for code of that size: 0, -EBADMSG for garbage, -ENOMEM. d is empty then. */
int jit_lines_make(struct jit_lines_draft *d, uint64_t size, struct jit_lines **ret);
size_t jit_lines_bytes(const struct jit_lines *l); /* of memory; 0 for NULL */

/* The line of an offset; NULL: before the first, or l is NULL. */
const struct jit_line *jit_lines_find(const struct jit_lines *l, uint64_t offset);
