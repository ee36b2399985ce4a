/*
 * Debug information that turns up later: of servers, which are asked on this thread, and of
 * packages that are installed while we run.
 *
 * A debug file that was wanted and nowhere is remembered with its entry, and, where servers are
 * named, ordered. What comes of an order, and what stands on the host when it is looked again,
 * makes workers forget the entry and its owner ask anew: resolve_answers.changed().
 */
#include "profiler/base/cleanup.h"
#include "profiler/base/hex.h"
#include "profiler/jail/open_debug.h"
#include "profiler/resolve/resolve_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS      3600000 /* a server may get a package's debug files later than we its files */
#define RETRY_MS      60000 /* a server that could not be asked; doubled each time, */
#define RETRIES_MAX   6 /* so often */
#define OTHERS_MS     250 /* at least, between two orders for files that are not root's */
#define FAILURES_TOLD 128 /* the latest */

static void fill_build_id(struct resolve_build_id *b, const struct protocol_want *want)
{
	b->bytes = (uint8_t)want->build_id_bytes;
	memcpy(b->id, want->build_id, want->build_id_bytes);
}

static bool is_same(const struct resolve_build_id *a, const struct resolve_build_id *b)
{
	return a->bytes == b->bytes && memcmp(a->id, b->id, a->bytes) == 0;
}

static struct resolve_missing *find_missing(const struct resolve_entry *e,
					    const struct resolve_build_id *b)
{
	for (unsigned int i = 0; i < e->n_missing; i++)
		if (is_same(&e->missing[i].build_id, b))
			return &e->missing[i];
	return NULL;
}

/* ---- orders ---- */

static struct resolve_order *find_order(struct resolve *r, uint32_t domain,
					const struct resolve_build_id *b)
{
	struct resolve_order *o;

	TAILQ_FOREACH(o, &r->orders, link)
	if (o->domain == domain && is_same(&o->build_id, b))
		return o;
	return NULL;
}

/* For one more waiter. NULL: too many, half of them for files that are not root's, or no memory. */
static struct resolve_order *order(struct resolve *r, const struct resolve_entry *e,
				   const struct resolve_build_id *b)
{
	uint32_t domain = e->object.domain;
	struct resolve_order *o = find_order(r, domain, b);

	if (!o) {
		if (r->n_orders >= (domain ? RESOLVE_ORDERS_MAX / 2 : RESOLVE_ORDERS_MAX))
			return NULL;
		o = calloc(1, sizeof(*o));
		if (!o)
			return NULL;
		o->domain = domain;
		o->build_id = *b;
		o->path = e->object.path ? strdup(e->object.path) : NULL;
		TAILQ_INSERT_TAIL(&r->orders, o, link);
		r->n_orders++;
		pthread_cond_signal(&r->to_look);
	}
	o->waiters++;
	return o;
}

static void drop_if_unwanted(struct resolve *r, struct resolve_order *o)
{
	if (o->waiters || o->busy)
		return;
	TAILQ_REMOVE(&r->orders, o, link);
	r->n_orders--;
	free(o->path);
	free(o);
}

/* What failed last stands last. */
static void order_failed(struct resolve *r, struct resolve_order *o, int error, const char *reason)
{
	TAILQ_REMOVE(&r->orders, o, link);
	TAILQ_INSERT_TAIL(&r->orders, o, link);
	o->error = error;
	snprintf(o->reason, sizeof(o->reason), "%s", reason);
	o->due_ms = resolve_now_ms() + AGAIN_MS;
	if (error == -EAGAIN && o->tries < RETRIES_MAX)
		o->due_ms = resolve_now_ms() + ((uint64_t)RETRY_MS << o->tries);
	o->tries++;
}

/* ---- what is missing ---- */

static struct resolve_missing *note_missing(struct resolve *r, struct resolve_entry *e,
					    const struct resolve_build_id *b)
{
	struct resolve_missing *m = find_missing(e, b);

	if (m || e->forgotten)
		return m;
	if (!e->missing)
		e->missing = calloc(RESOLVE_MISSING_MAX, sizeof(*e->missing));
	if (!e->missing || e->n_missing == RESOLVE_MISSING_MAX)
		return NULL;
	m = &e->missing[e->n_missing++];
	m->build_id = *b;
	m->order = r->fetch ? order(r, e, b) : NULL;
	return m;
}

void resolve_forget_missing(struct resolve *r, struct resolve_entry *e)
{
	for (unsigned int i = 0; i < e->n_missing; i++) {
		struct resolve_order *o = e->missing[i].order;

		if (o) {
			o->waiters--;
			drop_if_unwanted(r, o);
		}
	}
	e->n_missing = 0;
	free(steal_ptr(e->missing));
}

