/*
 * Objects: what samples' frames lie in, numbered.
 *
 * Files that a sample described get a number (from then on frames carry it), are announced to
 * resolve, and become objects of the live profile when a frame needs them. The kernel's ranges, the
 * vdso, JIT memory of a process and raw addresses are objects too. Past OBJECTS_MAX the files that
 * were not met for longest are forgotten; past OBJECTS_JIT_MAX processes share one JIT object. Not
 * thread-safe.
 */
#pragma once

#include "bpf/abi.h"
#include "profiler/collector/bpf_object.h"
#include "profiler/collector/quality.h"
#include "profiler/collector/tables.h"
#include "profiler/resolve/resolve.h"
#include "storage/profile.h"
#include "symbolizer/kallsyms.h"

#include <stdbool.h>
#include <stdint.h>

#define OBJECTS_MAX	ABI_OBJECTS_MAX
#define OBJECTS_JIT_MAX 4096
#define OBJECTS_REUSE_NS \
	10000000000ull /* a number is given again when no record can still carry it */

enum object_state {
	OBJECT_KEY_ONLY, /* met, never described: its record was lost */
	OBJECT_DESCRIBED,
};

struct object {
	uint32_t number; /* its place in the table, from 1 */
	enum profile_object_kind kind;
	enum object_state state;
	struct abi_file_key key;
	uint8_t build_id[ABI_BUILD_ID_MAX];
	uint8_t build_id_bytes;
	uint32_t domain;
	uint32_t pid; /* JIT: whose */
	uint64_t start_ns;
	char *path;
	uint64_t generation; /* JIT: of its names, the one that samples met last; see jit.h */
	uint64_t base; /* kernel modules and BPF programs: where they are loaded */
	uint32_t profile_id; /* in the live profile, IDMAP_NONE when not there yet */
	bool announced; /* resolve knows it */
	uint32_t changed; /* in which round of asking debug information turned up; 0: none did */
	uint64_t used_ns; /* when a sample met it last, or it left; monotonic */
	uint32_t next_free; /* of a place without an object */
	struct quality_ends *ends; /* of walks through it; NULL: none yet */
};

struct objects;

/*
 * programs may be NULL: the kernel is told no numbers. resolve may be NULL: nothing is announced.
 * tables may be NULL: no unwind tables are asked for.
 * The objects that the functions below give are borrowed until another one is asked for: then the
 * table may move; the number stays.
 */
int objects_new(struct bpf_programs *programs, struct resolve *resolve, struct tables *tables,
		struct objects **ret);
struct objects *objects_free(struct objects *o);

/* A new live profile: no object is in it yet. */
void objects_new_profile(struct objects *o);

/* A file's description arrived. NULL when memory ran out, or the table is full of what is used. */
struct object *objects_describe(struct objects *o, const struct abi_object *file, const char *path,
				uint64_t now_ns);

/*
 * The same for a file that user space met in /proc/PID/maps, where no generation is told: it is any
 * file that agrees in all else.
 */
struct object *objects_describe_mapped(struct objects *o, const struct abi_object *file,
				       const char *path, uint64_t now_ns);

/* The vdso, whose table is asked for when it is first asked for itself. */
struct object *objects_vdso(struct objects *o, uint64_t now_ns);

/* The object behind a reference of sample s. Never NULL but without memory. */
struct object *objects_of_ref(struct objects *o, const struct abi_sample *s,
			      const struct abi_object_ref *ref, uint64_t now_ns);

/*
 * The JIT code of a process, from now on of that generation: an object of its own in the profile.
 * NULL: it shares one with others, or without memory.
 */
struct object *objects_jit(struct objects *o, uint32_t pid, uint64_t start_ns, uint64_t generation,
			   uint32_t uid, uint64_t now_ns);

/* The object of a kernel range. */
struct object *objects_of_kernel(struct objects *o, const struct kernel_range *range,
				 uint64_t now_ns);

struct object *objects_by_number(struct objects *o, uint32_t number); /* NULL: none */

/* Which object became this object of the live profile; NULL: none that is still known. */
struct object *objects_of_profile(struct objects *o, uint32_t profile_id);

/* A frame of it came without a page of its unwind table: that is asked for, where it is time. */
void objects_miss_table(struct objects *o, const struct object *object, uint64_t offset,
			uint64_t now_ns);
/* A sample met it: it is not the next to be forgotten. */
void objects_touch(struct objects *o, uint32_t number, uint64_t now_ns);

/* Its id in the live profile, interned at the first call. Negative errno. */
int64_t objects_intern(struct objects *o, struct object *object, struct profile *live);

/* A file's build id, learned from the file itself, where the kernel could not read it. */
void objects_identified(struct objects *o, uint32_t number, const uint8_t *build_id, uint32_t bytes,
			struct profile *live);

/* The objects where most walks were lost, most first; how many (at most max). */
size_t objects_poorest(const struct objects *o, struct quality_rank *ret, size_t max);

uint32_t objects_count(const struct objects *o);
uint64_t objects_evicted(const struct objects *o);
