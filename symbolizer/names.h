/*
 * Names made ready to hand out, each made once: copied out of the file (which its owner may
 * change at any moment), demangled and bounded.
 */
#pragma once

#include "profiler/base/hash.h"
#include "symbolizer/budget.h"

#include <stddef.h>
#include <stdint.h>

struct name {
	const char *raw; /* the key: where it stands in the file */
	char *function; /* demangled, without suffixes; never empty */
	char *system; /* as the file has it; NULL where equal to function */
};

struct names {
	struct budget *budget;
	struct budget_item item;
	struct name *names;
	size_t n;
	size_t cap;
	size_t bytes; /* heap bytes in use */
	struct idmap by_raw;
	uint32_t epoch; /* another one from when all are freed: numbers are of one epoch */
};

void names_init(struct names *n, struct budget *budget);

/*
 * Free all names, as the budget does: to be called when what they point to goes. A zeroed struct
 * is allowed.
 */
void names_drop(struct names *n);

/*
 * The number of the name at raw[0, len), len > 0, which stays at its place as long as n is in use:
 * n->names[number] until the next one is made, its strings until names_drop(), or until the budget
 * is trimmed. 0 or -ENOMEM.
 */
int names_get(struct names *n, const char *raw, size_t len, uint32_t *ret_number);

/* The same for what is a name as it stands, such as a Go function's: `main.cold` is no clone. */
int names_get_plain(struct names *n, const char *raw, size_t len, uint32_t *ret_number);
