/*
 * What indexes may take together, in bytes, and which goes first when they take more: of those that
 * were not used since it was last looked for, the oldest. What is dear to make again goes after all
 * others, as long as the dear ones take no more than half.
 *
 * An item is embedded in what it accounts for. Dropping happens only in budget_trim(), which the
 * door calls before it answers, never while an answer is put together: what was handed out lives
 * until the next call.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct budget_item {
	struct budget_item *newer;
	struct budget_item *older;
	size_t bytes;
	bool used; /* since it was last passed over */
	bool dear; /* set before it is charged */
	void (*drop)(
		struct budget_item *item); /* free what it stands for; may forget other items */
};

struct budget {
	struct budget_item *newest;
	struct budget_item *oldest;
	size_t bytes;
	size_t dear_bytes; /* of them */
	size_t bytes_max;
};

/*
 * Count item as the newest with so many bytes; one that is counted already changes. drop must be
 * set.
 */
void budget_charge(struct budget *b, struct budget_item *item, size_t bytes);

/*
 * The item was used just now. A mark and not a move in the list, for every answer touches half a
 * dozen.
 */
static inline void budget_touch(struct budget_item *item)
{
	item->used = true;
}

/* Take it out without dropping. */
void budget_forget(struct budget *b, struct budget_item *item);

/* Drop what was used least recently until the rest fits. */
void budget_trim(struct budget *b);
