/* The shapes of expressions that rows can say, and that nothing near them is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "symbolizer/unwind/expression.h"
#include "tests/unit/unwind/make.h"

#define PC 16

static void a_register_and_an_offset_however_it_is_added(void **state)
{
	const struct {
		const uint8_t *bytes;
		size_t n;
		uint64_t base;
		int64_t at;
	} table[] = {
		{BYTES(0x76, 0x70), 6, -16},
		{BYTES(0x92, 9, 8), 9, 8},
		{BYTES(0x77, 8, 0x23, 8), 7, 16},
		{BYTES(0x77, 8, 0x38, 0x22), 7, 16},
		{BYTES(0x77, 0, 0x08, 0xff, 0x22), 7, 255},
		{BYTES(0x77, 0, 0x09, 0xff, 0x22), 7, -1},
		{BYTES(0x77, 0, 0x0b, 0xfe, 0xff, 0x22), 7, -2},
		{BYTES(0x77, 0, 0x0d, 0xfd, 0xff, 0xff, 0xff, 0x22), 7, -3},
		{BYTES(0x77, 0, 0x0a, 0, 1, 0x22), 7, 256},
		{BYTES(0x77, 0, 0x0c, 0, 0, 1, 0, 0x22), 7, 65536},
		{BYTES(0x77, 0, 0x10, 0x80, 1, 0x22), 7, 128},
		{BYTES(0x77, 0, 0x11, 0x7f, 0x22), 7, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct expression e = expression_read(table[i].bytes, table[i].n, PC);

		if (e.kind != EXPRESSION_OFFSET || e.base != table[i].base || e.at != table[i].at)
			fail_msg("%zu: kind %d, %d", i, e.kind, (int)e.at);
	}
}

static void what_is_read_at_a_register_with_and_without_a_sum(void **state)
{
	struct expression e = expression_read(BYTES(0x76, 0x78, 0x06), PC);

	(void)state;
	assert_int_equal(e.kind, EXPRESSION_DEREF);
	assert_int_equal(e.base, 6);
	assert_int_equal(e.at, -8);
	assert_int_equal(e.add, 0);
	e = expression_read(BYTES(0x77, 0x98, 1, 0x06, 0x23, 8), PC);
	assert_int_equal(e.kind, EXPRESSION_DEREF);
	assert_int_equal(e.at, 152);
	assert_int_equal(e.add, 8);
	e = expression_read(BYTES(0x77, 0, 0x06, 0x38, 0x22), PC);
	assert_int_equal(e.add, 8);
}

static void a_plt_stub_at_either_threshold(void **state)
{
	struct expression e = expression_read(
		BYTES(0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22), PC);

	(void)state;
	assert_int_equal(e.kind, EXPRESSION_PLT);
	assert_int_equal(e.base, 7);
	assert_int_equal(e.at, 8);
	assert_int_equal(e.threshold, 11);
	e = expression_read(BYTES(0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3a, 0x2a, 0x33, 0x24, 0x22), PC);
	assert_int_equal(e.threshold, 10);
}

static void nothing_near_a_shape_is_taken_for_it(void **state)
{
	const struct {
		const uint8_t *bytes;
		size_t n;
	} table[] = {
		{NULL, 0},
		{BYTES(0x38)}, /* a constant */
		{BYTES(0x77)}, /* cut */
		{BYTES(0x77, 8, 0x23)},
		{BYTES(0x77, 8, 0x06, 0x06)}, /* read twice */
		{BYTES(0x77, 8, 0x06, 0x23, 8, 0x06)},
		{BYTES(0x77, 8, 0x76, 0, 0x22)}, /* two registers */
		{BYTES(0x77, 8, 0x1c)}, /* minus */
		{BYTES(0x77, 8, 0x80, 0, 0x3e, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22)}, /* & 14 */
		{BYTES(0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x34, 0x24, 0x22)}, /* << 4 */
		{BYTES(0x77, 8, 0x7f, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22)}, /* r15 */
		{BYTES(0x77, 8, 0x80, 1, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22)}, /* pc + 1 */
		{BYTES(0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22, 0x06)},
		/* openssl's: of two registers */
		{BYTES(0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22, 0x06, 0x23, 8)},
		/* longer than the list of operations */
		{BYTES(0x77, 8, 0x06, 0x06, 0x06, 0x06, 0x06, 0x06, 0x06, 0x06, 0x06, 0x06, 0x06,
		       0x06, 0x06)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (expression_read(table[i].bytes, table[i].n, PC).kind != EXPRESSION_OTHER)
			fail_msg("%zu is taken for a shape", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_register_and_an_offset_however_it_is_added),
		cmocka_unit_test(what_is_read_at_a_register_with_and_without_a_sum),
		cmocka_unit_test(a_plt_stub_at_either_threshold),
		cmocka_unit_test(nothing_near_a_shape_is_taken_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
