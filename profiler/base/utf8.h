/* UTF-8, strictly: overlong forms, surrogates and values past U+10FFFF are not text. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* One code point of s[0, len), len > 0: its length in bytes (1 to 4), or -EBADMSG. */
int utf8_next(const char *s, size_t len, uint32_t *ret_code_point);
