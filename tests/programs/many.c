/*
 * A process of many objects: its stacks go through all of them.
 *
 * usage: many SECONDS OBJECT... It works for half a ms four times a second.
 */
#define _GNU_SOURCE
#include "tests/programs/many.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define OBJECTS_MAX 256
#define DEPTH	    12
#define WORK_NS	    500000
#define WAIT_NS	    250000000

static int (*enter[OBJECTS_MAX])(struct many *m);
static unsigned int n_objects;
static volatile unsigned int sink;

static long long now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static __attribute__((noinline)) int work(void)
{
	long long until = now_ns(CLOCK_THREAD_CPUTIME_ID) + WORK_NS;

	do {
		for (unsigned int i = 0; i < 20000; i++)
			sink += i * i;
	} while (now_ns(CLOCK_THREAD_CPUTIME_ID) < until);
	return 1;
}

static __attribute__((noinline)) int step(struct many *m)
{
	if (m->left == 0)
		return work() + 1;
	m->left--;
	return enter[(m->random >> 8) % n_objects](m) + 1;
}

static void load(const char *path)
{
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!object) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*(void **)&enter[n_objects++] = dlsym(object, "many_enter");
}

int main(int argc, char **argv)
{
	long long until = now_ns(CLOCK_MONOTONIC) + (argc > 1 ? atoll(argv[1]) : 0) * 1000000000ll;
	struct timespec wait = {.tv_nsec = WAIT_NS};
	struct many m = {.step = step, .random = (unsigned int)getpid()};

	for (int i = 2; i < argc && n_objects < OBJECTS_MAX; i++)
		load(argv[i]);
	if (n_objects == 0)
		return 2;
	while (now_ns(CLOCK_MONOTONIC) < until) {
		m.left = DEPTH;
		step(&m);
		nanosleep(&wait, NULL);
	}
	return 0;
}
