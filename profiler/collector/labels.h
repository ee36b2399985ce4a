/*
 * Labels: who a sample was, as a label set of the live profile.
 *
 * Cgroups that were described get a number (they are not described again) and keep their path with
 * the container and the unit that it names. Label sets are cached by everything that makes them.
 * Past LABELS_CGROUPS_MAX all are forgotten and the living ones described again. Not thread-safe.
 */
#pragma once

#include "bpf/abi.h"
#include "profiler/collector/bpf_object.h"
#include "profiler/collector/objects.h"
#include "profiler/static_label.h"
#include "storage/profile.h"

#define LABELS_CGROUPS_MAX ABI_CGROUPS_MAX
#define LABELS_CACHED_MAX  65536

struct labels;

/* programs may be NULL: the kernel is not told which cgroups are numbered. */
int labels_new(struct bpf_programs *programs, struct labels **ret);
struct labels *labels_free(struct labels *l);
/* Labels of every sample from here on, also in place of the host's own name; borrowed. */
void labels_set_static(struct labels *l, const struct static_labels *statics);
void labels_new_profile(struct labels *l); /* the next call interns anew */

void labels_describe_cgroup(struct labels *l, const struct abi_cgroup *c, const char *path);

/*
 * The label set of a sample. exe: its executable, NULL for none. boot_wall_ns: wall clock minus
 * CLOCK_BOOTTIME, to date the process's start. Its id in live, or negative errno.
 */
int64_t labels_of(struct labels *l, const struct abi_sample *s, const struct object *exe,
		  int64_t boot_wall_ns, struct profile *live);
