/*
 * Run-time compiled code: samples that go through it wait until it has its names.
 *
 * The same address is called one thing today and another tomorrow, so a name belongs to a moment.
 * Samples through JIT code are kept back until what their addresses were called has been asked of
 * resolve, a process at a time, and are then given on, in order. Code of a process is an object of
 * a generation: where an address is found renamed, a new generation begins with that sample, so
 * that a location has one name for ever. What nobody could name is asked again until the process
 * ends, for maps that are written at exit. Past JIT_PROCESSES_MAX processes, or where renaming goes
 * on and on, frames stay [jit]. Not thread-safe.
 */
#pragma once

#include "bpf/abi.h"
#include "profiler/collector/objects.h"
#include "profiler/resolve/resolve.h"
#include "storage/profile.h"

#include <stdbool.h>
#include <stdint.h>

#define JIT_PROCESSES_MAX  128 /* each has up to four descriptors */
#define JIT_ADDRESSES_MAX  131072 /* of all processes; then who has most begins a generation */
#define JIT_HELD_BYTES_MAX (8u << 20) /* of samples that wait, all together */
#define JIT_HELD_NS	   3000000000ull /* how long a sample waits; then its code is [jit] */
#define JIT_AGAIN_NS	   2000000000ull /* how often the nameless are asked again */
#define JIT_GENERATIONS	   32 /* new ones in a row; then one in JIT_GENERATION_NS */
#define JIT_GENERATION_NS  10000000000ull
#define JIT_UNNAMED	   0 /* the generation of code that is never named */

struct jit;

/* A sample goes on: what on_sample() of events.h gets. */
typedef void (*jit_sample)(void *ctx, const struct abi_sample *s, const uint64_t *kernel,
			   const struct abi_frame *user, const struct abi_object_ref *refs);

/* resolve may be NULL: nothing waits, and nothing is named. */
int jit_new(struct resolve *resolve, struct objects *objects, jit_sample give, void *ctx,
	    struct jit **ret);
struct jit *jit_free(struct jit *j); /* what waits is lost: see jit_release() */

/* A new live profile: what is known is named in it again. */
void jit_new_profile(struct jit *j);

/* Whether a sample goes through JIT code; then it is jit_take()'s. */
bool jit_wants(const struct abi_sample *s, const struct abi_object_ref *refs);
/* Keep it back, or give it on at once where that cannot be. */
void jit_take(struct jit *j, const struct abi_sample *s, const uint64_t *kernel,
	      const struct abi_frame *user, const struct abi_object_ref *refs);

/*
 * Ask for what waits (all: else only what is much or old), and again for what is nameless. To be
 * called often.
 */
void jit_ask(struct jit *j, bool all, uint64_t now_ns, struct profile *live);
/* An answer of resolve: the callback `jit` of struct resolve_answers. */
void jit_answered(struct jit *j, uint32_t number, const struct resolve_jit_names *names,
		  struct profile *live);
/* Give on all that waits, without names where there are none yet. */
void jit_release(struct jit *j, struct profile *live);

/* No sample will come any more: all that waits or is nameless is asked once more. */
void jit_finish(struct jit *j);
/* Samples that wait and, once it was called, processes that were not yet asked so. */
size_t jit_pending(const struct jit *j);

struct jit_counts {
	uint32_t processes;
	uint64_t held; /* samples that wait */
	uint64_t frames_named, frames_nameless; /* of samples that were given on, as of now */
	uint64_t generations; /* begun because code was renamed */
	uint64_t left_out; /* samples past one of the maxima above */
};
struct jit_counts jit_counts(const struct jit *j);
