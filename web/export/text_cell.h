/* Foreign text in a column of a terminal: it neither moves the cursor nor turns text around. */
#pragma once

#include "profiler/base/buf.h"

#include <stdbool.h>

/*
 * s cut to columns code points, with an ellipsis; padded to them where pad is set. Returns the
 * columns used.
 */
size_t text_cell_add(struct buf *out, const char *s, size_t columns, bool pad);
size_t text_cell_columns(const char *s); /* how many it takes whole */
