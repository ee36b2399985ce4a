/*
 * What the made-up day's samples look like in a live profile: stacks of 24 frames that share their
 * roots, names as long as C++ has them, label sets of nine labels. Equal numbers give equal ids.
 */
#pragma once

#include "storage/profile.h"
#include "tests/bench/made_up_day.h"

uint32_t day_profile_stack(struct profile *p, uint32_t program, uint32_t number);
uint32_t day_profile_labels(struct profile *p, const struct day_sample *s);
/* Names for all locations from *named on, which becomes their number. */
void day_profile_name(struct profile *p, uint32_t *named);
