/*
 * A table of distinct strings with dense numbers, for formats that have one. 0 is "".
 *
 * Not thread-safe. A zeroed struct is not a table: export_strings_init() adds the empty string.
 */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/base/hash.h"

#include <stddef.h>
#include <stdint.h>

struct export_strings {
	char *text;
	size_t bytes, cap_bytes;
	size_t *offset;
	uint32_t n, cap;
	struct idmap index;
};

int export_strings_init(struct export_strings *t); /* 0 or -ENOMEM */
void export_strings_done(struct export_strings *t);

/* The number of s, or -ENOMEM. */
int64_t export_strings_add(struct export_strings *t, const char *s);

/* Borrowed until the next string is added. */
const char *export_strings_at(const struct export_strings *t, uint32_t id);

/* s with every byte that is not UTF-8 replaced by U+FFFD, appended to out. */
int export_strings_clean(struct buf *out, const char *s);
