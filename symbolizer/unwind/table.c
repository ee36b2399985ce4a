/* A finished table: looked up and given back. */
#include "symbolizer/unwind/unwind.h"

#include <stdlib.h>

void unwind_table_done(struct unwind_table *t)
{
	free(t->rules);
	free(t->rows);
	free(t->pages);
	*t = (struct unwind_table){};
}

static const struct unwind_page *find_page(const struct unwind_table *t, uint32_t number)
{
	uint32_t low = 0, high = t->n_pages;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (t->pages[middle].number == number)
			return &t->pages[middle];
		if (t->pages[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct unwind_rule *unwind_table_find(const struct unwind_table *t, uint64_t offset)
{
	uint64_t number = offset >> UNWIND_PAGE_BITS;
	const struct unwind_page *page =
		number < UNWIND_PAGES_MAX ? find_page(t, (uint32_t)number) : NULL;
	uint32_t low, high;
	uint16_t rule;

	if (!page)
		return NULL;
	/* The last row at or before: the first is at 0. */
	low = page->first_row;
	high = page->first_row + page->n_rows;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (t->rows[middle].low <= (uint16_t)offset)
			low = middle;
		else
			high = middle;
	}
	rule = t->rows[low].rule;
	return t->rules[rule].kind == UNWIND_KIND_HOLE ? NULL : &t->rules[rule];
}

const char *unwind_kind_name(enum unwind_kind kind)
{
	static const char *const names[] = {
#define KIND_NAME(name, shortname, sentence) shortname,
		UNWIND_KIND_LIST(KIND_NAME)
#undef KIND_NAME
	};

	return names[kind];
}

const char *unwind_source_name(enum unwind_source source)
{
	static const char *const names[] = {
#define SOURCE_NAME(name, shortname, sentence) shortname,
		UNWIND_SOURCE_LIST(SOURCE_NAME)
#undef SOURCE_NAME
	};

	return names[source];
}

const char *unwind_source_sentence(enum unwind_source source)
{
	static const char *const sentences[] = {
#define SOURCE_SENTENCE(name, shortname, sentence) sentence,
		UNWIND_SOURCE_LIST(SOURCE_SENTENCE)
#undef SOURCE_SENTENCE
	};

	return sentences[source];
}
