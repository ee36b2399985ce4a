/* Tables to bytes and back, and every way in which a cache can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "profiler/base/hash.h"
#include "tests/unit/unwind/make.h"

/* Where things are: see cache.c. */
#define CHECKSUM_AT 16
#define COUNTS_AT   24
#define RULES_AT    (COUNTS_AT + 10 * 4)
#define PAGES_AT    (RULES_AT + 3 * 12)
#define ROWS_AT	    (PAGES_AT + 2 * 12)
#define BYTES_ALL   (ROWS_AT + 5 * 4)

static struct unwind_rule rules[] = {{},
				     {.kind = UNWIND_KIND_CFA,
				      .base = 7,
				      .cfa_offset = 16,
				      .ra = UNWIND_AT_CFA,
				      .ra_offset = -8},
				     {.kind = UNWIND_KIND_CFA,
				      .base = 7,
				      .cfa_offset = 8,
				      .ra = UNWIND_IN_REGISTER,
				      .ra_offset = 5}};
static struct unwind_page pages[] = {{3, 0, 3}, {5, 3, 2}};
static struct unwind_row rows[] = {{0, 0}, {16, 1}, {32, 2}, {0, 1}, {8, 0}};

static const struct unwind_table table = {.rules = rules,
					  .n_rules = 3,
					  .rows = rows,
					  .n_rows = 5,
					  .pages = pages,
					  .n_pages = 2,
					  .n_fdes = 11,
					  .n_cfi_rows = 12,
					  .n_derived = 15,
					  .n_bad = 13,
					  .n_overlaps = 14,
					  .machine = EM_X86_64,
					  .source = UNWIND_SOURCE_BOTH};

static struct buf cache;

static int begin(void **state)
{
	(void)state;
	buf_init(&cache, 1u << 20);
	assert_int_equal(unwind_table_write(&table, &cache), 0);
	assert_int_equal(cache.len, BYTES_ALL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	buf_done(&cache);
	return 0;
}

static int parse(void)
{
	struct unwind_table t = {};
	int r = unwind_table_parse(cache.data, cache.len, &t);

	unwind_table_done(&t);
	return r;
}

/* Change it where the checksum does not tell: the checks behind it must. */
static void assert_refused(size_t at, const void *bytes, size_t n)
{
	uint64_t sum;

	memcpy(cache.data + at, bytes, n);
	sum = hash_bytes_keyed(0, 0, cache.data + COUNTS_AT, cache.len - COUNTS_AT);
	memcpy(cache.data + CHECKSUM_AT, &sum, sizeof(sum));
	if (parse() != -EBADMSG)
		fail_msg("accepted with a change at %zu", at);
	buf_clear(&cache);
	unwind_table_write(&table, &cache);
}

static void assert_refused_u32(size_t at, uint32_t v)
{
	assert_refused(at, &v, sizeof(v));
}

static void assert_refused_u16(size_t at, uint16_t v)
{
	assert_refused(at, &v, sizeof(v));
}

static void a_table_comes_back_as_it_was(void **state)
{
	struct unwind_table t = {};

	(void)state;
	assert_int_equal(unwind_table_parse(cache.data, cache.len, &t), 0);
	assert_int_equal(t.n_rules, 3);
	assert_memory_equal(t.rules, rules, sizeof(rules));
	assert_int_equal(t.n_pages, 2);
	assert_memory_equal(t.pages, pages, sizeof(pages));
	assert_int_equal(t.n_rows, 5);
	assert_memory_equal(t.rows, rows, sizeof(rows));
	assert_int_equal(t.n_fdes, 11);
	assert_int_equal(t.n_cfi_rows, 12);
	assert_int_equal(t.n_derived, 15);
	assert_int_equal(t.n_bad, 13);
	assert_int_equal(t.n_overlaps, 14);
	assert_int_equal(t.machine, EM_X86_64);
	assert_int_equal(t.source, UNWIND_SOURCE_BOTH);
	assert_int_equal(t.kinds[UNWIND_KIND_HOLE], 2);
	assert_int_equal(t.kinds[UNWIND_KIND_CFA], 3);
	unwind_table_done(&t);
}

static void a_table_without_rows_comes_back_too(void **state)
{
	struct unwind_table none = {.machine = EM_386, .source = UNWIND_SOURCE_MACHINE}, t = {};

	(void)state;
	buf_clear(&cache);
	assert_int_equal(unwind_table_write(&none, &cache), 0);
	assert_int_equal(unwind_table_parse(cache.data, cache.len, &t), 0);
	assert_int_equal(t.source, UNWIND_SOURCE_MACHINE);
	assert_int_equal(t.n_rows, 0);
	unwind_table_done(&t);
}

static void a_flipped_bit_anywhere_is_noticed(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < 8 * cache.len; bit++) {
		cache.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (parse() != -EBADMSG)
			fail_msg("bit %zu is not noticed", bit);
		cache.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(parse(), 0);
}

static void a_cache_of_another_length_is_noticed(void **state)
{
	struct unwind_table t = {};

	(void)state;
	for (size_t n = 0; n < cache.len; n++)
		assert_int_equal(unwind_table_parse(cache.data, n, &t), -EBADMSG);
	buf_add_u8(&cache, 0);
	assert_int_equal(parse(), -EBADMSG);
}

static void other_versions_are_refused(void **state)
{
	(void)state;
	assert_refused(0, "h", 1);
	assert_refused_u32(8, 0);
	assert_refused_u32(8, 2);
	assert_refused_u32(8, 4);
	assert_refused_u32(12, 1);
}

static void counts_that_do_not_fit_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_refused_u32(COUNTS_AT + 8 + 4 * i, UINT32_MAX);
		assert_refused_u32(COUNTS_AT + 8 + 4 * i, 1);
		assert_refused_u32(COUNTS_AT + 8 + 4 * i, 0);
	}
	assert_refused_u32(COUNTS_AT, 1u << 16);
	assert_refused_u32(COUNTS_AT + 4, UNWIND_SOURCE_COUNT);
}

