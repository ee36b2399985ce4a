/*
 * What resolve is asked about JIT code, and what it answers; see jit.h. An asking is of one
 * process: nameless addresses first, then all of the samples that wait.
 */
#include "profiler/collector/jit_state.h"

#include <stdlib.h>
#include <string.h>

/* ---- asking ---- */

static void add_nameless(struct jit *j, struct jit_process *p, struct jit_address *a)
{
	uint32_t n = p->asked_again;

	if (a->name != JIT_NAMELESS || a->asked == p->asking || n == JIT_AGAIN_MAX)
		return;
	a->asked = p->asking;
	p->again[n] = a->address;
	j->questions[2 * n] = (struct resolve_jit_question){a->address, a->time_ns};
	j->questions[2 * n + 1] = (struct resolve_jit_question){a->address, a->last_ns};
	p->asked_again++;
}

/* The next nameless of this generation. */
static void add_round(struct jit *j, struct jit_process *p)
{
	if (p->again_at >= p->round_end)
		p->again_at = 0;
	if (p->again_at == 0)
		p->round_end = p->n;
	while (p->again_at < p->round_end && p->asked_again < JIT_AGAIN_MAX)
		add_nameless(j, p, &p->addresses[p->again_at++]);
}

/*
 * Those that what is held goes through: where they have got a name, whether they had it at their
 * first sample decides whether a generation ends.
 */
static void add_nameless_of_held(struct jit *j, struct jit_process *p)
{
	const struct jit_held *h;

	if (!p->n_nameless)
		return;
	STAILQ_FOREACH(h, &p->held, link)
	for (unsigned int i = 0; i < h->sample.n_user; i++) {
		struct jit_address *a = jit_frame_is(&jit_held_user(h)[i], jit_held_refs(h))
						? jit_address_find(p, jit_held_user(h)[i].offset)
						: NULL;

		if (a)
			add_nameless(j, p, a);
	}
}

static uint32_t add_held(struct jit *j, struct jit_process *p, uint32_t n)
{
	const struct jit_held *h;

	p->asked_held = 0;
	STAILQ_FOREACH(h, &p->held, link)
	{
		if (n + h->n_frames > RESOLVE_JIT_QUESTIONS_MAX)
			break;
		for (unsigned int i = 0; i < h->sample.n_user; i++)
			if (jit_frame_is(&jit_held_user(h)[i], jit_held_refs(h)))
				j->questions[n++] = (struct resolve_jit_question){
					jit_held_user(h)[i].offset, h->sample.time_ns};
		p->asked_held++;
	}
	return n;
}

/* Whether the nameless are to be asked again now. */
static bool is_again(const struct jit *j, const struct jit_process *p, uint64_t now_ns)
{
	return p->eager || (j->finishing && !p->finished) || now_ns >= p->asked_ns + JIT_AGAIN_NS;
}

static void ask(struct jit *j, struct jit_process *p, uint64_t now_ns)
{
	bool again = is_again(j, p, now_ns);
	uint32_t n;

	if (!p->again)
		p->again = calloc(JIT_AGAIN_MAX, sizeof(*p->again));
	if (!p->again)
		return;
	p->asking++;
	p->asked_again = 0;
	if (again)
		add_round(j, p);
	add_nameless_of_held(j, p);
	p->asked_generation = p->generation;
	n = add_held(j, p, 2 * p->asked_again);
	if (resolve_jit_ask(j->resolve, p->number, j->questions, n) < 0) {
		p->asked_held = p->asked_again = p->again_at = 0;
		return; /* the next time */
	}
	p->asked = true;
	p->round = again;
	if (again)
		p->asked_ns = now_ns;
}

static bool is_due(const struct jit *j, const struct jit_process *p, bool all, uint64_t now_ns)
{
	if (p->asked)
		return false;
	if (STAILQ_EMPTY(&p->held))
		return is_again(j, p, now_ns);
	return all || p->eager || j->finishing || p->n_questions >= JIT_MUCH ||
	       now_ns >= p->held_ns + JIT_HELD_NS / 2;
}

