// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The sampler: runs at every tick of a CPU's timer and sends one record that describes itself.
 *
 * The order is that of cost: idle and filtered ticks return first, then the head, the kernel stack,
 * the user stack. It updates no shared map (it may run in an NMI) and measures its own run time.
 */
#include "bpf/maps.bpf.h"
#include "bpf/kernel_read.bpf.h"

#include "bpf/arch.bpf.h"

#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u64 knob_period_ns = 10101010;
const volatile __u8 knob_filter = 0;
const volatile __u8 knob_filter_allows = 0;
const volatile __u8 knob_mappings = 1;
const volatile __u8 knob_direct = 0;
const volatile __u8 knob_tables = 1;
const volatile __u8 knob_snapshot = 0;
const volatile __u8 knob_user = 1;
const volatile __u8 knob_kernel = 1;
const volatile __u32 knob_ring_bytes = 0;
const volatile __u64 knob_page_offset = 0xffff888000000000ull;
const volatile __u64 knob_vmemmap = 0xffffea0000000000ull;

__noinline __u64 cgroup_read(struct scratch *s);
__noinline int cgroup_find(struct scratch *s);
__noinline int file_key_read(struct scratch *s, __u64 file_address);
__noinline int object_index(struct scratch *s, __u32 kind, __u64 file, __u64 start, __u64 end);
__noinline int object_again(struct scratch *s, __u32 kind, __u32 number);
__noinline int mappings_keep(struct scratch *s);
__noinline int user_walk(struct scratch *s, __u32 pc_is_return);

/*
 * Counted up by user space before it starts a CPU's timer: no CPU's last tick holds then, for that
 * of a CPU that was offline meanwhile does not.
 */
__u64 ticks_epoch;

/*
 * Counted up by user space after it has told or forgotten something that it knows of an object, of
 * a cgroup or of a filter: what samples kept of it does not hold any more.
 */
__u32 known_epoch;

/* The kinds of which there has been a filter, a bit each: of others none is looked up. */
__u32 filter_kinds;

/*
 * Ticks that should have come between the last one and now, beyond this one. An idle CPU's timer
 * may rest: a gap that begins or ends idle is none.
 */
static __always_inline __u64 missed_ticks(struct abi_cpu *cpu, __u64 now, __u32 idle)
{
	__u64 before = cpu->ticks_epoch == ticks_epoch ? cpu->last_tick : 0, due;

	cpu->last_tick = (now & ~1ull) | idle;
	cpu->ticks_epoch = ticks_epoch;
	if (!before || (before & 1) || idle)
		return 0;
	due = (now - before + knob_period_ns / 2) / knob_period_ns;
	return due > 1 ? due - 1 : 0;
}

static __always_inline __u32 filter_verdict(__u32 kind, __u32 hierarchy, __u64 id)
{
	struct abi_filter_key key = {.kind = kind, .hierarchy = hierarchy, .id = {id}};
	__u32 *verdict = bpf_map_lookup_elem(&filters, &key);

	return verdict ? *verdict : 0;
}

static __always_inline int filter_has(enum abi_filter_kind kind)
{
	return filter_kinds >> kind & 1;
}

struct cgroup_filter {
	struct kernfs_node *node;
	__u32 hierarchy;
	__u32 verdict;
};

static long cgroup_filter_step(__u32 i, struct cgroup_filter *f)
{
	struct kernfs_node *node = f->node;

	if (!node)
		return 1;
	f->verdict = filter_verdict(ABI_FILTER_CGROUP, f->hierarchy, BPF_CORE_READ(node, id));
	f->node = kernfs_parent(node);
	return f->verdict != 0;
}

/*
 * What is said of a process by its pid. Kept from sample to sample: a process becomes one that is
 * followed at its fork, before it can be sampled.
 */
static __always_inline __u32 pid_verdict(struct scratch *s)
{
	__u32 epoch = *(volatile __u32 *)&known_epoch;
	struct process *p = process_of(s);

	ARCH_READ_BARRIER(s);
	if (!p->has_verdict || p->verdict_epoch != epoch) {
		p->verdict = filter_verdict(ABI_FILTER_PID, 0, s->head.pid);
		p->verdict_epoch = epoch;
		p->has_verdict = 1;
	}
	return p->verdict;
}

