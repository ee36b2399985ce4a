/*
 * Names of run-time compiled code: the part of resolve that looks at a process's perf map and
 * jitdump, each time that it is asked, on the opening thread, and has a worker read them on, on an
 * asking thread.
 */
#include "profiler/base/cleanup.h"
#include "profiler/base/wire.h"
#include "profiler/jail/open_jit.h"
#include "profiler/resolve/resolve_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SEND_MS	   5000
#define PATH_BYTES 128
/* A gigabyte takes a worker a few seconds; who needs so many does something else. */
#define BEHIND_MAX 120

_Static_assert(sizeof(struct resolve_jit_question) == RESOLVE_JIT_WORDS * sizeof(uint64_t) &&
		       sizeof(struct protocol_jit_question) == sizeof(struct resolve_jit_question),
	       "questions are kept as the words that offsets are");
_Static_assert(RESOLVE_JIT_QUESTIONS_MAX <= PROTOCOL_JIT_QUESTIONS_MAX, "all in one request");

/*
 * Belongs to the thread that made its entry busy; while the entry waits in the queue of the asking
 * threads, its descriptors are open.
 */
struct resolve_jit {
	struct open_jit open;
	bool begun;
	bool over; /* when its files were looked at last */
	bool read; /* a worker has read of them */
	int fd[SOURCE_JIT_KINDS]; /* -1: none */
	unsigned int behind; /* answers of a worker that it has more to read, in a row */
	char reason[SOURCE_JIT_KINDS][RESOLVE_REASON_BYTES]; /* told in the status */
};

struct resolve_jit *resolve_jit_new(const struct resolve_object *o)
{
	struct resolve_jit *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->open = (struct open_jit){.pid = o->pid, .start_ns = o->start_ns, .uid = o->uid};
	j->open.proc = j->open.tmp = j->open.dump = -1;
	for (int i = 0; i < SOURCE_JIT_KINDS; i++)
		j->fd[i] = -1;
	return j;
}

static void close_files(struct resolve_jit *j)
{
	for (int i = 0; i < SOURCE_JIT_KINDS; i++) {
		if (j->fd[i] >= 0)
			close(j->fd[i]);
		j->fd[i] = -1;
	}
}

struct resolve_jit *resolve_jit_free(struct resolve_jit *j)
{
	if (!j)
		return NULL;
	close_files(j);
	open_jit_end(&j->open);
	free(j);
	return NULL;
}

/* ---- asking and answering ---- */

int resolve_jit_ask(struct resolve *r, uint32_t object,
		    const struct resolve_jit_question *questions, uint32_t n)
{
	struct resolve_entry *e;
	int result;

	if (n > RESOLVE_JIT_QUESTIONS_MAX)
		return -EINVAL;
	pthread_mutex_lock(&r->lock);
	e = resolve_find(r, object);
	if (!e || !e->jit) {
		result = -ENOENT;
	} else if (e->busy || e->queued || e->asked) {
		result = -EBUSY;
	} else {
		e->asked = true;
		/* Its files are looked at anew each time. */
		if (e->state == RESOLVE_READY)
			e->state = RESOLVE_TO_OPEN;
		result = resolve_queue(r, e, (const uint64_t *)questions,
				       (size_t)n * RESOLVE_JIT_WORDS);
		if (result < 0)
			e->asked = false;
	}
	pthread_mutex_unlock(&r->lock);
	return result;
}

/* The questions of e leave for an answer, which is given names. */
static void answer(struct resolve *r, struct resolve_entry *e, struct protocol_jit_answer *names)
{
	struct resolve_answer *a = calloc(1, sizeof(*a));

	e->asked = false;
	e->domain->waiting -= e->n;
	if (!a) {
		atomic_fetch_sub(&r->pending, e->n);
		protocol_jit_answer_done(names);
		e->n = 0;
		return;
	}
	a->kind = RESOLVE_ANSWER_JIT;
	a->object = e->object.object;
	a->over = e->jit->over;
	a->n = (uint32_t)e->n;
	a->offsets = steal_ptr(e->offsets);
	a->jit = *names;
	e->n = e->cap = 0;
	resolve_answer_add(r, a);
}

void resolve_jit_nameless(struct resolve *r, struct resolve_entry *e)
{
	struct protocol_jit_answer none = {
		.which = calloc(e->n / RESOLVE_JIT_WORDS + 1, sizeof(*none.which))};

	close_files(e->jit);
	answer(r, e, &none);
}

/* ---- reasons ---- */

static void tell(struct resolve *r, struct resolve_entry *e, int kind, const char *sentence)
{
	struct resolve_jit *j = e->jit;
	char path[PATH_BYTES], map[OPEN_JIT_PATH_BYTES];

	if (!strncmp(j->reason[kind], sentence, sizeof(j->reason[kind]) - 1))
		return;
	snprintf(j->reason[kind], sizeof(j->reason[kind]), "%s", sentence);
	if (!sentence[0])
		return;
	open_jit_map_path(&j->open, map);
	if (kind == SOURCE_JIT_MAP)
		snprintf(path, sizeof(path), "%s of pid %" PRIu32, map, j->open.pid);
	else
		snprintf(path, sizeof(path), "jit-%" PRIu32 ".dump of pid %" PRIu32,
			 j->open.inner_pid, j->open.pid);
	resolve_remember_failure(r, path, sentence);
}

