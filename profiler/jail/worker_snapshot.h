/* Copied stacks in the symbolizer worker. */
#pragma once

#include "profiler/base/wire.h"
#include "symbolizer/unwind/snapshot.h"

/*
 * A SNAPSHOT_FILE message, and the answer to a SNAPSHOT; see protocol_snapshot.h. The walker is
 * made at its first use. Negative errno: the conversation is over.
 */
int worker_snapshot_file(struct snapshot_walker **walker, const struct wire_msg *m);
int worker_snapshot(struct snapshot_walker **walker, const struct wire_msg *m);
