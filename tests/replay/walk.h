/* The kernel's walk of a user stack, run natively over a case. */
#pragma once

#include "tests/replay/case.h"
#include "tests/replay/kernel.h"

#include <stdint.h>

struct replay_frame {
	uint64_t pc; /* as the walk had it: a return address, or the leaf's */
	uint64_t offset; /* as the sample has it */
	uint32_t object; /* number; 0: none, or not a file's */
	uint32_t kind; /* enum abi_object_kind */
	uint32_t flags; /* enum abi_frame_flag */
};

struct replay_stack {
	uint32_t end; /* enum abi_end */
	uint32_t n;
	uint32_t steps; /* how often the walk went on */
	struct replay_frame frame[REPLAY_FRAMES_MAX];
};

/* Reads the process's memory; 0, or else where it cannot. */
typedef int (*replay_read_fn)(void *ctx, void *to, size_t bytes, uint64_t address);

/* Registers and mappings are the case's; read NULL: its memory as well. */
void replay_walk(const struct replay_kernel *k, const struct replay_case *c, replay_read_fn read,
		 void *ctx, struct replay_stack *ret);

/* Something was taken out of the tables: what walks have met before does not hold any more. */
void replay_forget(void);

/* The number of the rule that the walk finds at an offset of a file; negative: no table there. */
int replay_rule(const struct replay_kernel *k, uint32_t number, uint64_t offset);
