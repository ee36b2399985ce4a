/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps and the knobs that the programs share.
 *
 * The sampler only looks up in shared maps, never updates one: it may run in an NMI.
 */
#pragma once

#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "bpf/abi.h"
#include "bpf/scratch.bpf.h"

#define STACK_PAGE_BYTES 4096

/* Set before loading. */
extern const volatile __u64 knob_period_ns;
extern const volatile __u8 knob_filter; /* any filter at all */
extern const volatile __u8
	knob_filter_allows; /* some filter allows: what none allows is left out */
extern const volatile __u8 knob_mappings; /* the mapping walk works on this kernel */
extern const volatile __u8 knob_tables; /* user stacks are walked by unwind tables */
extern const volatile __u8 knob_snapshot; /* copy registers and user stacks */
extern const volatile __u8 knob_user; /* walk user stacks */
extern const volatile __u8 knob_kernel; /* take kernel stacks */
extern const volatile __u32 knob_ring_bytes;

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
	__type(value, struct abi_cpu);
} cpus SEC(".maps");

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
	struct abi_cpu *cpu = bpf_map_lookup_elem(&cpus, &zero);

	if (cpu)
		cpu->counter[which] += n;
}

static __always_inline void count(enum abi_counter which)
{
	count_add(which, 1);
}
