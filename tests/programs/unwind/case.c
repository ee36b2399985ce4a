/*
 * main() of the programs whose stacks are known.
 *
 * usage: PROGRAM SECONDS [VARIANT]. The thread is called "warm-up" for the first 0.8 s, in which a
 * profiler may learn what the program is made of, then for SECONDS of CPU time "measured": those
 * samples are to be judged.
 */
#include "tests/programs/unwind/case.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#define WARM_UP_SECONDS 0.8

static const char *phase = "warm-up";
static volatile uint64_t sink;

static double seconds_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* CPU time, with that of children that have ended: on a busy machine work takes longer. */
static double worked(void)
{
	struct rusage children;

	getrusage(RUSAGE_CHILDREN, &children);
	return seconds_of(CLOCK_PROCESS_CPUTIME_ID) + (double)children.ru_utime.tv_sec +
	       (double)children.ru_utime.tv_usec / 1e6;
}

const char *case_phase(void)
{
	return phase;
}

static void enter(const char *name)
{
	phase = name;
	prctl(PR_SET_NAME, name);
}

FRAME uint64_t spin(uint64_t x)
{
	for (int i = 0; i < 100000; i++)
		x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9ull + 1;
	return x;
}

/* Short, with a prologue and an epilogue that are a good part of it. */
FRAME uint64_t churned(uint64_t x)
{
	volatile uint64_t saved[4] = {x, x + 1, x + 2, x + 3};

	return saved[x & 3] * 0x9e3779b97f4a7c15ull + saved[(x >> 2) & 3];
}

void leaf(void)
{
	uint64_t x = spin(sink);

	for (int i = 0; i < 30000; i++)
		x = churned(x) ^ (uint64_t)i;
	sink = x;
}

void leaf_quiet(void)
{
	volatile uint64_t x =
		sink; /* on the stack, or the compiler leaves the frame out after all */

	for (int i = 0; i < 100000; i++)
		x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9ull + 1;
	sink = x;
}

int main(int argc, char **argv)
{
	double begin = seconds_of(CLOCK_MONOTONIC), end;

	if (argc < 2)
		return 2;
	enter("warm-up");
	case_set_up(argc > 2 ? argv[2] : "");
	while (seconds_of(CLOCK_MONOTONIC) < begin + WARM_UP_SECONDS / 2)
		continue; /* in the vDSO, an object like others */
	while (seconds_of(CLOCK_MONOTONIC) < begin + WARM_UP_SECONDS)
		case_body();
	end = worked() + strtod(argv[1], NULL);
	enter("measured");
	while (worked() < end)
		case_body();
	enter("over");
	return 0;
}
