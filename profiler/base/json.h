/*
 * JSON text into a buf. Strings may hold any bytes: what is not UTF-8 becomes U+FFFD, control
 * characters and `<`, `>`, `&`, U+2028, U+2029 are escaped, so that the text is also safe inside
 * a script element.
 *
 * Commas are placed by the writer; nesting is bounded by JSON_DEPTH_MAX (deeper is our own bug).
 */
#pragma once

#include "profiler/base/buf.h"

#include <stdbool.h>

#define JSON_DEPTH_MAX 32

struct json {
	struct buf *out;
	bool comma[JSON_DEPTH_MAX];
	unsigned int depth;
};

void json_init(struct json *j, struct buf *out);

void json_object_begin(struct json *j);
void json_object_end(struct json *j);
void json_array_begin(struct json *j);
void json_array_end(struct json *j);

/* The key of the next value, inside an object. */
void json_key(struct json *j, const char *key);

void json_str(struct json *j, const char *s); /* NULL is null */
void json_str_len(struct json *j, const char *s, size_t len);
void json_u64(struct json *j, uint64_t v);
void json_i64(struct json *j, int64_t v);
void json_double(struct json *j, double v); /* six significant digits; not finite is null */
void json_double_exact(struct json *j, double v); /* 15 significant digits */
void json_bool(struct json *j, bool v);
void json_null(struct json *j);

/* A key and its value in one call. */
void json_kv_str(struct json *j, const char *key, const char *s);
void json_kv_u64(struct json *j, const char *key, uint64_t v);
void json_kv_double(struct json *j, const char *key, double v);
void json_kv_bool(struct json *j, const char *key, bool v);
