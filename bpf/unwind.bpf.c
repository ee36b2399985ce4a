// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The walk of a user stack: from the interrupted registers to the root, one frame at a time.
 *
 * Each frame is a program counter that lies in an executable mapping, kept as (object, offset). The
 * object's table says by which rule its caller is found (unwind_step.h). Where code has none, in
 * JIT code and in objects without CFI, or its table's page is not loaded yet, the frame pointer is
 * followed, and the frame so found says it in its flags.
 */
#include "bpf/maps.bpf.h"

#include <bpf/bpf_core_read.h>

#define E_NOT_FOUND (-2)

#define RULE_HOLE   0
#define NO_TABLE    (-1)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct unwind_dictionary);
} dictionary SEC(".maps");

/*
 * Counted up by user space when it has taken something out of the tables: what was looked up before
 * does not hold any more.
 */
__u32 tables_epoch;

struct chunk_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	/* Sizes, for clang describes no types of inner maps. */
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct unwind_chunk));
};

/* Filled by user space as the pool grows. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, UNWIND_CHUNKS_MAX);
	__type(key, __u32);
	__array(values, struct chunk_map);
} chunks SEC(".maps");

__noinline int mapping_find(struct scratch *s, __u64 pc);
__noinline int object_index(struct scratch *s, __u32 kind, __u64 file, __u64 start, __u64 end);

static __always_inline struct unwind_chunk *chunk_of(__u32 at)
{
	__u32 number = at >> UNWIND_CHUNK_BITS, zero = 0;
	void *chunk = bpf_map_lookup_elem(&chunks, &number);

	return chunk ? bpf_map_lookup_elem(chunk, &zero) : NULL;
}

#define WORD(at) ((at) & (UNWIND_CHUNK_WORDS - 1))

/*
 * The rule of the last of n rows from at on whose low is not above: a binary search whose first
 * step makes the rest of it a power of two, so that no step leaves the rows.
 */
__noinline int rule_search(__u32 at, __u32 n_and_log2, __u32 low)
{
	struct unwind_chunk *chunk = chunk_of(at);
	__u32 log2 = n_and_log2 >> 16, step = 1u << (log2 & 15);
	__u32 first = at + (n_and_log2 & 0xffff) - step;

	if (!chunk)
		return NO_TABLE;
	if ((chunk->word[WORD(first)] & 0xffff) <= low)
		at = first;
	for (int i = 0; i < 14; i++) {
		__u32 next;

		step >>= 1;
		if (!step)
			break;
		next = at + step;
		if ((chunk->word[WORD(next)] & 0xffff) <= low)
			at = next;
	}
	return chunk->word[WORD(at)] >> 16;
}

/* The rule's number at the frame at hand, RULE_HOLE, or NO_TABLE. */
__noinline int rule_find(struct scratch *s)
{
	struct unwind_page_ref *ref;
	struct unwind_chunk *chunk;
	struct mapping *m;
	__u32 page, at, now;
	__u64 offset, rows;

	if (!s)
		return NO_TABLE;
	m = &s->mapping;
	if (m->kind != ABI_OBJECT_FILE && m->kind != ABI_OBJECT_VDSO)
		return RULE_HOLE;
	if (!m->info.pages_at)
		return NO_TABLE;
	offset = s->frame.offset;
	page = (__u32)(offset >> UNWIND_PAGE_BITS) - m->info.first_page;
	if (page >= m->info.n_pages)
		return RULE_HOLE;
	at = m->info.pages_at + page * UNWIND_REF_WORDS;
	chunk = chunk_of(at);
	if (!chunk)
		return NO_TABLE;
	ref = (void *)&chunk->word[WORD(at) & ~(UNWIND_REF_WORDS - 1)];
	rows = ref->rows;
	now = time_stamp(s);
	if (ref->used != now)
		ref->used = now;
	if (!(rows & UNWIND_REF_LOADED))
		return NO_TABLE;
	if (!UNWIND_REF_N(rows))
		return RULE_HOLE;
	return rule_search(UNWIND_REF_AT(rows), UNWIND_REF_N(rows) | UNWIND_REF_LOG2(rows) << 16,
			   (__u16)offset);
}

/*
 * A return address in a hole, and a function begins right behind: no call led there. It is the
 * outermost frame, made by hand as makecontext() does; or the innermost one, which the kernel sent
 * there: a signal's handler, or after an exec. The frame is then at that function's first byte, and
 * has its rule.
 */
static __always_inline void rule_without_call(struct scratch *s)
{
	if (!s->walk.pc_is_return)
		return;
	s->frame.offset += ARCH_CALL_BYTES;
	s->rule = rule_find(s);
	if (s->rule > RULE_HOLE) {
		s->frame.flags &= ~ABI_FRAME_RETURN;
		s->is_root = s->n_user > 0;
	} else {
		s->frame.offset -= ARCH_CALL_BYTES;
		s->rule = RULE_HOLE;
	}
}

/*
 * The rule of the frame at hand, into s->rule and s->is_root. A place that a walk of this CPU has
 * lately met is not searched again.
 */
