/*
 * The symbolizer worker's part that is about run-time compiled code: for worker_symbolizer.c alone.
 */
#pragma once

#include "profiler/base/wire.h"

#include <stdint.h>

#define WORKER_JIT_PROCESSES_MAX 128 /* remembered; others' files are read again */
#define WORKER_JIT_BYTES_MAX	 (32u << 20) /* of memory, all together */

struct worker_jit_process;

/* A zeroed one is empty. */
struct worker_jit {
	struct worker_jit_process *process;
	uint32_t n;
	uint64_t clock; /* counts uses */
};

/* Answer a JIT request. 0, or negative errno where the worker has to end. */
int worker_jit(struct worker_jit *w, struct wire_msg *m);
void worker_jit_forget(struct worker_jit *w, uint32_t serial);
