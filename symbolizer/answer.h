/*
 * An answer while the sources put it together: lines innermost first, of which the outermost may
 * be refined by what a later source knows. Strings belong to the sources.
 */
#pragma once

#include "symbolizer/names.h"
#include "symbolizer/symbolizer.h"

struct answer {
	struct sym_line lines[SYM_LINES_MAX];
	size_t n;
	/* the outermost name is a linkage name: a symbol of another name is only an alias */
	bool exact;
};

void answer_clear(struct answer *a);

/*
 * The next one outwards. Past SYM_LINES_MAX the last line is replaced, so that the outermost one
 * stays.
 */
void answer_add(struct answer *a, const struct sym_line *line);

/*
 * A symbol covers the address: it names what has no name, and tells how the object calls the
 * outermost function.
 */
void answer_refine(struct answer *a, const struct name *symbol);

/* No more sources: a line without a function is no answer. */
void answer_finish(struct answer *a);
