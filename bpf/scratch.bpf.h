/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one sample works on, and what it keeps for the next one on its CPU.
 *
 * A tick finds little in the caches, and most of what it costs is that: so what every sample looks
 * up anew (where the process's code is mapped, its cgroup, what a filter says of it, the rule at a
 * place) is kept, each with what tells that it still holds, and stands together.
 */
#pragma once

#include <linux/types.h>

#include "bpf/abi.h"
#include "bpf/kernel_types.h"

/* Includers of the step define how memory is read; here it is the process's own. */
#define UNWIND_READ(to, bytes, address) bpf_probe_read_user(to, bytes, (void *)(address))
#include "bpf/unwind_step.h"

#define MAPPINGS_KEPT  16
#define PROCESSES_KEPT 8

/* One mapping that this sample has met, or one before it of the same process. */
struct mapping {
	__u64 start; /* [start, end) */
	__u64 end;
	__u64 bias; /* offset in the object = address - bias */
	__u32 kind; /* enum abi_object_kind */
	__u32 sample; /* the sample of which object holds, by its number on this CPU */
	__u32 object; /* index into the sample's object table */
	__u32 zero;
	struct abi_object_info info; /* of the file or the vdso; zero where it is not numbered */
};

/* Of what, and until when, a process's mappings and executable hold: see mappings_keep(). */
struct mappings_of {
	__u64 mm; /* 0: they are not kept */
	__u64 exec_id;
	__u32 changes; /* of the mappings, as the kernel counts them */
	__u32 epoch; /* known_epoch */
	__u32 stamp;
	__u32 zero;
};

/* The cgroup of a process's threads that have this set of cgroups: see cgroup_find(). */
struct cgroup_of {
	__u64 set; /* 0: none is kept */
	__u32 epoch; /* known_epoch */
	__u32 stamp;
	__u32 hierarchy;
	__u32 zero;
	__u64 id;
};

/* What samples on this CPU have found of one process, for the next one of it. */
struct process {
	__u64 start_ns;
	__u32 pid;
	__u32 has_verdict; /* what the filter says of its pid is known */
	__u32 verdict;
	__u32 verdict_epoch; /* known_epoch */
	struct cgroup_of cgroup;
	struct mappings_of of;
	__u64 exe_file;
	struct abi_object_info exe_info;
	__u32 n_mappings;
	__u32 next_mapping; /* which one is replaced when all are in use */
	struct mapping mapping[MAPPINGS_KEPT];
};

/* The way down a tree of mappings: the node at hand, then the VMA and its range (inclusive). */
struct tree_walk {
	__u64 at, vma, lo, hi;
};

/*
 * The rule of a place that was looked up: valid while its stamp is the walk's, the sum of
 * tables_epoch and of the time in UNWIND_RECENT_UNITS units that pages keep, neither of which goes
 * back. So that pages in use are still marked as such.
 */
struct recent_rule {
	__u64 place; /* the object's pages_at, and the offset */
	__u32 stamp;
	__s32 rule;
};

#define RECENT_RULES	   512
#define RECENT_OFFSET_BITS 38
#define RECENT_MIX	   0x9e3779b97f4a7c15ull
#define RECENT_SHIFT	   48

/* Everything one sample needs, what all of them touch in front: too large for the stack. */
struct scratch {
	__u64 busy;
	struct abi_sample head;
	/* the walk */
	struct unwind_state walk;
	struct abi_frame frame; /* the one at hand, where the walk is */
	__s32 rule; /* its rule's number */
	__u32 is_root; /* it is the outermost, whatever its rule says */
	__u32 stamp; /* see struct recent_rule */
	struct mapping mapping; /* what it lies in, and most likely the next */
	__u32 by_fp; /* it was found by the frame pointer */
	__u32 no_table; /* a frame was walked by frame pointer for want of its table */
	__u32 end;
	struct task_struct *task;
	struct mm_struct *mm;
	__u64 vdso;
	__u32 n_user;
	__u32 n_objects;
	__u32 sample; /* its number on this CPU */
	__u32 fence; /* see ARCH_READ_BARRIER() */
	struct abi_file_key key;
	struct abi_object_info info; /* what is known of the object that was looked up last */
	__u32 at; /* of the process in the next */
	struct process process[PROCESSES_KEPT];
	/* the other parts of the record */
	struct abi_object_ref object[ABI_SAMPLE_OBJECTS_MAX];
	struct abi_frame user[ABI_USER_FRAMES_MAX];
	__u64 kernel[ABI_KERNEL_FRAMES_MAX + 1];
	/* the mapping walk */
	struct tree_walk tree;
	__u64 node[32]; /* of the maple tree, where it is not read by loads */
	struct recent_rule recent[RECENT_RULES];
};

/* Seconds, nearly: what is kept from sample to sample is not kept longer. */
static __always_inline __u32 time_stamp(const struct scratch *s)
{
	return (__u32)(s->head.time_ns >> UNWIND_USED_SHIFT);
}

/* Of the process that is sampled. */
static __always_inline struct process *process_of(struct scratch *s)
{
	return &s->process[s->at & (PROCESSES_KEPT - 1)];
}

static __always_inline int mapping_holds(const struct mapping *m, __u64 address)
{
	return address >= m->start && address < m->end;
}
