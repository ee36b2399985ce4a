/* Rules by their content, counted; see rule_book.h. */
#include "profiler/collector/rule_book.h"

#include "profiler/base/hash.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct rule_book {
	struct unwind_dictionary *memory;
	uint32_t rows[UNWIND_RULES_MAX]; /* that name it */
	/* Also one that no row names, until the release: the kernel may still be reading it. */
	bool is_used[UNWIND_RULES_MAX];
	uint32_t next; /* where the search for a free one begins */
	uint32_t used;
	uint32_t added; /* entries of by_hash: those of rules that are gone stay in it */
	struct idmap by_hash;
};

int rule_book_new(struct unwind_dictionary *memory, struct rule_book **ret)
{
	static const struct unwind_rule full = {.kind = UNWIND_KIND_EXPRESSION};
	struct rule_book *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->memory = memory;
	b->is_used[RULE_BOOK_HOLE] = b->is_used[RULE_BOOK_FULL] = true;
	b->rows[RULE_BOOK_HOLE] = b->rows[RULE_BOOK_FULL] = 1;
	memory->rule[RULE_BOOK_FULL] = full;
	b->used = b->next = RULE_BOOK_FULL + 1;
	*ret = b;
	return 0;
}

struct rule_book *rule_book_free(struct rule_book *b)
{
	if (!b)
		return NULL;
	idmap_done(&b->by_hash);
	free(b);
	return NULL;
}

static int index_rule(struct rule_book *b, uint32_t number)
{
	const struct unwind_rule *rule = &b->memory->rule[number];

	b->added++;
	return idmap_add(&b->by_hash, hash_bytes(rule, sizeof(*rule)), number);
}

/* The index without what is gone. */
static int index_again(struct rule_book *b)
{
	int r = 0;

	idmap_clear(&b->by_hash);
	b->added = 0;
	for (uint32_t i = RULE_BOOK_FULL + 1; i < UNWIND_RULES_MAX && r == 0; i++)
		if (b->is_used[i])
			r = index_rule(b, i);
	return r;
}

static uint32_t find_free(struct rule_book *b)
{
	for (uint32_t i = 0; i < UNWIND_RULES_MAX; i++) {
		uint32_t number = (b->next + i) % UNWIND_RULES_MAX;

		if (!b->is_used[number])
			return number;
	}
	return UNWIND_RULES_MAX;
}

static int add_new(struct rule_book *b, const struct unwind_rule *rule)
{
	uint32_t number = find_free(b);
	int r = 0;

	if (number == UNWIND_RULES_MAX)
		return RULE_BOOK_FULL;
	if (b->added >= 2 * UNWIND_RULES_MAX)
		r = index_again(b);
	if (r < 0)
		return r;
	b->memory->rule[number] = *rule;
	r = index_rule(b, number);
	if (r < 0)
		return r;
	b->is_used[number] = true;
	b->rows[number] = 0;
	b->next = number + 1;
	b->used++;
	return (int)number;
}

int rule_book_add(struct rule_book *b, const struct unwind_rule *rule, uint32_t max)
{
	uint64_t hash = hash_bytes(rule, sizeof(*rule));
	uint32_t at, id;

	if (rule->kind == UNWIND_KIND_HOLE)
		return RULE_BOOK_HOLE;
	for (id = idmap_first(&b->by_hash, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&b->by_hash, hash, &at))
		if (b->is_used[id] && memcmp(&b->memory->rule[id], rule, sizeof(*rule)) == 0)
			return (int)id;
	return b->used >= max ? RULE_BOOK_FULL : add_new(b, rule);
}

void rule_book_hold(struct rule_book *b, uint32_t number, uint32_t rows)
{
	b->rows[number] += rows;
}

void rule_book_drop(struct rule_book *b, uint32_t number, uint32_t rows)
{
	b->rows[number] -= rows;
}

void rule_book_release(struct rule_book *b)
{
	for (uint32_t i = RULE_BOOK_FULL + 1; i < UNWIND_RULES_MAX; i++) {
		if (!b->is_used[i] || b->rows[i])
			continue;
		b->is_used[i] = false;
		b->used--;
	}
}

uint32_t rule_book_used(const struct rule_book *b)
{
	return b->used;
}
