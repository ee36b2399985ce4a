/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel programs and user space share: records, keys, limits, and the lists of reasons.
 *
 * Everything in a record is written by our own program, but much of what it says was chosen by
 * whoever ran the sampled process: names, sizes, owners, offsets. User space checks lengths and
 * treats names as bytes.
 *
 * Records travel through one BPF ring buffer. A sample is
 *
 *	struct abi_sample
 *	__u64 kernel[n_kernel]			run-time addresses, leaf first
 *	struct abi_frame user[n_user]		leaf first
 *	struct abi_object_ref object[n_objects]	what the frames' `object` fields index
 *	struct arch_regs			with ABI_SAMPLE_SNAPSHOT only: of user mode
 *	__u8 stack[stack_bytes]			likewise: the stack from the stack pointer on
 *
 * and a description of a file that user space has not numbered yet is a struct abi_object followed
 * by its path. It is sent again with every sample that meets the file, until user space has
 * numbered it, so a lost record costs nothing but time.
 */
#ifndef HEARTH_BPF_ABI_H
#define HEARTH_BPF_ABI_H

#include <linux/types.h>

#define ABI_COMM_BYTES	      16
#define ABI_KERNEL_FRAMES_MAX 127 /* kernel.perf_event_max_stack's default */
#define ABI_USER_FRAMES_MAX   512
#define ABI_SAMPLE_OBJECTS_MAX \
	64 /* distinct mapped files in one stack; more: raw frames, counted */
#define ABI_STACK_BYTES_MAX 16384 /* of a copied stack: deeper ones are rare, each byte costs */
#define ABI_BUILD_ID_MAX    20
#define ABI_PATH_BYTES	    1024 /* components of a path, leaf first, each with its NUL */
#define ABI_CGROUP_BYTES    1024 /* likewise of a cgroup */
#define ABI_OBJECTS_MAX	    16384 /* numbered files, all processes together */
#define ABI_CGROUPS_MAX	    8192
#define ABI_FILTER_MAX	    8192

enum abi_record_kind {
	ABI_RECORD_SAMPLE = 1,
	ABI_RECORD_OBJECT = 2,
	ABI_RECORD_CGROUP = 3,
};

/* Why the walk of a user stack ended. X(name, short name of the field's, sentence). */
#define ABI_END_LIST(X)                                                                    \
	X(NONE, "none",                                                                    \
	  "no user stack: a kernel thread, or a process that has given up its memory")     \
	X(ROOT, "root", "the walk reached the first frame")                                \
	X(FP_SHORT, "no-frame-pointer",                                                    \
	  "code without unwind information, and its frame pointer led nowhere")            \
	X(UNREADABLE, "unreadable-stack",                                                  \
	  "the stack could not be read: paged out, or not a stack")                        \
	X(NOT_CODE, "not-code", "a return address lies in no executable mapping")          \
	X(TOO_DEEP, "too-deep", "more frames than are walked")                             \
	X(COMPAT, "32-bit", "a 32-bit process")                                            \
	X(MAPPING_TORN, "mapping-changing",                                                \
	  "the process was changing its mappings at that moment")                          \
	X(NO_MAPPINGS, "no-mappings", "this kernel lets no mappings be read")              \
	X(EXEC, "exec", "the process was being replaced or ending: no stack to walk")      \
	X(NO_TABLE, "no-table",                                                            \
	  "the unwind table of a file on the stack was not loaded yet: walked on by "      \
	  "frame pointer")                                                                 \
	X(EXPRESSION, "expression",                                                        \
	  "the unwind information is an expression that no table row can say")             \
	X(REGISTER, "register",                                                            \
	  "the unwind information names a register that is not followed through calls")    \
	X(BAD_FRAME, "bad-frame",                                                          \
	  "a caller's frame would lie below its callee's: the stack or its unwind "        \
	  "information is wrong")                                                          \
	X(NOT_COPIED, "not-copied", "the walk left the part of the stack that was copied") \
	X(NO_SNAPSHOT, "no-snapshot",                                                      \
	  "its copied stack was not unwound, its process having ended or the "             \
	  "symbolizer being late or failing: walked by frame pointer")

enum abi_end {
#define ABI_END_ENUM(name, shortname, sentence) ABI_END_##name,
	ABI_END_LIST(ABI_END_ENUM)
#undef ABI_END_ENUM
		ABI_END_COUNT
};

