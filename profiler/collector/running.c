/* One thread that reads; see running.h. It waits in the kernel where a process does. */
#include "profiler/collector/running.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct running {
	int fd; /* the thread's */
	pthread_mutex_t lock;
	pthread_cond_t over;
	bool is_over;
	bool is_left; /* nobody waits: the thread frees it */
};

static void destroy(struct running *r)
{
	close(r->fd);
	pthread_cond_destroy(&r->over);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static void *look(void *ctx)
{
	struct running *r = ctx;
	char none[64];
	bool is_left;
	ssize_t n;

	do {
		n = read(r->fd, none, sizeof(none));
	} while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	pthread_mutex_lock(&r->lock);
	r->is_over = true;
	is_left = r->is_left;
	pthread_cond_signal(&r->over);
	pthread_mutex_unlock(&r->lock);
	if (is_left)
		destroy(r);
	return NULL;
}

static void wait_a_while(struct running *r)
{
	struct timespec until;
	int e = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += RUNNING_WAIT_MS * 1000000l;
	until.tv_sec += until.tv_nsec / 1000000000l;
	until.tv_nsec %= 1000000000l;
	pthread_mutex_lock(&r->lock);
	while (!r->is_over && e == 0)
		e = pthread_cond_timedwait(&r->over, &r->lock, &until);
	pthread_mutex_unlock(&r->lock);
}

/* A thread that no signal is given to, and nobody joins. */
static int begin(struct running *r)
{
	sigset_t all, before;
	pthread_t thread;
	int e;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	e = pthread_create(&thread, NULL, look, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (e == 0)
		pthread_detach(thread);
	return e;
}

struct running *running_start(struct bpf_programs *programs)
{
	struct running *r = calloc(1, sizeof(*r));
	pthread_condattr_t monotonic;

	if (!r)
		return NULL;
	r->fd = bpf_programs_open_running(programs);
	if (r->fd < 0) {
		free(r);
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&r->over, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (begin(r) != 0) {
		destroy(r);
		return NULL;
	}
	wait_a_while(r);
	return r;
}

struct running *running_free(struct running *r)
{
	bool is_over;

	if (!r)
		return NULL;
	pthread_mutex_lock(&r->lock);
	r->is_left = true;
	is_over = r->is_over;
	pthread_mutex_unlock(&r->lock);
	if (is_over)
		destroy(r);
	return NULL;
}
