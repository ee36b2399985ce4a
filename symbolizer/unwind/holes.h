/*
 * The holes of a file's marks, filled with what derive.h makes of their code.
 */
#pragma once

#include "symbolizer/module.h"
#include "symbolizer/unwind/marks.h"
#include "symbolizer/unwind/rules.h"

/* Of one file. */
#define HOLES_BYTES_MAX (512u << 10)
/* A shorter one is what aligns the next function. */
#define HOLES_BYTES_MIN 16

struct holes {
	const struct elf_image *image; /* of x86-64; its guard is entered */
	const struct disassembler *disassembler;
	struct unwind_rules *rules; /* of the marks; more are added */
	uint32_t *n_derived; /* counts the rows that were found */
};

/*
 * v[0, n) are reduced marks, on the heap; *ret_v is what takes its place, to be freed by the caller
 * alone. 0; -ENOMEM or -E2BIG (of rules), and nothing has changed.
 */
int unwind_holes_fill(const struct holes *holes, struct unwind_mark *v, size_t n,
		      struct unwind_mark **ret_v, size_t *ret_n);
