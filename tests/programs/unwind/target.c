/*
 * What forks.c becomes: its name and its executable are those of the moment after the exec.
 *
 * usage: unwind_target measured|warm-up. 20 ms of work, in a function of the phase's name.
 */
#include "tests/programs/unwind/case.h"

#include <string.h>

static volatile uint64_t sink;

static FRAME void work(void)
{
	uint64_t x = sink;

	for (int i = 0; i < 10000000; i++)
		x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9ull + 1;
	sink = x;
}

static FRAME void warm_up(void)
{
	work();
	sink++;
}

static FRAME void measured(void)
{
	work();
	sink++;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "measured") == 0)
		measured();
	else
		warm_up();
	return 0;
}
