/* The thread that has the store; see flusher.h. */
#include "profiler/flusher.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* With each sync, and behind a round that left some: */
#define AGE_STEPS 8 /* bounded steps of ageing in one round, */
#define AGE_NS	  20000000ull /* while no more than this is gone when another begins */
#define NS_PER_S  1000000000ull

struct flusher {
	struct store *store; /* the thread's */
	bool ages_on; /* the thread's: the last ageing left some */
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t asked, answered;
	bool over;
	bool busy, sync;
	void (*work)(void *ctx); /* that it is busy with; NULL: a round */
	void *work_ctx;
	bool untold;
	struct flusher_round round;
	bool summary_asked, summary_known;
	struct store_summary summary;
};

/* ---- the thread ---- */

static int age(struct store *s, struct err *err)
{
	uint64_t begin_ns = quantity_monotonic_ns();
	int r = 1;

	for (int i = 0; i < AGE_STEPS && r > 0; i++) {
		if (quantity_monotonic_ns() - begin_ns >= AGE_NS)
			break;
		r = store_age(s, quantity_now_ns(), err);
	}
	return r;
}

static void do_work(struct flusher *f)
{
	void (*work)(void *ctx) = f->work;

	pthread_mutex_unlock(&f->lock);
	work(f->work_ctx);
	pthread_mutex_lock(&f->lock);
	f->work = NULL;
	f->busy = false;
}

static void write_round(struct flusher *f)
{
	struct flusher_round round = {};
	bool sync = f->sync;

	pthread_mutex_unlock(&f->lock);
	round.written = store_write(f->store, sync, &round.write_err);
	if (round.written >= 0 && (sync || f->ages_on)) {
		round.aged = age(f->store, &round.age_err);
		f->ages_on = round.aged > 0;
	}
	pthread_mutex_lock(&f->lock);
	f->round = round;
	f->untold = true;
	f->busy = false;
}

static void read_summary(struct flusher *f)
{
	struct store_summary summary;
	int r;

	pthread_mutex_unlock(&f->lock);
	r = store_summary(f->store, &summary, NULL);
	pthread_mutex_lock(&f->lock);
	f->summary_asked = false;
	if (r < 0)
		return;
	if (f->summary_known)
		store_summary_done(&f->summary);
	f->summary = summary;
	f->summary_known = true;
}

static void *run(void *arg)
{
	struct flusher *f = arg;

	pthread_mutex_lock(&f->lock);
	while (f->busy || !f->over) {
		if (f->work)
			do_work(f);
		else if (f->busy)
			write_round(f);
		else if (f->summary_asked)
			read_summary(f);
		else
			pthread_cond_wait(&f->asked, &f->lock);
		pthread_cond_broadcast(&f->answered);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* ---- start and end ---- */

int flusher_new(struct store *s, struct flusher **ret)
{
	_cleanup_free_ struct flusher *f = calloc(1, sizeof(*f));
	pthread_condattr_t monotonic;
	int r;

	if (!f)
		return -ENOMEM;
	f->store = s;
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&f->asked, NULL);
	pthread_cond_init(&f->answered, &monotonic);
	pthread_condattr_destroy(&monotonic);
	r = pthread_create(&f->thread, NULL, run, f);
	if (r)
		return -r;
	*ret = steal_ptr(f);
	return 0;
}

struct flusher *flusher_free(struct flusher *f)
{
	if (!f)
		return NULL;
	pthread_mutex_lock(&f->lock);
	f->over = true;
	pthread_cond_signal(&f->asked);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	if (f->summary_known)
		store_summary_done(&f->summary);
	pthread_cond_destroy(&f->asked);
	pthread_cond_destroy(&f->answered);
	pthread_mutex_destroy(&f->lock);
	free(f);
	return NULL;
}

/* ---- rounds ---- */

void flusher_begin(struct flusher *f, bool sync)
{
	pthread_mutex_lock(&f->lock);
	f->busy = true;
	f->sync = sync;
	pthread_mutex_unlock(&f->lock);
	pthread_cond_signal(&f->asked); /* it needs the lock */
}

void flusher_work(struct flusher *f, void (*work)(void *ctx), void *ctx)
{
	pthread_mutex_lock(&f->lock);
	f->busy = true;
	f->work = work;
	f->work_ctx = ctx;
	pthread_mutex_unlock(&f->lock);
	pthread_cond_signal(&f->asked); /* it needs the lock */
}

bool flusher_is_busy(struct flusher *f)
{
	bool busy;

	pthread_mutex_lock(&f->lock);
	busy = f->busy;
	pthread_mutex_unlock(&f->lock);
	return busy;
}

bool flusher_done(struct flusher *f, struct flusher_round *ret)
{
	bool done;

	pthread_mutex_lock(&f->lock);
	done = f->untold;
	if (done)
		*ret = f->round;
	f->untold = false;
	pthread_mutex_unlock(&f->lock);
	return done;
}

void flusher_wait(struct flusher *f)
{
	pthread_mutex_lock(&f->lock);
	while (f->busy)
		pthread_cond_wait(&f->answered, &f->lock);
	pthread_mutex_unlock(&f->lock);
}

/* ---- the summary ---- */

static struct timespec monotonic_in(unsigned int ms)
{
	uint64_t ns = quantity_monotonic_ns() + ms * 1000000ull;

	return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S),
				 .tv_nsec = (long)(ns % NS_PER_S)};
}

int flusher_summary(struct flusher *f, unsigned int wait_ms, struct store_summary *ret)
{
	struct timespec until = monotonic_in(wait_ms);
	int r = 0;

	pthread_mutex_lock(&f->lock);
	f->summary_asked = true;
	pthread_cond_signal(&f->asked);
	while (f->summary_asked && r == 0)
		r = pthread_cond_timedwait(&f->answered, &f->lock, &until);
	r = f->summary_known ? 0 : -EAGAIN;
	if (r == 0)
		*ret = f->summary;
	f->summary_known = false;
	pthread_mutex_unlock(&f->lock);
	return r;
}
