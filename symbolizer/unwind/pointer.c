/* The encodings of pointers in CFI; see pointer.h. */
#include "symbolizer/unwind/pointer.h"

#include <dwarf.h>
#include <errno.h>

#define FORMAT(encoding) ((encoding)&0x0f)
#define BASE(encoding)	 ((encoding)&0x70)

int64_t cfi_sleb(struct cursor *c)
{
	uint64_t value = 0;
	unsigned int shift = 0;
	uint8_t byte;

	do {
		byte = cursor_u8(c);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) && !c->err);
	if (shift < 64 && (byte & 0x40))
		value |= ~0ull << shift;
	return (int64_t)value;
}

static int read_format(struct cursor *c, uint8_t format, uint64_t *ret)
{
	uint64_t v;

	switch (format) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_signed:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		v = cursor_u64(c);
		break;
	case DW_EH_PE_udata2:
		v = cursor_u16(c);
		break;
	case DW_EH_PE_sdata2:
		v = (uint64_t)(int64_t)(int16_t)cursor_u16(c);
		break;
	case DW_EH_PE_udata4:
		v = cursor_u32(c);
		break;
	case DW_EH_PE_sdata4:
		v = (uint64_t)(int64_t)(int32_t)cursor_u32(c);
		break;
	case DW_EH_PE_uleb128:
		v = cfi_uleb(c);
		break;
	case DW_EH_PE_sleb128:
		v = (uint64_t)cfi_sleb(c);
		break;
	default:
		return -EBADMSG;
	}
	if (c->err)
		return -EBADMSG;
	*ret = v;
	return 0;
}

int cfi_pointer_read(struct cursor *c, uint8_t encoding, const struct cfi_section *section,
		     uint64_t *ret)
{
	uint64_t base = 0;
	uint64_t v;
	int r;

	if (encoding == DW_EH_PE_omit || (encoding & DW_EH_PE_indirect))
		return -EBADMSG;
	if (BASE(encoding) == DW_EH_PE_pcrel)
		base = section->address + (uint64_t)(c->at - section->data);
	else if (BASE(encoding) == DW_EH_PE_datarel && section->data_base)
		base = section->data_base;
	else if (BASE(encoding) != DW_EH_PE_absptr)
		return -EBADMSG;
	r = read_format(c, FORMAT(encoding), &v);
	if (r < 0)
		return r;
	*ret = v ? base + v : 0; /* nothing is relative to its own place: 0 is a null pointer */
	return 0;
}

int cfi_length_read(struct cursor *c, uint8_t encoding, uint64_t *ret)
{
	return read_format(c, encoding & 0x07, ret);
}
