/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading the kernel's structures: by plain loads where the kernel has bpf_rdonly_cast() (6.2 and
 * later), else by bpf_probe_read_kernel(), which costs a call each. A load that faults reads zero,
 * either way.
 */
#pragma once

#include "bpf/kernel_types.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* Set before loading: bpf_rdonly_cast() is there. */
extern const volatile __u8 knob_direct;

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

/* A word of memory by a load: as a number, for a field's own type would make pointers of some. */
static __always_inline __u64 kernel_load(__u64 address)
{
	/* Some structure that has a word which is no pointer: its second. */
	const struct maple_range_64 *before = bpf_rdonly_cast(
		(void *)(address - sizeof(__u64)), bpf_core_type_id_kernel(struct maple_range_64));

	return before->pivot[0];
}

/* p->field, a number or a pointer, p being a pointer to a structure of kernel_types.h. */
#define KERNEL_READ(p, field)                                                                 \
	(knob_direct ? (__typeof__((p)->field))kernel_load((__u64)(p) +                       \
							   bpf_core_field_offset((p)->field)) \
		     : BPF_CORE_READ(p, field))

/* *p, where p is an address of the kernel's memory that holds a word. */
static __always_inline __u64 kernel_word(const void *p)
{
	__u64 word = 0;

	if (knob_direct)
		return kernel_load((__u64)p);
	bpf_probe_read_kernel(&word, sizeof(word), p);
	return word;
}

/* The compiler may merge loads: what may have changed is read again from memory behind this. */
#define KERNEL_READ_AGAIN() barrier()

/* A cgroup's parent directory, whatever the field is called. */
static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	if (bpf_core_field_exists(node->__parent)) {
		return KERNEL_READ(node, __parent);
	} else {
		struct kernfs_node___before *before = (void *)node;

		return KERNEL_READ(before, parent);
	}
}
