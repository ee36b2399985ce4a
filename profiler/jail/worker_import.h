/* Imports in the symbolizer worker. */
#pragma once

#include "profiler/base/wire.h"

/* Answer an IMPORT request; see protocol_import.h. Negative errno: the conversation is over. */
int worker_import(const struct wire_msg *m);
