/* Counts by text: values of a label and how many samples have each. */
#pragma once

#include "storage/dict.h"

struct tally {
	struct profile *texts; /* its strings; ids are indexes of count */
	uint64_t *count;
	uint32_t n, cap;
};

int tally_init(struct tally *t);
void tally_done(struct tally *t); /* a zeroed one is fine */

/* The index of a text, with count added; -ENOMEM, -E2BIG. */
int64_t tally_add(struct tally *t, const char *text, uint64_t count);
/* The index of the value that a label set of d has for name. -EBADMSG where the set is damaged. */
int64_t tally_label(struct tally *t, struct dict *d, uint32_t labels, const char *name);
const char *tally_text(const struct tally *t, uint32_t index);

/* Indexes by count, largest first, then by text. The caller frees. */
int tally_order(const struct tally *t, uint32_t **ret);
