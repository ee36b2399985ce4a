/*
 * Numbers as ranks: 0 for one not yet seen in this context, else 1 + its place in the order of
 * how often it was seen.
 *
 * Both sides of a codec keep one of these, so that what is frequent gets a small number without a
 * table being sent. Numbers are dense, [0, n).
 */
#pragma once

#include <stdint.h>

struct ranks {
	struct ranks_seen {
		uint32_t number, count;
	} * seen; /* of this context, by count, largest first */
	uint32_t n_seen;
	uint32_t *place; /* of each number in seen; valid where epoch is the current one */
	uint32_t *epoch, current;
	/* by count: the first place of those that were seen so often; valid where there are some */
	uint32_t *first_of, cap_first_of;
	uint32_t n;
	int err; /* -ENOMEM: first_of could not grow, ranks are wrong from here on */
};

int ranks_init(struct ranks *r, uint32_t n); /* 0 or -ENOMEM */
void ranks_done(struct ranks *r);
void ranks_reset(struct ranks *r); /* a new context begins: nothing was seen */

uint32_t ranks_of(const struct ranks *r, uint32_t number); /* its rank now */
uint32_t ranks_at(const struct ranks *r, uint32_t rank); /* rank in [1, n_seen]; the number */
void ranks_add(struct ranks *r, uint32_t number); /* it was seen once more */