/*
 * Whether this sample is wanted: no rule denies it, and where there are allowing rules one of them
 * allows it.
 */
static __noinline int filter_passes(struct scratch *s)
{
	struct abi_filter_key by_comm = {.kind = ABI_FILTER_COMM};
	__u32 by_pid = 0, comm_verdict = 0, *found = NULL;
	struct cgroup_filter f = {};

	if (filter_has(ABI_FILTER_PID))
		by_pid = pid_verdict(s);
	__builtin_memcpy(by_comm.id, s->head.comm, sizeof(by_comm.id));
	if (filter_has(ABI_FILTER_COMM))
		found = bpf_map_lookup_elem(&filters, &by_comm);
	if (found)
		comm_verdict = *found;
	if (filter_has(ABI_FILTER_CGROUP)) {
		struct cgroup *c = (void *)cgroup_read(s);

		f.hierarchy = s->head.cgroup_hierarchy;
		f.node = KERNEL_READ(c, kn);
		bpf_loop(64, cgroup_filter_step, &f, 0);
	}
	if (by_pid == ABI_FILTER_DENY || comm_verdict == ABI_FILTER_DENY ||
	    f.verdict == ABI_FILTER_DENY)
		return 0;
	return !knob_filter_allows || by_pid || comm_verdict || f.verdict;
}

static __always_inline void comm_read(char *to, const struct task_struct *task)
{
	__u64 *word = (void *)to;
	const char *comm = (void *)task + bpf_core_field_offset(task->comm);

	word[0] = kernel_word(comm);
	word[1] = kernel_word(comm + sizeof(*word));
}

/* Who is running: everything of the head but the stacks. */
static __always_inline void head_fill(struct scratch *s, struct task_struct *task, __u64 now)
{
	__u64 ids = bpf_get_current_pid_tgid();
	struct task_struct *leader = KERNEL_READ(task, group_leader);

	__builtin_memset(&s->head, 0, sizeof(s->head));
	s->task = task;
	s->head.kind = ABI_RECORD_SAMPLE;
	s->head.time_ns = now;
	s->head.pid = ids >> 32;
	s->head.tid = (__u32)ids;
	s->head.uid = (__u32)bpf_get_current_uid_gid();
	s->head.cpu = bpf_get_smp_processor_id();
	s->head.start_ns = KERNEL_READ(leader, start_boottime);
	comm_read(s->head.thread, task);
	comm_read(s->head.comm, leader);
}

/* The place of s->head's process, and nothing in it where it was another's. */
static __always_inline void process_find(struct scratch *s)
{
	struct process *p;

	s->at = s->head.pid & (PROCESSES_KEPT - 1);
	p = process_of(s);
	if (p->pid == s->head.pid && p->start_ns == s->head.start_ns)
		return;
	p->pid = s->head.pid;
	p->start_ns = s->head.start_ns;
	p->has_verdict = 0;
	p->cgroup.set = 0;
	p->of.mm = 0;
}

static __always_inline void walk_reset(struct scratch *s)
{
	s->sample++;
	s->n_user = 0;
	s->n_objects = 0;
	s->mapping.start = 0;
	s->mapping.end = 0;
	s->end = ABI_END_NONE;
}

/* The executable, as an index into the object table. */
static __noinline int exe_read(struct scratch *s, int is_kept)
{
	struct mm_struct *mm = s->mm;
	__u64 file = (__u64)KERNEL_READ(mm, exe_file);
	struct process *p = process_of(s);
	int r;

	s->head.flags |= ABI_SAMPLE_EXE_NONE;
	if (is_kept && file == p->exe_file && p->exe_info.number) {
		r = object_again(s, ABI_OBJECT_FILE, p->exe_info.number);
	} else {
		p->exe_file = file;
		p->exe_info.number = 0;
		if (!file || file_key_read(s, file) < 0)
			return 0;
		r = object_index(s, ABI_OBJECT_FILE, file, 0, 0);
		p->exe_info = s->info;
	}
	if (r < 0)
		return 0;
	s->head.exe = r;
	s->head.flags &= ~ABI_SAMPLE_EXE_NONE;
	return 0;
}

