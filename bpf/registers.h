/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * What differs between architectures: the registers of an interrupted context, their DWARF numbers,
 * and how the kernel tells user mode. Pure: for the kernel programs and for their native tests.
 */
#ifndef HEARTH_BPF_REGISTERS_H
#define HEARTH_BPF_REGISTERS_H

#include <linux/stddef.h>
#include <linux/types.h>

#if defined(__TARGET_ARCH_x86) || (!defined(__bpf__) && defined(__x86_64__))
#define ARCH_X86_64 1
#elif defined(__TARGET_ARCH_arm64) || (!defined(__bpf__) && defined(__aarch64__))
#define ARCH_ARM64 1
#else
#error "unknown architecture"
#endif

#if defined(ARCH_X86_64)

/* struct pt_regs */
struct arch_regs {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs,
		flags, sp, ss;
};

#define ARCH_WORDS	32 /* of struct arch_regs, rounded up to a power of two */
#define ARCH_CALL_BYTES 1 /* return addresses are looked up inside the call before them */
#define ARCH_DWARF_SP	7
#define ARCH_DWARF_FP	6
/*
 * Beside those two, the register by which code that realigns its stack finds its frame again: rbx,
 * in the dynamic linker's _dl_runtime_resolve().
 */
#define ARCH_DWARF_ANCHOR 3
/* Where a frame's pointer leads, its caller's stack begins behind it. */
#define ARCH_FP_TELLS_SP 1
/* Calls leave the return address in a register. */
#define ARCH_HAS_LINK  0

#define ARCH_CS_USER32 0x23 /* __USER32_CS: compat code */

/*
 * struct rt_sigframe as a handler's return finds it: the stack pointer is at its ucontext, whose
 * general registers r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip begin here.
 */
#define ARCH_SIGNAL_REGISTERS 40
#define ARCH_SIGNAL_WORDS     17

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

static __always_inline __u64 arch_anchor(const struct arch_regs *r)
{
	return r->bx;
}

static __always_inline __u64 arch_link(const struct arch_regs *r)
{
	(void)r;
	return 0;
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

/* Which word of struct arch_regs a DWARF register is: 0 to 15. */
static __always_inline __u32 arch_word(__u32 dwarf)
{
	/* rax rdx rcx rbx rsi rdi rbp rsp r8..r15, five bits each */
	const __u64 low = 10ull | 12ull << 5 | 11ull << 10 | 5ull << 15 | 13ull << 20 |
			  14ull << 25 | 4ull << 30 | 19ull << 35 | 9ull << 40 | 8ull << 45;
	const __u64 high = 7ull | 6ull << 5 | 3ull << 10 | 2ull << 15 | 1ull << 20 | 0ull << 25;

	return dwarf < 10 ? (low >> (5 * dwarf)) & 31 : (high >> (5 * ((dwarf - 10) & 7))) & 31;
}

/* The registers that a signal frame saved, in its order, into r. */
static __always_inline void arch_take_signal(struct arch_regs *r, const __u64 *saved)
{
	r->r8 = saved[0];
	r->r9 = saved[1];
	r->r10 = saved[2];
	r->r11 = saved[3];
	r->r12 = saved[4];
	r->r13 = saved[5];
	r->r14 = saved[6];
	r->r15 = saved[7];
	r->di = saved[8];
	r->si = saved[9];
	r->bp = saved[10];
	r->bx = saved[11];
	r->dx = saved[12];
	r->ax = saved[13];
	r->cx = saved[14];
	r->sp = saved[15];
	r->ip = saved[16];
}

static __always_inline __u64 arch_strip(__u64 address)
{
	return address;
}

#else

/* struct pt_regs; the context of a program has only those of struct user_pt_regs, up to pstate. */
struct arch_regs {
	__u64 regs[31], sp, pc, pstate;
	__u64 orig_x0;
	__s32 syscallno;
	__u32 reserved;
};

#define ARCH_WORDS	      64
#define ARCH_CALL_BYTES	      4
#define ARCH_DWARF_SP	      31
#define ARCH_DWARF_FP	      29
#define ARCH_DWARF_ANCHOR     32 /* none: a number that no rule has */
#define ARCH_FP_TELLS_SP      0 /* the pair is saved at its frame's bottom */
#define ARCH_HAS_LINK	      1

#define ARCH_PSR_MODE_MASK    0x0f
#define ARCH_PSR_MODE32_BIT   0x10
#define ARCH_ADDRESS_BITS     48

/*
 * struct rt_sigframe: siginfo (128 bytes), then ucontext, whose sigcontext begins with the fault's
 * address and then has x0 to x30, sp, pc.
 */
#define ARCH_SIGNAL_REGISTERS 312
#define ARCH_SIGNAL_WORDS     33

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

static __always_inline __u64 arch_anchor(const struct arch_regs *r)
{
	(void)r;
	return 0;
}

static __always_inline __u64 arch_link(const struct arch_regs *r)
{
	return r->regs[30];
}

static __always_inline int arch_is_user(const struct arch_regs *r)
{
	return (r->pstate & ARCH_PSR_MODE_MASK) == 0;
}

static __always_inline int arch_is_compat(const struct arch_regs *r)
{
	return (r->pstate & ARCH_PSR_MODE32_BIT) != 0;
}

/* In the kernel by a system call, whose saved PC is behind the instruction; not by a fault. */
static __always_inline int arch_in_syscall(const struct arch_regs *r)
{
	return r->syscallno >= 0;
}

/* Which word of struct arch_regs a DWARF register is: x0 to x30, and sp behind them. */
static __always_inline __u32 arch_word(__u32 dwarf)
{
	return dwarf & 31;
}

static __always_inline void arch_take_signal(struct arch_regs *r, const __u64 *saved)
{
	__builtin_memcpy(r->regs, saved, sizeof(r->regs));
	r->sp = saved[31];
	r->pc = saved[32];
}

#endif

#endif
