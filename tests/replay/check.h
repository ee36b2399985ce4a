/* Whether a walk found what a case expects. */
#pragma once

#include "tests/replay/walk.h"

/* What was found, as the case would expect it: its end and frames. 0 or -ENOMEM. */
int replay_expect(struct replay_case *c, const struct replay_kernel *k,
		  const struct replay_stack *found);

/* True, or the first difference to f. */
bool replay_check(const struct replay_case *c, const struct replay_kernel *k,
		  const struct replay_stack *found, FILE *f);
