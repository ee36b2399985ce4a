/*
 * Selectors: `{comm="redis-server", container=~"web.*", pid!="1"}` as predicates over label sets.
 *
 * The braces are optional. `=~` and `!~` match the whole value (PCRE2, patterns up to
 * SELECTOR_PATTERN_BYTES, with match and heap limits: reaching one is an error of the question,
 * not a miss). A missing label equals the empty string. In values `\"`, `\\` and `\n` are
 * escapes. NULL, "" and "{}" select everything. Pure; a selector may be used by one thread at a
 * time.
 */
#pragma once

#include "profiler/base/err.h"
#include "storage/profile.h"

#define SELECTOR_PATTERN_BYTES 256
#define SELECTOR_MATCHERS_MAX  32

struct selector;

/* 0, or -EINVAL with a sentence that names the place. */
int selector_parse(const char *text, struct selector **ret, struct err *err);
struct selector *selector_free(struct selector *s);

/* 1 it matches, 0 it does not, -E2BIG a match limit was reached. */
int selector_matches(struct selector *s, const struct profile *p, uint32_t labels);
bool selector_is_all(const struct selector *s);
/* Does it look at labels of this list (NULL-terminated names) alone? */
bool selector_is_about(const struct selector *s, const char *const *names);
