/* The CFA interpreter: what each instruction makes of a row, and what ends a program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "symbolizer/unwind/program.h"
#include "tests/unit/unwind/make.h"

#define START	 0x1000u
#define ROWS_MAX 128

static struct {
	uint64_t address[ROWS_MAX];
	struct cfi_state state[ROWS_MAX];
	unsigned int n, stop_after;
} rows;

static int take(void *arg, uint64_t address, const struct cfi_state *state)
{
	(void)arg;
	assert_true(rows.n < ROWS_MAX);
	rows.address[rows.n] = address;
	rows.state[rows.n++] = *state;
	return rows.stop_after && rows.n == rows.stop_after ? -E2BIG : 0;
}

static struct cfi_cie make(const struct cfi_section *section)
{
	static const uint8_t begin[] = {MAKE_BEGIN};

	return (struct cfi_cie){.section = section,
				.program = begin,
				.program_bytes = sizeof(begin),
				.code_align = 1,
				.data_align = -8,
				.ra_register = 16};
}

/* Run over [START, START + 0x100). The address up to which all is known is in *ret. */
static int run_on(uint16_t machine, const uint8_t *program, size_t bytes, uint64_t *ret)
{
	struct cfi_section section = {.data = program, .size = bytes};
	struct cfi_cie cie = make(&section);
	struct cfi_fde fde = {.start = START,
			      .end = START + 0x100,
			      .program = program,
			      .program_bytes = (uint32_t)bytes};
	struct cfi_registers registers;
	struct cfi_state initial;

	rows.n = 0;
	assert_true(cfi_registers_of(machine, &registers));
	assert_int_equal(cfi_program_begin(&cie, &registers, &initial), 0);
	return cfi_program_run(&cie, &fde, &registers, &initial, take, NULL, ret);
}

static int run(const uint8_t *program, size_t bytes)
{
	uint64_t ignored;

	return run_on(EM_X86_64, program, bytes, &ignored);
}

static const struct cfi_state *last(void)
{
	assert_true(rows.n > 0);
	return &rows.state[rows.n - 1];
}

static void an_empty_program_is_one_row(void **state)
{
	(void)state;
	assert_int_equal(run(NULL, 0), 0);
	assert_int_equal(rows.n, 1);
	assert_int_equal(rows.address[0], START);
	assert_int_equal(last()->base, 7);
	assert_int_equal(last()->cfa.offset, 8);
	assert_int_equal(last()->ra.how, CFI_AT);
	assert_int_equal(last()->ra.offset, -8);
	assert_int_equal(last()->fp.how, CFI_UNSPECIFIED);
}

static void every_way_to_advance_is_followed(void **state)
{
	const struct {
		const uint8_t *program;
		size_t bytes;
		uint64_t to;
	} table[] = {
		{BYTES(0x45, 0x0e, 16), START + 5},
		{BYTES(0x02, 0x50, 0x0e, 16), START + 0x50},
		{BYTES(0x03, 0x51, 0, 0x0e, 16), START + 0x51},
		{BYTES(0x04, 0x52, 0, 0, 0, 0x0e, 16), START + 0x52},
		{BYTES(0x1d, 0x53, 0, 0, 0, 0, 0, 0, 0, 0x0e, 16), START + 0x53},
		{BYTES(0x01, 0x54, 0x10, 0, 0, 0, 0, 0, 0, 0x0e, 16), START + 0x54},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(run(table[i].program, table[i].bytes), 0);
		assert_int_equal(rows.n, 2);
		assert_int_equal(rows.address[1], table[i].to);
		assert_int_equal(last()->cfa.offset, 16);
	}
}

static void every_rule_of_a_register_is_followed(void **state)
{
	const struct {
		const uint8_t *program;
		size_t bytes;
		enum cfi_how how;
		int64_t offset;
	} table[] = {
		{BYTES(0x86, 2), CFI_AT, -16},
		{BYTES(0x05, 6, 3), CFI_AT, -24},
		{BYTES(0x11, 6, 0x7e), CFI_AT, 16},
		{BYTES(0x2f, 6, 2), CFI_AT, 16},
		{BYTES(0x14, 6, 2), CFI_VALUE, -16},
		{BYTES(0x15, 6, 0x7f), CFI_VALUE, 8},
		{BYTES(0x07, 6), CFI_UNDEFINED, 0},
		{BYTES(0x08, 6), CFI_SAME, 0},
		{BYTES(0x09, 6, 9), CFI_IN_REGISTER, 9},
		{BYTES(0x86, 2, 0xc6), CFI_UNSPECIFIED, 0},
		{BYTES(0x86, 2, 0x06, 6), CFI_UNSPECIFIED, 0},
		{BYTES(0x86, 2, 0x83, 4), CFI_AT, -16}, /* another register */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(run(table[i].program, table[i].bytes), 0);
		if (last()->fp.how != table[i].how || last()->fp.offset != table[i].offset)
			fail_msg("%zu: how %d, offset %d", i, last()->fp.how,
				 (int)last()->fp.offset);
	}
}

