/* Fields of the protobuf wire format; see protobuf_read.h. */
#include "web/import/protobuf_read.h"

#include <errno.h>

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct cursor protobuf_over(struct protobuf_slice s)
{
	return cursor_over(s.at, s.len);
}

static int read_bytes(struct cursor *c, struct protobuf_field *ret)
{
	uint64_t len = cursor_varint(c);

	if (c->err || len > cursor_left(c))
		return -EBADMSG;
	ret->is_bytes = true;
	ret->bytes = (struct protobuf_slice){c->at, (size_t)len};
	c->at += len;
	return 1;
}

int protobuf_next(struct cursor *c, struct protobuf_field *ret)
{
	uint64_t tag;

	if (c->at == c->end)
		return 0;
	tag = cursor_varint(c);
	*ret = (struct protobuf_field){.number = tag >> 3};
	switch (tag & 7) {
	case WIRE_VARINT:
		ret->value = cursor_varint(c);
		break;
	case WIRE_64:
		ret->value = cursor_u64(c);
		break;
	case WIRE_32:
		ret->value = cursor_u32(c);
		break;
	case WIRE_BYTES:
		return read_bytes(c, ret);
	default:
		return -EBADMSG;
	}
	return c->err ? -EBADMSG : 1;
}

int protobuf_numbers(struct protobuf_slice message, uint64_t *const *to, size_t n)
{
	struct cursor c = protobuf_over(message);
	struct protobuf_field field;
	int r;

	while ((r = protobuf_next(&c, &field)) > 0)
		if (!field.is_bytes && field.number >= 1 && field.number <= n &&
		    to[field.number - 1])
			*to[field.number - 1] = field.value;
	return r;
}
