/* What the files behind profile.h share. */
#pragma once

#include "storage/profile.h"

/* Make room for `more` elements behind n in *array. 0, -ENOMEM, -E2BIG past max. */
int profile_grow(void *array, uint32_t *cap, uint32_t n, uint32_t more, size_t size, uint32_t max);
