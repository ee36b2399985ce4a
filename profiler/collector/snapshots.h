/*
 * Snapshots: samples that came with a copied stack, kept until that has been unwound.
 *
 * A sample whose stack cannot be asked for (too many wait, its process has ended), or is not
 * answered in time, is handed on with the
 * frames that the kernel's walk by frame pointer gave it and with ABI_END_NO_SNAPSHOT; one that is
 * answered, with raw frames in their place. Each is handed on once, with its own time. Not
 * thread-safe.
 */
#pragma once

#include "profiler/collector/events.h"
#include "profiler/collector/mappings.h"
#include "profiler/collector/objects.h"
#include "profiler/resolve/resolve.h"

#define SNAPSHOTS_PATIENCE_NS 5000000000ull /* longer than the answer of a full queue takes */

/* The same as of events_handlers.sample; the pointers live for the call. */
typedef void (*snapshots_give)(void *ctx, const struct abi_sample *s, const uint64_t *kernel,
			       const struct abi_frame *user, const struct abi_object_ref *refs);

struct snapshots;

/* resolve, objects and mappings must live longer. */
int snapshots_new(struct resolve *resolve, struct objects *objects, struct mappings *mappings,
		  snapshots_give give, void *ctx, struct snapshots **ret);
/* What still waits is not handed on: see snapshots_give_up(). */
struct snapshots *snapshots_free(struct snapshots *s);

/* A sample of which events_registers() is not NULL; it is copied, or handed on. */
void snapshots_take(struct snapshots *s, const struct abi_sample *sample, const uint64_t *kernel,
		    const struct abi_frame *user, const struct abi_object_ref *refs,
		    uint64_t now_ns);

/* As resolve_answers.snapshot. */
void snapshots_answered(struct snapshots *s, uint64_t id, const struct snapshot_frame *frames,
			uint32_t n, unsigned int end);

/* Hand on what was taken before this (monotonic). UINT64_MAX: all that waits. */
void snapshots_give_up(struct snapshots *s, uint64_t before_ns);
/* At the end: calls take, which takes resolve's answers, until nothing waits or time is over. */
void snapshots_finish(struct snapshots *s, void (*take)(void *ctx), void *ctx);
uint32_t snapshots_waiting(const struct snapshots *s);
