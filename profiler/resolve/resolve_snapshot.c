/*
 * The snapshot thread: copied stacks, one after the other, to a worker that unwinds nothing else.
 *
 * What waits for longest comes first, but stacks of the worker's own domain go before others until
 * those have waited for SWITCH_MS: a new run has to be told everything again. A process whose stack
 * ended a worker is not unwound any more.
 */
#include "profiler/base/cleanup.h"
#include "profiler/base/wire.h"
#include "profiler/resolve/resolve_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEND_MS	    5000
#define ANSWER_MS   1000 /* the longest stacks take a few ms; others wait meanwhile */
#define SWITCH_MS   500
#define OPEN_MS	    1000 /* a stack waits this long for its files to be opened */
#define LOOK_MS	    20
#define IDLE_END_MS 20000

/* ---- asking for it ---- */

int resolve_ask_snapshot(struct resolve *r, struct resolve_snapshot *q)
{
	int result = -ENOBUFS;

	pthread_mutex_lock(&r->lock);
	if (r->n_snapshots < RESOLVE_SNAPSHOTS_MAX) {
		q->asked_ms = resolve_now_ms();
		TAILQ_INSERT_TAIL(&r->snapshots, q, link);
		r->n_snapshots++;
		pthread_cond_signal(&r->to_unwind);
		result = 0;
	}
	pthread_mutex_unlock(&r->lock);
	return result;
}

/* stack NULL: there is none. Where no memory is left for saying so, the asker's patience ends. */
static void answer(struct resolve *r, uint64_t id, struct protocol_snapshot_answer *stack)
{
	struct resolve_answer *a = calloc(1, sizeof(*a));

	if (!a) {
		free(stack);
		return;
	}
	a->kind = RESOLVE_ANSWER_SNAPSHOT;
	a->snapshot = id;
	a->stack = stack;
	resolve_answer_add(r, a);
}

/* ---- which stack ---- */

static bool is_refused(const struct resolve *r, const struct resolve_snapshot *q)
{
	for (uint32_t i = 0; i < RESOLVE_REFUSED_MAX; i++)
		if (r->refused[i].pid == q->pid && r->refused[i].start_ns == q->start_ns)
			return true;
	return false;
}

static void refuse(struct resolve *r, uint32_t pid, uint64_t start_ns)
{
	r->refused[r->refused_total++ % RESOLVE_REFUSED_MAX] =
		(struct resolve_refused){.pid = pid, .start_ns = start_ns};
}

/* The file behind a mapping, or NULL: none, or not to be read in a run of this domain. */
static struct resolve_entry *entry_of(struct resolve *r, const struct resolve_snapshot *q,
				      uint32_t object)
{
	struct resolve_entry *e;

	if (object == SNAPSHOT_FILE_NONE || object == SNAPSHOT_FILE_VDSO)
		return NULL;
	e = resolve_find(r, object);
	if (!e || e->object.kind != RESOLVE_FILE ||
	    (e->object.domain != 0 && e->object.domain != q->domain))
		return NULL;
	return e;
}

/* Whether the file can be told to the worker now, or never; else it is being opened. */
static bool is_settled(struct resolve *r, struct resolve_entry *e)
{
	const struct resolve_slot *s = &r->slot[RESOLVE_SNAPSHOTS];

	if (e->state == RESOLVE_FAILED || e->fd >= 0 || (s->alive && e->known[s->index] == s->run))
		return true;
	/* Closed to make room. */
	if (!e->busy && !e->queued) {
		e->state = RESOLVE_TO_OPEN;
		resolve_enqueue(r, e);
	}
	return false;
}

static bool is_ready(struct resolve *r, const struct resolve_snapshot *q, uint64_t now_ms)
{
	bool ready = true;

	if (now_ms - q->asked_ms >= OPEN_MS)
		return true;
	for (uint32_t i = 0; i < q->snapshot.n_mappings; i++) {
		struct resolve_entry *e = entry_of(r, q, q->snapshot.mappings[i].file);

		ready &= !e || is_settled(r, e);
	}
	return ready;
}

static struct resolve_snapshot *pick(struct resolve_slot *s)
{
	struct resolve_snapshot *first = TAILQ_FIRST(&s->r->snapshots), *q;
	uint64_t now_ms = resolve_now_ms();

	if (first && s->alive && first->domain != s->domain && now_ms - first->asked_ms < SWITCH_MS)
		TAILQ_FOREACH(q, &s->r->snapshots, link)
	if (q->domain == s->domain && is_ready(s->r, q, now_ms))
		return q;
	TAILQ_FOREACH(q, &s->r->snapshots, link)
	if (is_ready(s->r, q, now_ms))
		return q;
	return NULL;
}

/* ---- the worker ---- */

/* What one exchange needs, gathered under the lock. */
struct job {
	uint32_t serial[SNAPSHOT_MAPPINGS_MAX]; /* files to be told */
	int fd[SNAPSHOT_MAPPINGS_MAX]; /* ours */
	uint32_t n;
	uint32_t *forget;
	size_t n_forget;
};

static void job_done(struct job *job)
{
	for (uint32_t i = 0; i < job->n; i++)
		close(job->fd[i]);
	free(job->forget);
	free(job);
}

/*
 * The number by which the worker knows the file, which is told first where it does not;
 * SNAPSHOT_FILE_NONE: it will not.
 */
static uint32_t tell_file(struct resolve_slot *s, struct resolve_entry *e, struct job *job)
{
	if (e->known[s->index] == s->run)
		return e->serial;
	if (e->fd < 0 || !e->exact || job->n == SNAPSHOT_MAPPINGS_MAX)
		return SNAPSHOT_FILE_NONE;
	job->fd[job->n] = fcntl(e->fd, F_DUPFD_CLOEXEC, 3);
	if (job->fd[job->n] < 0)
		return SNAPSHOT_FILE_NONE;
	job->serial[job->n++] = e->serial;
	e->known[s->index] = s->run;
	s->n_known++;
	return e->serial;
}

