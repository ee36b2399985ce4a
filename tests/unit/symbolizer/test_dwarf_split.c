/* The index of a package of split DWARF: in both versions, and as somebody may have made it. */
#include "symbolizer/dwarf_split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SLOTS	 4
#define UNITS	 2
#define COLUMNS	 3
#define SLOTS_AT 16
#define ROWS_AT	 (SLOTS_AT + 8 * SLOTS)
#define TABLE_AT (ROWS_AT + 4 * SLOTS)
#define BYTES	 (TABLE_AT + 4 * COLUMNS * (1 + 2 * UNITS))

/* Both want slot 1; the second one goes on by its step, (2 & 3) | 1 = 3, to slot 0. */
#define FIRST  0x0000000000000001ull
#define SECOND 0x0000000200000005ull
#define NOBODY 0x0000000000000009ull

static void put32(uint8_t *bytes, size_t at, uint32_t v)
{
	memcpy(bytes + at, &v, sizeof(v));
}

static void put64(uint8_t *bytes, size_t at, uint64_t v)
{
	memcpy(bytes + at, &v, sizeof(v));
}

static void make(uint8_t bytes[BYTES], bool is_5)
{
	const uint32_t ids[COLUMNS] = {1, 3, is_5 ? 8 : 6}; /* ranges, or offsets of strings */

	memset(bytes, 0, BYTES);
	put32(bytes, 0, is_5 ? 5 : 2);
	put32(bytes, 4, COLUMNS);
	put32(bytes, 8, UNITS);
	put32(bytes, 12, SLOTS);
	put64(bytes, SLOTS_AT + 8 * 1, FIRST);
	put32(bytes, ROWS_AT + 4 * 1, 1);
	put64(bytes, SLOTS_AT, SECOND);
	put32(bytes, ROWS_AT, 2);
	for (uint32_t i = 0; i < COLUMNS; i++) {
		put32(bytes, TABLE_AT + 4 * i, ids[i]);
		for (uint32_t row = 1; row <= UNITS; row++) {
			put32(bytes, TABLE_AT + 4 * (row * COLUMNS + i), 100 * row + i);
			put32(bytes, TABLE_AT + 4 * ((UNITS + row) * COLUMNS + i), 1000 * row + i);
		}
	}
}

static bool find(const uint8_t *bytes, size_t len, uint64_t id,
		 struct dwarf_part ret[DWARF_SECTION_COUNT])
{
	return dwarf_package_find((struct span){bytes, len}, id, ret);
}

static void both_versions_lead_to_a_units_parts(void **state)
{
	struct dwarf_part parts[DWARF_SECTION_COUNT];
	uint8_t bytes[BYTES];

	(void)state;
	make(bytes, true);
	assert_true(find(bytes, BYTES, FIRST, parts));
	assert_int_equal(parts[DWARF_INFO].offset, 100);
	assert_int_equal(parts[DWARF_INFO].size, 1000);
	assert_int_equal(parts[DWARF_ABBREV].offset, 101);
	assert_int_equal(parts[DWARF_RNGLISTS].size, 1002);
	assert_int_equal(parts[DWARF_STR_OFFSETS].size, 0);
	assert_true(find(bytes, BYTES, SECOND, parts));
	assert_int_equal(parts[DWARF_INFO].offset, 200);
	assert_int_equal(parts[DWARF_INFO].size, 2000);
	make(bytes, false);
	assert_true(find(bytes, BYTES, SECOND, parts));
	assert_int_equal(parts[DWARF_STR_OFFSETS].offset, 202);
	assert_int_equal(parts[DWARF_RNGLISTS].size, 0);
}

static void an_id_that_is_not_there_is_not_found(void **state)
{
	struct dwarf_part parts[DWARF_SECTION_COUNT];
	uint8_t bytes[BYTES];

	(void)state;
	make(bytes, true);
	assert_false(find(bytes, BYTES, NOBODY, parts));
	assert_false(find(bytes, BYTES, 0, parts));
	/* Nor where no slot is free: the search ends all the same. */
	for (uint32_t i = 0; i < SLOTS; i++)
		put32(bytes, ROWS_AT + 4 * i, 1);
	assert_false(find(bytes, BYTES, NOBODY, parts));
}

static void a_corrupt_index_finds_nothing(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
	} damage[] = {
		{0, 1},
		{0, 3},
		{4, 65},
		{4, UINT32_MAX},
		{8, UINT32_MAX},
		{8, 0},
		{12, 0},
		{12, 3},
		{12, 0x80000000},
		{ROWS_AT + 4, 3},
		{ROWS_AT + 4, UINT32_MAX},
	};
	struct dwarf_part parts[DWARF_SECTION_COUNT];
	uint8_t bytes[BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(damage) / sizeof(*damage); i++) {
		make(bytes, true);
		put32(bytes, damage[i].at, damage[i].value);
		if (find(bytes, BYTES, FIRST, parts))
			fail_msg("%u at %zu is taken", damage[i].value, damage[i].at);
	}
	make(bytes, true);
	for (size_t len = 0; len < BYTES; len++)
		assert_false(find(bytes, len, FIRST, parts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_versions_lead_to_a_units_parts),
		cmocka_unit_test(an_id_that_is_not_there_is_not_found),
		cmocka_unit_test(a_corrupt_index_finds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