/*
 * Per-CPU counters of the programs: everything taken, and every way to lose something.
 * X(name, short name, sentence). TAKEN = what reached the ring buffer + all DROP_*.
 */
#define ABI_COUNTER_LIST(X)                                                                     \
	X(TICKS, "ticks", "timer ticks that ran the sampler")                                   \
	X(IDLE, "idle", "ticks that found the CPU idle: not samples")                           \
	X(FILTERED, "filtered", "ticks that a filter left out: not samples")                    \
	X(MISSED, "missed-ticks",                                                               \
	  "ticks that never fired (interrupts off, stolen time), from the gap since the CPU's " \
	  "last")                                                                               \
	X(TAKEN, "taken", "samples taken")                                                      \
	X(RUN_NS, "run-ns", "nanoseconds spent in the sampler")                                 \
	X(DROP_RING, "ring-full",                                                               \
	  "samples dropped because user space had not emptied the ring buffer")                 \
	X(DROP_BUSY, "busy", "samples dropped because the sampler interrupted itself")          \
	X(OBJECT_LOST, "object-record-lost",                                                    \
	  "descriptions of files that did not fit the ring buffer (sent again)")                \
	X(CGROUP_LOST, "cgroup-record-lost",                                                    \
	  "descriptions of cgroups that did not fit the ring buffer (sent again)")              \
	X(KERNEL_STACK_LOST, "kernel-stack-lost",                                               \
	  "samples in the kernel whose kernel stack could not be read")                         \
	X(OBJECTS_FULL, "too-many-objects", "stacks through more files than a record holds")    \
	X(FILTER_FULL, "filter-full", "descendants of a command that did not fit the filter")   \
	X(MAPPING_RETRY, "mapping-retry", "mapping look-ups that had to start again")

enum abi_counter {
#define ABI_COUNTER_ENUM(name, shortname, sentence) ABI_COUNTER_##name,
	ABI_COUNTER_LIST(ABI_COUNTER_ENUM)
#undef ABI_COUNTER_ENUM
		ABI_COUNTER_COUNT
};

/* What is kept of one CPU; what every tick touches in front. */
struct abi_cpu {
	__u64 last_tick; /* when its timer fired last; the lowest bit: it was idle then */
	__u64 ticks_epoch; /* that of which last_tick is */
	__u64 counter[ABI_COUNTER_COUNT];
};

/*
 * The identity of a mapped file, from f_inode (an overlay's real file): device and inode alone are
 * reused. Times are seconds and nanoseconds of i_mtime folded into one number.
 */
struct abi_file_key {
	__u32 dev; /* s_dev as the kernel keeps it: major << 20 | minor */
	__u32 generation;
	__u64 ino;
	__u64 mtime_ns;
	__u64 size;
};

/* What a frame's or a process's object is. */
enum abi_object_kind {
	ABI_OBJECT_NONE = 0,
	ABI_OBJECT_FILE = 1,
	ABI_OBJECT_VDSO = 2,
	ABI_OBJECT_ANON = 3, /* executable memory without a file: JIT code; offsets are addresses */
	ABI_OBJECT_RAW = 4, /* no mapping known: offsets are addresses */
};

enum abi_frame_flag {
	ABI_FRAME_BY_FP = 1, /* found by following the frame pointer */
	ABI_FRAME_RETURN =
		2, /* was a return address; offset is already one less, inside the call */
	ABI_FRAME_INTERPRETED = 4,
	ABI_FRAME_NO_TABLE =
		8, /* the page of its table was not loaded: user space is asked for it */
};

/*
 * offset: in the file for files, from the start for the vdso, the address itself for JIT code and
 * raw frames.
 */
struct abi_frame {
	__u64 offset : 48;
	__u64 object : 8; /* index into the sample's object table */
	__u64 flags : 8; /* enum abi_frame_flag */
};

/*
 * What user space says of a file that it has numbered. The pages of its table are entries (struct
 * unwind_page_ref) from pages_at on in the pool of bpf/unwind_table.h, for the file's pages
 * [first_page, first_page + n_pages); what lies outside has no CFI. pages_at 0: no table yet.
 */
struct abi_object_info {
	__u32 number;
	__u32 pages_at;
	__u32 first_page;
	__u32 n_pages;
};

/* The vdso has no file, but a table: it stands under this key. */
#define ABI_VDSO_KEY          \
	{                     \
		.size = ~0ull \
	}

