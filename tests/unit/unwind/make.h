/* CFI and ELF files made by hand, for the tests of symbolizer/unwind. */
#pragma once

#include "profiler/base/buf.h"
#include "symbolizer/unwind/cfi.h"
#include "symbolizer/unwind/unwind.h"

#include <stddef.h>
#include <stdint.h>

/* Where the code of a made file is: as addresses, and in the file. */
#define MAKE_CODE_ADDRESS 0x401000u
#define MAKE_CODE_OFFSET  0x1000u
#define MAKE_CFI_ADDRESS  0x300000u

/* A literal of bytes and how many. */
#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

/* x86-64's own beginning: CFA = rsp + 8, the return address below it. */
#define MAKE_BEGIN 0x0c, 7, 8, 0x90, 1

/* An entry of any content behind its length; where it begins. */
size_t make_entry(struct buf *b, const void *content, size_t bytes);
/*
 * A CIE of .eh_frame: version 1, code alignment 1, data alignment -8, return address in 16, and
 * augmentation data of no bytes where letters begin with z.
 */
size_t make_cie(struct buf *b, const char *letters, const uint8_t *program, size_t bytes);
/* An FDE of the CIE at cie with absolute addresses; has_z: an empty block of augmentation. */
size_t make_fde(struct buf *b, size_t cie, bool has_z, uint64_t start, uint64_t length,
		const uint8_t *program, size_t bytes);
/* The same two for .debug_frame. */
size_t make_debug_cie(struct buf *b, const uint8_t *program, size_t bytes);
size_t make_debug_fde(struct buf *b, size_t cie, uint64_t start, uint64_t length,
		      const uint8_t *program, size_t bytes);

struct make_file {
	uint16_t machine; /* 0: EM_X86_64 */
	uint16_t type; /* 0: ET_DYN */
	uint64_t entry;
	const uint8_t *code; /* NULL: zeros */
	size_t code_bytes;
	const struct buf *eh_frame; /* NULL: none */
	const struct buf *debug_frame; /* NULL: none */
	bool compressed; /* .debug_frame is */
	bool no_sections; /* .eh_frame by PT_GNU_EH_FRAME alone */
};

/* The file's bytes; the caller frees them. */
uint8_t *make_elf(const struct make_file *f, size_t *ret_bytes);

/* A section over b, as find.h gives it. */
struct cfi_section make_section(const struct buf *b);

/* Compile a made file; what unwind_compile() says. */
int make_table(const struct make_file *f, struct unwind_table *ret);
/* The rule at an address of the made file's code; NULL: a hole. */
const struct unwind_rule *make_rule_at(const struct unwind_table *t, uint64_t address);
