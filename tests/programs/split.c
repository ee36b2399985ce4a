/*
 * A load whose CPU split is known: spin_a, spin_b and spin_c take 50, 30 and 20 % of its CPU time.
 *
 * usage: split SECONDS [THREADS]. Each thread burns SECONDS of its own CPU time and keeps the
 * shares by its own CPU clock: the function that is furthest behind its share runs next, for a
 * slice of random length, so that no rhythm can meet the sampler's. At the end it prints the
 * process's CPU time in nanoseconds.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#define SLICE_NS_MIN 500000
#define SLICE_NS_MAX 4000000
#define THREADS_MAX  64

struct spinner {
	uint64_t (*spin)(uint64_t x);
	double share;
	uint64_t used_ns;
};

static double seconds;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* About 50 us of arithmetic that no compiler can leave out. */
static inline __attribute__((always_inline)) uint64_t churn(uint64_t x)
{
	for (int i = 0; i < 20000; i++)
		x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9ull + 1;
	return x;
}

__attribute__((noinline)) uint64_t spin_a(uint64_t x);
__attribute__((noinline)) uint64_t spin_b(uint64_t x);
__attribute__((noinline)) uint64_t spin_c(uint64_t x);

uint64_t spin_a(uint64_t x)
{
	return churn(x) + 1;
}

uint64_t spin_b(uint64_t x)
{
	return churn(x) + 2;
}

uint64_t spin_c(uint64_t x)
{
	return churn(x) + 3;
}

static struct spinner *furthest_behind(struct spinner *s, uint64_t total)
{
	struct spinner *worst = s;

	for (int i = 1; i < 3; i++)
		if (s[i].share * (double)total - (double)s[i].used_ns >
		    worst->share * (double)total - (double)worst->used_ns)
			worst = &s[i];
	return worst;
}

static void *burn(void *arg)
{
	struct spinner s[3] = {{spin_a, 0.5, 0}, {spin_b, 0.3, 0}, {spin_c, 0.2, 0}};
	uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID), now = start, x = (uintptr_t)arg + 1;
	unsigned int seed = (unsigned int)x;

	while ((double)(now - start) < seconds * 1e9) {
		struct spinner *next = furthest_behind(s, now - start);
		uint64_t begin = now;
		uint64_t slice =
			SLICE_NS_MIN + (uint64_t)rand_r(&seed) % (SLICE_NS_MAX - SLICE_NS_MIN);

		while (now < begin + slice) {
			x = next->spin(x);
			now = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		}
		next->used_ns += now - begin;
	}
	return (void *)(uintptr_t)x;
}

int main(int argc, char **argv)
{
	pthread_t thread[THREADS_MAX];
	int threads = argc > 2 ? atoi(argv[2]) : 1;
	void *result;

	if (argc < 2 || threads < 1 || threads > THREADS_MAX) {
		fprintf(stderr, "usage: split SECONDS [THREADS]\n");
		return 2;
	}
	seconds = atof(argv[1]);
	prctl(PR_SET_NAME, "split");
	for (int i = 1; i < threads; i++)
		if (pthread_create(&thread[i], NULL, burn, (void *)(intptr_t)i))
			return 1;
	burn(NULL);
	for (int i = 1; i < threads; i++)
		pthread_join(thread[i], &result);
	printf("cpu_ns %llu\n", (unsigned long long)clock_ns(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}
