/*
 * ELF notes: name size, descriptor size, type, name, descriptor, each padded (System V ABI, "Note
 * Section").
 */
#include "symbolizer/buildid.h"

#include "profiler/base/buf.h"

#include <elf.h>
#include <string.h>

#define NT_GO_BUILD_ID 4

static void skip_padding(struct cursor *c, size_t size, size_t align)
{
	size_t padding = -size & (align - 1);

	/* The last descriptor of a section may go unpadded. */
	cursor_bytes(c, padding < cursor_left(c) ? padding : cursor_left(c));
}

/* The next note whose name and type are these; its descriptor, or {NULL, 0} at the end. */
static const uint8_t *find(struct cursor *c, size_t align, const char *wanted, uint32_t type,
			   size_t *ret_bytes)
{
	while (!c->err && cursor_left(c) >= 12) {
		uint32_t name_bytes = cursor_u32(c);
		uint32_t desc_bytes = cursor_u32(c);
		uint32_t its_type = cursor_u32(c);
		const uint8_t *name = cursor_bytes(c, name_bytes);
		const uint8_t *desc;

		skip_padding(c, 12 + (size_t)name_bytes, align);
		desc = cursor_bytes(c, desc_bytes);
		skip_padding(c, desc_bytes, align);
		if (!name || !desc)
			return NULL;
		if (its_type != type || name_bytes != 4 || memcmp(name, wanted, 4) != 0)
			continue;
		*ret_bytes = desc_bytes;
		return desc;
	}
	return NULL;
}

size_t buildid_parse(const uint8_t *notes, size_t len, size_t align, uint8_t *ret, size_t max)
{
	struct cursor c = cursor_over(notes, len);
	const uint8_t *desc;
	size_t n;

	desc = find(&c, align == 8 ? 8 : 4, "GNU", NT_GNU_BUILD_ID, &n);
	if (!desc || n > max)
		return 0;
	memcpy(ret, desc, n);
	return n;
}

size_t buildid_parse_go(const uint8_t *notes, size_t len, size_t align, uint8_t *ret, size_t max)
{
	struct cursor c = cursor_over(notes, len);
	const uint8_t *desc, *slash;
	size_t n;

	desc = find(&c, align == 8 ? 8 : 4, "Go\0", NT_GO_BUILD_ID, &n);
	if (!desc || !n)
		return 0;
	slash = memrchr(desc, '/', n);
	if (slash) {
		n -= (size_t)(slash + 1 - desc);
		desc = slash + 1;
	}
	if (n > max)
		return 0;
	memcpy(ret, desc, n);
	return n;
}
