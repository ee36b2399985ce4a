/*
 * The protobuf wire format, as far as pprof needs it: fields into a buf.
 *
 * https://protobuf.dev/programming-guides/encoding/. Zero numbers and empty strings are the default
 * and left out.
 */
#pragma once

#include "profiler/base/buf.h"

#include <string.h>

enum { PROTOBUF_VARINT = 0, PROTOBUF_BYTES = 2 };

static inline void protobuf_number(struct buf *b, uint32_t field, uint64_t v)
{
	if (!v)
		return;
	buf_add_varint(b, field << 3 | PROTOBUF_VARINT);
	buf_add_varint(b, v);
}

static inline void protobuf_bytes(struct buf *b, uint32_t field, const void *data, size_t len)
{
	buf_add_varint(b, field << 3 | PROTOBUF_BYTES);
	buf_add_varint(b, len);
	buf_add(b, data, len);
}

static inline void protobuf_message(struct buf *b, uint32_t field, const struct buf *message)
{
	protobuf_bytes(b, field, message->data, message->len);
}
