/*
 * Resolve's door: what the collector's thread calls. It queues under the lock and takes from a
 * list; resolve_open.c and resolve_ask.c do the rest on threads of their own.
 */
#include "profiler/base/cleanup.h"
#include "profiler/resolve/resolve_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define OFFSETS_FIRST	16
#define OFFSETS_AT_ONCE 256
#define OPEN_MIN	16

uint64_t resolve_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- entries ---- */

static struct resolve_bucket *bucket_of(struct resolve *r, uint32_t object)
{
	return &r->bucket[object & (RESOLVE_BUCKETS - 1)];
}

struct resolve_entry *resolve_find(struct resolve *r, uint32_t object)
{
	struct resolve_entry *e;

	LIST_FOREACH(e, bucket_of(r, object), bucket)
	if (e->object.object == object)
		return e;
	return NULL;
}

static struct resolve_domain *domain_get(struct resolve *r, uint32_t domain)
{
	struct resolve_domain *d;

	LIST_FOREACH(d, &r->domains, link)
	if (d->domain == domain)
		break;
	if (!d) {
		d = calloc(1, sizeof(*d));
		if (!d)
			return NULL;
		d->domain = domain;
		LIST_INSERT_HEAD(&r->domains, d, link);
	}
	d->entries++;
	return d;
}

static void domain_put(struct resolve_domain *d)
{
	if (--d->entries)
		return;
	LIST_REMOVE(d, link);
	free(d);
}

static void close_file(struct resolve *r, struct resolve_entry *e)
{
	if (e->fd < 0)
		return;
	close(e->fd);
	e->fd = -1;
	r->n_open--;
}

static void entry_free(struct resolve *r, struct resolve_entry *e)
{
	close_file(r, e);
	domain_put(e->domain);
	free((char *)e->object.path);
	free(e->offsets);
	resolve_forget_missing(r, e);
	resolve_jit_free(e->jit);
	free(e);
}

void resolve_enqueue(struct resolve *r, struct resolve_entry *e)
{
	if (e->busy || e->queued)
		return;
	if (e->state == RESOLVE_TO_OPEN) {
		TAILQ_INSERT_TAIL(&r->opening, e, queue);
		pthread_cond_signal(&r->to_open);
	} else if (e->state == RESOLVE_READY && e->n) {
		e->ready_ms = resolve_now_ms();
		TAILQ_INSERT_TAIL(&r->ready, e, queue);
		resolve_wake_askers(r, e);
	} else {
		return;
	}
	e->queued = true;
}

void resolve_release(struct resolve *r, struct resolve_entry *e)
{
	e->busy = false;
	if (e->forgotten)
		entry_free(r, e);
	else
		resolve_enqueue(r, e);
}

void resolve_make_room(struct resolve *r)
{
	while (r->n_open >= r->open_max) {
		struct resolve_entry *oldest = NULL;
		struct resolve_entry *e;

		for (size_t i = 0; i < RESOLVE_BUCKETS; i++)
			LIST_FOREACH(e, &r->bucket[i], bucket)
		if (e->fd >= 0 && !e->busy && (!oldest || e->used < oldest->used))
			oldest = e;
		if (!oldest)
			return;
		close_file(r, oldest);
	}
}

/* ---- setting aside ---- */

void resolve_tell_workers(struct resolve *r, struct resolve_entry *e)
{
	for (unsigned int i = 0; i < RESOLVE_SLOTS; i++) {
		struct resolve_slot *s = &r->slot[i];

		if (s->alive && e->known[i] == s->run) {
			resolve_forget_later(s, e->serial);
			s->n_known--;
		}
		e->known[i] = 0;
	}
}

void resolve_remember_failure(struct resolve *r, const char *path, const char *sentence)
{
	struct resolve_failed *f = &r->failed[r->failed_total++ % RESOLVE_FAILED_MAX];

	free(f->path);
	f->path = path ? strdup(path) : NULL;
	snprintf(f->reason, sizeof(f->reason), "%s", sentence);
}

/*
 * All that waits of e, without a name. Takes its offsets; where memory is short they are counted,
 * not told.
 */
