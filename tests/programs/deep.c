/* Spins DEPTH calls deep for SECONDS: deep DEPTH SECONDS CPU. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile unsigned long sink;

static __attribute__((noinline)) void spin(double seconds)
{
	struct timespec now;
	double until;

	clock_gettime(CLOCK_MONOTONIC, &now);
	until = (double)now.tv_sec + (double)now.tv_nsec / 1e9 + seconds;
	do {
		for (int i = 0; i < 1000000; i++)
			sink += (unsigned long)i;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)now.tv_sec + (double)now.tv_nsec / 1e9 < until);
}

static __attribute__((noinline)) void descend(int depth, double seconds)
{
	if (depth > 0)
		descend(depth - 1, seconds);
	else
		spin(seconds);
	sink++; /* no tail call */
}

int main(int argc, char **argv)
{
	cpu_set_t set;

	if (argc != 4)
		return 2;
	CPU_ZERO(&set);
	CPU_SET((size_t)atoi(argv[3]), &set);
	sched_setaffinity(0, sizeof(set), &set);
	/* _start, __libc_start_main, __libc_start_call_main, main, descend, spin */
	descend(atoi(argv[1]) - 6, atof(argv[2]));
	return 0;
}
