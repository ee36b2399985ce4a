// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The peer of bench_walk: the kernel's own walk by frame pointer, timed. One process is sampled;
 * its stacks go into a map, as profilers that use bpf_get_stackid() have them.
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 knob_pid = 0;

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16384);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 127 * sizeof(__u64));
} stacks SEC(".maps");

__u64 runs, run_ns, failed;

SEC("perf_event")
int bench_stackid(void *ctx)
{
	__u64 start = bpf_ktime_get_ns();

	if (bpf_get_current_pid_tgid() >> 32 != knob_pid)
		return 0;
	if (bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK | BPF_F_REUSE_STACKID) < 0)
		__sync_fetch_and_add(&failed, 1);
	__sync_fetch_and_add(&runs, 1);
	__sync_fetch_and_add(&run_ns, bpf_ktime_get_ns() - start);
	return 0;
}
