/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The registers of the program's context. Field by field: the context is not memory, the verifier
 * turns each load of it into one of the real registers.
 */
#pragma once

#include "bpf/kernel_types.h"

#if defined(ARCH_X86_64)

/* What is read behind it was read later than what is read before it. */
#define ARCH_READ_BARRIER(s) barrier()

static __always_inline void arch_copy_context(struct arch_regs *to,
					      const struct bpf_perf_event_data *ctx)
{
	to->r15 = ctx->regs.r15;
	to->r14 = ctx->regs.r14;
	to->r13 = ctx->regs.r13;
	to->r12 = ctx->regs.r12;
	to->bp = ctx->regs.bp;
	to->bx = ctx->regs.bx;
	to->r11 = ctx->regs.r11;
	to->r10 = ctx->regs.r10;
	to->r9 = ctx->regs.r9;
	to->r8 = ctx->regs.r8;
	to->ax = ctx->regs.ax;
	to->cx = ctx->regs.cx;
	to->dx = ctx->regs.dx;
	to->si = ctx->regs.si;
	to->di = ctx->regs.di;
	to->orig_ax = ctx->regs.orig_ax;
	to->ip = ctx->regs.ip;
	to->cs = ctx->regs.cs;
	to->flags = ctx->regs.flags;
	to->sp = ctx->regs.sp;
	to->ss = ctx->regs.ss;
}

#else

/* An atomic operation that returns a value is a full barrier. */
#define ARCH_READ_BARRIER(s) __sync_fetch_and_add(&(s)->fence, 0)

static __always_inline void arch_copy_context(struct arch_regs *to,
					      const struct bpf_perf_event_data *ctx)
{
#pragma clang loop unroll(full)
	for (int i = 0; i < 31; i++)
		to->regs[i] = ctx->regs.regs[i];
	to->sp = ctx->regs.sp;
	to->pc = ctx->regs.pc;
	to->pstate = ctx->regs.pstate;
}

#endif