void jit_ask(struct jit *j, bool all, uint64_t now_ns, struct profile *live)
{
	for (uint32_t i = 0; i < j->n; i++) {
		struct jit_process *p = j->process[i];

		if (!STAILQ_EMPTY(&p->held) && now_ns >= p->held_ns + JIT_HELD_NS)
			jit_release_process(j, p, live);
		if (is_due(j, p, all, now_ns))
			ask(j, p, now_ns);
	}
}

void jit_finish(struct jit *j)
{
	j->finishing = true;
	for (uint32_t i = 0; i < j->n; i++)
		j->process[i]->again_at = 0;
}

size_t jit_pending(const struct jit *j)
{
	size_t n = j->counts.held;

	for (uint32_t i = 0; j->finishing && i < j->n; i++)
		n += !j->process[i]->finished;
	return n;
}

/* ---- answers ---- */

/*
 * What was nameless has a name, if it had the same from its first sample to its last. Whether there
 * was such.
 */
static bool take_again(struct jit *j, struct jit_process *p, const struct resolve_jit_names *names,
		       struct profile *live)
{
	bool any = false;

	/* Those that a generation which has ended had stay as they are. */
	if (p->asked_generation != p->generation)
		return false;
	for (uint32_t i = 0; i < p->asked_again && 2 * i + 1 < names->n; i++) {
		const struct jit_place *first = jit_place_of(names, 2 * i),
				       *last = jit_place_of(names, 2 * i + 1);
		struct jit_address *a = jit_address_find(p, p->again[i]);

		if (!a || a->name != JIT_NAMELESS || !first ||
		    jit_place_hash(first) != jit_place_hash(last))
			continue;
		a->name = jit_place_hash(first);
		p->n_nameless--;
		j->counts.frames_named += a->frames;
		j->counts.frames_nameless -= a->frames;
		jit_name_location(j, p, a, first, live);
		any = true;
	}
	return any;
}

static void take_held(struct jit *j, struct jit_process *p, const struct resolve_jit_names *names,
		      uint32_t question, struct profile *live)
{
	for (; p->asked_held && !STAILQ_EMPTY(&p->held); p->asked_held--) {
		struct jit_held *h = STAILQ_FIRST(&p->held);

		if (question + h->n_frames > names->n)
			break;
		h = jit_held_take(j, p);
		jit_give(j, p, h, names, question, live);
		question += h->n_frames;
		free(h);
	}
	p->asked_held = 0;
	if (!STAILQ_EMPTY(&p->held))
		p->held_ns = STAILQ_FIRST(&p->held)->sample.time_ns;
}

/* What comes next for p, which may be nothing any more. any: nameless have got names. */
static bool is_done(struct jit *j, struct jit_process *p, bool over, bool any)
{
	bool round_done = p->round && p->again_at >= p->round_end;

	/* The last round is about what was written until the end. */
	if (over && !p->over) {
		p->over = true;
		p->again_at = 0;
		round_done = false;
	}
	p->eager = !round_done && (any || p->over || p->eager);
	if (round_done && STAILQ_EMPTY(&p->held))
		p->finished = j->finishing;
	return p->over && round_done && STAILQ_EMPTY(&p->held);
}

void jit_answered(struct jit *j, uint32_t number, const struct resolve_jit_names *names,
		  struct profile *live)
{
	for (uint32_t i = 0; i < j->n; i++) {
		struct jit_process *p = j->process[i];
		uint32_t asked_again = p->asked_again;
		bool any;

		if (p->number != number)
			continue;
		p->asked = false;
		any = take_again(j, p, names, live);
		take_held(j, p, names, 2 * asked_again, live);
		if (is_done(j, p, names->over, any))
			jit_process_remove(j, i);
		return;
	}
}
