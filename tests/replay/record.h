/*
 * A case from a live process: one of its threads is stopped by ptrace, walked, and what the walk
 * read of it is kept.
 */
#pragma once

#include "tests/replay/walk.h"

#include <sys/types.h>

/* Pages of a process that a case may hold: 512 frames of 2 KB each. */
#define RECORD_PAGES_MAX 256

/*
 * Stop a thread where it is, and let it go on. 0; -ESRCH: it has ended, or was ending; or errno of
 * ptrace(2).
 */
int record_stop(pid_t tid);
void record_resume(pid_t tid);

/*
 * The stopped thread as a case, and its stack. Tables of files that k has not met are compiled and
 * stay in k, so that the next case of the process costs less. c is done in any case.
 */
int record_case(pid_t pid, pid_t tid, struct replay_kernel *k, struct replay_case *c,
		struct replay_stack *found);
