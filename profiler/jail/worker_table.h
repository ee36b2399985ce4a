/* Unwind tables in the symbolizer worker. */
#pragma once

#include "profiler/base/wire.h"

/* Answer a TABLE request; see protocol_table.h. Negative errno: the conversation is over. */
int worker_table(const struct wire_msg *m);
