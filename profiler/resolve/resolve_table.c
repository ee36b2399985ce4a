/*
 * The table thread: unwind tables of objects, from the cache on disk or from a worker that compiles
 * nothing else.
 *
 * It works on a duplicate of the file's descriptor, so that names of the same file may be asked for
 * meanwhile; whoever was forgotten in between is not answered.
 */
#include "profiler/base/cleanup.h"
#include "profiler/base/wire.h"
#include "profiler/jail/open_debug.h"
#include "profiler/jail/protocol_table.h"
#include "profiler/resolve/resolve_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SEND_MS	    5000
#define IDLE_END_MS 20000 /* a worker that has nothing to compile ends */
/* A worker that could not be started is not tried again sooner, and twice as late each time. */
#define START_AFTER_MS	   200
#define START_AFTER_MS_MAX 12800

/* What is asked for, copied under the lock. */
struct table_job {
	uint32_t object, serial, domain;
	enum resolve_kind kind;
	bool exact;
	uint8_t build_id[ABI_BUILD_ID_MAX];
	uint8_t build_id_bytes;
	int fd; /* ours; -1: the vdso */
	char *path; /* ours */
	struct open_debug whose; /* for its separate debug file */
};

/* ---- asking for it ---- */

static void answer(struct resolve *r, struct resolve_entry *e, struct unwind_table *table,
		   bool for_now)
{
	struct resolve_answer *a = calloc(1, sizeof(*a));

	e->wants_table = false;
	if (!a)
		return; /* asked for again at the next miss */
	a->kind = RESOLVE_ANSWER_TABLE;
	a->object = e->object.object;
	if (table) {
		a->has_table = true;
		a->table = *table;
		*table = (struct unwind_table){};
	} else {
		a->for_now = for_now;
		r->tables_none += !for_now;
	}
	resolve_answer_add(r, a);
}

void resolve_table_enqueue(struct resolve *r, struct resolve_entry *e)
{
	struct resolve_queue *queue = e->table_waits ? &r->tables_later : &r->tables;

	if (e->table_queued == queue)
		return;
	if (e->table_queued)
		TAILQ_REMOVE(e->table_queued, e, table_queue);
	e->table_queued = NULL;
	if (e->state == RESOLVE_FAILED) {
		answer(r, e, NULL, false);
		return;
	}
	if (e->object.kind == RESOLVE_FILE && e->fd < 0) {
		/* Closed to make room; a busy one comes back here when it is opened. */
		if (!e->busy && !e->queued) {
			e->state = RESOLVE_TO_OPEN;
			resolve_enqueue(r, e);
		}
		return;
	}
	TAILQ_INSERT_TAIL(queue, e, table_queue);
	e->table_queued = queue;
	pthread_cond_signal(&r->to_table);
}

int resolve_ask_table(struct resolve *r, uint32_t object, bool is_missed)
{
	struct resolve_entry *e;
	int result = 0;

	pthread_mutex_lock(&r->lock);
	e = resolve_find(r, object);
	if (!e || (e->object.kind != RESOLVE_FILE && e->object.kind != RESOLVE_VDSO)) {
		result = -ENOENT;
	} else {
		e->table_waits = !is_missed && (!e->wants_table || e->table_waits);
		e->wants_table = true;
		resolve_table_enqueue(r, e);
	}
	pthread_mutex_unlock(&r->lock);
	return result;
}

/* ---- the worker ---- */

static int send_request(struct resolve_slot *s, const struct table_job *job, uint32_t id)
{
	struct wire_msg m;
	int r;

	wire_msg_init(&m, PROTOCOL_TABLE, id);
	buf_add_u32(&m.body, PROTOCOL_TABLE_DEBUG);
	if (job->fd >= 0)
		m.fds[m.n_fds++] = job->fd; /* stays ours */
	r = wire_send(s->worker.sock, &m, SEND_MS);
	m.n_fds = 0;
	wire_msg_done(&m);
	return r;
}

/* The answer; its debug file is opened for it meanwhile. 1 and the message, or negative errno. */
static int receive_answer(struct resolve_slot *s, const struct table_job *job, uint32_t id,
			  struct wire_msg *ret)
{
	for (unsigned int wants = 0; wants <= PROTOCOL_WANTS_MAX; wants++) {
		struct resolve_patience patience;
		int r;

		resolve_be_patient(s, &patience);
		r = resolve_receive(s, &patience, ret);
		if (r < 0)
			return r;
		if (ret->type != PROTOCOL_WANT)
			return 1;
		r = open_debug_answer(s->worker.sock, ret, id, &job->whose);
		wire_msg_done(ret);
		if (r < 0)
			return r;
	}
	return -EBADMSG;
}

static int exchange(struct resolve_slot *s, const struct table_job *job, struct protocol_table *ret,
		    char sentence[PROTOCOL_SENTENCE_MAX + 1])
{
	struct wire_msg m;
	uint32_t id = ++s->request;
	int error, r = send_request(s, job, id);

	if (r == 0)
		r = receive_answer(s, job, id, &m);
	if (r < 0)
		return r;
	r = -EBADMSG;
	if (m.id == id && m.type == PROTOCOL_TABLE && !m.n_fds) {
		r = protocol_table_parse(m.body.data, m.body.len, ret);
	} else if (m.id == id && m.type == PROTOCOL_FAILED && !m.n_fds &&
		   protocol_failed_parse(m.body.data, m.body.len, &error, sentence) == 0) {
		r = 1;
	}
	wire_msg_done(&m);
	return r;
}

static bool is_another(const struct table_job *job, const struct protocol_table *t)
{
	return job->fd >= 0 && !job->exact &&
	       (t->build_id_bytes != job->build_id_bytes ||
		memcmp(t->build_id, job->build_id, job->build_id_bytes) != 0);
}

