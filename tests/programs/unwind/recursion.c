/* Recursion as deep as the variant says: 400 frames must be whole, 1,000 are more than are kept. */
#include "tests/programs/unwind/case.h"

#include <stdlib.h>

static unsigned depth;

void case_set_up(const char *variant)
{
	depth = (unsigned)strtoul(variant, NULL, 10);
}

/* Frames of two sizes in turn. */
FRAME unsigned odd(unsigned n);
FRAME unsigned even(unsigned n)
{
	if (n == 0) {
		leaf();
		return 1;
	}
	return odd(n - 1) + 1;
}

unsigned odd(unsigned n)
{
	volatile unsigned space[30];

	space[n % 30] = n;
	if (n == 0) {
		leaf();
		return space[0];
	}
	return even(n - 1) + space[n % 30];
}

void case_body(void)
{
	even(depth);
}
