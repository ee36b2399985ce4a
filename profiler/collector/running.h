/*
 * The files of programs that run already, described before sampling begins: their unwind tables
 * are loaded when the first sample comes.
 */
#pragma once

#include "profiler/collector/bpf_object.h"

#define RUNNING_WAIT_MS 100

struct running;

/*
 * Have them described, through the ring buffer of programs. Returns when they are, or after
 * RUNNING_WAIT_MS: a process may hold its mappings for as long as it likes, and those behind it are
 * described when it lets go. NULL: none is, until a sample meets it.
 */
struct running *running_start(struct bpf_programs *programs);
/* Waits no longer either: a look that is held up is left to end by itself. Takes NULL. */
struct running *running_free(struct running *r);