/* The registers with which the task left user mode. 1 when there are any. */
static __always_inline int user_regs(struct scratch *s, struct bpf_perf_event_data *ctx)
{
	if (s->head.flags & ABI_SAMPLE_USER_MODE) {
		arch_copy_context(&s->walk.regs, ctx);
	} else {
		void *saved = (void *)bpf_task_pt_regs((void *)bpf_get_current_task_btf());

		if (!saved || bpf_probe_read_kernel(&s->walk.regs, sizeof(s->walk.regs), saved))
			return 0;
	}
	return arch_is_user(&s->walk.regs);
}

/*
 * The stack from the stack pointer on, page by page: a short one is kept as far as it goes, and so
 * is one of which a page is not in memory.
 */
static __noinline int stack_keep(struct scratch *s)
{
	__u64 from = arch_sp(&s->walk.regs), page_end;
	struct stack_copy *copy;
	__u32 zero = 0, at = 0, bytes;

	copy = bpf_map_lookup_elem(&stack_map, &zero);
	if (!copy)
		return 0;
	for (int i = 0; i <= ABI_STACK_BYTES_MAX / STACK_PAGE_BYTES; i++) {
		page_end = (from | (STACK_PAGE_BYTES - 1)) + 1;
		bytes = page_end - from;
		if (at >= ABI_STACK_BYTES_MAX || bytes > STACK_PAGE_BYTES)
			break;
		if (bpf_probe_read_user(&copy->bytes[at], bytes, (void *)from))
			break;
		at += bytes;
		from = page_end;
	}
	s->head.flags |= ABI_SAMPLE_SNAPSHOT;
	s->head.stack_bytes = at < ABI_STACK_BYTES_MAX ? at : ABI_STACK_BYTES_MAX;
	return 0;
}

static __always_inline void user_stack(struct scratch *s, struct bpf_perf_event_data *ctx)
{
	if (!user_regs(s, ctx)) {
		s->end = ABI_END_EXEC;
		return;
	}
	if (arch_is_compat(&s->walk.regs)) {
		s->head.flags |= ABI_SAMPLE_COMPAT;
		s->end = ABI_END_COMPAT;
		return;
	}
	user_walk(s, !(s->head.flags & ABI_SAMPLE_USER_MODE) && arch_in_syscall(&s->walk.regs));
	if (s->n_user == 0 && !(s->head.flags & ABI_SAMPLE_USER_MODE))
		s->end = ABI_END_EXEC;
	else if (knob_snapshot)
		stack_keep(s);
}

static __always_inline void kernel_stack(struct scratch *s, void *ctx)
{
	long bytes;

	if (s->head.flags & ABI_SAMPLE_USER_MODE)
		return;
	bytes = bpf_get_stack(ctx, s->kernel, ABI_KERNEL_FRAMES_MAX * sizeof(__u64), 0);
	if (bytes <= 0) {
		count(ABI_COUNTER_KERNEL_STACK_LOST);
		return;
	}
	s->head.n_kernel = bytes / sizeof(__u64);
}

/* Registers and stack, behind everything else. */
static __always_inline void snapshot_write(struct bpf_dynptr *ptr, __u32 at, struct scratch *s)
{
	__u32 zero = 0, bytes = s->head.stack_bytes;
	struct stack_copy *copy = bpf_map_lookup_elem(&stack_map, &zero);

	bpf_dynptr_write(ptr, at, &s->walk.regs, sizeof(s->walk.regs), 0);
	if (copy && bytes && bytes <= ABI_STACK_BYTES_MAX)
		bpf_dynptr_write(ptr, at + sizeof(s->walk.regs), copy->bytes, bytes, 0);
}

