/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps, the knobs and the scratch memory that the programs share.
 *
 * The sampler only looks up in shared maps, never updates one: it may run in an NMI.
 */
#pragma once

#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "bpf/abi.h"
#include "bpf/kernel_types.h"

/* Includers of the step define how memory is read; here it is the process's own. */
#define UNWIND_READ(to, bytes, address) bpf_probe_read_user(to, bytes, (void *)(address))
#include "bpf/unwind_step.h"

#define MAPPINGS_CACHED	 16
#define STACK_PAGE_BYTES 4096

/* Set before loading. */
extern const volatile __u64 knob_period_ns;
extern const volatile __u64 knob_secret[2]; /* keys the stack hashes */
extern const volatile __u8 knob_filter; /* any filter at all */
extern const volatile __u8
	knob_filter_allows; /* some filter allows: what none allows is left out */
extern const volatile __u8 knob_mappings; /* the mapping walk works on this kernel */
extern const volatile __u8 knob_tables; /* user stacks are walked by unwind tables */
extern const volatile __u8 knob_snapshot; /* copy registers and user stacks */
extern const volatile __u8 knob_user; /* walk user stacks */
extern const volatile __u8 knob_kernel; /* take kernel stacks */
extern const volatile __u32 knob_ring_bytes;

struct cpu_counters {
	__u64 value[ABI_COUNTER_COUNT];
};

/* One mapping that this sample has met. */
struct mapping {
	__u64 start; /* [start, end) */
	__u64 end;
	__u64 bias; /* offset in the object = address - bias */
	__u32 kind; /* enum abi_object_kind */
	__u32 object; /* index into the sample's object table */
	struct abi_object_info info; /* of the file or the vdso; zero where it is not numbered */
};

/*
 * The rule of a place that was looked up: valid while its stamp is the walk's, the sum of
 * tables_epoch and of the time as pages keep it, neither of which goes back. So that pages in use
 * are still marked as such.
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

/* Everything one sample needs: too large for the stack, one a CPU. */
struct scratch {
	__u64 busy;
	/* the record, in the order of its parts; they are moved together before it is sent */
	struct abi_sample head;
	__u64 kernel[ABI_KERNEL_FRAMES_MAX + 1];
	struct abi_frame user[ABI_USER_FRAMES_MAX];
	struct abi_object_ref object[ABI_SAMPLE_OBJECTS_MAX];
	/* the walk */
	struct unwind_state walk;
	struct abi_frame frame; /* the one at hand, where the walk is */
	__s32 rule; /* its rule's number */
	__u32 is_root; /* it is the outermost, whatever its rule says */
	__u32 stamp;
	__u32 mapping_at; /* what it lies in, and most likely the next */
	__u32 by_fp; /* it was found by the frame pointer */
	__u32 no_table; /* a frame was walked by frame pointer for want of its table */
	__u32 end;
	struct task_struct *task;
	struct mm_struct *mm;
	__u64 vdso;
	__u64 exe_file;
	struct abi_object_info exe_info;
	__u64 hash[2];
	__u32 n_user;
	__u32 n_objects;
	__u32 n_mappings;
	__u32 next_mapping; /* which one is replaced when all are in use */
	struct mapping mapping[MAPPINGS_CACHED];
	/* the mapping walk */
	__u64 node[32]; /* of the maple tree, where it is not read by loads */
	struct abi_file_key key;
	struct abi_object_info info; /* what is known of the object that was looked up last */
	struct recent_rule recent[RECENT_RULES];
};

/* Pages are copied whole: the last one may reach past what is sent. */
struct stack_copy {
	__u8 bytes[ABI_STACK_BYTES_MAX + STACK_PAGE_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch_map SEC(".maps");

/* Its value is cut to a word where no stacks are copied: see knob_snapshot. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct stack_copy));
} stack_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu_counters);
} counters SEC(".maps");

/* When each CPU's timer last fired; user space zeroes it when a CPU comes online. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set to the number of possible CPUs */
	__type(key, __u32);
	__type(value, __u64);
} last_tick SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* set before loading */
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ABI_OBJECTS_MAX);
	__type(key, struct abi_file_key);
	__type(value, struct abi_object_info);
} objects SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ABI_CGROUPS_MAX);
	__type(key, struct abi_cgroup_key);
	__type(value, __u32);
} cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ABI_FILTER_MAX);
	__type(key, struct abi_filter_key);
	__type(value, __u32);
} filters SEC(".maps");

static __always_inline void count_add(enum abi_counter which, __u64 n)
{
	__u32 zero = 0;
	struct cpu_counters *c = bpf_map_lookup_elem(&counters, &zero);

	if (c)
		c->value[which] += n;
}

static __always_inline void count(enum abi_counter which)
{
	count_add(which, 1);
}

/*
 * Fold one word into the two halves of a stack hash. Keyed, so that nobody can craft two stacks of
 * one id.
 */
static __always_inline void hash_word(__u64 *hash, __u64 word)
{
	__u64 h = (*hash ^ word) * 0x9e3779b97f4a7c15ull;

	*hash = (h ^ (h >> 29)) * 0xbf58476d1ce4e5b9ull + knob_secret[1];
}

static __always_inline int mapping_holds(const struct mapping *m, __u64 address)
{
	return address >= m->start && address < m->end;
}
