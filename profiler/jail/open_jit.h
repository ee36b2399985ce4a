/*
 * Opening for others: the files in which a process says what its run-time compiled code is called,
 * /tmp/perf-PID.map and jit-PID.dump.
 *
 * Both are named by the pid that the process itself sees, and lie where it sees them: the map in
 * /tmp below its root; the dump anywhere, but mapped, which is how perf finds it. Whoever can write
 * to /tmp chooses what is there: it is looked at (O_PATH, no link followed) before it is opened,
 * must be a regular file of the process's user or root, not older than the process, and readable by
 * that user. What leads to them is kept from the first sight on, because a map may be written in
 * the last moment of a process. May block as open_for.h says.
 */
#pragma once

#include "profiler/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct open_jit {
	uint32_t pid; /* of the initial namespace */
	uint64_t start_ns; /* CLOCK_BOOTTIME */
	uint32_t uid; /* of the initial namespace */
	uint32_t inner_pid; /* as the process sees itself */
	int proc; /* /proc/PID, O_PATH */
	int tmp; /* its /tmp, O_PATH; negative: it has none */
	int dump; /* its dump, O_PATH; negative: none found */
	uint64_t searched_ns; /* for the dump, monotonic */
};

/*
 * While the process is there. -ESRCH: it is not; or what opening said. open_jit_end() closes; it
 * may be called on what open_jit_begin() refused.
 */
int open_jit_begin(struct open_jit *j, uint32_t pid, uint64_t start_ns, uint32_t uid);
void open_jit_end(struct open_jit *j);

/* Whether the process has ended, so that nothing will be written any more. */
bool open_jit_is_over(const struct open_jit *j);

/*
 * A descriptor, O_RDONLY, close-on-exec, the caller's. -ENOENT: there is no such file. -EACCES and
 * others, with the sentence: there is, and it is not to be read.
 */
int open_jit_map(const struct open_jit *j, struct err *err);
int open_jit_dump(struct open_jit *j, struct err *err);

/* Where the map is, as the process sees it; for the status. */
#define OPEN_JIT_PATH_BYTES 64
void open_jit_map_path(const struct open_jit *j, char ret[OPEN_JIT_PATH_BYTES]);

/* The innermost pid in the text of /proc/PID/status. 0 or -EBADMSG. Pure. */
int open_jit_parse_pid(const char *status, uint32_t *ret);