/* Put the parts behind each other into the ring buffer. */
static __noinline int sample_send(struct scratch *s)
{
	__u32 kernel_bytes = s->head.n_kernel * sizeof(__u64);
	__u32 user_bytes = s->n_user * sizeof(struct abi_frame);
	__u32 object_bytes = s->n_objects * sizeof(struct abi_object_ref);
	__u64 flags = BPF_RB_NO_WAKEUP;
	struct bpf_dynptr ptr;
	__u32 at = sizeof(s->head);

	if (kernel_bytes > sizeof(s->kernel) || user_bytes > sizeof(s->user) ||
	    object_bytes > sizeof(s->object))
		return 0;
	s->head.bytes = at + kernel_bytes + user_bytes + object_bytes;
	if (knob_snapshot && (s->head.flags & ABI_SAMPLE_SNAPSHOT))
		s->head.bytes += sizeof(s->walk.regs) + s->head.stack_bytes;
	s->head.n_user = s->n_user;
	s->head.n_objects = s->n_objects;
	s->head.end = s->end;
	if (bpf_ringbuf_reserve_dynptr(&ring, s->head.bytes, 0, &ptr)) {
		bpf_ringbuf_discard_dynptr(&ptr, 0);
		count(ABI_COUNTER_DROP_RING);
		return 0;
	}
	bpf_dynptr_write(&ptr, 0, &s->head, sizeof(s->head), 0);
	if (kernel_bytes)
		bpf_dynptr_write(&ptr, at, s->kernel, kernel_bytes, 0);
	at += kernel_bytes;
	if (user_bytes)
		bpf_dynptr_write(&ptr, at, s->user, user_bytes, 0);
	at += user_bytes;
	if (object_bytes)
		bpf_dynptr_write(&ptr, at, s->object, object_bytes, 0);
	if (knob_snapshot && (s->head.flags & ABI_SAMPLE_SNAPSHOT))
		snapshot_write(&ptr, at + object_bytes, s);
	if (bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > knob_ring_bytes / 4)
		flags = BPF_RB_FORCE_WAKEUP;
	bpf_ringbuf_submit_dynptr(&ptr, flags);
	return 0;
}

static __always_inline void take_sample(struct scratch *s, struct bpf_perf_event_data *ctx,
					struct abi_cpu *cpu, __u64 now, __u64 missed)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct mm_struct *mm;

	head_fill(s, task, now);
	process_find(s);
	if (knob_filter && !filter_passes(s)) {
		cpu->counter[ABI_COUNTER_FILTERED]++;
		return;
	}
	cpu->counter[ABI_COUNTER_MISSED] += missed;
	cpu->counter[ABI_COUNTER_TAKEN]++;
	walk_reset(s);
	cgroup_find(s);
	if (arch_is_user((void *)&ctx->regs))
		s->head.flags |= ABI_SAMPLE_USER_MODE;
	mm = KERNEL_READ(task, mm);
	s->mm = mm;
	if (KERNEL_READ(task, flags) & PF_KTHREAD) {
		s->head.flags |= ABI_SAMPLE_KTHREAD | ABI_SAMPLE_EXE_NONE;
		s->mm = NULL;
	}
	if (knob_kernel)
		kernel_stack(s, ctx);
	if (s->mm) {
		s->vdso = (__u64)KERNEL_READ(mm, context.vdso);
		exe_read(s, mappings_keep(s));
		if (knob_user)
			user_stack(s, ctx);
	} else {
		s->head.flags |= ABI_SAMPLE_EXE_NONE;
	}
	sample_send(s);
}

SEC("perf_event")
int hearth_sample(struct bpf_perf_event_data *ctx)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 idle = (__u32)bpf_get_current_pid_tgid() == 0;
	struct abi_cpu *cpu;
	struct scratch *s;
	__u32 zero = 0;
	__u64 missed;

	cpu = bpf_map_lookup_elem(&cpus, &zero);
	if (!cpu)
		return 0;
	missed = missed_ticks(cpu, now, idle);
	cpu->counter[ABI_COUNTER_TICKS]++;
	if (idle) {
		cpu->counter[ABI_COUNTER_IDLE]++;
		return 0;
	}
	s = bpf_map_lookup_elem(&scratch_map, &zero);
	if (!s)
		return 0;
	if (s->busy) {
		cpu->counter[ABI_COUNTER_TAKEN]++;
		cpu->counter[ABI_COUNTER_DROP_BUSY]++;
		return 0;
	}
	s->busy = 1;
	take_sample(s, ctx, cpu, now, missed);
	s->busy = 0;
	cpu->counter[ABI_COUNTER_RUN_NS] += bpf_ktime_get_ns() - now;
	return 0;
}
