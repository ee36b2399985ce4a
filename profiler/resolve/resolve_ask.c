/*
 * An asking thread: drives one symbolizer worker, for one trust domain at a time.
 *
 * ask_one() is one turn: the next object whose domain this worker may serve, at most
 * PROTOCOL_OFFSETS_MAX of its offsets, one request, one answer. While a request is under way the
 * lock is free and the object belongs to this thread.
 */
#include "profiler/base/cleanup.h"
#include "profiler/base/wire.h"
#include "profiler/jail/open_debug.h"
#include "profiler/resolve/resolve_state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KALLSYMS      "/proc/kallsyms"
#define KERNEL_SERIAL UINT32_MAX /* the kernel that modules need, where nobody announced it */
#define SEND_MS	      5000
#define IDLE_END_MS \
	120000 /* its memory serves others better; starting again takes 10 ms and the parsing */
#define SWITCH_MS	   500 /* how long other domains wait while this one keeps a worker busy */
#define LOOK_AGAIN_MS	   100
#define START_FAILURES_MAX 3 /* in a row; then objects are set aside instead of waiting */
#define START_BACKOFF_MS   200
#define WORKER_OBJECTS_MAX 1024 /* of one worker: its descriptors and memory */

/* ---- which object ---- */

static bool is_held(const struct resolve_slot *s, uint32_t domain, bool by_others)
{
	for (unsigned int i = 0; i < RESOLVE_WORKERS_MAX; i++) {
		const struct resolve_slot *other = &s->r->slot[i];

		if ((other != s) != by_others)
			continue;
		if ((other->alive && other->domain == domain) ||
		    (other->claiming && other->claimed == domain))
			return true;
	}
	return false;
}

/*
 * Whether another thread waits whose worker is less of a loss: none at all, or one that served
 * longer ago.
 */
static bool is_for_another(const struct resolve_slot *s)
{
	for (unsigned int i = 0; i < RESOLVE_WORKERS_MAX; i++) {
		const struct resolve_slot *other = &s->r->slot[i];

		if (other == s || !other->idle)
			continue;
		if (s->alive && (!other->alive || other->used_ms < s->used_ms))
			return true;
	}
	return false;
}

/* Our own domain's first, unless another has waited long. */
static struct resolve_entry *pick(const struct resolve_slot *s)
{
	struct resolve_entry *mine = NULL, *free_one = NULL;
	struct resolve_entry *e;

	TAILQ_FOREACH(e, &s->r->ready, queue)
	{
		if (!mine && is_held(s, e->object.domain, false))
			mine = e;
		else if (!free_one && !is_held(s, e->object.domain, false) &&
			 !is_held(s, e->object.domain, true))
			free_one = e;
		if (mine && free_one)
			break;
	}
	if (!free_one || (mine && resolve_now_ms() - free_one->ready_ms < SWITCH_MS))
		return mine;
	if (mine || !is_for_another(s))
		return free_one;
	return NULL;
}

static void wake(struct resolve_slot *s)
{
	if (s->r->is_asking_all)
		s->to_wake = true;
	else
		pthread_cond_signal(&s->to_ask);
}

/*
 * Only whose domain it is, where nothing else waits: no other will get it, and whoever is busy
 * looks before it rests.
 */
void resolve_wake_askers(struct resolve *r, const struct resolve_entry *e)
{
	const struct resolve_entry *first = TAILQ_FIRST(&r->ready);
	struct resolve_slot *holder = NULL;

	for (unsigned int i = 0; i < RESOLVE_WORKERS_MAX; i++)
		if (is_held(&r->slot[i], e->object.domain, false))
			holder = &r->slot[i];
	for (unsigned int i = 0; i < RESOLVE_WORKERS_MAX; i++) {
		struct resolve_slot *s = &r->slot[i];
		bool others_wait = first->object.domain != e->object.domain;

		if (s->idle && (!holder || others_wait || s == holder))
			wake(s);
	}
}

