/*
 * Marks: the rows of a file before they are packed. Each says which rule holds from an offset in
 * the file on, until the next mark's; the last one is a hole.
 *
 * unwind_reduce() and unwind_split() are the pipeline's last two steps, pure functions over them.
 */
#pragma once

#include "symbolizer/unwind/unwind.h"

#include <stddef.h>
#include <stdint.h>

struct unwind_mark {
	uint32_t offset; /* in the file */
	uint32_t rule;
};

/*
 * v[0, n) is sorted by offset. Of marks at one offset the last counts; a mark that says what its
 * predecessor says goes, and so do holes before everything. How many are left, at the front of v.
 */
size_t unwind_reduce(struct unwind_mark *v, size_t n);

/*
 * Reduced marks into rows and pages: what is left of *ret stays. Pages of which nothing is known
 * are not there. 0, -ENOMEM, or -E2BIG past a maximum of unwind.h; *ret is untouched on failure.
 */
int unwind_split(const struct unwind_mark *v, size_t n, struct unwind_table *ret);
