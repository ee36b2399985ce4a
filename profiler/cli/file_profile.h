/*
 * The samples of a file as one profile: what `import` takes, parsed by a worker in its jail, in
 * memory and in no store. Not thread-safe.
 */
#pragma once

#include "profiler/base/err.h"
#include "storage/profile.h"

/*
 * A regular file; its name is no label here. comm_alone: samples are told apart by stack and comm,
 * else by all their labels. 0, or negative errno and a sentence that names the file.
 */
int file_profile_read(const char *path, bool comm_alone, struct profile **ret, struct err *err);