/* ---- the opening thread ---- */

/* Without the lock. Files are opened after the process was seen to be over, or not: so that what is
 * read then is all that there is. */
static void look(struct resolve_jit *j, bool open_files, struct err *errs)
{
	if (!j->begun) {
		uint32_t pid = j->open.pid, uid = j->open.uid;

		j->begun = open_jit_begin(&j->open, pid, j->open.start_ns, uid) == 0;
		if (!j->begun) {
			open_jit_end(&j->open);
			j->over = true;
			return;
		}
	}
	j->over = open_jit_is_over(&j->open);
	close_files(j);
	if (!open_files)
		return;
	j->fd[SOURCE_JIT_MAP] = open_jit_map(&j->open, &errs[SOURCE_JIT_MAP]);
	j->fd[SOURCE_JIT_DUMP] = open_jit_dump(&j->open, &errs[SOURCE_JIT_DUMP]);
}

void resolve_jit_open(struct resolve *r, struct resolve_entry *e)
{
	struct err errs[SOURCE_JIT_KINDS] = {};
	struct resolve_jit *j = e->jit;
	bool asked = e->asked;

	pthread_mutex_unlock(&r->lock);
	look(j, e->n > 0, errs);
	pthread_mutex_lock(&r->lock);
	e->state = RESOLVE_READY;
	/* Nobody asked: it was announced. */
	if (e->forgotten || !asked)
		return;
	for (int i = 0; i < SOURCE_JIT_KINDS; i++)
		if (errs[i].text[0])
			tell(r, e, i, errs[i].text);
	/* What was read of an ended process holds, also where it is deleted. */
	if (!e->n ||
	    (j->fd[SOURCE_JIT_MAP] < 0 && j->fd[SOURCE_JIT_DUMP] < 0 && !(j->over && j->read)))
		resolve_jit_nameless(r, e);
}

/* ---- an asking thread ---- */

static int send_request(struct resolve_slot *s, struct resolve_entry *e, const uint64_t *words,
			uint32_t n, uint32_t *ret_id)
{
	struct resolve_jit *j = e->jit;
	struct protocol_jit_request q = {.serial = e->serial, .n = n};
	struct wire_msg m;
	int r;

	wire_msg_init(&m, PROTOCOL_JIT, ++s->request);
	*ret_id = m.id;
	for (int i = 0; i < SOURCE_JIT_KINDS; i++) {
		if (j->fd[i] < 0)
			continue;
		q.bits |= 1u << i;
		m.fds[m.n_fds++] = j->fd[i]; /* stays ours: see wire_send() */
	}
	if (j->over)
		q.bits |= PROTOCOL_JIT_LAST;
	q.questions = (struct protocol_jit_question *)words;
	protocol_jit_request_write(&m.body, &q);
	r = wire_send(s->worker.sock, &m, SEND_MS);
	m.n_fds = 0;
	wire_msg_done(&m);
	return r;
}

static int receive_answer(const struct resolve_slot *s, uint32_t id, uint32_t asked,
			  struct protocol_jit_answer *ret)
{
	struct resolve_patience patience;
	struct wire_msg m;
	int r;

	resolve_be_patient(s, &patience);
	r = resolve_receive(s, &patience, &m);
	if (r < 0)
		return r;
	if (m.type != PROTOCOL_JIT || m.id != id || m.n_fds)
		r = -EBADMSG;
	else
		r = protocol_jit_answer_parse(m.body.data, m.body.len, asked, ret);
	wire_msg_done(&m);
	return r;
}

/* Lock held. Takes names. */
static void take_answer(struct resolve *r, struct resolve_entry *e,
			struct protocol_jit_answer *names)
{
	/* What is behind is asked again at once: its questions are still there. */
	if (e->forgotten || names->behind) {
		protocol_jit_answer_done(names);
		return;
	}
	e->jit->behind = 0;
	e->jit->read = true;
	for (int i = 0; i < SOURCE_JIT_KINDS; i++)
		if (e->jit->fd[i] >= 0)
			tell(r, e, i, names->sentence[i]);
	close_files(e->jit);
	answer(r, e, names);
}

void resolve_jit_exchange(struct resolve_slot *s, struct resolve_entry *e)
{
	uint32_t n = (uint32_t)(e->n / RESOLVE_JIT_WORDS), id;
	_cleanup_free_ uint64_t *words = malloc(e->n * sizeof(*words) + 1);
	struct protocol_jit_answer names = {};
	struct resolve *r = s->r;
	int result;

	if (!words) {
		resolve_jit_nameless(r, e);
		return;
	}
	memcpy(words, e->offsets, e->n * sizeof(*words));
	if (e->known[s->index] != s->run)
		s->n_known++;
	e->known[s->index] = s->run;
	pthread_mutex_unlock(&r->lock);
	result = send_request(s, e, words, n, &id);
	if (result == 0)
		result = receive_answer(s, id, n, &names);
	pthread_mutex_lock(&r->lock);
	if (result == 0 && names.behind && ++e->jit->behind > BEHIND_MAX)
		result = -ETIMEDOUT;
	if (result < 0)
		resolve_bury_worker(s, e, result);
	else
		take_answer(r, e, &names);
}
