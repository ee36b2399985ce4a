/*
 * Two profiles side by side, as a table for terminals: which functions grew and which shrank.
 * Pure.
 */
#pragma once

#include "profiler/base/buf.h"
#include "storage/profile.h"

/*
 * Functions by their own share of the samples, in a and in b, those whose share changed most
 * first: at most rows of them, in lines of columns characters. 0 or -ENOMEM.
 */
int diff_table_write(const struct profile *a, const struct profile *b, unsigned int rows,
		     unsigned int columns, struct buf *out);
