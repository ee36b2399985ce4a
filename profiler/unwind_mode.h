/* How user stacks are walked: the words that --unwind takes. */
#pragma once

#include "profiler/base/err.h"

/* X(enum, word, sentence) */
#define UNWIND_MODE_LIST(X)                                                 \
	X(AUTO, "auto", "the best that this kernel and each program allow") \
	X(FP, "fp", "by frame pointers only")                               \
	X(SNAPSHOT, "snapshot", "by libunwind over copied stacks; costs most")

enum unwind_mode {
#define UNWIND_MODE_ENUM(name, word, sentence) UNWIND_MODE_##name,
	UNWIND_MODE_LIST(UNWIND_MODE_ENUM)
#undef UNWIND_MODE_ENUM
		UNWIND_MODE_COUNT
};

/* For options_row.parse: an enum unwind_mode. -EINVAL with a sentence. */
int unwind_mode_parse(const char *text, void *to, struct err *err);
