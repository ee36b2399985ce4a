/*
 * The opening thread: opens what was announced, in order. It alone may hang on a dead file server;
 * then names of files that are not yet open have to wait, and nothing else does.
 */
#include "profiler/base/cleanup.h"
#include "profiler/jail/open_for.h"
#include "profiler/resolve/resolve_state.h"

#include <errno.h>
#include <string.h>

static int open_entry(const struct resolve_entry *e, bool *ret_exact, struct err *err)
{
	const struct resolve_object *o = &e->object;
	struct open_for what = {
		.key = o->key,
		.domain = o->domain,
		.build_id_known = o->build_id_bytes > 0,
		.pid = o->pid,
		.start_ns = o->start_ns,
		.vm_start = o->vm_start,
		.vm_end = o->vm_end,
		.is_exe = o->is_exe,
		.path = o->path,
	};

	return open_for_mapped(&what, ret_exact, err);
}

/* The lock is held, but not while the file is opened. */
static void open_file(struct resolve *r, struct resolve_entry *e)
{
	struct err err = {};
	bool exact = false;
	int fd;

	resolve_make_room(r);
	pthread_mutex_unlock(&r->lock);
	fd = open_entry(e, &exact, &err);
	pthread_mutex_lock(&r->lock);
	if (fd >= 0) {
		e->fd = fd;
		e->exact = exact;
		e->state = RESOLVE_READY;
		r->n_open++;
		if (e->wants_table && !e->forgotten)
			resolve_table_enqueue(r, e);
		pthread_cond_signal(&r->to_unwind);
	} else if (!e->forgotten) {
		resolve_set_aside(r, e, fd, err_text(&err));
	}
}

static void open_one(struct resolve *r, struct resolve_entry *e)
{
	TAILQ_REMOVE(&r->opening, e, queue);
	e->queued = false;
	e->busy = true;
	if (e->jit)
		resolve_jit_open(r, e);
	else
		open_file(r, e);
	resolve_release(r, e);
}

void *resolve_open_run(void *resolve)
{
	struct resolve *r = resolve;

	pthread_mutex_lock(&r->lock);
	while (!r->ending) {
		struct resolve_entry *e = TAILQ_FIRST(&r->opening);

		if (e)
			open_one(r, e);
		else
			pthread_cond_wait(&r->to_open, &r->lock);
	}
	resolve_thread_ends(r);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}
