/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * One frame of a user stack: from a frame's registers and the rule that holds at its PC to its
 * caller's. Pure: whoever includes this has defined
 *
 *	UNWIND_READ(to, bytes, address)
 *
 * which copies bytes (8 to 264) of the process's memory; 0, or else where they cannot be read,
 *
 * so that the same lines are the kernel program and what sanitizers, fuzzers and the judges see.
 * The rules are those of bpf/unwind_table.h; what they mean is DWARF's call frame information.
 */
#ifndef HEARTH_BPF_UNWIND_STEP_H
#define HEARTH_BPF_UNWIND_STEP_H

#include "bpf/abi.h"
#include "bpf/registers.h"
#include "bpf/unwind_table.h"

/* The stack is read in pieces of this size, from where a word is wanted to the page's end. */
#define UNWIND_WINDOW_WORDS 32
#define UNWIND_SAVED_WORDS  40 /* a signal frame's registers */
#define UNWIND_PAGE_BYTES   4096

/* A pointer to a frame that nobody knows: it leads nowhere, as no frame has an odd address. */
#define UNWIND_UNKNOWN 1

/* What is known of one frame. */
struct unwind_state {
	__u64 pc; /* where it is: a return address, or the interrupted instruction */
	__u64 sp, fp;
	__u64 anchor; /* UNWIND_UNKNOWN behind a frame that was passed by its frame pointer */
	__u32 pc_is_return; /* then pc is looked up inside the call before it */
	/* regs are this very frame's: the innermost one, or one that a signal interrupted */
	__u32 has_registers;
	union {
		struct arch_regs regs;
		__u64 word[ARCH_WORDS];
	};
	/* the piece of the stack that was read last: window_bytes from window_at on */
	__u64 window_at, window_bytes;
	__u64 window[UNWIND_WINDOW_WORDS];
	__u64 saved[UNWIND_SAVED_WORDS]; /* scratch */
};

/* The innermost frame, whose registers are in w->regs. */
static __always_inline void unwind_begin(struct unwind_state *w, __u32 pc_is_return)
{
	w->pc = arch_strip(arch_pc(&w->regs));
	w->sp = arch_sp(&w->regs);
	w->fp = arch_fp(&w->regs);
	w->anchor = arch_anchor(&w->regs);
	w->pc_is_return = pc_is_return;
	w->has_registers = 1;
	w->window_bytes = 0;
}

/* 0, or the end: a register that is not followed through calls is known in some frames only. */
static __always_inline int unwind_register(const struct unwind_state *w, __u32 dwarf, __u64 *ret)
{
	if (dwarf == ARCH_DWARF_SP) {
		*ret = w->sp;
		return 0;
	}
	if (dwarf == ARCH_DWARF_FP) {
		*ret = w->fp;
		return 0;
	}
	if (dwarf == ARCH_DWARF_ANCHOR && w->anchor != UNWIND_UNKNOWN) {
		*ret = w->anchor;
		return 0;
	}
	if (!w->has_registers)
		return ABI_END_REGISTER;
	*ret = w->word[arch_word(dwarf & 31) & (ARCH_WORDS - 1)];
	return 0;
}

/* The piece of the stack that begins at address, a multiple of 8, becomes the window. */
static __always_inline int unwind_window(struct unwind_state *w, __u64 address)
{
	__u64 bytes = UNWIND_PAGE_BYTES - (address & (UNWIND_PAGE_BYTES - 1));

	if (bytes > sizeof(w->window))
		bytes = sizeof(w->window);
	w->window_at = address;
	w->window_bytes = 0;
	if (UNWIND_READ(w->window, bytes, address)) {
		/* A stack that was copied may end within a page. */
		bytes = sizeof(w->window[0]);
		if (UNWIND_READ(w->window, bytes, address))
			return ABI_END_UNREADABLE;
	}
	w->window_bytes = bytes;
	return 0;
}

/* The word at address. */
static __always_inline int unwind_word(struct unwind_state *w, __u64 address, __u64 *ret)
{
	__u64 at = address - w->window_at;

	if (address & 7) {
		if (UNWIND_READ(w->saved, sizeof(w->saved[0]), address))
			return ABI_END_UNREADABLE;
		*ret = w->saved[0];
		return 0;
	}
	if (at >= w->window_bytes) {
		if (unwind_window(w, address))
			return ABI_END_UNREADABLE;
		at = 0;
	}
	*ret = w->window[at / 8 & (UNWIND_WINDOW_WORDS - 1)];
	return 0;
}

static __always_inline int unwind_cfa(struct unwind_state *w, const struct unwind_rule *rule,
				      __u64 *ret)
{
	__s32 offset = rule->cfa_offset;
	__u64 base, index;
	int end;

	if (rule->kind == UNWIND_KIND_PLT) {
		*ret = w->sp + 8 + ((w->pc & 15) >= (__u64)(__s64)offset ? 8 : 0);
		return 0;
	}
	end = unwind_register(w, rule->base, &base);
	if (end)
		return end;
	if (rule->kind == UNWIND_KIND_CFA || rule->kind == UNWIND_KIND_JUMP) {
		*ret = base + (__u64)(__s64)offset;
		return 0;
	}
	if (rule->kind == UNWIND_KIND_CFA_DEREF) {
		end = unwind_word(w, base + (__u64)(__s64)UNWIND_DEREF_AT(offset), &base);
		*ret = base + (__u64)(__s64)UNWIND_DEREF_ADD(offset);
		return end;
	}
	end = unwind_register(w, UNWIND_INDEXED_BY(offset), &index);
	if (end)
		return end;
	end = unwind_word(w, base + 8 * index + (__u64)(__s64)UNWIND_INDEXED_AT(offset), &base);
	*ret = base + (__u64)(__s64)UNWIND_INDEXED_ADD(offset);
	return end;
}

