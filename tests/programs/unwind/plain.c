/* A chain of plain functions: what most programs are. Built in several ways, see CMakeLists.txt. */
#include "tests/programs/unwind/case.h"

#ifndef PLAIN_LEAF
#define PLAIN_LEAF leaf
#endif

static volatile uint64_t sink;

void case_set_up(const char *variant)
{
	(void)variant;
}

FRAME void inner(uint64_t a, uint64_t b, uint64_t c)
{
	PLAIN_LEAF();
	sink = a + b + c;
}

/* Seven arguments: one goes over the stack, so that the CFA moves around the call. */
FRAME void middle(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f,
		  uint64_t g)
{
	inner(a + b, c + d, e + f);
	sink = g;
}

FRAME void outer(uint64_t n)
{
	volatile char space[200];

	space[n % sizeof(space)] = 1;
	for (uint64_t i = 0; i < 2; i++)
		middle(n, i, 2, 3, 4, 5, (uint64_t)space[n % sizeof(space)]);
}

void case_body(void)
{
	outer(sink);
}
