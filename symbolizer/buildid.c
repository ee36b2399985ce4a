/*
 * ELF notes: name size, descriptor size, type, name, descriptor, each padded (System V ABI, "Note
 * Section").
 */
#include "symbolizer/buildid.h"

#include "profiler/base/buf.h"

#include <elf.h>
#include <string.h>

static void skip_padding(struct cursor *c, size_t size, size_t align)
{
	size_t padding = -size & (align - 1);

	/* The last descriptor of a section may go unpadded. */
	cursor_bytes(c, padding < cursor_left(c) ? padding : cursor_left(c));
}

size_t buildid_parse(const uint8_t *notes, size_t len, size_t align, uint8_t *ret, size_t max)
{
	struct cursor c = cursor_over(notes, len);

	align = align == 8 ? 8 : 4;
	while (!c.err && cursor_left(&c) >= 12) {
		uint32_t name_bytes = cursor_u32(&c);
		uint32_t desc_bytes = cursor_u32(&c);
		uint32_t type = cursor_u32(&c);
		const uint8_t *name = cursor_bytes(&c, name_bytes);
		const uint8_t *desc;

		skip_padding(&c, 12 + (size_t)name_bytes, align);
		desc = cursor_bytes(&c, desc_bytes);
		skip_padding(&c, desc_bytes, align);
		if (!name || !desc)
			return 0;
		if (type != NT_GNU_BUILD_ID || name_bytes != 4 || memcmp(name, "GNU", 4) != 0)
			continue;
		if (desc_bytes == 0 || desc_bytes > max)
			return 0;
		memcpy(ret, desc, desc_bytes);
		return desc_bytes;
	}
	return 0;
}
