/* Ranges of time as arguments: T..T, and what is left open. */
#pragma once

#include "profiler/base/err.h"

#include <stdint.h>

/* [from, until); "T..T", both ends given. -EINVAL with a sentence: not a range, or an empty one. */
int range_parse(const char *text, uint64_t now_ns, uint64_t *ret_from_ns, uint64_t *ret_until_ns,
		struct err *err);
