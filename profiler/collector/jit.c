/* Samples through run-time compiled code, in and out; see jit.h. */
#include "profiler/collector/jit_state.h"

#include "profiler/jail/open_for.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_FIRST (1u << 31) /* of resolve: far from those of objects */

int jit_new(struct resolve *resolve, struct objects *objects, jit_sample give, void *ctx,
	    struct jit **ret)
{
	struct jit *j = calloc(1, sizeof(*j));

	if (j)
		j->questions = calloc(RESOLVE_JIT_QUESTIONS_MAX, sizeof(*j->questions));
	if (!j || !j->questions) {
		free(j);
		return -ENOMEM;
	}
	j->resolve = resolve;
	j->objects = objects;
	j->give = give;
	j->ctx = ctx;
	j->epoch = 1;
	*ret = j;
	return 0;
}

void jit_new_profile(struct jit *j)
{
	j->epoch++;
}

/* ---- what waits ---- */

bool jit_wants(const struct abi_sample *s, const struct abi_object_ref *refs)
{
	for (unsigned int i = 0; i < s->n_objects; i++)
		if (refs[i].kind == ABI_OBJECT_ANON)
			return true;
	return false;
}

static struct jit_held *copy(const struct abi_sample *s, const uint64_t *kernel,
			     const struct abi_frame *user, const struct abi_object_ref *refs)
{
	size_t kernel_bytes = s->n_kernel * sizeof(*kernel), user_bytes = s->n_user * sizeof(*user);
	size_t refs_bytes = s->n_objects * sizeof(*refs);
	size_t bytes = sizeof(struct jit_held) + kernel_bytes + user_bytes + refs_bytes;
	struct jit_held *h = malloc(bytes);
	char *to;

	if (!h)
		return NULL;
	*h = (struct jit_held){.bytes = bytes, .sample = *s};
	to = (char *)h->words;
	if (kernel_bytes)
		memcpy(to, kernel, kernel_bytes);
	if (user_bytes)
		memcpy(to + kernel_bytes, user, user_bytes);
	memcpy(to + kernel_bytes + user_bytes, refs, refs_bytes);
	for (unsigned int i = 0; i < s->n_user; i++)
		h->n_frames += jit_frame_is(&user[i], refs);
	return h;
}

struct jit_held *jit_held_take(struct jit *j, struct jit_process *p)
{
	struct jit_held *h = STAILQ_FIRST(&p->held);

	STAILQ_REMOVE_HEAD(&p->held, link);
	p->n_questions -= h->n_frames;
	j->held_bytes -= h->bytes;
	j->counts.held--;
	return h;
}

/* ---- processes ---- */

static void process_free(struct jit *j, struct jit_process *p)
{
	if (!p)
		return;
	while (!STAILQ_EMPTY(&p->held))
		free(jit_held_take(j, p));
	if (j->resolve)
		resolve_forget(j->resolve, p->number);
	j->n_addresses -= p->n;
	free(p->addresses);
	free(p->again);
	idmap_done(&p->by_address);
	free(p);
}

struct jit *jit_free(struct jit *j)
{
	if (!j)
		return NULL;
	for (uint32_t i = 0; i < j->n; i++)
		process_free(j, j->process[i]);
	free(j->questions);
	free(j);
	return NULL;
}

void jit_process_remove(struct jit *j, uint32_t at)
{
	process_free(j, j->process[at]);
	j->process[at] = j->process[--j->n];
}

static struct jit_process *find(const struct jit *j, uint32_t pid, uint64_t start_ns)
{
	for (uint32_t i = 0; i < j->n; i++)
		if (j->process[i]->pid == pid && j->process[i]->start_ns == start_ns)
			return j->process[i];
	return NULL;
}

/* The one that ran JIT code longest ago makes room, unless something of it waits. */
static bool make_room(struct jit *j)
{
	uint32_t old = JIT_PROCESSES_MAX;

	for (uint32_t i = 0; i < j->n; i++)
		if (STAILQ_EMPTY(&j->process[i]->held) &&
		    (old == JIT_PROCESSES_MAX || j->process[i]->used_ns < j->process[old]->used_ns))
			old = i;
	if (old == JIT_PROCESSES_MAX)
		return false;
	jit_process_remove(j, old);
	return true;
}

static bool announce(struct jit *j, struct jit_process *p)
{
	struct resolve_object o = {
		.object = p->number,
		.kind = RESOLVE_JIT,
		.domain = open_for_domain(p->uid, 0),
		.pid = p->pid,
		.start_ns = p->start_ns,
		.uid = p->uid,
	};
	char path[32];

	snprintf(path, sizeof(path), "[jit] of pid %u", p->pid);
	o.path = path;
	return resolve_announce(j->resolve, &o) == 0;
}

static struct jit_process *add(struct jit *j, const struct abi_sample *s)
{
	struct jit_process *p;

	if (!j->resolve || (j->n == JIT_PROCESSES_MAX && !make_room(j)))
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->pid = s->pid;
	p->uid = s->uid;
	p->start_ns = s->start_ns;
	p->number = NUMBER_FIRST + j->number++ % NUMBER_FIRST;
	p->generation = s->time_ns;
	p->credit = JIT_GENERATIONS;
	STAILQ_INIT(&p->held);
	if (!announce(j, p)) {
		free(p);
		return NULL;
	}
	j->process[j->n++] = p;
	return p;
}

/* ---- in and out ---- */

void jit_take(struct jit *j, const struct abi_sample *s, const uint64_t *kernel,
	      const struct abi_frame *user, const struct abi_object_ref *refs)
{
	struct jit_process *p = find(j, s->pid, s->start_ns);
	struct jit_held *h = NULL;

	if (!p)
		p = add(j, s);
	if (p && j->held_bytes < JIT_HELD_BYTES_MAX)
		h = copy(s, kernel, user, refs);
	if (!h) {
		j->counts.left_out++;
		objects_jit(j->objects, s->pid, s->start_ns, JIT_UNNAMED, s->uid, s->time_ns);
		j->give(j->ctx, s, kernel, user, refs);
		return;
	}
	if (STAILQ_EMPTY(&p->held))
		p->held_ns = s->time_ns;
	p->used_ns = s->time_ns;
	STAILQ_INSERT_TAIL(&p->held, h, link);
	p->n_questions += h->n_frames;
	j->held_bytes += h->bytes;
	j->counts.held++;
}

void jit_release_process(struct jit *j, struct jit_process *p, struct profile *live)
{
	while (!STAILQ_EMPTY(&p->held)) {
		struct jit_held *h = jit_held_take(j, p);

		jit_give(j, p, h, NULL, 0, live);
		free(h);
	}
	p->asked_held = 0;
}

void jit_release(struct jit *j, struct profile *live)
{
	for (uint32_t i = 0; i < j->n; i++)
		jit_release_process(j, j->process[i], live);
}

struct jit_counts jit_counts(const struct jit *j)
{
	struct jit_counts counts = j->counts;

	counts.processes = j->n;
	return counts;
}
