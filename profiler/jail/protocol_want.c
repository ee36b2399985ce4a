/* The body of WANT; see protocol_want.h. */
#include "profiler/jail/protocol_want.h"

#include <errno.h>
#include <string.h>

int protocol_want_write(struct buf *b, const struct sym_want *want)
{
	size_t len = want->name ? strnlen(want->name, PROTOCOL_WANT_NAME_MAX + 1) : 0;

	if (len > PROTOCOL_WANT_NAME_MAX || want->build_id_bytes > SYM_BUILD_ID_MAX)
		return -ENAMETOOLONG;
	buf_add_u8(b, (uint8_t)want->kind);
	buf_add_u8(b, (uint8_t)want->skip);
	buf_add_u64(b, want->bytes);
	buf_add_u8(b, (uint8_t)want->build_id_bytes);
	buf_add(b, want->build_id, want->build_id_bytes);
	buf_add_u16(b, (uint16_t)len);
	return buf_add(b, want->name, len);
}

int protocol_want_parse(const void *body, size_t len, struct protocol_want *ret)
{
	struct cursor c = cursor_over(body, len);
	uint8_t kind = cursor_u8(&c);
	uint8_t skip = cursor_u8(&c);
	uint64_t bytes = cursor_u64(&c);
	size_t id_bytes = cursor_u8(&c);
	const uint8_t *id = cursor_bytes(&c, id_bytes);
	size_t name_bytes = cursor_u16(&c);
	const uint8_t *name = cursor_bytes(&c, name_bytes);

	if (c.err || cursor_left(&c) || kind >= SYM_WANT_COUNT || skip >= SYM_WANT_SKIP_MAX ||
	    bytes > SYM_ROOM_BYTES_MAX || id_bytes > SYM_BUILD_ID_MAX ||
	    name_bytes > PROTOCOL_WANT_NAME_MAX || memchr(name, '\0', name_bytes))
		return -EBADMSG;
	ret->kind = kind;
	ret->skip = skip;
	ret->bytes = bytes;
	memcpy(ret->build_id, id, id_bytes);
	ret->build_id_bytes = id_bytes;
	memcpy(ret->name, name, name_bytes);
	ret->name[name_bytes] = '\0';
	return 0;
}