static void answer_nameless(struct resolve *r, struct resolve_entry *e)
{
	struct resolve_answer *a;

	if (e->jit)
		resolve_jit_nameless(r, e);
	if (!e->n)
		return;
	r->nameless += e->n;
	e->domain->waiting -= e->n;
	a = calloc(1, sizeof(*a));
	if (a) {
		a->kind = RESOLVE_ANSWER_NAMELESS;
		a->object = e->object.object;
		a->offsets = steal_ptr(e->offsets);
		a->n = (uint32_t)e->n;
		resolve_answer_add(r, a);
	} else {
		atomic_fetch_sub(&r->pending, e->n);
		free(steal_ptr(e->offsets));
	}
	e->n = e->cap = 0;
}

void resolve_set_aside(struct resolve *r, struct resolve_entry *e, int error, const char *sentence)
{
	struct resolve_answer *a = calloc(1, sizeof(*a));

	e->state = RESOLVE_FAILED;
	close_file(r, e);
	resolve_tell_workers(r, e);
	resolve_remember_failure(r, e->object.path, sentence);
	if (a) {
		a->kind = RESOLVE_ANSWER_FAILED;
		a->object = e->object.object;
		a->error = error;
		snprintf(a->sentence, sizeof(a->sentence), "%s", sentence);
		resolve_answer_add(r, a);
	}
	answer_nameless(r, e);
	if (e->wants_table)
		resolve_table_enqueue(r, e);
}

/* ---- announcing, asking, forgetting ---- */

static int announce(struct resolve *r, const struct resolve_object *o)
{
	_cleanup_free_ struct resolve_entry *e = calloc(1, sizeof(*e));
	_cleanup_free_ char *path = o->path ? strdup(o->path) : NULL;
	struct resolve_entry *added;

	if (!e || (o->path && !path))
		return -ENOMEM;
	e->object = *o;
	e->fd = -1;
	e->serial = ++r->serial;
	e->used = ++r->clock;
	e->state =
		o->kind == RESOLVE_FILE || o->kind == RESOLVE_JIT ? RESOLVE_TO_OPEN : RESOLVE_READY;
	if (o->kind == RESOLVE_JIT) {
		e->jit = resolve_jit_new(o);
		if (!e->jit)
			return -ENOMEM;
	}
	e->domain = domain_get(r, o->domain);
	if (!e->domain) {
		resolve_jit_free(e->jit);
		return -ENOMEM;
	}
	e->object.path = steal_ptr(path);
	added = steal_ptr(e);
	LIST_INSERT_HEAD(bucket_of(r, o->object), added, bucket);
	r->n_entries++;
	resolve_enqueue(r, added);
	return 0;
}

int resolve_announce(struct resolve *r, const struct resolve_object *o)
{
	int result;

	if (o->build_id_bytes > ABI_BUILD_ID_MAX)
		return -EINVAL;
	pthread_mutex_lock(&r->lock);
	if (resolve_find(r, o->object))
		result = -EEXIST;
	else if (r->n_entries >= RESOLVE_OBJECTS_MAX)
		result = -ENOBUFS;
	else
		result = announce(r, o);
	pthread_mutex_unlock(&r->lock);
	return result;
}

static int add_offsets(struct resolve_entry *e, const uint64_t *offsets, size_t n)
{
	if (n > e->cap - e->n) {
		size_t cap = e->cap ? e->cap : OFFSETS_FIRST;
		uint64_t *more;

		while (cap < e->n + n)
			cap *= 2;
		more = realloc(e->offsets, cap * sizeof(*more));
		if (!more)
			return -ENOMEM;
		e->offsets = more;
		e->cap = cap;
	}
	memcpy(e->offsets + e->n, offsets, n * sizeof(*offsets));
	e->n += n;
	e->in_order = false;
	return 0;
}

/* What one owner's files have waiting must leave room for the others'. */
static bool has_room(const struct resolve *r, const struct resolve_domain *d, size_t n)
{
	size_t pending = atomic_load(&r->pending);

	if (n > RESOLVE_PENDING_MAX || pending > RESOLVE_PENDING_MAX - n)
		return false;
	return d->domain == 0 || d->waiting + n <= RESOLVE_PENDING_MAX / 2;
}

