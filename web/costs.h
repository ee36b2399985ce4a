/*
 * Samples by place: how many ran at a place themselves, and how many had it on their stack. What
 * the places are (lines of a file, instructions of a function) the caller says by numbers.
 */
#pragma once

#include "storage/profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct costs {
	uint64_t *self, *total; /* by place */
	size_t n;
};

/*
 * place_of(ctx, p, location, i): the place in [0, n) of frame i (0: innermost) of a location, or
 * -1. A place counts once a stack. 0 or -ENOMEM.
 */
typedef int64_t (*costs_place)(void *ctx, const struct profile *p, uint32_t location, uint32_t i);
int costs_of(const struct profile *p, size_t n, costs_place place_of, void *ctx, struct costs *ret);
void costs_done(struct costs *c);
