/* Answers, from the threads that found them to the callbacks of the thread that asked. */
#include "profiler/resolve/resolve_state.h"

#include <stdlib.h>
#include <unistd.h>

#define UNTOLD_MAX 1024 /* names */

static void tell(struct resolve *r)
{
	uint64_t one = 1;

	r->n_untold = 0;
	/* It can only fail when it is readable already. */
	(void)!write(r->event, &one, sizeof(one));
}

void resolve_tell_all(struct resolve *r)
{
	if (r->n_untold && TAILQ_EMPTY(&r->ready))
		tell(r);
}

/* Names of many files are told at once, with the last that is ready: telling wakes a thread. */
void resolve_answer_add(struct resolve *r, struct resolve_answer *a)
{
	STAILQ_INSERT_TAIL(&r->answers, a, link);
	if (a->kind == RESOLVE_ANSWER_NAMED)
		r->n_untold += a->n;
	if (a->kind != RESOLVE_ANSWER_NAMED || r->n_untold >= UNTOLD_MAX || TAILQ_EMPTY(&r->ready))
		tell(r);
}

void resolve_answer_free(struct resolve_answer *a)
{
	free(a->offsets);
	protocol_answer_done(&a->names);
	protocol_jit_answer_done(&a->jit);
	unwind_table_done(&a->table);
	free(a->stack);
	free(a);
}

/* The answer to go on with, or NULL when there is none and resolve_fd() is quiet. */
static struct resolve_answer *next_answer(struct resolve *r)
{
	uint64_t count;

	pthread_mutex_lock(&r->lock);
	if (!r->current) {
		r->current = STAILQ_FIRST(&r->answers);
		if (r->current)
			STAILQ_REMOVE_HEAD(&r->answers, link);
		else
			(void)!read(r->event, &count, sizeof(count));
	}
	pthread_mutex_unlock(&r->lock);
	return r->current;
}

static void deliver_one_name(struct resolve_answer *a, const struct resolve_answers *to, void *ctx)
{
	struct resolve_line lines[PROTOCOL_LINES_MAX];
	uint32_t n = a->kind == RESOLVE_ANSWER_NAMED ? a->names.n_lines[a->next] : 0;
	uint64_t offset = a->offsets[a->next++];

	for (uint32_t i = 0; i < n; i++) {
		const struct protocol_line *l = &a->names.lines[a->next_line++];

		lines[i] = (struct resolve_line){l->function, l->system_name, l->file, l->line,
						 l->column};
	}
	to->named(ctx, a->object, offset, lines, n);
}

static void deliver_jit(struct resolve *r, struct resolve_answer *a,
			const struct resolve_answers *to, void *ctx)
{
	struct resolve_jit_names names = {
		.questions = (const struct resolve_jit_question *)a->offsets,
		.n = a->n / RESOLVE_JIT_WORDS,
		.places = a->jit.places,
		.which = a->jit.which,
		.over = a->over,
	};

	atomic_fetch_sub(&r->pending, a->n);
	a->next = a->n;
	if (to->jit)
		to->jit(ctx, a->object, &names);
}

/* Deliver from a, one step. True when nothing is left of it. */
static bool deliver(struct resolve *r, struct resolve_answer *a, const struct resolve_answers *to,
		    void *ctx)
{
	switch (a->kind) {
	case RESOLVE_ANSWER_IDENTIFIED:
		to->identified(ctx, a->object, a->names.build_id,
			       (uint32_t)a->names.build_id_bytes);
		return true;
	case RESOLVE_ANSWER_FAILED:
		to->failed(ctx, a->object, a->error, a->sentence);
		return true;
	case RESOLVE_ANSWER_CHANGED:
		atomic_fetch_sub(&r->pending, 1);
		a->next = a->n;
		if (to->changed)
			to->changed(ctx, a->object);
		return true;
	case RESOLVE_ANSWER_JIT:
		deliver_jit(r, a, to, ctx);
		return true;
	case RESOLVE_ANSWER_TABLE:
		if (to->table)
			to->table(ctx, a->object, a->has_table ? &a->table : NULL, a->for_now);
		return true;
	case RESOLVE_ANSWER_SNAPSHOT:
		if (to->snapshot)
			to->snapshot(ctx, a->snapshot, a->stack ? a->stack->frames : NULL,
				     a->stack ? a->stack->n : 0, a->stack ? a->stack->end : 0);
		return true;
	default:
		atomic_fetch_sub(&r->pending, 1);
		deliver_one_name(a, to, ctx);
		return a->next == a->n;
	}
}

/* What is left of a is not delivered. */
static void finish(struct resolve *r, struct resolve_answer *a)
{
	r->current = NULL;
	atomic_fetch_sub(&r->pending, a->n - a->next);
	resolve_answer_free(a);
}

int resolve_take(struct resolve *r, const struct resolve_answers *to, void *ctx, unsigned int max)
{
	struct resolve_answer *a;
	int delivered = 0;

	while ((!max || (unsigned int)delivered < max) && (a = next_answer(r))) {
		bool done = a->dropped;

		if (!done) {
			done = deliver(r, a, to, ctx);
			delivered++;
		}
		if (done)
			finish(r, a);
	}
	return delivered;
}

int resolve_fd(const struct resolve *r)
{
	return r->event;
}

size_t resolve_pending(const struct resolve *r)
{
	return atomic_load(&r->pending);
}
