/*
 * Short-lived processes, one after the other: what a compiler run or a shell script is made of.
 *
 * usage: unwind_short SECONDS MILLISECONDS. For SECONDS it runs itself again, each time for that
 * much CPU time after main() begins. It prints how many there were, and what CPU time they and it
 * itself took by the kernel's account, as "processes N cpu_ns N".
 */
#include "tests/programs/unwind/case.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static volatile uint64_t sink;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Some 20 us. */
FRAME void burn_inner(void)
{
	uint64_t x = sink;

	for (int i = 0; i < 15000; i++)
		x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9ull + 1;
	sink = x;
}

FRAME void burn_outer(uint64_t ns)
{
	uint64_t end = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + ns;

	while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) < end)
		burn_inner();
}

static uint64_t used_ns(int who)
{
	struct rusage used;

	getrusage(who, &used);
	return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000000 +
	       (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000;
}

static void run_again(char *milliseconds)
{
	char *arguments[] = {"unwind_short", "burn", milliseconds, NULL};
	pid_t pid;

	if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, arguments, environ) != 0)
		exit(1);
	if (waitpid(pid, NULL, 0) != pid)
		exit(1);
}

int main(int argc, char **argv)
{
	unsigned processes = 0;
	uint64_t end;

	if (argc != 3)
		return 2;
	if (strcmp(argv[1], "burn") == 0) {
		burn_outer(strtoull(argv[2], NULL, 10) * 1000000);
		return 0;
	}
	end = clock_ns(CLOCK_MONOTONIC) + (uint64_t)(strtod(argv[1], NULL) * 1e9);
	for (; clock_ns(CLOCK_MONOTONIC) < end; processes++)
		run_again(argv[2]);
	printf("processes %u cpu_ns %llu\n", processes,
	       (unsigned long long)(used_ns(RUSAGE_SELF) + used_ns(RUSAGE_CHILDREN)));
	return 0;
}
