// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The walk of a user stack: from the interrupted registers to the root, one frame at a time.
 *
 * Each frame is a program counter that lies in an executable mapping, kept as (object, offset).
 * Here the step to the caller follows the frame pointer; frames so found say it in their flags.
 */
#include "bpf/maps.bpf.h"

#include "bpf/arch.bpf.h"

#include <bpf/bpf_core_read.h>

#define E_NOT_FOUND (-2)

__noinline int mapping_find(struct scratch *s, __u64 pc);
__noinline int object_index(struct scratch *s, __u32 kind, __u64 file, __u64 start, __u64 end);

/* Keep pc as the next frame. 0, or 1 when the walk ends here (s->end says why). */
static __always_inline int frame_add(struct scratch *s, __u64 pc, __u32 flags)
{
	struct abi_frame f = {};
	struct mapping *m;
	__u32 at = s->n_user;
	int r;

	if (at >= ABI_USER_FRAMES_MAX) {
		s->end = ABI_END_TOO_DEEP;
		return 1;
	}
	if (flags & ABI_FRAME_RETURN)
		pc -= ARCH_CALL_BYTES;
	if (knob_mappings) {
		r = mapping_find(s, pc);
		if (r < 0) {
			s->end = r == E_NOT_FOUND ? ABI_END_NOT_CODE : ABI_END_MAPPING_TORN;
			return 1;
		}
		m = &s->mapping[r & (MAPPINGS_CACHED - 1)];
		f.offset = pc - m->bias;
		f.object = m->object;
	} else {
		r = object_index(s, ABI_OBJECT_RAW, 0, 0, 0);
		if (r < 0)
			return 1;
		f.offset = pc;
		f.object = r;
	}
	f.flags = flags;
	s->user[at & (ABI_USER_FRAMES_MAX - 1)] = f;
	s->n_user = at + 1;
	hash_word(&s->hash[0], *(__u64 *)&f);
	return 0;
}

/*
 * The saved frame pointer and the return address above it, as every frame-pointer prologue leaves
 * them.
 */
struct fp_pair {
	__u64 fp;
	__u64 ra;
};

static long fp_step(__u32 i, struct scratch **ctx)
{
	struct scratch *s = *ctx;
	struct fp_pair pair;

	if (s->fp == 0) {
		s->end = ABI_END_ROOT;
		return 1;
	}
	if (s->fp & 7 || s->fp < s->sp) {
		s->end = ABI_END_FP_SHORT;
		return 1;
	}
	if (bpf_probe_read_user(&pair, sizeof(pair), (void *)s->fp)) {
		s->end = i == 0 ? ABI_END_FP_SHORT : ABI_END_UNREADABLE;
		return 1;
	}
	pair.ra = arch_strip(pair.ra);
	if (pair.ra == 0) {
		s->end = ABI_END_ROOT;
		return 1;
	}
	if (frame_add(s, pair.ra, ABI_FRAME_RETURN | ABI_FRAME_BY_FP)) {
		/* A first step into nowhere says that the register held no frame pointer at all. */
		if (s->end == ABI_END_NOT_CODE && i == 0)
			s->end = ABI_END_FP_SHORT;
		return 1;
	}
	/* Towards the stack's base, or the register was used for something else up there. */
	if (pair.fp && pair.fp <= s->fp) {
		s->end = ABI_END_FP_SHORT;
		return 1;
	}
	s->sp = s->fp + sizeof(pair);
	s->fp = pair.fp;
	return 0;
}

/* Walk from s->regs. user_mode: the registers are those of the interrupted instruction itself. */
__noinline int user_walk(struct scratch *s, __u32 leaf_flags)
{
	if (!s)
		return 0;
	s->sp = arch_sp(&s->regs);
	s->fp = arch_fp(&s->regs);
	s->end = ABI_END_TOO_DEEP;
	if (frame_add(s, arch_strip(arch_pc(&s->regs)), leaf_flags))
		return 0;
	bpf_loop(ABI_USER_FRAMES_MAX, fp_step, &s, 0);
	return 0;
}
