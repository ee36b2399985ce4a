/* From a cgroup's path to what the sampler knows it by. */
#pragma once

#include "profiler/base/err.h"

#include <stdint.h>

/*
 * path: a directory below /sys/fs/cgroup, or as /proc/PID/cgroup prints it
 * ("/system.slice/x.service": v2 first, then every v1 hierarchy). The kernfs id and hierarchy (0 is
 * v2). -ENOENT with a sentence when there is none.
 */
int cgroup_path_find(const char *path, uint64_t *ret_id, uint32_t *ret_hierarchy, struct err *err);
