/* For tests of the kernel programs: whether this machine runs them at all. */
#pragma once

#include <stdbool.h>

/* They load here. If not it says why, and the test is to end with 77, skipped. */
bool can_sample(void);
