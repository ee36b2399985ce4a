/* Unwind tables in the symbolizer worker. */
#pragma once

#include "profiler/base/wire.h"
#include "symbolizer/disassemble.h"

/*
 * Answer a TABLE request; see protocol_table.h. d: NULL where code without CFI is to stay a hole.
 * Negative errno: the conversation is over.
 */
int worker_table(const struct disassembler *d, const struct wire_msg *m);