/* ---- forgetting ---- */

void resolve_forget_later(struct resolve_slot *s, uint32_t serial)
{
	if (s->n_forget == s->cap_forget) {
		size_t cap = s->cap_forget ? s->cap_forget * 2 : 64;
		uint32_t *more = realloc(s->forget, cap * sizeof(*more));

		if (!more)
			return; /* the worker keeps it for as long as it runs */
		s->forget = more;
		s->cap_forget = cap;
	}
	s->forget[s->n_forget++] = serial;
}

/* Make room in the worker: whatever was not used for longest is told again when it is asked for. */
static void forget_oldest(struct resolve_slot *s)
{
	struct resolve_entry *oldest = NULL;
	struct resolve_entry *e;

	for (size_t i = 0; i < RESOLVE_BUCKETS; i++)
		LIST_FOREACH(e, &s->r->bucket[i], bucket)
	if (e->known[s->index] == s->run && !e->busy && (!oldest || e->used < oldest->used))
		oldest = e;
	if (!oldest)
		return;
	oldest->known[s->index] = 0;
	s->n_known--;
	resolve_forget_later(s, oldest->serial);
}

/* ---- one request ---- */

/* What one exchange needs, copied under the lock. */
struct exchange {
	int fd; /* to send along, -1: none; ours where own_fd */
	bool own_fd;
	bool needs_kernel; /* to be told first */
	struct resolve_elsewhere elsewhere;
	struct open_debug whose; /* path NULL: not a file, for which nothing else is opened */
	unsigned int n_wants;
	uint32_t *forget;
	size_t n_forget;
};

static enum protocol_object protocol_kind(enum resolve_kind kind)
{
	switch (kind) {
	case RESOLVE_VDSO:
		return PROTOCOL_OBJECT_VDSO;
	case RESOLVE_KERNEL:
		return PROTOCOL_OBJECT_KERNEL;
	case RESOLVE_MODULE:
		return PROTOCOL_OBJECT_MODULE;
	default:
		return PROTOCOL_OBJECT_FILE;
	}
}

