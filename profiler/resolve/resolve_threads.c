/* Resolve's threads: started all together, and ended with the workers that they drive. */
#include "profiler/resolve/resolve_state.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define END_MS 1000

void resolve_thread_ends(struct resolve *r)
{
	r->running--;
	pthread_cond_signal(&r->ended);
}

/* One opens, one looks for what turns up later, the others drive a worker each. */
#define OPENER	   0
#define LOOKER	   1
#define FIRST_SLOT 2

unsigned int resolve_threads(const struct resolve *r)
{
	return FIRST_SLOT + RESOLVE_SLOTS - !r->options.snapshots;
}

static pthread_t *thread_of(struct resolve *r, unsigned int i)
{
	return i == OPENER   ? &r->opener
	       : i == LOOKER ? &r->looker
			     : &r->slot[i - FIRST_SLOT].thread;
}

static void *arg_of(struct resolve *r, unsigned int i)
{
	return i < FIRST_SLOT ? (void *)r : &r->slot[i - FIRST_SLOT];
}

static void *(*run_of(unsigned int i))(void *)
{
	if (i < FIRST_SLOT)
		return i == OPENER ? resolve_open_run : resolve_look_run;
	switch (i - FIRST_SLOT) {
	case RESOLVE_TABLES:
		return resolve_table_run;
	case RESOLVE_SNAPSHOTS:
		return resolve_snapshot_run;
	default:
		return resolve_ask_run;
	}
}

/* Signals are for the caller's thread. The number of threads started, all or fewer. */
unsigned int resolve_threads_start(struct resolve *r)
{
	unsigned int n = 0;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_mutex_lock(&r->lock);
	while (n < resolve_threads(r) &&
	       pthread_create(thread_of(r, n), NULL, run_of(n), arg_of(r, n)) == 0)
		n++;
	r->running = n;
	pthread_mutex_unlock(&r->lock);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return n;
}

static void kill_workers(struct resolve *r)
{
	for (unsigned int i = 0; i < RESOLVE_SLOTS; i++)
		if (r->slot[i].alive)
			syscall(SYS_pidfd_send_signal, r->slot[i].worker.pidfd, SIGKILL, NULL, 0);
}

/* Lock held: wait for the threads to end, but not for ever. Whether all have. */
static bool wait_for_end(struct resolve *r)
{
	struct timespec until;
	int result = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += END_MS / 1000;
	while (r->running && result == 0)
		result = pthread_cond_timedwait(&r->ended, &r->lock, &until);
	return r->running == 0;
}

/*
 * Whether all n threads have ended: one may hang on a dead file server for as long as that likes.
 */
bool resolve_threads_stop(struct resolve *r, unsigned int n)
{
	bool all;

	pthread_mutex_lock(&r->lock);
	r->ending = true;
	pthread_cond_broadcast(&r->to_open);
	for (unsigned int i = 0; i < RESOLVE_SLOTS; i++)
		pthread_cond_signal(&r->slot[i].to_ask);
	pthread_cond_broadcast(&r->to_table);
	pthread_cond_broadcast(&r->to_unwind);
	pthread_cond_broadcast(&r->to_look);
	kill_workers(r);
	if (r->fetch)
		fetch_cancel(r->fetch);
	all = wait_for_end(r);
	pthread_mutex_unlock(&r->lock);
	for (unsigned int i = 0; i < n; i++) {
		if (all)
			pthread_join(*thread_of(r, i), NULL);
		else
			pthread_detach(*thread_of(r, i));
	}
	return all;
}