static __always_inline void rule_of_frame(struct scratch *s)
{
	struct mapping *m = &s->mapping;
	__u64 place = (__u64)m->info.pages_at << RECENT_OFFSET_BITS | s->frame.offset;
	struct recent_rule *r =
		&s->recent[(place * RECENT_MIX >> RECENT_SHIFT) & (RECENT_RULES - 1)];
	int is_place = s->frame.offset >> RECENT_OFFSET_BITS == 0;

	if (is_place && r->place == place && r->stamp == s->stamp) {
		s->rule = r->rule;
		return;
	}
	s->rule = rule_find(s);
	if (s->rule == RULE_HOLE)
		rule_without_call(s);
	else if (s->rule > RULE_HOLE && is_place)
		*r = (struct recent_rule){.place = place, .stamp = s->stamp, .rule = s->rule};
}

/* Where s->walk is: into s->frame and s->mapping. 0, or the end. */
static __always_inline int frame_place(struct scratch *s)
{
	struct mapping *m = &s->mapping;
	__u64 pc = s->walk.pc;
	__u32 flags = 0;
	int r = 0;

	if (s->walk.pc_is_return) {
		pc -= ARCH_CALL_BYTES;
		flags = ABI_FRAME_RETURN;
	}
	if (s->by_fp)
		flags |= ABI_FRAME_BY_FP;
	if (!knob_mappings) {
		r = object_index(s, ABI_OBJECT_RAW, 0, 0, 0);
		s->frame = (struct abi_frame){.offset = pc, .object = r, .flags = flags};
		return r < 0 ? ABI_END_NO_MAPPINGS : 0;
	}
	if (!mapping_holds(m, pc))
		r = mapping_find(s, pc);
	if (r < 0 && r != E_NOT_FOUND)
		return ABI_END_MAPPING_TORN;
	if (r < 0)
		return s->by_fp ? ABI_END_FP_SHORT : ABI_END_NOT_CODE;
	s->frame = (struct abi_frame){.offset = pc - m->bias, .object = m->object, .flags = flags};
	return 0;
}

static __always_inline void frame_keep(struct scratch *s)
{
	__u32 at = s->n_user & (ABI_USER_FRAMES_MAX - 1);

	s->user[at] = s->frame;
	s->n_user = at + 1;
}

static __always_inline int in_file(const struct scratch *s)
{
	return s->mapping.kind == ABI_OBJECT_FILE;
}

static __always_inline int frame_step_fp(struct scratch *s)
{
	/* In the innermost frame, or below one with CFI, zero is just a number. */
	int zero_is_root = s->by_fp;

	s->by_fp = 1;
	return unwind_step_fp(&s->walk, zero_is_root);
}

/* To the caller by the rule of that number, or by the frame pointer. 0, or the end. */
static __always_inline int frame_step(struct scratch *s, int number)
{
	struct unwind_dictionary *d;
	struct unwind_rule *rule;
	__u32 zero = 0;

	d = bpf_map_lookup_elem(&dictionary, &zero);
	/* What has no CFI in a file is a PLT stub, or else a leaf. */
	if (ARCH_HAS_LINK && number == RULE_HOLE && s->walk.has_registers && in_file(s))
		return unwind_step_link(&s->walk);
	if (!d || number <= RULE_HOLE)
		return frame_step_fp(s);
	rule = &d->rule[number & (UNWIND_RULES_MAX - 1)];
	/* Not to the caller's stack: rules tell by it where things are. */
	if (!ARCH_FP_TELLS_SP && s->by_fp && rule->kind != UNWIND_KIND_END)
		return frame_step_fp(s);
	s->by_fp = 0;
	return unwind_step(&s->walk, rule);
}

static long walk_step(__u32 i, struct scratch **ctx)
{
	struct scratch *s = *ctx;
	int end;

	if (s->n_user >= ABI_USER_FRAMES_MAX) {
		s->end = ABI_END_TOO_DEEP;
		return 1;
	}
	end = frame_place(s);
	if (end) {
		s->end = end;
		return 1;
	}
	s->rule = RULE_HOLE;
	s->is_root = 0;
	if (knob_tables && knob_mappings)
		rule_of_frame(s);
	if (s->rule == NO_TABLE) {
		s->frame.flags |= ABI_FRAME_NO_TABLE;
		s->no_table = 1;
	}
	frame_keep(s);
	end = s->is_root ? ABI_END_ROOT : frame_step(s, s->rule);
	s->end = end;
	return end != 0;
}

/*
 * Walk from s->walk.regs. pc_is_return: a system call was made there; otherwise the registers are
 * those of the interrupted instruction itself.
 */
__noinline int user_walk(struct scratch *s, __u32 pc_is_return)
{
	if (!s)
		return 0;
	unwind_begin(&s->walk, pc_is_return);
	s->by_fp = 0;
	s->no_table = 0;
	s->stamp = tables_epoch + time_stamp(s) / UNWIND_RECENT_UNITS;
	bpf_loop(ABI_USER_FRAMES_MAX + 1, walk_step, &s, 0);
	/* By frame pointer, frames may have been passed over: it may look whole and is not. */
	if (s->no_table)
		s->end = ABI_END_NO_TABLE;
	return 0;
}
