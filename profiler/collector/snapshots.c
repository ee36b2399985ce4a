/* Samples that wait for their stack; see snapshots.h. They are few, so they are a list. */
#include "profiler/collector/snapshots.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "profiler/jail/open_for.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define FINISH_NS      500000000ull
#define FINISH_POLL_MS 50

/* A sample without its stack, in the order of the record. */
struct waiting {
	uint64_t id;
	uint64_t taken_ns;
	TAILQ_ENTRY(waiting) link;
	struct abi_sample head;
	uint64_t kernel[ABI_KERNEL_FRAMES_MAX];
	struct abi_object_ref refs[ABI_SAMPLE_OBJECTS_MAX];
	struct abi_frame user[]; /* head.n_user */
};

struct snapshots {
	struct resolve *resolve;
	struct objects *objects;
	struct mappings *mappings;
	snapshots_give give;
	void *ctx;
	TAILQ_HEAD(, waiting) waiting; /* the oldest first */
	uint32_t n;
	uint64_t last_id;
};

int snapshots_new(struct resolve *resolve, struct objects *objects, struct mappings *mappings,
		  snapshots_give give, void *ctx, struct snapshots **ret)
{
	struct snapshots *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->resolve = resolve;
	s->objects = objects;
	s->mappings = mappings;
	s->give = give;
	s->ctx = ctx;
	TAILQ_INIT(&s->waiting);
	*ret = s;
	return 0;
}

static void remove_one(struct snapshots *s, struct waiting *w)
{
	TAILQ_REMOVE(&s->waiting, w, link);
	s->n--;
	free(w);
}

struct snapshots *snapshots_free(struct snapshots *s)
{
	if (!s)
		return NULL;
	while (!TAILQ_EMPTY(&s->waiting))
		remove_one(s, TAILQ_FIRST(&s->waiting));
	free(s);
	return NULL;
}

/* ---- asking ---- */

static void take_registers(const struct arch_regs *regs, struct snapshot *ret)
{
	uint64_t word[ARCH_WORDS] = {};

	memcpy(word, regs, sizeof(*regs));
	ret->pc = arch_pc(regs);
	ret->n_registers = snapshot_registers();
	for (uint32_t i = 0; i < ret->n_registers; i++)
		ret->registers[i] = word[arch_word(i)];
}

/*
 * Whose word the stack is: that of whoever owns the program, or where that is root, of whoever runs
 * it.
 */
static uint32_t domain_of(const struct abi_sample *sample, const struct object *exe)
{
	return exe && exe->domain ? exe->domain : open_for_domain(sample->uid, 0);
}

/* The exe may be forgotten meanwhile: NULL. */
static const struct object *exe_of(struct snapshots *s, const struct abi_sample *sample,
				   const struct abi_object_ref *refs)
{
	if (sample->flags & ABI_SAMPLE_EXE_NONE)
		return NULL;
	return objects_of_ref(s->objects, sample, &refs[sample->exe], sample->time_ns);
}

static struct resolve_snapshot *make_question(struct snapshots *s, const struct abi_sample *sample,
					      const struct abi_object_ref *refs, uint64_t now_ns)
{
	struct snapshot_mapping mappings[SNAPSHOT_MAPPINGS_MAX];
	const struct arch_regs *regs = events_registers(sample);
	const struct object *exe = exe_of(s, sample, refs);
	uint32_t number = exe ? exe->number : 0;
	uint32_t n = mappings_list(s->mappings, sample, number, arch_pc(regs), now_ns, mappings,
				   SNAPSHOT_MAPPINGS_MAX);
	struct snapshot_mapping *kept;
	struct resolve_snapshot *q;

	/* The process has ended: its addresses mean nothing any more. */
	if (n == 0)
		return NULL;
	q = calloc(1, sizeof(*q) + n * sizeof(*kept) + sample->stack_bytes);
	if (!q)
		return NULL;
	kept = (struct snapshot_mapping *)(q + 1);
	memcpy(kept, mappings, n * sizeof(*kept));
	memcpy(kept + n, regs + 1, sample->stack_bytes);
	q->domain = domain_of(sample, objects_by_number(s->objects, number));
	q->pid = sample->pid;
	q->start_ns = sample->start_ns;
	take_registers(regs, &q->snapshot);
	q->snapshot.mappings = kept;
	q->snapshot.n_mappings = n;
	q->snapshot.stack = (const uint8_t *)(kept + n);
	q->snapshot.stack_bytes = sample->stack_bytes;
	return q;
}

