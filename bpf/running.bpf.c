// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What runs already: describes every file that some process has mapped to execute, once, before
 * sampling begins. Its unwind table is then loaded when the first sample meets it.
 *
 * An iterator over the mappings of all processes, in process context.
 */
#include "bpf/maps.bpf.h"
#include "bpf/kernel_read.bpf.h"

/* The process at hand, as far as a description needs it: into s->head. */
static __always_inline void process_read(struct scratch *s, struct task_struct *task)
{
	const struct cred *cred = KERNEL_READ(task, cred);

	s->head.pid = KERNEL_READ(task, tgid);
	s->head.uid = KERNEL_READ(cred, uid.val);
	s->head.start_ns = KERNEL_READ(task, start_boottime);
}

/* The file of s->key was not met yet. It is marked as such, without a number. */
static __always_inline int is_new(struct scratch *s)
{
	struct abi_object_info unnumbered = {};
	struct abi_file_key key = s->key;

	return bpf_map_update_elem(&objects, &key, &unnumbered, BPF_NOEXIST) == 0;
}

SEC("iter/task_vma")
int hearth_running(struct bpf_iter__task_vma *ctx)
{
	struct vm_area_struct *vma = ctx->vma;
	struct task_struct *task = ctx->task;
	struct scratch *s;
	struct file *file;
	__u32 zero = 0;

	if (!task || !vma || !(KERNEL_READ(vma, vm_flags) & VM_EXEC))
		return 0;
	file = KERNEL_READ(vma, vm_file);
	s = bpf_map_lookup_elem(&scratch_map, &zero);
	if (!file || !s)
		return 0;
	/* A tick in between finds the scratch taken, and is counted as such. */
	s->busy = 1;
	process_read(s, task);
	if ((!knob_filter_allows || filter_verdict(ABI_FILTER_PID, 0, s->head.pid)) &&
	    file_key_read(s, (__u64)file) == 0 && is_new(s))
		object_send(s, file, KERNEL_READ(vma, vm_start), KERNEL_READ(vma, vm_end), 1);
	s->busy = 0;
	return 0;
}
