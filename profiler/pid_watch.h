/* Watching the processes that `record -p` samples: when all have ended, so has the recording. */
#pragma once

#include "profiler/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct pid_watch;

/* -ESRCH with a sentence where one does not exist. */
int pid_watch_new(const uint32_t *pids, size_t n, struct pid_watch **ret, struct err *err);
struct pid_watch *pid_watch_free(struct pid_watch *w);

/* How many are still alive. ended is called once for each that is no more. */
typedef void (*pid_watch_ended)(void *context, uint32_t pid);
size_t pid_watch_update(struct pid_watch *w, pid_watch_ended ended, void *context);