int resolve_elsewhere(void *ctx, const struct protocol_want *want, unsigned int skip)
{
	const struct resolve_elsewhere *of = ctx;
	struct resolve *r = of->r;
	uint32_t domain = of->e->object.domain;
	struct resolve_missing *m;
	struct resolve_build_id b;
	int fd = -ENOENT;

	fill_build_id(&b, want);
	if (r->fetch)
		fd = fetch_find(r->fetch, domain, b.id, b.bytes);
	if (fd >= 0 && !skip)
		return fd;
	pthread_mutex_lock(&r->lock);
	m = note_missing(r, of->e, &b);
	if (fd >= 0) {
		/* The worker did not believe it. */
		close(fd);
		fetch_refuse(r->fetch, domain, b.id, b.bytes);
		if (m && m->order)
			order_failed(r, m->order, -EBADMSG,
				     "what a server sent is not the debug file of this build");
	}
	pthread_mutex_unlock(&r->lock);
	return -ENOENT;
}

/* ---- it has turned up ---- */

static int change(struct resolve *r, struct resolve_entry *e)
{
	struct resolve_answer *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	resolve_forget_missing(r, e);
	resolve_tell_workers(r, e);
	e->troubled = false; /* of the debug file of before */
	r->changed_total++;
	a->kind = RESOLVE_ANSWER_CHANGED;
	a->object = e->object.object;
	a->n = 1; /* awaited until it is told */
	atomic_fetch_add(&r->pending, 1);
	resolve_answer_add(r, a);
	return 0;
}

/* All that wait for it. */
static int delivered(struct resolve *r, const struct resolve_order *o)
{
	struct resolve_entry *e;
	int result = 0;

	for (size_t i = 0; i < RESOLVE_BUCKETS && result == 0; i++)
		LIST_FOREACH(e, &r->bucket[i], bucket)
		{
			const struct resolve_missing *m = find_missing(e, &o->build_id);

			if (m && m->order == o && result == 0)
				result = change(r, e);
		}
	return result;
}

/* Lock held, released while servers are asked. */
static void carry_out(struct resolve *r, struct resolve_order *o)
{
	struct err err = {};
	int fd, result;

	o->busy = true;
	pthread_mutex_unlock(&r->lock);
	fd = fetch_get(r->fetch, o->domain, o->build_id.id, o->build_id.bytes, &err);
	if (fd >= 0)
		close(fd);
	pthread_mutex_lock(&r->lock);
	result = fd < 0 ? fd : delivered(r, o);
	if (result < 0)
		order_failed(r, o, result, fd < 0 ? err_text(&err) : "no memory to tell of it");
	o->busy = false;
	drop_if_unwanted(r, o);
}

/* Root's first; of others' not too many in a time. NULL: none is due, *ret_ms until one is. */
static struct resolve_order *next_order(struct resolve *r, uint64_t others_ms, uint64_t *ret_ms)
{
	struct resolve_order *found = NULL, *o;
	uint64_t now = resolve_now_ms(), soonest = UINT64_MAX;

	TAILQ_FOREACH(o, &r->orders, link)
	{
		uint64_t due = o->domain && others_ms > o->due_ms ? others_ms : o->due_ms;

		if (due <= now && (!found || (found->domain && !o->domain)))
			found = o;
		soonest = due < soonest ? due : soonest;
	}
	*ret_ms = soonest > now ? soonest - now : 0;
	return found;
}

/* ---- looking again on the host ---- */

struct place_to_look {
	uint32_t object, serial;
};

/* All that miss something, as they are now. NULL with *ret_n 0: none, or no memory. */
static struct place_to_look *list_missing(struct resolve *r, size_t *ret_n)
{
	struct place_to_look *v = calloc(r->n_entries + 1, sizeof(*v));
	struct resolve_entry *e;
	size_t n = 0;

	for (size_t i = 0; v && i < RESOLVE_BUCKETS; i++)
		LIST_FOREACH(e, &r->bucket[i], bucket)
	if (e->n_missing && e->state != RESOLVE_FAILED)
		v[n++] = (struct place_to_look){e->object.object, e->serial};
	*ret_n = n;
	return v;
}

