/*
 * Names that want to be more than names: threads and functions called like markup, like the
 * separators of our formats, like control sequences, and in bytes that are no UTF-8.
 *
 * usage: hostile SECONDS. Each thread burns SECONDS of its own CPU time in a function with a
 * hostile name. The process's name is the first of the table. tests/integration/hostile.py has
 * the same table.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

/* At most 15 bytes each: what the kernel keeps. */
static const char *const names[] = {
	"<b>x</b>",	   "a;b c 12",	  "bell\x07\x1b[2J",	 "\xff\xfe\xc3(x", "tab\there\\n",
	"line\nsample\t1", "\",\"x\":[{", "\xe2\x80\xaetxt.exe", "</script>",
};

#define NAMES (sizeof(names) / sizeof(names[0]))

static double seconds;

static double used(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint64_t churn(uint64_t x)
{
	for (int i = 0; i < 20000; i++)
		x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9ull + 1;
	return x;
}

/* The assembler takes any name in quotes. */
__attribute__((noinline)) uint64_t markup(uint64_t x) __asm__("\"<img src=x onerror=alert(1)>\"");
__attribute__((noinline)) uint64_t folds(uint64_t x) __asm__("\"f;g 12\"");

uint64_t markup(uint64_t x)
{
	return churn(x) + 1;
}

uint64_t folds(uint64_t x)
{
	return churn(x) + 2;
}

static void *burn(void *arg)
{
	uint64_t n = (uintptr_t)arg, x = n;

	prctl(PR_SET_NAME, names[n]);
	while (used() < seconds)
		x = n % 2 ? folds(x) : markup(x);
	return (void *)(uintptr_t)x;
}

int main(int argc, char **argv)
{
	pthread_t thread[NAMES];

	if (argc != 2) {
		fprintf(stderr, "usage: hostile SECONDS\n");
		return 2;
	}
	seconds = atof(argv[1]);
	for (uintptr_t i = 1; i < NAMES; i++)
		if (pthread_create(&thread[i], NULL, burn, (void *)i))
			return 1;
	burn(NULL);
	for (size_t i = 1; i < NAMES; i++)
		pthread_join(thread[i], NULL);
	return 0;
}