/* number 0: not numbered yet; the key names it. */
struct abi_object_ref {
	__u32 number;
	__u32 kind; /* enum abi_object_kind */
	struct abi_file_key key; /* zero where number is set or kind has none */
};

/* How a user half came to be known, in abi_sample.flags. */
enum abi_sample_flag {
	ABI_SAMPLE_USER_MODE =
		1, /* the tick hit user mode: the first user frame is no return address */
	ABI_SAMPLE_KTHREAD = 2,
	ABI_SAMPLE_EXE_NONE = 4, /* no executable: kernel threads */
	ABI_SAMPLE_COMPAT = 8,
	ABI_SAMPLE_SNAPSHOT = 16, /* registers and a piece of the stack came along */
};

struct abi_sample {
	__u32 bytes; /* of the whole record */
	__u16 kind; /* ABI_RECORD_SAMPLE */
	__u16 flags; /* enum abi_sample_flag */
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 start_ns; /* the process's start, CLOCK_BOOTTIME */
	__u32 pid; /* of the initial pid namespace, as tid */
	__u32 tid;
	__u32 uid; /* of the initial user namespace */
	__u32 cpu;
	__u64 cgroup; /* kernfs id */
	__u32 cgroup_hierarchy; /* 0 is v2 */
	__u8 end; /* enum abi_end */
	__u8 exe; /* index into the object table, of the executable */
	__u8 n_kernel;
	__u8 n_objects;
	__u16 n_user;
	__u16 stack_bytes; /* of the copied stack */
	__u32 reserved2;
	char comm[ABI_COMM_BYTES]; /* the process's: its main thread's name */
	char thread[ABI_COMM_BYTES];
};

/*
 * A file that is not numbered: everything user space needs to open it and to know that it opened
 * the right one. Followed by path_bytes of path: components leaf first, each ended by NUL.
 */
struct abi_object {
	__u32 bytes;
	__u16 kind; /* ABI_RECORD_OBJECT */
	__u16 mode; /* i_mode */
	__u32 uid; /* i_uid, the file's owner */
	__u32 pid;
	/* where it was mapped, for /proc/PID/map_files; 0 for an executable met only as such */
	__u64 vm_start;
	__u64 vm_end;
	struct abi_file_key key;
	__u8 build_id[ABI_BUILD_ID_MAX];
	__u8 build_id_bytes; /* 0: none found, or its page was not in memory */
	__u8 is_exe;
	__u16 path_bytes;
	__u32 process_uid; /* whose process maps it */
	__u32 is_running; /* told at the start: no sample has met it */
	__u64 start_ns; /* the process's start, CLOCK_BOOTTIME: pid alone is reused */
};

/* A cgroup that is not numbered: components leaf first, each ended by NUL. */
struct abi_cgroup {
	__u32 bytes;
	__u16 kind; /* ABI_RECORD_CGROUP */
	__u16 path_bytes;
	__u64 id;
	__u32 hierarchy;
	__u32 reserved;
};

struct abi_cgroup_key {
	__u64 id;
	__u32 hierarchy;
	__u32 zero;
};

/*
 * Filters: a process is sampled when no rule of `deny` matches and, where there are rules of
 * `allow`, one does.
 */
enum abi_filter_kind {
	ABI_FILTER_PID = 1,
	ABI_FILTER_CGROUP = 2, /* that cgroup and all below */
	ABI_FILTER_COMM = 3,
};

enum abi_filter_verdict {
	ABI_FILTER_DENY = 1,
	ABI_FILTER_ALLOW = 2,
	ABI_FILTER_ALLOW_TREE = 3, /* a process and, from now on, the processes it forks */
};

struct abi_filter_key {
	__u32 kind; /* enum abi_filter_kind */
	__u32 hierarchy; /* of a cgroup */
	__u64 id[2]; /* pid or kernfs id and zero; or the 16 bytes of a comm */
};

#ifndef __bpf__
_Static_assert(sizeof(struct abi_frame) == 8, "a frame is one word");
_Static_assert(sizeof(struct abi_file_key) == 32, "no padding: the key is hashed");
_Static_assert(sizeof(struct abi_object_ref) == 40, "no padding");
_Static_assert(sizeof(struct abi_sample) == 96, "the header's layout is shared");
_Static_assert(sizeof(struct abi_object) == 104, "the header's layout is shared");
_Static_assert(sizeof(struct abi_filter_key) == 24, "no padding: the key is hashed");
#endif

#endif
