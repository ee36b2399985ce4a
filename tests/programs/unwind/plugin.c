/*
 * A shared object in two variants, alpha and beta: the same shape, other names and other frames, so
 * that the rows of one are wrong for the other. See loads.c, mappings.c.
 */
#include "tests/programs/unwind/case.h"

#ifdef PLUGIN_BETA
#define NAMED(name) beta_##name
#define SPACE	    700
#else
#define NAMED(name) alpha_##name
#define SPACE	    40
#endif

void plugin(void (*callback)(void));

FRAME void NAMED(inner)(void (*callback)(void), unsigned n)
{
	volatile char space[SPACE];

	space[n % SPACE] = 1;
#ifdef PLUGIN_BETA
	for (unsigned i = 1; i < SPACE; i++)
		space[i] = (char)(space[i - 1] * 3 + (char)n);
#endif
	callback();
	space[n % SPACE] = 2;
}

FRAME void NAMED(outer)(void (*callback)(void), unsigned n)
{
	NAMED(inner)(callback, n);
	NAMED(inner)(callback, n + 1);
}

FRAME void plugin(void (*callback)(void))
{
	NAMED(outer)(callback, 7);
}
