// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Following a command's descendants: whoever is forked by an allowed tree is allowed, and leaves
 * the filter at its end. Attached only while such a filter is set; tracepoints run in process
 * context, where maps may be updated.
 */
#include "bpf/maps.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

SEC("tp_btf/sched_process_fork")
int BPF_PROG(hearth_fork, struct task_struct *parent, struct task_struct *child)
{
	struct abi_filter_key key = {.kind = ABI_FILTER_PID, .id = {BPF_CORE_READ(parent, tgid)}};
	__u32 *verdict = bpf_map_lookup_elem(&filters, &key);
	__u32 tree = ABI_FILTER_ALLOW_TREE;

	if (!verdict || *verdict != ABI_FILTER_ALLOW_TREE)
		return 0;
	key.id[0] = BPF_CORE_READ(child, tgid);
	if (bpf_map_update_elem(&filters, &key, &tree, BPF_ANY))
		count(ABI_COUNTER_FILTER_FULL);
	return 0;
}

/*
 * The end of a thread group: after its last thread's exit no sample of it can come. A thread that
 * outlives its leader keeps the entry, as the group lives on.
 */
SEC("tp_btf/sched_process_free")
int BPF_PROG(hearth_free, struct task_struct *task)
{
	struct abi_filter_key key = {.kind = ABI_FILTER_PID, .id = {BPF_CORE_READ(task, tgid)}};
	__u32 *verdict;

	if (BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid))
		return 0;
	verdict = bpf_map_lookup_elem(&filters, &key);
	if (verdict && *verdict == ABI_FILTER_ALLOW_TREE)
		bpf_map_delete_elem(&filters, &key);
	return 0;
}
