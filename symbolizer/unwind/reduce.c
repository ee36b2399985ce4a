/* Neighbouring marks of one rule become one; see marks.h. */
#include "symbolizer/unwind/marks.h"

#include "symbolizer/unwind/rules.h"

size_t unwind_reduce(struct unwind_mark *v, size_t n)
{
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t before;

		if (i + 1 < n && v[i + 1].offset == v[i].offset)
			continue; /* a later one says otherwise */
		before = out ? v[out - 1].rule : UNWIND_RULE_HOLE;
		if (v[i].rule != before)
			v[out++] = v[i];
	}
	return out;
}
