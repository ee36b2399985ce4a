/* Threads that come and go, each with a chain of its own; main() waits for them. */
#include "tests/programs/unwind/case.h"

#include <pthread.h>

#define THREADS 2

void case_set_up(const char *variant)
{
	(void)variant;
}

FRAME void in_thread(void)
{
	leaf();
}

FRAME void *thread_start(void *argument)
{
	for (int i = 0; i < 10; i++)
		in_thread();
	return argument;
}

void case_body(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, thread_start, NULL))
			threads[i] = pthread_self();
	for (int i = 0; i < THREADS; i++)
		if (!pthread_equal(threads[i], pthread_self()))
			pthread_join(threads[i], NULL);
}
