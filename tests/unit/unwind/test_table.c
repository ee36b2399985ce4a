/* A finished table: what holds at any offset of a file of many pages, and its words. */
#include "symbolizer/unwind/unwind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RULES 5
#define PAGES 37
#define ROWS  7 /* of each page */

static struct unwind_table t;

/* Pages 0, 3, 6, ... and the last that there can be; each of another number of rows, up to ROWS. */
static int begin(void **state)
{
	uint32_t row = 0;

	(void)state;
	t = (struct unwind_table){.n_rules = RULES, .n_pages = PAGES};
	t.rules = calloc(RULES, sizeof(*t.rules));
	t.pages = calloc(PAGES, sizeof(*t.pages));
	t.rows = calloc((size_t)PAGES * ROWS, sizeof(*t.rows));
	for (uint32_t i = 1; i < RULES; i++)
		t.rules[i].kind = UNWIND_KIND_CFA;
	for (uint32_t p = 0; p < PAGES; p++) {
		struct unwind_page *page = &t.pages[p];

		page->number = p == PAGES - 1 ? UNWIND_PAGES_MAX - 1 : 3 * p;
		page->first_row = row;
		page->n_rows = 1 + p % ROWS;
		for (uint32_t i = 0; i < page->n_rows; i++, row++) {
			t.rows[row].low = (uint16_t)(i ? 0x100 * i + p : 0);
			t.rows[row].rule = (uint16_t)((i + p) % RULES);
		}
		t.rows[row - 1].low = page->n_rows == ROWS ? 0xffff : t.rows[row - 1].low;
	}
	t.n_rows = row;
	return 0;
}

static int end(void **state)
{
	(void)state;
	unwind_table_done(&t);
	unwind_table_done(&t);
	return 0;
}

/* By looking at every row. */
static const struct unwind_rule *expected_at(uint64_t offset)
{
	uint16_t rule = 0;

	for (uint32_t p = 0; p < t.n_pages; p++)
		for (uint32_t i = 0; i < t.pages[p].n_rows; i++) {
			const struct unwind_row *row = &t.rows[t.pages[p].first_row + i];

			if (t.pages[p].number == offset >> 16 && row->low <= (offset & 0xffff))
				rule = row->rule;
		}
	return rule ? &t.rules[rule] : NULL;
}

static void what_holds_is_the_last_row_at_or_before(void **state)
{
	uint32_t known = 0;

	(void)state;
	for (uint64_t number = 0; number < 3 * PAGES + 3; number++)
		for (uint32_t low = 0; low < 0x10000; low += low < 0x800 ? 1 : 0x1ff) {
			uint64_t offset = number << 16 | low;
			const struct unwind_rule *rule = unwind_table_find(&t, offset);

			if (rule != expected_at(offset))
				fail_msg("at %#lx", (unsigned long)offset);
			known += rule != NULL;
		}
	assert_true(known > 1000);
}

static void the_ends_of_a_file_and_what_lies_behind(void **state)
{
	const uint64_t size = (uint64_t)UNWIND_PAGES_MAX << UNWIND_PAGE_BITS;

	(void)state;
	assert_ptr_equal(unwind_table_find(&t, size - 1), expected_at(size - 1));
	assert_non_null(unwind_table_find(&t, size - 1));
	assert_null(unwind_table_find(&t, size));
	assert_null(unwind_table_find(&t, size + size - 1));
	/* Pages whose number is one of the table's once it is cut to 32 bits. */
	assert_non_null(unwind_table_find(&t, 3ull << 16));
	assert_null(unwind_table_find(&t, (1ull << 32 | 3) << 16));
	assert_null(unwind_table_find(&t, UINT64_MAX));
}

static void an_empty_table_is_a_hole(void **state)
{
	const struct unwind_table empty = {};

	(void)state;
	assert_null(unwind_table_find(&empty, 0));
	assert_null(unwind_table_find(&empty, UINT64_MAX));
}

static void kinds_and_sources_have_their_names(void **state)
{
	(void)state;
	assert_string_equal(unwind_kind_name(UNWIND_KIND_HOLE), "hole");
	assert_string_equal(unwind_kind_name(UNWIND_KIND_CFA_DEREF), "cfa-deref");
	assert_string_equal(unwind_kind_name(UNWIND_KIND_COUNT - 1), "register");
	assert_string_equal(unwind_source_name(UNWIND_SOURCE_NONE), "none");
	assert_string_equal(unwind_source_name(UNWIND_SOURCE_COUNT - 1), "both");
	assert_string_equal(unwind_source_sentence(UNWIND_SOURCE_NONE), "the file has no CFI");
	assert_string_equal(unwind_source_sentence(UNWIND_SOURCE_EH_FRAME), ".eh_frame");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_holds_is_the_last_row_at_or_before),
		cmocka_unit_test(the_ends_of_a_file_and_what_lies_behind),
		cmocka_unit_test(an_empty_table_is_a_hole),
		cmocka_unit_test(kinds_and_sources_have_their_names),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