int resolve_queue(struct resolve *r, struct resolve_entry *e, const uint64_t *offsets, size_t n)
{
	int result;

	if (!e)
		return -ENOENT;
	if (!has_room(r, e->domain, n))
		return -ENOBUFS;
	result = add_offsets(e, offsets, n);
	if (result < 0)
		return result;
	atomic_fetch_add(&r->pending, n);
	e->domain->waiting += n;
	e->used = ++r->clock;
	r->asked += n;
	if (e->state == RESOLVE_FAILED)
		answer_nameless(r, e);
	else
		resolve_enqueue(r, e);
	return 0;
}

int resolve_ask(struct resolve *r, uint32_t object, const uint64_t *offsets, size_t n)
{
	int result;

	if (!n)
		return 0;
	pthread_mutex_lock(&r->lock);
	result = resolve_queue(r, resolve_find(r, object), offsets, n);
	pthread_mutex_unlock(&r->lock);
	return result;
}

/* All n are of the first one's object. */
static int queue_those_of_one(struct resolve *r, const struct resolve_question *q, size_t n)
{
	uint64_t offsets[OFFSETS_AT_ONCE];

	for (size_t i = 0; i < n; i++)
		offsets[i] = q[i].offset;
	return resolve_queue(r, resolve_find(r, q->object), offsets, n);
}

int resolve_ask_all(struct resolve *r, const struct resolve_question *questions, size_t n)
{
	bool wake[RESOLVE_WORKERS_MAX];
	size_t end;
	int result = 0;

	pthread_mutex_lock(&r->lock);
	r->is_asking_all = true;
	for (size_t i = 0; i < n && result == 0; i = end) {
		for (end = i + 1; end < n && end - i < OFFSETS_AT_ONCE; end++)
			if (questions[end].object != questions[i].object)
				break;
		result = queue_those_of_one(r, questions + i, end - i);
	}
	r->is_asking_all = false;
	for (size_t i = 0; i < RESOLVE_WORKERS_MAX; i++) {
		wake[i] = r->slot[i].to_wake;
		r->slot[i].to_wake = false;
	}
	pthread_mutex_unlock(&r->lock);
	/* Who is woken needs the lock. */
	for (size_t i = 0; i < RESOLVE_WORKERS_MAX; i++)
		if (wake[i])
			pthread_cond_signal(&r->slot[i].to_ask);
	return result;
}

/* Answers on their way are dropped where they are: the caller may be in the middle of one. */
static void drop_answers(struct resolve *r, uint32_t object)
{
	struct resolve_answer *a;

	STAILQ_FOREACH(a, &r->answers, link)
	if (a->object == object)
		a->dropped = true;
	if (r->current && r->current->object == object)
		r->current->dropped = true;
}

void resolve_forget(struct resolve *r, uint32_t object)
{
	struct resolve_entry *e;

	pthread_mutex_lock(&r->lock);
	e = resolve_find(r, object);
	if (e) {
		LIST_REMOVE(e, bucket);
		r->n_entries--;
		drop_answers(r, object);
		resolve_tell_workers(r, e);
		atomic_fetch_sub(&r->pending, e->n);
		e->domain->waiting -= e->n;
		e->n = 0;
		if (e->queued)
			TAILQ_REMOVE(e->state == RESOLVE_TO_OPEN ? &r->opening : &r->ready, e,
				     queue);
		resolve_tell_all(r);
		if (e->table_queued)
			TAILQ_REMOVE(e->table_queued, e, table_queue);
		if (e->busy)
			e->forgotten = true;
		else
			entry_free(r, e);
	}
	pthread_mutex_unlock(&r->lock);
}

/* ---- beginning and end ---- */

static unsigned int descriptors_allowed(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 2 >= RESOLVE_OPEN_MAX)
		return RESOLVE_OPEN_MAX;
	return limit.rlim_cur / 2 > OPEN_MIN ? (unsigned int)limit.rlim_cur / 2 : OPEN_MIN;
}

