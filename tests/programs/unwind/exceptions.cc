// Exceptions through three frames, thrown and caught again and again.
extern "C" {
#include "tests/programs/unwind/case.h"

static volatile unsigned sink;

void case_set_up(const char *)
{
}

FRAME void thrower(unsigned n)
{
	if (n)
		throw n;
	leaf();
}

FRAME void thrown_through(unsigned n)
{
	volatile char space[100];

	space[n % 100] = 1;
	thrower(n);
	sink = space[n % 100];
}

FRAME void catcher(unsigned n)
{
	try {
		thrown_through(n);
	} catch (unsigned caught) {
		sink = caught;
	}
}

void case_body(void)
{
	for (unsigned n = 300; n > 0; n--)
		catcher(n);
	catcher(0);
}
}
