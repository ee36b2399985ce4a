/*
 * Machine code as text, by libcapstone: x86-64, x86 and arm64, in the syntax of the assembler.
 *
 * The bytes are foreign; what is no instruction is one row of `.byte`, and nothing past the limits
 * below is looked at. Pure but for the library's memory.
 */
#pragma once

#include "profiler/base/err.h"
#include "symbolizer/module.h"

#include <stddef.h>
#include <stdint.h>

#define DISASSEMBLE_BYTES_MAX (256u << 10) /* of code at once: the longest functions have so much */
#define DISASSEMBLE_TEXT_MAX  200 /* bytes of one instruction's text, its NUL included */

/* text is borrowed for the call. Negative errno ends it. */
typedef int (*disassemble_row)(void *ctx, uint64_t address, size_t bytes, const char *text);

struct disassembler;

/* Loads the library, before a jail is closed. 0, -ENOENT (the sentence says what to install). */
int disassembler_new(struct disassembler **ret, struct err *err);
struct disassembler *disassembler_free(struct disassembler *d);

/* machine: EM_*. -ENOTSUP: not one of those above. Thread-safe. */
int disassemble(const struct disassembler *d, uint16_t machine, const uint8_t *code, size_t bytes,
		uint64_t address, disassemble_row row, void *ctx, struct err *err);

/*
 * The function over an address by the symbol tables of an image, .symtab first: [*ret_start,
 * *ret_end) in addresses. False: none is known. The image's guard is entered by the caller.
 */
bool disassemble_function(const struct elf_image *image, uint64_t address, uint64_t *ret_start,
			  uint64_t *ret_end);