/* Lock held, released meanwhile. 0, or why there is none, in reason only where it was tried. */
static int ensure_worker(struct resolve_slot *s, uint32_t domain,
			 char reason[PROTOCOL_SENTENCE_MAX + 1])
{
	uint64_t wait_ms = START_AFTER_MS << s->start_failures;
	struct err err = {};
	int r;

	if (resolve_now_ms() < s->start_after_ms)
		return -EAGAIN;
	r = resolve_ensure_worker(s, domain, &err);
	if (r == 0) {
		s->start_failures = 0;
		return 0;
	}
	snprintf(reason, PROTOCOL_SENTENCE_MAX + 1, "%s", err_text(&err));
	s->start_failures += wait_ms < START_AFTER_MS_MAX;
	s->start_after_ms = resolve_now_ms() + wait_ms;
	return r;
}

/*
 * Lock held, released meanwhile. 0 and the table; or -EAGAIN, for now, or -ENODATA: there is none,
 * and the sentence that says why.
 */
static int compile(struct resolve_slot *s, const struct table_job *job, struct unwind_table *ret,
		   char reason[PROTOCOL_SENTENCE_MAX + 1])
{
	struct protocol_table t = {};
	int r = ensure_worker(s, job->domain, reason);

	if (r < 0)
		return -EAGAIN;
	pthread_mutex_unlock(&s->r->lock);
	r = exchange(s, job, &t, reason);
	pthread_mutex_lock(&s->r->lock);
	if (r < 0) {
		int status = resolve_end_worker(s);

		if (!s->r->ending)
			s->r->workers_restarted++;
		resolve_describe_death(r, status, reason, RESOLVE_REASON_BYTES);
		return -ENODATA;
	}
	if (r == 0 && is_another(job, &t)) {
		snprintf(reason, PROTOCOL_SENTENCE_MAX + 1, "another file has taken its place");
		protocol_table_done(&t);
		return -ENODATA;
	}
	if (r > 0)
		return -ENODATA;
	s->r->tables_compiled++;
	s->r->compile_ns += t.compile_ns;
	*ret = t.table;
	return 0;
}

/* ---- one table ---- */

static void job_of(const struct resolve_entry *e, struct table_job *ret)
{
	*ret = (struct table_job){
		.object = e->object.object,
		.serial = e->serial,
		.domain = e->object.domain,
		.kind = e->object.kind,
		.exact = e->exact,
		.build_id_bytes = e->object.build_id_bytes,
		.fd = e->fd >= 0 ? fcntl(e->fd, F_DUPFD_CLOEXEC, 3) : -1,
		.path = e->object.path ? strdup(e->object.path) : NULL,
		.whose = {.domain = e->object.domain,
			  .pid = e->object.pid,
			  .start_ns = e->object.start_ns},
	};
	ret->whose.path = ret->path;
	memcpy(ret->build_id, e->object.build_id, sizeof(ret->build_id));
}

/* As compile(), but from the cache where it is there. */
static int make(struct resolve_slot *s, const struct table_job *job, struct unwind_table *ret,
		char reason[PROTOCOL_SENTENCE_MAX + 1])
{
	struct resolve *r = s->r;
	bool found;
	int made;

	pthread_mutex_unlock(&r->lock);
	found = table_cache_get(r->cache, job->domain, job->build_id, job->build_id_bytes, ret) ==
		0;
	pthread_mutex_lock(&r->lock);
	r->tables_cached += found;
	if (found)
		return 0;
	if (job->kind == RESOLVE_FILE && job->fd < 0) {
		snprintf(reason, PROTOCOL_SENTENCE_MAX + 1, "no descriptor was left for it");
		return -EAGAIN;
	}
	made = compile(s, job, ret, reason);
	if (made < 0)
		return made;
	pthread_mutex_unlock(&r->lock);
	table_cache_put(r->cache, job->domain, job->build_id, job->build_id_bytes, ret);
	pthread_mutex_lock(&r->lock);
	return 0;
}

static void make_one(struct resolve_slot *s, struct resolve_entry *e)
{
	char reason[PROTOCOL_SENTENCE_MAX + 1] = "";
	struct unwind_table table = {};
	struct table_job job;
	int made;

	TAILQ_REMOVE(e->table_queued, e, table_queue);
	e->table_queued = NULL;
	job_of(e, &job);
	made = make(s, &job, &table, reason);
	if (job.fd >= 0)
		close(job.fd);
	free(job.path);
	s->used_ms = resolve_now_ms();
	e = resolve_find(s->r, job.object);
	if (e && e->serial == job.serial && !s->r->ending) {
		if (reason[0])
			resolve_remember_failure(s->r, e->object.path, reason);
		answer(s->r, e, made == 0 ? &table : NULL, made == -EAGAIN);
	}
	unwind_table_done(&table);
}

static void wait_for_work(struct resolve_slot *s)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += IDLE_END_MS / 1000;
	if (s->alive)
		pthread_cond_timedwait(&s->r->to_table, &s->r->lock, &at);
	else
		pthread_cond_wait(&s->r->to_table, &s->r->lock);
	if (s->alive && resolve_now_ms() - s->used_ms >= IDLE_END_MS)
		resolve_end_worker(s);
}

void *resolve_table_run(void *slot)
{
	struct resolve_slot *s = slot;
	struct resolve *r = s->r;

	pthread_mutex_lock(&r->lock);
	while (!r->ending) {
		struct resolve_entry *e = TAILQ_FIRST(&r->tables);

		if (!e)
			e = TAILQ_FIRST(&r->tables_later);
		if (e)
			make_one(s, e);
		else
			wait_for_work(s);
	}
	resolve_end_worker(s);
	resolve_thread_ends(r);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}
