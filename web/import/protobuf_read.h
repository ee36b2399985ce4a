/*
 * The protobuf wire format, read: https://protobuf.dev/programming-guides/encoding/. Pure; slices
 * are parts of what was given.
 */
#pragma once

#include "profiler/base/buf.h"

#include <stdbool.h>

struct protobuf_slice {
	const uint8_t *at;
	size_t len;
};

/* One field: its number, and its value or bytes. */
struct protobuf_field {
	uint64_t number;
	bool is_bytes;
	uint64_t value;
	struct protobuf_slice bytes;
};

struct cursor protobuf_over(struct protobuf_slice s);
/* 1 a field, 0 the end, -EBADMSG. */
int protobuf_next(struct cursor *c, struct protobuf_field *ret);
/* The numbers of a message: that of field i + 1 goes to to[i], if it is not NULL. 0, -EBADMSG. */
int protobuf_numbers(struct protobuf_slice message, uint64_t *const *to, size_t n);
