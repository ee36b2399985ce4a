/*
 * Functions whose frame the compiler realigns: a variable-length array; locals that want more than
 * the stack's alignment; and both with an argument on the stack, where the CFA is an expression.
 */
#include "tests/programs/unwind/case.h"

static volatile uint64_t sink;
static volatile unsigned length = 100;

void case_set_up(const char *variant)
{
	(void)variant;
}

FRAME void aligned(uint64_t x)
{
	_Alignas(64) volatile uint64_t space[24];

	space[x % 24] = x;
	leaf();
	sink = space[x % 24];
}

FRAME void variable(uint64_t x)
{
	volatile char space[length + x % 64];

	space[x % length] = 1;
	aligned(x);
	sink = (uint64_t)space[x % length];
}

FRAME void expressed(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f,
		     uint64_t g)
{
	_Alignas(32) volatile uint64_t space[16];
	volatile char more[length + a % 64];

	space[a % 16] = b + c;
	more[a % length] = (char)d;
	variable(e + f + g);
	sink = space[a % 16] + (uint64_t)more[a % length] + g;
}

void case_body(void)
{
	expressed(sink, 1, 2, 3, 4, 5, 6);
}
