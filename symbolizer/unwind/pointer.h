/*
 * Numbers as CFI writes them: LEB128, and pointers in one of the encodings DW_EH_PE_* (Linux
 * Standard Base, "DWARF Extensions"; the names are dwarf.h's).
 */
#pragma once

#include "profiler/base/buf.h"
#include "symbolizer/unwind/find.h"

#include <stdint.h>

/*
 * A pointer at c, which stands in section. 0, or -EBADMSG: past the end, left out, or of an
 * encoding that would read memory of a process (indirect) or is made for other machines.
 */
int cfi_pointer_read(struct cursor *c, uint8_t encoding, const struct cfi_section *section,
		     uint64_t *ret);

/* The same without what it is relative to, and never signed: the length of a range. */
int cfi_length_read(struct cursor *c, uint8_t encoding, uint64_t *ret);

int64_t cfi_sleb(struct cursor *c);

/* Almost every one is a single byte, and a file has millions. */
static inline uint64_t cfi_uleb(struct cursor *c)
{
	if (c->at < c->end && *c->at < 0x80)
		return *c->at++;
	return cursor_varint(c);
}
