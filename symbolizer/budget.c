/* A doubly linked list with marks of use, and a sum; budget.h says what for. */
#include "symbolizer/budget.h"

#define DEAR_SHARE 2

static void unlink_item(struct budget *b, struct budget_item *item)
{
	if (item->newer)
		item->newer->older = item->older;
	else
		b->newest = item->older;
	if (item->older)
		item->older->newer = item->newer;
	else
		b->oldest = item->newer;
	item->newer = item->older = NULL;
}

static void push_newest(struct budget *b, struct budget_item *item)
{
	item->newer = NULL;
	item->older = b->newest;
	if (b->newest)
		b->newest->newer = item;
	else
		b->oldest = item;
	b->newest = item;
}

/* Counted items have bytes; an item without bytes is in no list. */
void budget_forget(struct budget *b, struct budget_item *item)
{
	if (!item->bytes)
		return;
	b->bytes -= item->bytes;
	b->dear_bytes -= item->dear ? item->bytes : 0;
	item->bytes = 0;
	unlink_item(b, item);
}

void budget_charge(struct budget *b, struct budget_item *item, size_t bytes)
{
	budget_forget(b, item);
	item->bytes = bytes ? bytes : 1;
	b->bytes += item->bytes;
	b->dear_bytes += item->dear ? item->bytes : 0;
	push_newest(b, item);
}

/* Others are left, and the dear ones are few. */
static bool are_spared(const struct budget *b)
{
	return b->dear_bytes < b->bytes && b->dear_bytes <= b->bytes_max / DEAR_SHARE;
}

void budget_trim(struct budget *b)
{
	while (b->bytes > b->bytes_max && b->oldest) {
		struct budget_item *item = b->oldest;

		if (item->used || (item->dear && are_spared(b))) {
			item->used = false;
			unlink_item(b, item);
			push_newest(b, item);
			continue;
		}
		budget_forget(b, item);
		item->drop(item);
	}
}