/* The caller's value of a register. */
static __always_inline int unwind_value(struct unwind_state *w, __u32 where, __s32 offset,
					__u64 cfa, __u64 *value)
{
	__u64 at = cfa + (__u64)(__s64)offset;

	switch (where) {
	case UNWIND_SAME:
		return 0;
	case UNWIND_IN_REGISTER:
		return unwind_register(w, offset & 31, value);
	case UNWIND_UNDEFINED:
		*value = UNWIND_UNKNOWN;
		return 0;
	case UNWIND_AT_FP:
		at += w->fp - cfa;
		break;
	case UNWIND_AT_SP:
		at += w->sp - cfa;
		break;
	}
	return unwind_word(w, at, value);
}

static __always_inline int unwind_anchor(struct unwind_state *w, __u32 words, __u64 cfa,
					 __u64 *value)
{
	if (words == UNWIND_ANCHOR_SAME)
		return 0;
	if (words == UNWIND_ANCHOR_UNKNOWN) {
		*value = UNWIND_UNKNOWN;
		return 0;
	}
	return unwind_word(w, cfa - 8 * words, value);
}

/* Through a signal frame: all registers are those of the interrupted instruction again. */
static __always_inline int unwind_signal(struct unwind_state *w)
{
	if (UNWIND_READ(w->saved, ARCH_SIGNAL_WORDS * 8, w->sp + ARCH_SIGNAL_REGISTERS))
		return ABI_END_UNREADABLE;
	arch_take_signal(&w->regs, w->saved);
	unwind_begin(w, 0);
	return 0;
}

/*
 * To the caller. ABI_END_NONE and the caller's state, or why there is none: ABI_END_ROOT where this
 * frame is the outermost; the state is then of no use. A hole has no step: see unwind_step_fp().
 */
static __always_inline int unwind_step(struct unwind_state *w, const struct unwind_rule *rule)
{
	__u64 cfa = 0, ra = 0, fp = w->fp, anchor = w->anchor;
	int end;

	if (rule->kind == UNWIND_KIND_END)
		return ABI_END_ROOT;
	if (rule->kind == UNWIND_KIND_SIGNAL)
		return unwind_signal(w);
	if (rule->kind == UNWIND_KIND_REGISTER)
		return ABI_END_REGISTER;
	if (rule->kind > UNWIND_KIND_JUMP || rule->kind == UNWIND_KIND_HOLE)
		return ABI_END_EXPRESSION;
	end = unwind_cfa(w, rule, &cfa);
	if (end)
		return end;
	/* Callers are above. Only an innermost frame may take no stack: its return address is in a
	 * register. */
	if (cfa < w->sp || (cfa == w->sp && !w->has_registers))
		return ABI_END_BAD_FRAME;
	/* Saved below the return address, if at all, the lowest first: one window has all. */
	end = unwind_anchor(w, rule->anchor, cfa, &anchor);
	if (end)
		return end;
	end = unwind_value(w, rule->fp, rule->fp_offset, cfa, &fp);
	if (end)
		return end;
	end = unwind_value(w, rule->ra, rule->ra_offset, cfa, &ra);
	if (end)
		return end;
	w->pc = arch_strip(ra);
	w->sp = cfa;
	w->fp = fp;
	w->anchor = anchor;
	w->pc_is_return = 1;
	w->has_registers = 0;
	return w->pc ? ABI_END_NONE : ABI_END_ROOT;
}

/* To the caller of code that has left the stack alone: innermost frames only. */
static __always_inline int unwind_step_link(struct unwind_state *w)
{
	w->pc = arch_strip(arch_link(&w->regs));
	w->pc_is_return = 1;
	w->has_registers = 0;
	return w->pc ? ABI_END_NONE : ABI_END_ROOT;
}

/*
 * To the caller by the saved frame pointer and the return address above it, as every frame-pointer
 * prologue leaves them. zero_is_root: a frame pointer of zero is the mark of the outermost frame,
 * and not just some number. As unwind_step(), ABI_END_FP_SHORT where the register held no frame.
 */
static __always_inline int unwind_step_fp(struct unwind_state *w, int zero_is_root)
{
	__u64 fp, pc;

	if (w->fp == 0 && zero_is_root)
		return ABI_END_ROOT;
	if (w->fp & 7 || w->fp < w->sp)
		return ABI_END_FP_SHORT;
	if (unwind_word(w, w->fp, &fp) || unwind_word(w, w->fp + 8, &pc))
		return ABI_END_FP_SHORT;
	w->sp = w->fp + 16;
	w->fp = fp;
	w->anchor = UNWIND_UNKNOWN;
	w->pc = arch_strip(pc);
	w->pc_is_return = 1;
	w->has_registers = 0;
	return w->pc ? ABI_END_NONE : ABI_END_ROOT;
}

#endif
