/*
 * day_rows HOURS: the made-up day as CSV, a sample a line, for the programs that the store is
 * compared with: time in ms, number of the stack, pid, tid, process name, thread name.
 */
#include "tests/bench/made_up_day.h"

#include <stdio.h>
#include <stdlib.h>

#define START_NS 1760000000000000000ull /* as bench_store's */

int main(int argc, char **argv)
{
	uint64_t hours = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t end_ns = START_NS + hours * 3600 * 1000000000ull;
	struct day_sample s;
	struct day day;

	day_init(&day, 7, START_NS);
	puts("time,stack,pid,tid,comm,thread");
	for (s = day_next(&day); s.time_ns < end_ns; s = day_next(&day))
		printf("%llu,%u,%u,%u,program-%u,worker-%u\n",
		       (unsigned long long)(s.time_ns / 1000000), s.stack, s.pid,
		       s.pid < 1000 ? s.pid * 10 + s.thread : s.pid, s.program, s.thread);
	return ferror(stdout) != 0;
}