/* The mappings of q name files by serials from here on. Lock held. */
static struct job *prepare(struct resolve_slot *s, struct resolve_snapshot *q)
{
	struct snapshot_mapping *mappings = (struct snapshot_mapping *)q->snapshot.mappings;
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	for (uint32_t i = 0; i < q->snapshot.n_mappings; i++) {
		struct resolve_entry *e = entry_of(s->r, q, mappings[i].file);

		if (mappings[i].file == SNAPSHOT_FILE_VDSO)
			continue;
		mappings[i].file = SNAPSHOT_FILE_NONE;
		if (!e)
			continue;
		e->used = ++s->r->clock;
		mappings[i].file = tell_file(s, e, job);
	}
	job->forget = s->forget;
	job->n_forget = s->n_forget;
	s->forget = NULL;
	s->n_forget = s->cap_forget = 0;
	return job;
}

static int send_file(const struct resolve_slot *s, uint32_t serial, int fd)
{
	struct wire_msg m;
	int r;

	wire_msg_init(&m, PROTOCOL_SNAPSHOT_FILE, 0);
	buf_add_u32(&m.body, serial);
	m.fds[m.n_fds++] = fd; /* stays ours */
	r = wire_send(s->worker.sock, &m, SEND_MS);
	m.n_fds = 0;
	wire_msg_done(&m);
	return r;
}

static int send_request(struct resolve_slot *s, const struct snapshot *snapshot, uint32_t *ret_id)
{
	struct wire_msg m;
	int r;

	wire_msg_init(&m, PROTOCOL_SNAPSHOT, ++s->request);
	*ret_id = m.id;
	protocol_snapshot_write(&m.body, snapshot);
	r = wire_send(s->worker.sock, &m, SEND_MS);
	wire_msg_done(&m);
	return r;
}

static int receive_answer(const struct resolve_slot *s, uint32_t id,
			  struct protocol_snapshot_answer *ret)
{
	struct wire_msg m;
	int r = wire_receive(s->worker.sock, &m, ANSWER_MS);

	if (r <= 0)
		return r < 0 ? r : -EPIPE;
	if (m.type != PROTOCOL_SNAPSHOT || m.id != id || m.n_fds)
		r = -EBADMSG;
	else
		r = protocol_snapshot_answer_parse(m.body.data, m.body.len, ret);
	wire_msg_done(&m);
	return r;
}

/* Without the lock. 0 and an answer, or negative errno of the worker. */
static int exchange(struct resolve_slot *s, const struct job *job, const struct snapshot *snapshot,
		    struct protocol_snapshot_answer *ret)
{
	uint32_t id = 0;
	int r = resolve_tell_forgotten(s, job->forget, job->n_forget);

	for (uint32_t i = 0; i < job->n && r == 0; i++)
		r = send_file(s, job->serial[i], job->fd[i]);
	if (r == 0)
		r = send_request(s, snapshot, &id);
	return r < 0 ? r : receive_answer(s, id, ret);
}

/* ---- one stack ---- */

/* A run that knows as many files as it may begins anew. */
static int ensure_worker(struct resolve_slot *s, const struct resolve_snapshot *q)
{
	struct err err = {};

	if (s->n_known + q->snapshot.n_mappings > SNAPSHOT_FILES_MAX - 1)
		resolve_end_worker(s);
	return resolve_ensure_worker(s, q->domain, &err);
}

/* Lock held, released meanwhile. NULL: there is no answer. */
static struct protocol_snapshot_answer *unwind(struct resolve_slot *s, struct resolve_snapshot *q)
{
	_cleanup_free_ struct protocol_snapshot_answer *a = malloc(sizeof(*a));
	struct job *job;
	int r;

	if (!a || is_refused(s->r, q) || ensure_worker(s, q) < 0)
		return NULL;
	job = prepare(s, q);
	if (!job)
		return NULL;
	pthread_mutex_unlock(&s->r->lock);
	r = exchange(s, job, &q->snapshot, a);
	job_done(job);
	pthread_mutex_lock(&s->r->lock);
	if (r == 0)
		return steal_ptr(a);
	resolve_end_worker(s);
	if (!s->r->ending) {
		s->r->workers_restarted++;
		refuse(s->r, q->pid, q->start_ns);
	}
	return NULL;
}

static void unwind_one(struct resolve_slot *s, struct resolve_snapshot *q)
{
	TAILQ_REMOVE(&s->r->snapshots, q, link);
	s->r->n_snapshots--;
	answer(s->r, q->id, unwind(s, q));
	s->used_ms = resolve_now_ms();
	free(q);
}

static void wait_for_work(struct resolve_slot *s)
{
	resolve_wait(s->r, &s->r->to_unwind, TAILQ_EMPTY(&s->r->snapshots) ? IDLE_END_MS : LOOK_MS);
	if (s->alive && resolve_now_ms() - s->used_ms >= IDLE_END_MS)
		resolve_end_worker(s);
}

void *resolve_snapshot_run(void *slot)
{
	struct resolve_slot *s = slot;
	struct resolve *r = s->r;

	pthread_mutex_lock(&r->lock);
	while (!r->ending) {
		struct resolve_snapshot *q = pick(s);

		if (q)
			unwind_one(s, q);
		else
			wait_for_work(s);
	}
	resolve_end_worker(s);
	free(s->forget);
	resolve_thread_ends(r);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}
