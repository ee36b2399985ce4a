/* Lines of an answer and the rule by which a symbol refines them; answer.h is the contract. */
#include "symbolizer/answer.h"

#include <string.h>

void answer_clear(struct answer *a)
{
	a->n = 0;
	a->exact = false;
}

void answer_add(struct answer *a, const struct sym_line *line)
{
	if (a->n == SYM_LINES_MAX)
		a->n--;
	a->lines[a->n++] = *line;
}

/* Is the identifier of a bare name, template arguments apart, part of a whole one? */
static bool mentions(const char *whole, const char *bare)
{
	size_t len = strcspn(bare, "<");

	return memmem(whole, strlen(whole), bare, len ? len : strlen(bare)) != NULL;
}

/*
 * Debug information names a function by its linkage name, or by its bare name alone (C, but also
 * lambdas and local classes, of which the symbol knows the whole name). Symbols add clone
 * suffixes, or are mere aliases.
 */
void answer_refine(struct answer *a, const struct name *symbol)
{
	struct sym_line *outermost;

	if (a->n == 0)
		answer_add(a, &(struct sym_line){});
	outermost = &a->lines[a->n - 1];
	if (outermost->function && strcmp(outermost->function, symbol->function) != 0 &&
	    (a->exact || !symbol->system || !mentions(symbol->function, outermost->function)))
		return;
	outermost->function = symbol->function;
	outermost->system_name = symbol->system;
}

void answer_finish(struct answer *a)
{
	if (a->n && !a->lines[a->n - 1].function)
		a->n--;
}