static int by_offset(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

/* Neighbours together: the worker has room for the indexes of few units at a time. */
static void sort_offsets(struct resolve_entry *e)
{
	if (!e->in_order)
		qsort(e->offsets, e->n, sizeof(*e->offsets), by_offset);
	e->in_order = true;
}

static void fill_request(struct resolve_slot *s, struct resolve_entry *e, bool known)
{
	struct protocol_request *q = &s->q;

	q->object = e->serial;
	q->kind = protocol_kind(e->object.kind);
	q->with_fd =
		!known && (q->kind == PROTOCOL_OBJECT_FILE || q->kind == PROTOCOL_OBJECT_KERNEL);
	q->base = e->object.base;
	snprintf(q->module, sizeof(q->module), "%s", e->object.path ? e->object.path : "");
	sort_offsets(e);
	q->n = e->n < PROTOCOL_OFFSETS_MAX ? (uint32_t)e->n : PROTOCOL_OFFSETS_MAX;
	memcpy(q->offsets, e->offsets, q->n * sizeof(q->offsets[0]));
}

static int send_request(struct resolve_slot *s, const struct protocol_request *q, int fd)
{
	struct wire_msg m;
	int r;

	wire_msg_init(&m, PROTOCOL_NAME, ++s->request);
	protocol_request_write(&m.body, q);
	if (fd >= 0)
		m.fds[m.n_fds++] = fd; /* stays ours: see wire_send() */
	r = wire_send(s->worker.sock, &m, SEND_MS);
	m.n_fds = 0;
	wire_msg_done(&m);
	return r;
}

/*
 * The worker wants another file, in the middle of its answer: of files only, and so many times. Our
 * own time, in which we open it, is not the worker's. 1: go on waiting.
 */
static int give_file(const struct resolve_slot *s, const struct wire_msg *m, struct exchange *x,
		     struct resolve_patience *patience)
{
	uint64_t began_ms = resolve_now_ms();
	int r;

	if (!x->whose.path || x->n_wants++ >= PROTOCOL_WANTS_MAX)
		return -EBADMSG;
	r = open_debug_answer(s->worker.sock, m, s->request, &x->whose);
	patience->until_ms += resolve_now_ms() - began_ms;
	return r < 0 ? r : 1;
}

/* One message of the worker's. 1: it wants something, and was answered; 0: that was the answer. */
static int receive_one(const struct resolve_slot *s, struct exchange *x, uint32_t asked,
		       struct resolve_patience *patience, struct protocol_answer *ret)
{
	struct wire_msg m;
	int r = resolve_receive(s, patience, &m);

	if (r < 0)
		return r;
	if (m.type == PROTOCOL_WANT)
		r = give_file(s, &m, x, patience);
	else if (m.type != PROTOCOL_NAME || m.id != s->request || m.n_fds)
		r = -EBADMSG;
	else
		r = protocol_answer_parse(m.body.data, m.body.len, asked, ret);
	wire_msg_done(&m);
	return r;
}

static int ask(struct resolve_slot *s, const struct protocol_request *q, int fd, struct exchange *x,
	       struct protocol_answer *ret)
{
	struct resolve_patience patience;
	int r;

	resolve_be_patient(s, &patience);
	r = send_request(s, q, fd);
	if (r < 0)
		return r;
	do
		r = receive_one(s, x, q->n, &patience, ret);
	while (r > 0);
	return r;
}

static int kallsyms_open(void)
{
	int fd = open(KALLSYMS, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Modules are named from the kernel's own table, which the worker must have read. */
static int tell_kernel(struct resolve_slot *s, struct exchange *x, struct protocol_answer *ret)
{
	_cleanup_close_ int fd = kallsyms_open();
	struct protocol_request q = {
		.object = KERNEL_SERIAL, .kind = PROTOCOL_OBJECT_KERNEL, .with_fd = true};

	if (fd < 0) {
		*ret = (struct protocol_answer){.error = fd};
		snprintf(ret->sentence, sizeof(ret->sentence), "cannot open %s: %s", KALLSYMS,
			 strerror(-fd));
		return 0;
	}
	return ask(s, &q, fd, x, ret);
}

/* Without the lock. 0 and an answer, or negative errno of the worker. */
static int exchange(struct resolve_slot *s, struct exchange *x, struct protocol_answer *ret)
{
	int r = resolve_tell_forgotten(s, x->forget, x->n_forget);

	if (r == 0 && x->needs_kernel) {
		r = tell_kernel(s, x, ret);
		if (r < 0 || ret->error)
			return r; /* the module's error as well */
		protocol_answer_done(ret);
	}
	return r < 0 ? r : ask(s, &s->q, x->fd, x, ret);
}

/* ---- what comes of it ---- */

static void add_identified(struct resolve *r, struct resolve_entry *e,
			   const struct protocol_answer *names)
{
	struct resolve_answer *a;

	if (e->identified || e->object.kind != RESOLVE_FILE)
		return;
	a = calloc(1, sizeof(*a));
	if (!a)
		return;
	a->kind = RESOLVE_ANSWER_IDENTIFIED;
	a->object = e->object.object;
	a->names.build_id_bytes = names->build_id_bytes;
	memcpy(a->names.build_id, names->build_id, sizeof(a->names.build_id));
	e->identified = true;
	resolve_answer_add(r, a);
}

/* The first names->n offsets of e are answered. Takes names. */
static void add_named(struct resolve *r, struct resolve_entry *e, struct protocol_answer *names)
{
	struct resolve_answer *a = calloc(1, sizeof(*a));
	size_t bytes = names->n * sizeof(*e->offsets);

	if (a)
		a->offsets = malloc(bytes + 1);
	if (!a || !a->offsets) {
		free(a);
		protocol_answer_done(names);
		resolve_set_aside(r, e, -ENOMEM, "no memory for its names");
		return;
	}
	a->kind = RESOLVE_ANSWER_NAMED;
	a->object = e->object.object;
	a->n = names->n;
	memcpy(a->offsets, e->offsets, bytes);
	a->names = *names;
	e->n -= a->n;
	e->domain->waiting -= a->n;
	memmove(e->offsets, e->offsets + a->n, e->n * sizeof(*e->offsets));
	for (uint32_t i = 0; i < a->n; i++)
		*(names->n_lines[i] ? &r->named : &r->nameless) += 1;
	resolve_answer_add(r, a);
}

/* A file that stands where the mapped one was, and was opened in the hope that it is the same. */
static bool is_another(const struct resolve_entry *e, const struct protocol_answer *names)
{
	const struct resolve_object *o = &e->object;

	return o->kind == RESOLVE_FILE && !e->exact &&
	       (names->build_id_bytes != o->build_id_bytes ||
		memcmp(names->build_id, o->build_id, o->build_id_bytes));
}

/*
 * Memory may have gone to other files of this worker: a second time, alone, is fair. True when e
 * waits again.
 */
static bool try_again(struct resolve_slot *s, struct resolve_entry *e, int error)
{
	if (error != -ENOMEM || e->retried)
		return false;
	e->retried = true;
	s->r->workers_restarted++;
	resolve_end_worker(s);
	return true;
}

/* Lock held. Takes names. */
static void take_answer(struct resolve_slot *s, struct resolve_entry *e,
			struct protocol_answer *names)
{
	struct resolve *r = s->r;

	if (e->forgotten) {
		protocol_answer_done(names);
	} else if (names->error) {
		if (e->object.kind != RESOLVE_FILE)
			s->has_kernel = false; /* perhaps not: telling it twice does no harm */
		if (!try_again(s, e, names->error))
			resolve_set_aside(r, e, names->error, names->sentence);
	} else if (is_another(e, names)) {
		protocol_answer_done(names);
		resolve_set_aside(r, e, -ESTALE, "another file has taken its place");
	} else {
		add_identified(r, e, names);
		if (names->sentence[0] && !e->troubled)
			resolve_remember_failure(r, e->object.path, names->sentence);
		e->troubled |= names->sentence[0] != '\0';
		add_named(r, e, names);
	}
}

/* A worker that closed its socket is dying: its own status is worth a moment. */
void resolve_bury_worker(struct resolve_slot *s, struct resolve_entry *e, int why)
{
	struct pollfd p = {.fd = s->worker.pidfd, .events = POLLIN};
	char reason[RESOLVE_REASON_BYTES];
	int status;

	if (why == -EPIPE) {
		pthread_mutex_unlock(&s->r->lock);
		poll(&p, 1, LOOK_AGAIN_MS);
		pthread_mutex_lock(&s->r->lock);
	}
	status = resolve_end_worker(s);
	if (s->r->ending)
		return;
	s->r->workers_restarted++;
	resolve_describe_death(why, status, reason, sizeof(reason));
	if (!e->forgotten)
		resolve_set_aside(s->r, e, why, reason);
}

/*
 * Lock held. What the worker must be told, and remembered as told. False: a file must be opened
 * again first.
 */
static bool prepare(struct resolve_slot *s, struct resolve_entry *e, struct exchange *x)
{
	bool known = e->known[s->index] == s->run;
	enum resolve_kind kind = e->object.kind;

	*x = (struct exchange){.fd = -1, .elsewhere = {s->r, e}};
	if (kind == RESOLVE_FILE)
		x->whose = (struct open_debug){.domain = e->object.domain,
					       .pid = e->object.pid,
					       .start_ns = e->object.start_ns,
					       .path = e->object.path ? e->object.path : "",
					       .elsewhere = resolve_elsewhere,
					       .elsewhere_ctx = &x->elsewhere,
					       .room_dir = s->r->options.room_dir
								   ? s->r->options.room_dir
								   : OPEN_DEBUG_ROOM_DIR,
					       .room_left = &s->room_left};
	if (!known && kind == RESOLVE_FILE && e->fd < 0)
		return false;
	fill_request(s, e, known);
	if (!known) {
		if (++s->n_known > WORKER_OBJECTS_MAX)
			forget_oldest(s);
		e->known[s->index] = s->run;
	}
	x->needs_kernel = kind == RESOLVE_MODULE && !s->has_kernel;
	s->has_kernel |= kind == RESOLVE_MODULE || kind == RESOLVE_KERNEL;
	if (s->q.with_fd && kind == RESOLVE_FILE)
		x->fd = e->fd;
	x->forget = s->forget;
	x->n_forget = s->n_forget;
	s->forget = NULL;
	s->n_forget = s->cap_forget = 0;
	return true;
}

/* Lock held, released meanwhile. */
static void ask_entry(struct resolve_slot *s, struct resolve_entry *e)
{
	struct protocol_answer names = {};
	struct resolve *r = s->r;
	struct exchange x;
	int result = 0;

	if (!prepare(s, e, &x)) {
		e->state = RESOLVE_TO_OPEN;
		return;
	}
	pthread_mutex_unlock(&r->lock);
	if (s->q.with_fd && s->q.kind == PROTOCOL_OBJECT_KERNEL) {
		x.fd = kallsyms_open();
		x.own_fd = true;
		if (x.fd < 0) {
			names.error = x.fd;
			snprintf(names.sentence, sizeof(names.sentence), "cannot open %s: %s",
				 KALLSYMS, strerror(-x.fd));
		}
	}
	if (!names.error)
		result = exchange(s, &x, &names);
	free(x.forget);
	if (x.own_fd && x.fd >= 0)
		close(x.fd);
	pthread_mutex_lock(&r->lock);
	if (result < 0)
		resolve_bury_worker(s, e, result);
	else
		take_answer(s, e, &names);
}

/* Lock held. No worker: wait a little and try again, but not for ever. */
static void start_failed(struct resolve_slot *s, struct resolve_entry *e, const struct err *err)
{
	if (s->r->ending || e->forgotten)
		return;
	if (++s->start_failures >= START_FAILURES_MAX)
		resolve_set_aside(s->r, e, err->code, err_text(err));
	else
		resolve_wait(s->r, &s->to_ask, START_BACKOFF_MS << s->start_failures);
}

/* Lock held, released meanwhile. */
static void ask_one(struct resolve_slot *s, struct resolve_entry *e)
{
	struct err err = {};

	TAILQ_REMOVE(&s->r->ready, e, queue);
	e->queued = false;
	e->busy = true;
	e->used = ++s->r->clock;
	s->idle = false;
	s->claiming = true;
	s->claimed = e->object.domain;
	if (resolve_ensure_worker(s, e->object.domain, &err) < 0) {
		start_failed(s, e, &err);
	} else {
		s->start_failures = 0;
		if (e->jit)
			resolve_jit_exchange(s, e);
		else
			ask_entry(s, e);
	}
	s->used_ms = resolve_now_ms();
	s->claiming = false;
	resolve_release(s->r, e);
}

static void wait_for_work(struct resolve_slot *s)
{
	s->idle = true;
	resolve_wait(s->r, &s->to_ask, TAILQ_EMPTY(&s->r->ready) ? IDLE_END_MS : LOOK_AGAIN_MS);
	if (s->alive && resolve_now_ms() - s->used_ms >= IDLE_END_MS)
		resolve_end_worker(s);
}

void *resolve_ask_run(void *slot)
{
	struct resolve_slot *s = slot;
	struct resolve *r = s->r;

	pthread_mutex_lock(&r->lock);
	while (!r->ending) {
		struct resolve_entry *e = pick(s);

		if (e)
			ask_one(s, e);
		else
			wait_for_work(s);
	}
	resolve_end_worker(s);
	free(s->forget);
	resolve_thread_ends(r);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}
