/*
 * The loaded kernel programs: knobs before, maps and counters after. The only includer of the
 * skeleton.
 *
 * Everything lives as long as this object's descriptors: when the process ends, however it ends,
 * the kernel frees programs and maps. Not thread-safe.
 */
#pragma once

#include "bpf/abi.h"
#include "bpf/unwind_table.h"
#include "profiler/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_programs;

struct bpf_programs_options {
	uint32_t frequency_hz;
	bool user, kernel; /* which halves of the stacks */
	bool filter; /* rules may be set; without it they are not looked at */
	bool filter_allows; /* only what a rule allows is sampled */
	bool snapshot; /* registers and stacks come along */
	bool tables; /* user stacks are walked by unwind tables; without, by frame pointer */
	bool raw; /* user frames leave as addresses, as on a kernel whose mappings cannot be read */
	bool follow; /* ABI_FILTER_ALLOW_TREE follows forks */
};

/* Load. The sentence says what the kernel refused; features.h says what to do about it. */
int bpf_programs_load(const struct bpf_programs_options *options, struct bpf_programs **ret,
		      struct err *err);
struct bpf_programs *bpf_programs_free(struct bpf_programs *b);

/*
 * A file that describes, through the ring buffer, the files that processes have mapped to execute:
 * once, while it is read to its end, which waits where a process is changing its mappings. The
 * caller's; -EOPNOTSUPP: this kernel cannot.
 */
int bpf_programs_open_running(struct bpf_programs *b);

int bpf_programs_sampler_fd(const struct bpf_programs *b); /* borrowed */
int bpf_programs_ring_fd(const struct bpf_programs *b); /* borrowed */

/* Whether the mapping walk works on this kernel; without it frames are raw addresses. */
bool bpf_programs_walks_mappings(const struct bpf_programs *b);

/* Sums over all CPUs. */
int bpf_programs_counters(const struct bpf_programs *b, uint64_t ret[ABI_COUNTER_COUNT]);

/*
 * What is known of a file, or of the vdso: from now on its frames come with the number, and are
 * walked by its table. -E2BIG when there is no room for another.
 */
int bpf_programs_tell_object(struct bpf_programs *b, const struct abi_file_key *key,
			     const struct abi_object_info *info);
int bpf_programs_forget_object(struct bpf_programs *b, const struct abi_file_key *key);
int bpf_programs_number_cgroup(struct bpf_programs *b, uint64_t id, uint32_t hierarchy,
			       uint32_t number);
int bpf_programs_forget_cgroup(struct bpf_programs *b, uint64_t id, uint32_t hierarchy);

/* The memory of the unwind tables, shared with the kernel: zeroed, as long as b lives. */
struct unwind_dictionary *bpf_programs_dictionary(const struct bpf_programs *b);
/*
 * Add chunk `number` to the pool; they come in order. For one that is there: map its memory again.
 * 0 or negative errno.
 */
int bpf_programs_map_chunk(struct bpf_programs *b, uint32_t number, struct unwind_chunk **ret);
/* The kernel keeps the chunks; their memory is no longer this process's as well. */
void bpf_programs_unmap_chunks(struct bpf_programs *b);
/*
 * What was taken out of the tables is walked by no more: no run of the sampler that was under way
 * at the call is so at the return, and later ones have forgotten what those found.
 */
void bpf_programs_settle(struct bpf_programs *b);

/* Filters, changed live; options.filter must be set. */
int bpf_programs_filter_set(struct bpf_programs *b, const struct abi_filter_key *key,
			    enum abi_filter_verdict verdict);
int bpf_programs_filter_clear(struct bpf_programs *b, const struct abi_filter_key *key);

/* A CPU came online: the next tick of each is as its first. */
void bpf_programs_forget_ticks(struct bpf_programs *b);
/* When the timers of CPUs [0, n) fired last, CLOCK_MONOTONIC; 0: not yet. */
int bpf_programs_last_ticks(const struct bpf_programs *b, uint64_t *ret, unsigned int n);

/* Kernel memory of all maps, as the kernel counts it where it says so, else by their sizes. */
uint64_t bpf_programs_map_bytes(const struct bpf_programs *b);
