/* setjmp, and longjmp from three calls deeper; every leaf is reached after thousands of them. */
#include "tests/programs/unwind/case.h"

#include <setjmp.h>

static jmp_buf place;
static volatile int countdown;

void case_set_up(const char *variant)
{
	(void)variant;
}

FRAME void jump_inner(void)
{
	if (--countdown > 0)
		longjmp(place, 1);
	leaf();
}

FRAME void jump_middle(int n)
{
	volatile char space[300];

	space[n % 300] = 1;
	jump_inner();
	space[n % 200] = 2;
}

FRAME void jump_outer(void)
{
	countdown = 20000;
	if (setjmp(place) == 0 || countdown > 0)
		jump_middle(countdown);
}

void case_body(void)
{
	jump_outer();
}
