/*
 * bpf/unwind.bpf.c itself, compiled natively, so that sanitizers, fuzzers and judges see the code
 * that runs in the kernel and not a copy of it.
 *
 * Here is what it finds around it in the kernel: maps, memory, and the two look-ups of
 * bpf/mapping.bpf.c and bpf/describe.bpf.c, answered from a case. The programs have no context of
 * ours to pass, so the case at hand is a global.
 */
#include "tests/replay/walk.h"

#include <string.h>

/* What the room's own headers of the maps declare, before its knobs are ours. */
#include "bpf/maps.bpf.h"

struct world {
	const struct replay_kernel *kernel;
	const struct replay_case *c;
	replay_read_fn read;
	void *ctx;
	struct replay_stack *to;
	struct scratch scratch;
};

static struct world *world;

/* What walks have met lately outlives them, as it does in the kernel. */
static struct recent_rule recent[RECENT_RULES];

static void enter(struct world *w)
{
	memcpy(w->scratch.recent, recent, sizeof(recent));
	world = w;
}

static void leave(void)
{
	memcpy(recent, world->scratch.recent, sizeof(recent));
	world = NULL;
}

#define knob_mappings (!world->c->no_mappings)
#define knob_tables   1

#include "bpf/unwind.bpf.c"

void *bpf_map_lookup_elem(void *map, const void *key)
{
	const struct replay_kernel *k = world->kernel;
	__u32 at = *(const __u32 *)key;

	if (map == &dictionary)
		return at == 0 ? k->dictionary : NULL;
	if (map == &chunks)
		return at < UNWIND_CHUNKS_MAX ? k->chunk[at] : NULL;
	/* An inner map, which is its only element. */
	return at == 0 ? map : NULL;
}

long bpf_probe_read_user(void *to, __u32 bytes, const void *from)
{
	if (world->read)
		return world->read(world->ctx, to, bytes, (__u64)from);
	return replay_case_read(world->c, to, bytes, (__u64)from);
}

long bpf_loop(__u32 n, void *step, void *ctx, __u64 flags)
{
	long (*const one)(__u32 i, struct scratch * *s) = (long (*)(__u32, struct scratch **))step;
	struct replay_stack *to = world->to;
	struct scratch *s = &world->scratch;
	__u32 i = 0;

	(void)flags;
	for (; i < n; i++) {
		__u32 at = s->n_user;
		__u64 pc = s->walk.pc;
		long ends = one(i, ctx);

		to->steps++;
		if (s->n_user > at)
			to->frame[at].pc = pc;
		if (ends)
			break;
	}
	return i;
}

int object_index(struct scratch *s, __u32 kind, __u64 file, __u64 start, __u64 end)
{
	(void)start;
	(void)end;
	for (__u32 i = 0; i < s->n_objects; i++)
		if (s->object[i].kind == kind && s->object[i].number == file)
			return (int)i;
	if (s->n_objects == ABI_SAMPLE_OBJECTS_MAX)
		return -1;
	s->object[s->n_objects] = (struct abi_object_ref){.number = (__u32)file, .kind = kind};
	return (int)s->n_objects++;
}

int mapping_find(struct scratch *s, __u64 pc)
{
	const struct replay_mapping *from = replay_case_mapping(world->c, pc);
	__u32 number;
	int r;

	if (!from)
		return E_NOT_FOUND;
	number = replay_kernel_find(world->kernel, from->object);
	if (from->kind == ABI_OBJECT_ANON)
		number = 0;
	r = object_index(s, from->kind, number, from->start, from->end);
	if (r < 0 || from->kind == ABI_OBJECT_NONE)
		return -11; /* torn */
	s->mapping = (struct mapping){
		.start = from->start,
		.end = from->end,
		.bias = from->kind == ABI_OBJECT_ANON ? 0 : from->start - from->offset,
		.kind = from->kind,
		.object = (__u32)r,
	};
	if (number)
		s->mapping.info = world->kernel->object[number].info;
	return 0;
}

void replay_forget(void)
{
	tables_epoch++;
}

int replay_rule(const struct replay_kernel *k, uint32_t number, uint64_t offset)
{
	static struct world w;
	struct scratch *s = &w.scratch;

	memset(&w, 0, sizeof(w));
	w.kernel = k;
	s->mapping.kind = ABI_OBJECT_FILE;
	s->mapping.info = k->object[number].info;
	s->frame.offset = offset;
	s->stamp = tables_epoch;
	enter(&w);
	rule_of_frame(s);
	leave();
	return s->rule;
}

static void hand_over(const struct scratch *s, struct replay_stack *to)
{
	to->end = s->end;
	to->n = s->n_user;
	for (__u32 i = 0; i < s->n_user; i++) {
		const struct abi_object_ref *o = &s->object[s->user[i].object];

		to->frame[i].offset = s->user[i].offset;
		to->frame[i].flags = s->user[i].flags;
		to->frame[i].object = o->number;
		to->frame[i].kind = o->kind;
	}
}

void replay_walk(const struct replay_kernel *k, const struct replay_case *c, replay_read_fn read,
		 void *ctx, struct replay_stack *ret)
{
	static struct world w; /* too large for a stack */

	memset(&w, 0, sizeof(w));
	memset(ret, 0, sizeof(*ret));
	w.kernel = k;
	w.c = c;
	w.read = read;
	w.ctx = ctx;
	w.to = ret;
	w.scratch.walk.regs = c->regs;
	w.scratch.head.time_ns = 1000000000000ull;
	enter(&w);
	user_walk(&w.scratch, c->in_syscall);
	hand_over(&w.scratch, ret);
	leave();
}
