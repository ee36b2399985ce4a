/* The layout is .eh_frame's, Linux Standard Base; pointers are absolute. */
#include "symbolizer/unwind/cfi_single.h"

#include <dwarf.h>
#include <errno.h>
#include <string.h>

#define CIE_VERSION 1 /* the return address register is one byte */

static void add_uleb(struct buf *b, uint64_t v)
{
	buf_add_varint(b, v);
}

static void add_sleb(struct buf *b, int64_t v)
{
	for (;;) {
		uint8_t byte = v & 0x7f;

		v >>= 7;
		if ((v == 0 && !(byte & 0x40)) || (v == -1 && (byte & 0x40))) {
			buf_add_u8(b, byte);
			return;
		}
		buf_add_u8(b, byte | 0x80);
	}
}

/* Entries are padded with DW_CFA_nop to words, and their length stands before them. */
static void end_entry(struct buf *b, size_t start)
{
	uint32_t length;

	while (!b->err && (b->len - start) % 8)
		buf_add_u8(b, DW_CFA_nop);
	if (b->err)
		return;
	length = (uint32_t)(b->len - start - sizeof(length));
	memcpy(b->data + start, &length, sizeof(length));
}

static void add_cie(struct buf *b, const struct cfi_cie *cie)
{
	size_t start = b->len;

	buf_add_u32(b, 0); /* its length, when that is known */
	buf_add_u32(b, 0); /* a CIE */
	buf_add_u8(b, CIE_VERSION);
	buf_add_str(b, cie->is_signal ? "zRS" : "zR");
	buf_add_u8(b, 0);
	add_uleb(b, cie->code_align);
	add_sleb(b, cie->data_align);
	buf_add_u8(b, (uint8_t)cie->ra_register);
	add_uleb(b, 1);
	buf_add_u8(b, DW_EH_PE_absptr);
	buf_add(b, cie->program, cie->program_bytes);
	end_entry(b, start);
}

static void add_fde(struct buf *b, size_t cie, const struct cfi_fde *fde, uint64_t bias)
{
	size_t start = b->len;

	buf_add_u32(b, 0);
	buf_add_u32(b, (uint32_t)(b->len - cie)); /* its CIE, back from here */
	buf_add_u64(b, fde->start + bias);
	buf_add_u64(b, fde->end - fde->start);
	add_uleb(b, 0);
	buf_add(b, fde->program, fde->program_bytes);
	end_entry(b, start);
}

int cfi_single_write(struct buf *b, uint64_t address, const struct cfi_cie *cie,
		     const struct cfi_fde *fde, uint64_t bias)
{
	uint32_t fde_at;

	buf_clear(b);
	if (cie->program_bytes + (uint64_t)fde->program_bytes > CFI_SINGLE_MAX)
		return -EFBIG;
	buf_add_u32(b, (uint32_t)(fde->start + bias - address));
	buf_add_u32(b, 0); /* where the FDE is */
	add_cie(b, cie);
	fde_at = (uint32_t)b->len;
	add_fde(b, CFI_SINGLE_TABLE, fde, bias);
	if (b->err)
		return b->err;
	memcpy(b->data + sizeof(uint32_t), &fde_at, sizeof(fde_at));
	return 0;
}