static void the_anchor_is_followed_beside_it(void **state)
{
	const struct {
		const uint8_t *program;
		size_t bytes;
		enum cfi_how how;
		int64_t offset;
	} table[] = {
		{BYTES(0x86, 2), CFI_UNSPECIFIED, 0},
		{BYTES(0x86, 2, 0x83, 4), CFI_AT, -32},
		{BYTES(0x83, 4, 0xc3), CFI_UNSPECIFIED, 0},
		{BYTES(0x0a, 0x83, 4, 0x0b), CFI_UNSPECIFIED, 0},
		{BYTES(0x07, 3), CFI_UNDEFINED, 0},
		{BYTES(0x8c, 4), CFI_UNSPECIFIED, 0}, /* another register */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(run(table[i].program, table[i].bytes), 0);
		assert_int_equal(last()->anchor.how, table[i].how);
		assert_int_equal(last()->anchor.offset, table[i].offset);
	}
}

static void expressions_are_kept_where_they_stand(void **state)
{
	static const uint8_t program[] = {0x10, 6, 2, 0x76, 0, 0x16, 16, 1, 0x30};

	(void)state;
	assert_int_equal(run(program, sizeof(program)), 0);
	assert_int_equal(last()->fp.how, CFI_EXPRESSION);
	assert_ptr_equal(last()->fp.expression, program + 3);
	assert_int_equal(last()->fp.bytes, 2);
	assert_int_equal(last()->ra.how, CFI_VALUE_EXPRESSION);
	assert_int_equal(last()->ra.bytes, 1);
}

static void the_cfa_is_defined_in_halves_and_whole(void **state)
{
	(void)state;
	assert_int_equal(run(BYTES(0x0d, 6, 0x0e, 16)), 0);
	assert_int_equal(last()->base, 6);
	assert_int_equal(last()->cfa.offset, 16);
	assert_int_equal(run(BYTES(0x12, 6, 0x7e)), 0);
	assert_int_equal(last()->cfa.offset, 16);
	assert_int_equal(run(BYTES(0x13, 0x7d)), 0);
	assert_int_equal(last()->cfa.offset, 24);
	assert_int_equal(run(BYTES(0x0f, 2, 0x77, 0)), 0);
	assert_int_equal(last()->cfa.how, CFI_EXPRESSION);
}

static void a_register_after_an_expression_has_the_offset_from_before_it(void **state)
{
	(void)state;
	assert_int_equal(run(BYTES(0x0e, 56, 0x0f, 2, 0x77, 0, 0x41, 0x0d, 7)), 0);
	assert_int_equal(rows.n, 2);
	assert_int_equal(rows.state[0].cfa.how, CFI_EXPRESSION);
	assert_int_equal(last()->cfa.how, CFI_AT);
	assert_int_equal(last()->base, 7);
	assert_int_equal(last()->cfa.offset, 56);
}

static void a_state_is_remembered_with_its_cfa(void **state)
{
	(void)state;
	assert_int_equal(run(BYTES(0x0a, 0x41, 0x0c, 6, 16, 0x86, 2, 0x41, 0x0b)), 0);
	assert_int_equal(rows.n, 3);
	assert_int_equal(rows.state[1].base, 6);
	assert_int_equal(rows.state[1].fp.how, CFI_AT);
	assert_int_equal(last()->base, 7);
	assert_int_equal(last()->cfa.offset, 8);
	assert_int_equal(last()->fp.how, CFI_UNSPECIFIED);
}

static void rows_without_a_change_are_not_told(void **state)
{
	(void)state;
	assert_int_equal(run(BYTES(0x41, 0x00, 0x41, 0x2e, 8, 0x41, 0x8c, 3, 0x41)), 0);
	assert_int_equal(rows.n, 1);
}

