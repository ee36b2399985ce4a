/*
 * From what CFI says of an address to a rule of 12 bytes that the kernel can apply, and the
 * dictionary of the rules of a file.
 */
#pragma once

#include "bpf/unwind_table.h"
#include "profiler/base/hash.h"
#include "symbolizer/unwind/program.h"

#include <stdint.h>

#define UNWIND_RULE_HOLE 0 /* its number in every dictionary */

/* What state means. Where no rule can say it, the rule's kind says why, and nothing else is set. */
struct unwind_rule unwind_rule_make(const struct cfi_registers *registers,
				    const struct cfi_cie *cie, const struct cfi_state *state);

#define RULES_NEAR 256

struct unwind_rules {
	struct unwind_rule *v; /* v[0] is the hole */
	uint32_t n, cap;
	struct idmap by_hash;
	uint32_t near[RULES_NEAR]; /* numbers last seen, by a cheap hash: most rules repeat */
};

/* 0 or -ENOMEM. */
int unwind_rules_init(struct unwind_rules *d);
void unwind_rules_done(struct unwind_rules *d);

/* The number of rule, which is new or known. -E2BIG past UNWIND_RULES_MAX, -ENOMEM. */
int unwind_rules_add(struct unwind_rules *d, const struct unwind_rule *rule);
