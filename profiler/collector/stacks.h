/*
 * Stacks: from a record's frames to a node of the live profile's prefix tree.
 *
 * Most frames go over an edge that an earlier stack took (edges.h). Kernel addresses are turned
 * into (object, offset) here and go no further; the layout behind them is read again when an
 * address is not in it. Frames that left the kernel raw are placed by their process's mappings.
 * Not thread-safe.
 */
#pragma once

#include "bpf/abi.h"
#include "profiler/collector/mappings.h"
#include "profiler/collector/objects.h"
#include "storage/profile.h"

#define STACKS_LAYOUT_NS 2000000000ull /* the kernel's layout is not read again sooner */

struct stacks;

int stacks_new(struct objects *objects, struct stacks **ret);
struct stacks *stacks_free(struct stacks *s);
void stacks_new_profile(struct stacks *s);

/*
 * The stack of a sample as a node of live; frames of keys that objects does not know become
 * objects. Negative errno.
 */
int64_t stacks_of(struct stacks *s, const struct abi_sample *sample, const uint64_t *kernel,
		  const struct abi_frame *user, const struct abi_object_ref *refs,
		  struct profile *live);

/* Where it places raw frames. Borrowed. */
struct mappings *stacks_mappings(struct stacks *s);

/* How user walks ended, by enum abi_end, since the start. */
const uint64_t *stacks_ends(const struct stacks *s);
const struct quality *stacks_quality(const struct stacks *s); /* by process name; borrowed */
bool stacks_kernel_hidden(
	const struct stacks *s); /* kernel addresses cannot be placed: kptr_restrict */