static void what_lies_behind_the_range_is_not_told(void **state)
{
	(void)state;
	assert_int_equal(run(BYTES(0x41, 0x0e, 16, 0x02, 0xff, 0x0e, 24, 0x41, 0x0e, 32)), 0);
	assert_int_equal(rows.n, 2);
	assert_int_equal(run(BYTES(0x04, 0xff, 0xff, 0xff, 0xff, 0x0e, 24)), 0);
	assert_int_equal(rows.n, 1);
}

/* What is wrong ends the program; the rows before it stay, the one that it stands in does not. */
static void what_is_wrong_ends_the_program_there(void **state)
{
	const struct {
		const char *what;
		const uint8_t *bytes;
		size_t n;
	} table[] = {
		{"an unknown instruction", BYTES(0x3f)},
		{"of sparc", BYTES(0x2d)},
		{"nothing remembered", BYTES(0x0b)},
		{"an expression past the end", BYTES(0x0f, 9, 1)},
		{"a rule's expression past the end", BYTES(0x10, 6, 9)},
		{"an offset cut", BYTES(0x0e)},
		{"an offset without end", BYTES(0x86, 0x80, 0x80)},
		{"a register cut", BYTES(0x09, 6)},
		{"an advance cut", BYTES(0x03, 1)},
		{"backwards", BYTES(0x01, 1, 0, 0, 0, 0, 0, 0, 0)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint8_t program[16] = {0x0e, 16, 0x45};
		uint64_t known_until = 0;

		memcpy(program + 3, table[i].bytes, table[i].n);
		if (run_on(EM_X86_64, program, 3 + table[i].n, &known_until) != -EBADMSG ||
		    rows.n != 1 || known_until != START + 5)
			fail_msg("%s: %u rows, known until %#x", table[i].what, rows.n,
				 (unsigned int)known_until);
	}
}

static void states_are_remembered_to_a_depth(void **state)
{
	uint8_t program[100];

	(void)state;
	memset(program, 0x0a, sizeof(program));
	assert_int_equal(run(program, 64), 0);
	assert_int_equal(run(program, 65), -EBADMSG);
}

static void arm64_signs_addresses_and_changes_no_row(void **state)
{
	uint64_t ignored;

	(void)state;
	assert_int_equal(run_on(EM_AARCH64, BYTES(0x41, 0x2d, 0x41, 0x2c), &ignored), 0);
	assert_int_equal(rows.n, 1);
}

static void who_takes_the_rows_can_stop(void **state)
{
	(void)state;
	rows.stop_after = 2;
	assert_int_equal(run(BYTES(0x41, 0x0e, 16, 0x41, 0x0e, 24, 0x41, 0x0e, 32)), -E2BIG);
	assert_int_equal(rows.n, 2);
	rows.stop_after = 0;
}

static void a_cie_may_not_advance(void **state)
{
	static const uint8_t program[] = {MAKE_BEGIN, 0x41};
	struct cfi_cie cie = make(NULL);
	struct cfi_registers registers;
	struct cfi_state initial;

	(void)state;
	cfi_registers_of(EM_X86_64, &registers);
	cie.program = program;
	cie.program_bytes = sizeof(program);
	assert_int_equal(cfi_program_begin(&cie, &registers, &initial), -EBADMSG);
	assert_false(cfi_registers_of(EM_386, &registers));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_program_is_one_row),
		cmocka_unit_test(every_way_to_advance_is_followed),
		cmocka_unit_test(every_rule_of_a_register_is_followed),
		cmocka_unit_test(the_anchor_is_followed_beside_it),
		cmocka_unit_test(expressions_are_kept_where_they_stand),
		cmocka_unit_test(the_cfa_is_defined_in_halves_and_whole),
		cmocka_unit_test(a_register_after_an_expression_has_the_offset_from_before_it),
		cmocka_unit_test(a_state_is_remembered_with_its_cfa),
		cmocka_unit_test(rows_without_a_change_are_not_told),
		cmocka_unit_test(what_lies_behind_the_range_is_not_told),
		cmocka_unit_test(what_is_wrong_ends_the_program_there),
		cmocka_unit_test(states_are_remembered_to_a_depth),
		cmocka_unit_test(arm64_signs_addresses_and_changes_no_row),
		cmocka_unit_test(who_takes_the_rows_can_stop),
		cmocka_unit_test(a_cie_may_not_advance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
