/* Disassembly, in the symbolizer worker. */
#pragma once

#include "profiler/base/wire.h"
#include "symbolizer/disassemble.h"

/*
 * Answer a CODE; without d, that nothing here disassembles. 0, or why the socket is of no use any
 * more.
 */
int worker_code(const struct disassembler *d, const struct wire_msg *m);
