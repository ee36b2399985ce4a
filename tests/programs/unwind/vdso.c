/* Asks the time again and again: most of it is in the vDSO, or in the kernel where that asks it. */
#include "tests/programs/unwind/case.h"

#include <time.h>

void case_set_up(const char *variant)
{
	(void)variant;
}

FRAME int64_t ask_time(void)
{
	struct timespec ts;
	int64_t sum = 0;

	for (int i = 0; i < 20000; i++) {
		clock_gettime(CLOCK_MONOTONIC, &ts);
		sum += ts.tv_nsec;
	}
	return sum;
}

void case_body(void)
{
	ask_time();
}
