/*
 * Mappings: what the addresses of raw frames lie in, from /proc/PID/maps.
 *
 * Where the kernel lets no mappings be read, or a stack meets more files than a record holds,
 * frames leave as addresses; those of copied stacks are addresses too. The executable mappings of
 * their process are then read: at its first raw frame or copied stack, when its executable has
 * become another, and when an address lies in none of them, or a walk came to one, at most once in
 * MAPPINGS_AGAIN_NS and ever more rarely while that finds nothing, for a walk through code without
 * frame pointers gives addresses that are nowhere.
 *
 * The mappings are those of the moment when they were read, not of the sample: a process that has
 * ended by then has none, and an address where something else has been mapped since is misplaced.
 * The kernel's own walk knows neither fault.
 *
 * The processes that were not met for longest are forgotten. Not thread-safe.
 */
#pragma once

#include "bpf/abi.h"
#include "profiler/collector/objects.h"
#include "symbolizer/unwind/snapshot.h"

#define MAPPINGS_AGAIN_NS     100000000ull
#define MAPPINGS_AGAIN_MAX_NS 3200000000ull
#define MAPPINGS_PROCESSES    1024 /* more than run within seconds on most hosts */
#define MAPPINGS_OF_PROCESS   4096 /* executable ones; the largest programs have hundreds */
#define MAPPINGS_BYTES	      (8u << 20) /* all together; half a MB of it a process */

struct mappings_limits {
	uint32_t processes;
	uint32_t of_process;
	size_t bytes;
};

struct mappings;

/* limits NULL: the above. objects must live longer. */
int mappings_new(struct objects *objects, const struct mappings_limits *limits,
		 struct mappings **ret);
struct mappings *mappings_free(struct mappings *m);

/*
 * The object that address of the process of sample s lies in, and the offset in it: of a file, of
 * the vdso, or the address itself in memory without a file (JIT code) and where nothing is mapped
 * ("[unknown]"). exe is the number of the sample's executable, 0 where that is not known; now_ns is
 * the monotonic time. Borrowed as objects.h says; NULL only without memory.
 */
struct object *mappings_place(struct mappings *m, const struct abi_sample *s, uint32_t exe,
			      uint64_t address, uint64_t now_ns, uint64_t *ret_offset);

/*
 * The mappings of the process of sample s, for a walk that begins at pc: sorted, below 2^48, at
 * most max. Files are named by their objects' numbers. How many; those of mappings_place() when it
 * is asked next.
 */
uint32_t mappings_list(struct mappings *m, const struct abi_sample *s, uint32_t exe, uint64_t pc,
		       uint64_t now_ns, struct snapshot_mapping *ret, uint32_t max);

/*
 * A walk of sample s came to an address in none of those that it was given: they are read again
 * when they are listed next, if that is time. A process that was met before it had mapped its
 * libraries calls them from code that is known.
 */
void mappings_missed(struct mappings *m, const struct abi_sample *s);

struct mappings_counts {
	uint32_t processes; /* known now */
	size_t bytes; /* of their mappings, now */
	uint64_t readings; /* of /proc/PID/maps, since the start */
	uint64_t left_out; /* executable mappings past a limit, since the start */
};
struct mappings_counts mappings_counts(const struct mappings *m);
