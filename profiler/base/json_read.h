/*
 * Reading JSON text without copying it: values are slices of the text, looked up by key.
 *
 * Pure, bounded, and safe over any bytes: what is not JSON has no members and gives no numbers.
 * json_read_check() says once whether a whole text is JSON; after it every slice is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_READ_DEPTH_MAX 64

/* One value with nothing around it; at is borrowed. A zeroed one is no value, and has nothing. */
struct json_value {
	const char *at;
	size_t len;
};

/*
 * 0 and the value in *ret when text is exactly one JSON value, white space around it aside;
 * -EBADMSG.
 */
int json_read_check(const char *text, size_t len, struct json_value *ret);

/*
 * The value of the first such key (compared as written, without escapes) of an object; false:
 * there is none.
 */
bool json_read_member(struct json_value object, const char *key, struct json_value *ret);

/*
 * Walk an object or an array: *at starts as 0. true: *ret_value is the next value, and *ret_key
 * the text of its key between the quotes (empty in arrays). ret_key may be NULL.
 */
bool json_read_next(struct json_value container, size_t *at, struct json_value *ret_key,
		    struct json_value *ret_value);

/* false and *ret untouched where the value is of another type or does not fit. */
bool json_read_u64(struct json_value v, uint64_t *ret);
bool json_read_double(struct json_value v, double *ret);
bool json_read_bool(struct json_value v, bool *ret);
/* Unescaped, with a NUL; cut where bytes (at least 1) is too small. NUL characters become '?'. */
bool json_read_str(struct json_value v, char *ret, size_t bytes);
