/* The worker threads; see workers.h. */
#include "web/workers.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WATCH_EVERY_NS	   200000000l
#define WORKER_STACK_BYTES (1u << 20) /* PCRE2 and SQLite keep within it; encoders do not recurse */

struct worker {
	struct web_workers *all;
	struct store *store;
	struct web_job *job; /* what it runs */
	pthread_t thread;
};

struct web_workers {
	struct web_service *service;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t more; /* jobs, or the end */
	pthread_cond_t watched; /* the watcher's: there is something to watch, or the end */
	struct web_job *first, *last;
	unsigned int n_jobs; /* waiting and running */
	bool stopping;
	struct worker worker[WEB_WORKERS];
	unsigned int n_threads;
	pthread_t watcher;
	bool watching;
};

int web_workers_open(const char *store_path, struct web_service *service, struct web_workers **ret,
		     struct err *err)
{
	struct web_workers *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;

	if (!w)
		return -ENOMEM;
	w->service = service;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->watched, &attr);
	pthread_condattr_destroy(&attr);
	for (unsigned int i = 0; i < WEB_WORKERS; i++) {
		int r = store_open_reader(store_path, &w->worker[i].store, err);

		w->worker[i].all = w;
		if (r < 0) {
			web_workers_close(w);
			return r;
		}
	}
	*ret = w;
	return 0;
}

/* ---- workers ---- */

/* The next job, now this worker's; NULL at the end. */
static struct web_job *take(struct worker *me)
{
	struct web_workers *w = me->all;
	struct web_job *job;

	pthread_mutex_lock(&w->lock);
	while (!w->first && !w->stopping)
		pthread_cond_wait(&w->more, &w->lock);
	job = w->first;
	if (job) {
		w->first = job->next;
		if (!w->first)
			w->last = NULL;
	}
	me->job = job;
	pthread_mutex_unlock(&w->lock);
	return job;
}

static void give_back(struct worker *me)
{
	struct web_workers *w = me->all;
	struct web_job *job = me->job;

	pthread_mutex_lock(&w->lock);
	me->job = NULL;
	w->n_jobs--;
	pthread_mutex_unlock(&w->lock);
	job->done(job);
}

static void *work(void *arg)
{
	struct worker *me = arg;
	struct web_job *job;

	while ((job = take(me))) {
		web_route_answer(job->route, me->all->service, me->store, &job->request);
		give_back(me);
	}
	return NULL;
}

bool web_workers_busy(struct web_workers *w)
{
	bool busy;

	pthread_mutex_lock(&w->lock);
	busy = w->n_jobs >= WEB_WORKERS;
	pthread_mutex_unlock(&w->lock);
	return busy;
}

bool web_workers_add(struct web_workers *w, struct web_job *job)
{
	bool taken;

	job->next = NULL;
	pthread_mutex_lock(&w->lock);
	taken = !w->stopping;
	if (taken) {
		if (w->last)
			w->last->next = job;
		else
			w->first = job;
		w->last = job;
		if (w->n_jobs++ == 0)
			pthread_cond_signal(&w->watched);
		pthread_cond_signal(&w->more);
	}
	pthread_mutex_unlock(&w->lock);
	return taken;
}

/* ---- the watcher: cancels what nobody waits for any more ---- */

static void watch_job(struct web_job *job)
{
	struct pollfd p = {.fd = job->fd, .events = POLLRDHUP};

	if (poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR))
		atomic_store(&job->request.cancel, true);
}

static void watch_jobs(struct web_workers *w)
{
	for (struct web_job *job = w->first; job; job = job->next)
		watch_job(job);
	for (unsigned int i = 0; i < WEB_WORKERS; i++)
		if (w->worker[i].job)
			watch_job(w->worker[i].job);
}

static void *watch(void *arg)
{
	struct web_workers *w = arg;

	pthread_mutex_lock(&w->lock);
	while (!w->stopping) {
		struct timespec until;

		if (w->n_jobs == 0) {
			pthread_cond_wait(&w->watched, &w->lock);
			continue;
		}
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += WATCH_EVERY_NS;
		until.tv_sec += until.tv_nsec / 1000000000l;
		until.tv_nsec %= 1000000000l;
		if (pthread_cond_timedwait(&w->watched, &w->lock, &until) == ETIMEDOUT)
			watch_jobs(w);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- start and end ---- */

static int start_threads(struct web_workers *w, const pthread_attr_t *attr)
{
	int r = pthread_create(&w->watcher, attr, watch, w);

	w->watching = r == 0;
	while (r == 0 && w->n_threads < WEB_WORKERS) {
		struct worker *next = &w->worker[w->n_threads];

		r = pthread_create(&next->thread, attr, work, next);
		w->n_threads += r == 0;
	}
	return -r;
}

int web_workers_run(struct web_workers *w, struct err *err)
{
	pthread_attr_t attr;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WORKER_STACK_BYTES);
	r = start_threads(w, &attr);
	pthread_attr_destroy(&attr);
	return r < 0 ? err_set(err, r, "starting the web server's threads: %s", strerror(-r)) : 0;
}

void web_workers_stop(struct web_workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	for (struct web_job *job = w->first; job; job = job->next)
		atomic_store(&job->request.cancel, true);
	for (unsigned int i = 0; i < WEB_WORKERS; i++)
		if (w->worker[i].job)
			atomic_store(&w->worker[i].job->request.cancel, true);
	pthread_cond_broadcast(&w->more);
	pthread_cond_broadcast(&w->watched);
	pthread_mutex_unlock(&w->lock);
	while (w->n_threads)
		pthread_join(w->worker[--w->n_threads].thread, NULL);
	if (w->watching)
		pthread_join(w->watcher, NULL);
	w->watching = false;
}

struct web_workers *web_workers_close(struct web_workers *w)
{
	if (!w)
		return NULL;
	web_workers_stop(w);
	for (unsigned int i = 0; i < WEB_WORKERS; i++)
		store_close(w->worker[i].store);
	pthread_cond_destroy(&w->more);
	pthread_cond_destroy(&w->watched);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}
