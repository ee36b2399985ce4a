/* "Did you mean": the known word that is nearest to a mistyped one. Pure. */
#pragma once

#include <stddef.h>

#define SUGGEST_WORD_BYTES 64 /* longer words have no neighbours */

/*
 * Of words (n of them; NULL ones are skipped) the nearest to typed, borrowed; NULL where none is
 * near.
 */
const char *suggest_nearest(const char *typed, const char *const *words, size_t n);