static int init_lock(struct resolve *r)
{
	pthread_condattr_t attr;
	int result;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	result = pthread_mutex_init(&r->lock, NULL);
	if (!result)
		result = pthread_cond_init(&r->to_open, &attr);
	for (size_t i = 0; i < RESOLVE_SLOTS && !result; i++)
		result = pthread_cond_init(&r->slot[i].to_ask, &attr);
	if (!result)
		result = pthread_cond_init(&r->to_table, &attr);
	if (!result)
		result = pthread_cond_init(&r->to_unwind, &attr);
	if (!result)
		result = pthread_cond_init(&r->to_look, &attr);
	if (!result)
		result = pthread_cond_init(&r->ended, &attr);
	pthread_condattr_destroy(&attr);
	return -result;
}

static struct resolve *alloc(const struct resolve_options *options)
{
	struct resolve *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->options = *options;
	r->open_max = descriptors_allowed();
	TAILQ_INIT(&r->opening);
	TAILQ_INIT(&r->ready);
	TAILQ_INIT(&r->tables);
	TAILQ_INIT(&r->tables_later);
	TAILQ_INIT(&r->snapshots);
	TAILQ_INIT(&r->orders);
	STAILQ_INIT(&r->answers);
	for (unsigned int i = 0; i < RESOLVE_SLOTS; i++)
		r->slot[i] = (struct resolve_slot){
			.r = r, .index = i, .worker = {.pidfd = -1, .sock = -1}};
	r->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->event < 0 || init_lock(r) < 0) {
		if (r->event >= 0)
			close(r->event);
		free(r);
		return NULL;
	}
	return r;
}

static void free_all(struct resolve *r)
{
	struct resolve_snapshot *q;
	struct resolve_answer *a;
	struct resolve_entry *e;

	while ((q = TAILQ_FIRST(&r->snapshots))) {
		TAILQ_REMOVE(&r->snapshots, q, link);
		free(q);
	}
	if (r->current)
		resolve_answer_free(r->current);
	while ((a = STAILQ_FIRST(&r->answers))) {
		STAILQ_REMOVE_HEAD(&r->answers, link);
		resolve_answer_free(a);
	}
	for (size_t i = 0; i < RESOLVE_BUCKETS; i++)
		while ((e = LIST_FIRST(&r->bucket[i]))) {
			LIST_REMOVE(e, bucket);
			entry_free(r, e);
		}
	for (size_t i = 0; i < RESOLVE_FAILED_MAX; i++)
		free(r->failed[i].path);
	fetch_free(r->fetch);
	pthread_cond_destroy(&r->to_look);
	pthread_cond_destroy(&r->ended);
	for (size_t i = 0; i < RESOLVE_SLOTS; i++)
		pthread_cond_destroy(&r->slot[i].to_ask);
	pthread_cond_destroy(&r->to_table);
	pthread_cond_destroy(&r->to_unwind);
	pthread_cond_destroy(&r->to_open);
	pthread_mutex_destroy(&r->lock);
	close(r->event);
	table_cache_close(r->cache);
	free(r);
}

/* Without it names are those that this host has, and the status says why. */
static void open_fetch(struct resolve *r)
{
	const struct resolve_options *o = &r->options;
	struct fetch_options f = {.servers = o->servers,
				  .directory = o->fetch_cache,
				  .sandbox = o->sandbox,
				  .file_ms = o->fetch_ms};
	struct err err = {};

	if (o->servers.n && fetch_new(&f, &r->fetch, &err) < 0)
		snprintf(r->fetch_error, sizeof(r->fetch_error), "%s", err_text(&err));
}

int resolve_new(const struct resolve_options *options, struct resolve **ret, struct err *err)
{
	struct resolve *r = alloc(options);
	unsigned int n;

	if (!r)
		return err_set(err, -ENOMEM, "no memory or descriptors for naming");
	/* Without one, tables are compiled anew at each start. */
	if (options->table_cache)
		table_cache_open(options->table_cache, &r->cache);
	open_fetch(r);
	n = resolve_threads_start(r);
	if (n < resolve_threads(r)) {
		if (resolve_threads_stop(r, n))
			free_all(r);
		return err_set(err, -EAGAIN, "no threads for naming");
	}
	*ret = r;
	return 0;
}

/* A thread that hangs keeps everything it may still touch; the process's end takes it along. */
struct resolve *resolve_free(struct resolve *r)
{
	if (r && resolve_threads_stop(r, resolve_threads(r)))
		free_all(r);
	return NULL;
}
