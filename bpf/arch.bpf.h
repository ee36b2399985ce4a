/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What differs between architectures: where registers are, and how the kernel tells user mode. */
#pragma once

#include "bpf/kernel_types.h"

#if defined(__TARGET_ARCH_x86)

#define ARCH_CS_USER32 0x23 /* __USER32_CS: compat code */

static __always_inline __u64 arch_pc(const struct arch_regs *r)
{
	return r->ip;
}

static __always_inline __u64 arch_sp(const struct arch_regs *r)
{
	return r->sp;
}

static __always_inline __u64 arch_fp(const struct arch_regs *r)
{
	return r->bp;
}

static __always_inline int arch_is_user(const struct arch_regs *r)
{
	return (r->cs & 3) == 3;
}

static __always_inline int arch_is_compat(const struct arch_regs *r)
{
	return (r->cs & 0xffff) == ARCH_CS_USER32;
}

/* In the kernel by a system call: the saved PC is behind the instruction, like a return address. */
static __always_inline int arch_in_syscall(const struct arch_regs *r)
{
	return (__s64)r->orig_ax >= 0;
}

/*
 * The registers of the program's context. Field by field: the context is not memory, the verifier
 * turns each load of it into one of the real registers.
 */
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

/* Return addresses are looked up inside the call before them. */
#define ARCH_CALL_BYTES 1

static __always_inline __u64 arch_strip(__u64 address)
{
	return address;
}

#elif defined(__TARGET_ARCH_arm64)

#define ARCH_PSR_MODE_MASK  0x0f
#define ARCH_PSR_MODE32_BIT 0x10
#define ARCH_CALL_BYTES	    4
#define ARCH_ADDRESS_BITS   48

static __always_inline __u64 arch_strip(__u64 address)
{
	/* Pointer authentication keeps its code in the bits above the address. */
	return address & ((1ull << ARCH_ADDRESS_BITS) - 1);
}

static __always_inline __u64 arch_pc(const struct arch_regs *r)
{
	return r->pc;
}

static __always_inline __u64 arch_sp(const struct arch_regs *r)
{
	return r->sp;
}

static __always_inline __u64 arch_fp(const struct arch_regs *r)
{
	return r->regs[29];
}

static __always_inline int arch_is_user(const struct arch_regs *r)
{
	return (r->pstate & ARCH_PSR_MODE_MASK) == 0;
}

static __always_inline int arch_is_compat(const struct arch_regs *r)
{
	return (r->pstate & ARCH_PSR_MODE32_BIT) != 0;
}

static __always_inline int arch_in_syscall(const struct arch_regs *r)
{
	return 1;
}

/* Field by field: the context is not memory. */
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