static bool is_there(const struct open_debug *whose, const struct resolve_build_id *b)
{
	struct protocol_want want = {.kind = SYM_WANT_BUILD_ID, .build_id_bytes = b->bytes};
	int fd;

	memcpy(want.build_id, b->id, b->bytes);
	fd = open_debug(whose, &want);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static struct resolve_entry *still_there(struct resolve *r, const struct place_to_look *at)
{
	struct resolve_entry *e = resolve_find(r, at->object);

	return e && e->serial == at->serial && e->n_missing ? e : NULL;
}

/* Lock held, released while it is looked. */
static void look_at(struct resolve *r, const struct place_to_look *at)
{
	struct resolve_entry *e = still_there(r, at);
	struct resolve_missing missing[RESOLVE_MISSING_MAX];
	_cleanup_free_ char *path = NULL;
	struct open_debug whose = {};
	unsigned int n;
	bool found = false;

	if (!e)
		return;
	n = e->n_missing;
	memcpy(missing, e->missing, n * sizeof(*missing));
	path = e->object.path ? strdup(e->object.path) : NULL;
	whose.domain = e->object.domain;
	whose.pid = e->object.pid;
	whose.start_ns = e->object.start_ns;
	whose.path = path;
	pthread_mutex_unlock(&r->lock);
	for (unsigned int i = 0; i < n && !found; i++)
		found = is_there(&whose, &missing[i].build_id);
	pthread_mutex_lock(&r->lock);
	e = still_there(r, at);
	if (found && e)
		(void)change(r, e); /* where it fails, it is still missed, and looked for again */
}

static void look(struct resolve *r)
{
	size_t n;
	_cleanup_free_ struct place_to_look *v = list_missing(r, &n);

	for (size_t i = 0; i < n && !r->ending; i++)
		look_at(r, &v[i]);
	if (r->fetch)
		fetch_rest(r->fetch);
}

static uint64_t look_ms(const struct resolve *r)
{
	return r->options.look_ms ? r->options.look_ms : RESOLVE_LOOK_MS;
}

void *resolve_look_run(void *resolve)
{
	struct resolve *r = resolve;
	uint64_t others_ms = 0, wait_ms;

	pthread_mutex_lock(&r->lock);
	r->look_due_ms = resolve_now_ms() + look_ms(r);
	while (!r->ending) {
		struct resolve_order *o = next_order(r, others_ms, &wait_ms);
		uint64_t now = resolve_now_ms();

		if (o) {
			others_ms = o->domain ? now + OTHERS_MS : others_ms;
			carry_out(r, o);
		} else if (now >= r->look_due_ms) {
			r->look_due_ms = now + look_ms(r);
			look(r);
		} else {
			if (wait_ms > r->look_due_ms - now)
				wait_ms = r->look_due_ms - now;
			resolve_wait(r, &r->to_look, wait_ms);
		}
	}
	resolve_thread_ends(r);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

void resolve_look_again(struct resolve *r)
{
	struct resolve_order *o;

	pthread_mutex_lock(&r->lock);
	if (r->fetch)
		fetch_forgive(r->fetch);
	TAILQ_FOREACH(o, &r->orders, link)
	o->due_ms = o->tries = 0;
	r->look_due_ms = 0;
	pthread_cond_signal(&r->to_look);
	pthread_mutex_unlock(&r->lock);
}

/* ---- what it tells ---- */

static bool is_awaited(const struct resolve_order *o)
{
	return o->busy || !o->error;
}

size_t resolve_fetching(const struct resolve *r)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&r->lock;
	const struct resolve_order *o;
	size_t n = 0;

	pthread_mutex_lock(lock);
	TAILQ_FOREACH(o, &r->orders, link)
	n += is_awaited(o);
	pthread_mutex_unlock(lock);
	return n;
}

static void put_failure(const struct resolve_order *o, struct json *j)
{
	char hex[2 * PROTOCOL_BUILD_ID_MAX + 1];

	hex_text(o->build_id.id, o->build_id.bytes, hex);
	json_object_begin(j);
	json_kv_str(j, "path", o->path);
	json_kv_str(j, "build_id", hex);
	json_kv_str(j, "reason", o->reason);
	json_object_end(j);
}

void resolve_put_fetch(const struct resolve *r, struct json *j)
{
	uint64_t awaited = 0, none = 0, failed = 0, seen = 0;
	const struct resolve_order *o;

	TAILQ_FOREACH(o, &r->orders, link)
	{
		awaited += is_awaited(o);
		none += !is_awaited(o) && o->error == -ENOENT;
		failed += !is_awaited(o) && o->error != -ENOENT;
	}
	json_kv_u64(j, "renamed_objects", r->changed_total);
	json_key(j, "debuginfod");
	json_object_begin(j);
	json_kv_str(j, "error", r->fetch_error[0] ? r->fetch_error : NULL);
	json_kv_u64(j, "awaited", awaited);
	json_kv_u64(j, "not_there", none);
	json_kv_u64(j, "failed", failed);
	json_key(j, "failures");
	json_array_begin(j);
	TAILQ_FOREACH(o, &r->orders, link)
	if (!is_awaited(o) && o->error != -ENOENT && ++seen + FAILURES_TOLD > failed)
		put_failure(o, j);
	json_array_end(j);
	if (r->fetch)
		fetch_status(r->fetch, j);
	json_object_end(j);
}
