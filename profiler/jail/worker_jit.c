/* A process's files come as descriptors, are read on, and addresses are named from them. */
#include "profiler/jail/worker_jit.h"

#include "profiler/base/quantity.h"
#include "profiler/jail/jail.h"
#include "profiler/jail/protocol_jit.h"
#include "symbolizer/source_jit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEND_MS 10000
#define READ_NS 1000000000ull /* a tenth of the collector's patience; then it is asked again */
/* Of names in one answer, which fits a message; what is past it goes without. */
#define NAMES_BYTES (8u << 20)
#define NEIGHBOURS  64

struct worker_jit_process {
	uint32_t serial;
	uint64_t used;
	struct source_jit source;
};

static void drop(struct worker_jit *w, struct worker_jit_process *p)
{
	source_jit_done(&p->source);
	*p = w->process[--w->n];
}

static struct worker_jit_process *find(struct worker_jit *w, uint32_t serial)
{
	for (uint32_t i = 0; i < w->n; i++)
		if (w->process[i].serial == serial)
			return &w->process[i];
	return NULL;
}

void worker_jit_forget(struct worker_jit *w, uint32_t serial)
{
	struct worker_jit_process *p = find(w, serial);

	if (p)
		drop(w, p);
}

static struct worker_jit_process *oldest(struct worker_jit *w)
{
	struct worker_jit_process *old = &w->process[0];

	for (uint32_t i = 1; i < w->n; i++)
		if (w->process[i].used < old->used)
			old = &w->process[i];
	return old;
}

static struct worker_jit_process *get(struct worker_jit *w, uint32_t serial)
{
	struct worker_jit_process *p = find(w, serial);

	if (!w->process)
		w->process = calloc(WORKER_JIT_PROCESSES_MAX, sizeof(*w->process));
	if (!w->process)
		return NULL;
	if (!p) {
		if (w->n == WORKER_JIT_PROCESSES_MAX)
			drop(w, oldest(w));
		p = &w->process[w->n++];
		p->serial = serial;
		source_jit_init(&p->source);
	}
	p->used = ++w->clock;
	return p;
}

/* Those that were not used for longest make room; never the last one. */
static void limit_memory(struct worker_jit *w)
{
	for (;;) {
		size_t bytes = 0;

		for (uint32_t i = 0; i < w->n; i++)
			bytes += source_jit_bytes(&w->process[i].source);
		if (bytes <= WORKER_JIT_BYTES_MAX || w->n <= 1)
			return;
		drop(w, oldest(w));
	}
}

/* Read both files on, as far as time allows. */
static void read_files(struct source_jit *s, const struct protocol_jit_request *q, const int *fds,
		       struct protocol_jit_answer *a)
{
	uint64_t deadline_ns = quantity_monotonic_ns() + READ_NS;
	bool last = q->bits & PROTOCOL_JIT_LAST;

	for (int kind = 0; kind < SOURCE_JIT_KINDS; kind++) {
		struct err err = {};
		int r;

		if (!(q->bits & (1u << kind))) {
			/* What was read of an ended process holds, also where it is deleted. */
			if (!last)
				source_jit_without(s, (enum source_jit_kind)kind);
			continue;
		}
		r = source_jit_read(s, (enum source_jit_kind)kind, *fds++, last, deadline_ns, &err);
		if (r > 0)
			a->behind = true;
		else if (r < 0)
			snprintf(a->sentence[kind], sizeof(a->sentence[kind]), "%s",
				 err_text(&err));
	}
}

static bool is_same(const struct jit_place *a, const struct jit_place *b)
{
	return a->name == b->name && a->file == b->file && a->line == b->line;
}

/* The number of a place in the answer; 0 where there is no room for it. */
static uint32_t number_of(struct protocol_jit_answer *a, const struct jit_place *place,
			  size_t *bytes)
{
	/* Neighbours in a stack and in time often have the same. */
	for (uint32_t i = a->n_places; i-- > 0 && i + NEIGHBOURS > a->n_places;)
		if (is_same(&a->places[i], place))
			return i + 1;
	*bytes += strlen(place->name) + (place->file ? strlen(place->file) : 0);
	if (*bytes > NAMES_BYTES)
		return 0;
	a->places[a->n_places++] = *place;
	return a->n_places;
}

static void name_all(const struct source_jit *s, const struct protocol_jit_request *q,
		     struct protocol_jit_answer *a)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < q->n; i++) {
		struct jit_place place =
			source_jit_name(s, q->questions[i].address, q->questions[i].time_ns);

		a->which[i] = place.name ? number_of(a, &place, &bytes) : 0;
	}
	a->n = q->n;
}

static int answer(struct worker_jit *w, const struct protocol_jit_request *q,
		  const struct wire_msg *m)
{
	struct protocol_jit_answer a = {
		.places = calloc((size_t)q->n + 1, sizeof(*a.places)),
		.which = calloc((size_t)q->n + 1, sizeof(*a.which)),
	};
	struct worker_jit_process *p = get(w, q->serial);
	struct wire_msg out;
	int r = -ENOMEM;

	if (a.places && a.which && p) {
		read_files(&p->source, q, m->fds, &a);
		if (!a.behind)
			name_all(&p->source, q, &a);
		wire_msg_init(&out, PROTOCOL_JIT, m->id);
		protocol_jit_answer_write(&out.body, &a);
		r = wire_send(JAIL_SOCK, &out, SEND_MS);
		wire_msg_done(&out);
		limit_memory(w);
	}
	protocol_jit_answer_done(&a);
	return r;
}

int worker_jit(struct worker_jit *w, struct wire_msg *m)
{
	struct protocol_jit_request q;
	int r = protocol_jit_request_parse(m->body.data, m->body.len, &q);
	unsigned int files;

	if (r < 0)
		return r;
	files = !!(q.bits & PROTOCOL_JIT_MAP) + !!(q.bits & PROTOCOL_JIT_DUMP);
	r = m->n_fds == files ? answer(w, &q, m) : -EBADMSG;
	protocol_jit_request_done(&q);
	return r;
}
