/*
 * Names made ready to hand out, each made once: copied out of the file (which its owner may change at any
 * moment), demangled and bounded.
 */
#pragma once

#include "profiler/base/hash.h"

#include <stddef.h>
#include <stdint.h>

struct name {
	const char *raw; /* the key: where it stands in the file */
	char *function; /* demangled, without suffixes; never empty */
	char *system; /* as the file has it; NULL where equal to function */
};

struct names {
	struct name *names;
	size_t n;
	size_t cap;
	size_t bytes; /* heap bytes in use */
	struct idmap by_raw;
};

void names_done(struct names *n); /* frees; a zeroed struct names is an empty one */

/*
 * The name at raw[0, len), len > 0, which stays at its place as long as n is in use. Its strings live until
 * names_done(); the struct itself moves. 0 or -ENOMEM.
 */
int names_get(struct names *n, const char *raw, size_t len, struct name *ret);
