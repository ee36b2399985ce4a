/*
 * Asking for a file from inside the jail, in the middle of a request: the collector opens it, or
 * says that there is none.
 */
#pragma once

#include "symbolizer/symbolizer.h"

#include <stdint.h>

/*
 * The descriptor, the caller's, or negative errno; -ENOENT also where more than PROTOCOL_WANTS_MAX
 * were asked for since wants_begin(). -EPROTO: what came was no answer; the conversation is lost.
 */
struct worker_wants {
	uint32_t request; /* id of the request that is being answered */
	uint32_t n;
	bool lost;
};
void worker_wants_begin(struct worker_wants *w, uint32_t request);
int worker_want(struct worker_wants *w, const struct sym_want *want);