static struct waiting *keep(const struct abi_sample *sample, const uint64_t *kernel,
			    const struct abi_frame *user, const struct abi_object_ref *refs)
{
	struct waiting *w = calloc(1, sizeof(*w) + sample->n_user * sizeof(*user));

	if (!w)
		return NULL;
	w->head = *sample;
	w->head.flags &= ~ABI_SAMPLE_SNAPSHOT;
	w->head.stack_bytes = 0;
	memcpy(w->kernel, kernel, sample->n_kernel * sizeof(*kernel));
	memcpy(w->user, user, sample->n_user * sizeof(*user));
	memcpy(w->refs, refs, sample->n_objects * sizeof(*refs));
	return w;
}

/* 0, or negative errno: it is not kept. */
static int ask(struct snapshots *s, const struct abi_sample *sample, const uint64_t *kernel,
	       const struct abi_frame *user, const struct abi_object_ref *refs, uint64_t now_ns)
{
	_cleanup_free_ struct resolve_snapshot *q = NULL;
	_cleanup_free_ struct waiting *w = NULL;
	int r;

	/* A sample that waits is memory, asked for or not. */
	if (s->n >= RESOLVE_SNAPSHOTS_MAX)
		return -ENOBUFS;
	w = keep(sample, kernel, user, refs);
	q = make_question(s, sample, refs, now_ns);
	if (!w || !q)
		return -ENOENT;
	w->id = q->id = ++s->last_id;
	w->taken_ns = now_ns;
	q->snapshot.pc_is_return = sample->n_user && (user[0].flags & ABI_FRAME_RETURN);
	r = resolve_ask_snapshot(s->resolve, q);
	if (r < 0)
		return r;
	steal_ptr(q);
	TAILQ_INSERT_TAIL(&s->waiting, w, link);
	s->n++;
	steal_ptr(w);
	return 0;
}

void snapshots_take(struct snapshots *s, const struct abi_sample *sample, const uint64_t *kernel,
		    const struct abi_frame *user, const struct abi_object_ref *refs,
		    uint64_t now_ns)
{
	struct abi_sample without;

	if (ask(s, sample, kernel, user, refs, now_ns) == 0)
		return;
	without = *sample;
	without.end = ABI_END_NO_SNAPSHOT;
	s->give(s->ctx, &without, kernel, user, refs);
}

/* ---- handing on ---- */

static void give_without(struct snapshots *s, struct waiting *w)
{
	w->head.end = ABI_END_NO_SNAPSHOT;
	s->give(s->ctx, &w->head, w->kernel, w->user, w->refs);
	remove_one(s, w);
}

/* The program, and what the raw frames refer to: which reference that is. */
static uint8_t replace_refs(struct waiting *w)
{
	uint8_t raw = w->head.flags & ABI_SAMPLE_EXE_NONE ? 0 : 1;

	w->refs[0] = w->refs[w->head.exe];
	w->refs[raw] = (struct abi_object_ref){.kind = ABI_OBJECT_RAW};
	w->head.exe = 0;
	w->head.n_objects = raw + 1;
	return raw;
}

void snapshots_answered(struct snapshots *s, uint64_t id, const struct snapshot_frame *frames,
			uint32_t n, unsigned int end)
{
	struct abi_frame user[ABI_USER_FRAMES_MAX];
	struct waiting *w;
	uint8_t raw;

	TAILQ_FOREACH(w, &s->waiting, link)
	if (w->id == id)
		break;
	if (!w)
		return; /* given up */
	if (!frames || n == 0 || n > ABI_USER_FRAMES_MAX) {
		give_without(s, w);
		return;
	}
	if (end == ABI_END_NOT_CODE)
		mappings_missed(s->mappings, &w->head);
	raw = replace_refs(w);
	for (uint32_t i = 0; i < n; i++)
		user[i] = (struct abi_frame){
			.offset = frames[i].address, .object = raw, .flags = frames[i].flags};
	w->head.n_user = (uint16_t)n;
	w->head.end = (uint8_t)end;
	s->give(s->ctx, &w->head, w->kernel, user, w->refs);
	remove_one(s, w);
}

void snapshots_give_up(struct snapshots *s, uint64_t before_ns)
{
	struct waiting *w;

	while ((w = TAILQ_FIRST(&s->waiting)) && w->taken_ns < before_ns)
		give_without(s, w);
}

void snapshots_finish(struct snapshots *s, void (*take)(void *ctx), void *ctx)
{
	uint64_t until = quantity_monotonic_ns() + FINISH_NS;
	struct pollfd p = {.fd = resolve_fd(s->resolve), .events = POLLIN};

	while (s->n && quantity_monotonic_ns() < until) {
		poll(&p, 1, FINISH_POLL_MS);
		take(ctx);
	}
	snapshots_give_up(s, UINT64_MAX);
}

uint32_t snapshots_waiting(const struct snapshots *s)
{
	return s->n;
}
