/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Unwind tables as the kernel walks them: rows of 4 bytes in pages of 64 KiB of the file, over one
 * dictionary of rules that all objects share.
 *
 * A row says from which offset on a rule holds, until the next row's. A file's offsets are split
 * into pages of 64 KiB by their upper bits; a page's rows are sorted by `low`, and its first row
 * has low 0 (what holds at the page's start), so a page is looked up without its neighbours. Rule 0
 * is the hole: no CFI covers these offsets.
 */
#ifndef HEARTH_BPF_UNWIND_TABLE_H
#define HEARTH_BPF_UNWIND_TABLE_H

#include <linux/types.h>

#define UNWIND_PAGE_BITS 16
/* A row every 4 bytes; a file with more is refused. Binary search takes 14 steps. */
#define UNWIND_PAGE_ROWS_MAX 16384
/* Of the dictionary; a file that would need more is refused, counted. */
#define UNWIND_RULES_MAX 32768

struct unwind_row {
	__u16 low; /* offset in the page */
	__u16 rule; /* index into the dictionary */
};

/* How a caller's frame is found. X(name, short name, sentence). */
#define UNWIND_KIND_LIST(X)                                                                    \
	X(HOLE, "hole", "no CFI covers this code")                                             \
	X(CFA, "cfa", "CFA = register + offset")                                               \
	X(CFA_DEREF, "cfa-deref", "CFA = *(register + offset) + add: realigned stacks")        \
	X(CFA_INDEXED, "cfa-indexed", "CFA = *(register + 8 * register + at) + add")           \
	X(PLT, "plt", "a PLT stub: CFA = sp + 8, or 16 behind the push")                       \
	X(JUMP, "jump", "longjmp: the caller's stack pointer = register + offset, and no CFA") \
	X(SIGNAL, "signal", "the caller's registers are in the signal frame")                  \
	X(END, "end", "the return address is undefined: the outermost frame")                  \
	X(EXPRESSION, "expression", "an expression that no row can say")                       \
	X(REGISTER, "register", "a register or an offset that no row can say")

enum unwind_kind {
#define UNWIND_KIND_ENUM(name, shortname, sentence) UNWIND_KIND_##name,
	UNWIND_KIND_LIST(UNWIND_KIND_ENUM)
#undef UNWIND_KIND_ENUM
		UNWIND_KIND_COUNT
};

/* Where the caller's value of a register is. */
enum unwind_where {
	UNWIND_SAME, /* unchanged */
	UNWIND_AT_CFA, /* at CFA + offset */
	UNWIND_UNDEFINED,
	UNWIND_IN_REGISTER, /* in the register that the offset names (DWARF number) */
	UNWIND_AT_FP, /* at the frame pointer + offset: functions that realign their stack */
	UNWIND_AT_SP, /* at the stack pointer + offset: hand-written ones that do */
	UNWIND_WHERE_COUNT
};

/*
 * Where the caller's value of the anchor (ARCH_DWARF_ANCHOR) is, in five bits: unchanged, or so
 * many words below the CFA.
 */
#define UNWIND_ANCHOR_SAME	0
#define UNWIND_ANCHOR_WORDS_MAX 30
#define UNWIND_ANCHOR_UNKNOWN	31

/* One rule: 12 bytes. Registers have their DWARF numbers of the architecture. */
struct unwind_rule {
	__u8 kind; /* enum unwind_kind */
	__u8 base; /* register of CFA, CFA_DEREF, CFA_INDEXED and JUMP */
	__u8 fp : 3; /* enum unwind_where: the frame pointer (rbp, x29) */
	__u8 anchor : 5; /* UNWIND_ANCHOR_*, or words below the CFA */
	__u8 ra; /* of the return address: AT_CFA or IN_REGISTER */
	/*
	 * CFA = base + cfa_offset; CFA_DEREF: UNWIND_DEREF_*(); PLT: pushed where (pc & 15) >= it
	 */
	__s32 cfa_offset;
	__s16 fp_offset;
	__s16 ra_offset;
};

/* CFA_DEREF packs both numbers into cfa_offset: CFA = *(base + (s16)(v)) + (v >> 16). */
#define UNWIND_DEREF_AT(v)  ((__s16)((v)&0xffff))
#define UNWIND_DEREF_ADD(v) ((__s16)((v) >> 16))

/*
 * CFA_INDEXED, of openssl's big number routines: CFA = *(base + 8 * index + at) + add. They are
 * leaves, so that both registers are known.
 */
#define UNWIND_INDEXED_AT(v)  ((__s16)((v)&0xffff))
#define UNWIND_INDEXED_ADD(v) ((__s8)((v) >> 16 & 0xff))
#define UNWIND_INDEXED_BY(v)  ((__u8)((__u32)(v) >> 24))

/*
 * The pool: words of four bytes in chunks, which rows and page entries are allocated from. A place
 * in it is its chunk's number times UNWIND_CHUNK_WORDS plus the word; what is allocated together
 * lies in one chunk. Place 0 is never given out.
 */
#define UNWIND_CHUNK_BITS  18
#define UNWIND_CHUNK_WORDS (1u << UNWIND_CHUNK_BITS) /* 1 MB */
#define UNWIND_CHUNKS_MAX  64

struct unwind_chunk {
	__u32 word[UNWIND_CHUNK_WORDS];
};

/*
 * Where the rows of one page of a file are. rows is written in one piece after what it points to,
 * and zeroed before that is given to others: UNWIND_REF_*(). used is written by the kernel's walk:
 * when the page was last asked for, in units of 2^30 ns of CLOCK_MONOTONIC.
 */
struct unwind_page_ref {
	__u64 rows;
	__u32 used;
	__u32 reserved;
};

#define UNWIND_REF_WORDS  (sizeof(struct unwind_page_ref) / 4)
#define UNWIND_USED_SHIFT 30
/* The walk looks up no page again whose rule it met in this many units: used may be so late. */
#define UNWIND_RECENT_UNITS 4
#define UNWIND_REF_LOADED   (1ull << 63)
/* log2: the largest with 1 << log2 <= n; n 0: loaded, and all of the page is a hole. */
#define UNWIND_REF(at, n, log2) \
	(UNWIND_REF_LOADED | (__u64)(log2) << 48 | (__u64)(n) << 32 | (__u32)(at))
#define UNWIND_REF_AT(rows)   ((__u32)(rows))
#define UNWIND_REF_N(rows)    ((__u32)((rows) >> 32) & 0xffff)
#define UNWIND_REF_LOG2(rows) ((__u32)((rows) >> 48) & 0xf)

/* The dictionary as the kernel has it. */
struct unwind_dictionary {
	struct unwind_rule rule[UNWIND_RULES_MAX];
};

#ifndef __bpf__
_Static_assert(sizeof(struct unwind_page_ref) == 16, "entries are addressed by their size");
_Static_assert(sizeof(struct unwind_row) == 4, "a row is four bytes");
_Static_assert(sizeof(struct unwind_rule) == 12, "no padding: rules are hashed");
#endif

#endif