static void a_page_that_is_out_of_order_is_refused(void **state)
{
	(void)state;
	assert_refused_u32(PAGES_AT + 12, 3);
	assert_refused_u32(PAGES_AT + 12, 2);
	assert_refused_u32(PAGES_AT + 12, UNWIND_PAGES_MAX);
}

static void a_page_that_leads_out_of_the_rows_is_refused(void **state)
{
	(void)state;
	assert_refused_u32(PAGES_AT + 4, 1);
	assert_refused_u32(PAGES_AT + 12 + 4, 2);
	assert_refused_u32(PAGES_AT + 12 + 4, UINT32_MAX);
	assert_refused_u32(PAGES_AT + 12 + 8, 3);
	assert_refused_u32(PAGES_AT + 12 + 8, UINT32_MAX);
	assert_refused_u32(PAGES_AT + 12 + 8, 1); /* a row that no page has */
	assert_refused_u32(PAGES_AT + 8, 0);
}

static void rows_that_no_search_can_trust_are_refused(void **state)
{
	(void)state;
	assert_refused_u16(ROWS_AT, 1); /* a page without its beginning */
	assert_refused_u16(ROWS_AT + 8, 16); /* twice */
	assert_refused_u16(ROWS_AT + 8, 15); /* backwards */
	assert_refused_u16(ROWS_AT + 2, 3); /* a rule that is not there */
}

static void rules_that_no_compiler_makes_are_refused(void **state)
{
	(void)state;
	assert_refused(RULES_AT, "\1", 1); /* the hole is no hole */
	assert_refused(RULES_AT + 12, (const uint8_t[]){UNWIND_KIND_COUNT}, 1);
	assert_refused(RULES_AT + 13, "\40", 1); /* the base: register 32 */
	assert_refused(RULES_AT + 14, (const uint8_t[]){UNWIND_WHERE_COUNT}, 1);
	assert_refused(RULES_AT + 15, (const uint8_t[]){UNWIND_AT_FP}, 1);
	assert_refused(RULES_AT + 15, (const uint8_t[]){UNWIND_WHERE_COUNT}, 1);
	assert_refused(RULES_AT + 12, /* the register of an index */
		       (const uint8_t[]){UNWIND_KIND_CFA_INDEXED, 7, 0, 1, 8, 0, 8, 32}, 8);
	assert_refused_u16(RULES_AT + 24 + 10, 32); /* the register of a return address */
	assert_refused_u16(RULES_AT + 24 + 10, 0xffff);
	assert_refused(RULES_AT + 14, "\3\1\0\0\0\0\40", 7); /* of a frame pointer */
}

static void a_buffer_that_is_full_is_told(void **state)
{
	struct buf small;

	(void)state;
	buf_init(&small, BYTES_ALL - 1);
	assert_int_equal(unwind_table_write(&table, &small), -EFBIG);
	buf_done(&small);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_table_comes_back_as_it_was),
		TEST(a_table_without_rows_comes_back_too),
		TEST(a_flipped_bit_anywhere_is_noticed),
		TEST(a_cache_of_another_length_is_noticed),
		TEST(other_versions_are_refused),
		TEST(counts_that_do_not_fit_are_refused),
		TEST(a_page_that_is_out_of_order_is_refused),
		TEST(a_page_that_leads_out_of_the_rows_is_refused),
		TEST(rows_that_no_search_can_trust_are_refused),
		TEST(rules_that_no_compiler_makes_are_refused),
		TEST(a_buffer_that_is_full_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
