/* symbolizer/unwind/holes.c: between FDEs, before and behind them, rules from the code itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "symbolizer/unwind/derive.h"
#include "symbolizer/unwind/holes.h"
#include "symbolizer/unwind/verify.h"
#include "tests/unit/unwind/make.h"

#define START	MAKE_CODE_ADDRESS
#define FDE_AT	0x40
#define FDE_END 0x60
#define BEHIND	0x80 /* other code */
#define SIZE	(DERIVE_BYTES_MAX + 0x1000)

/* push %rax; pop %rax; ret */
static const uint8_t function[] = {0x50, 0x58, 0xc3};

static struct disassembler *disassembler;
static uint8_t code[SIZE];
static struct unwind_table t;

static int load(void **state)
{
	(void)state;
	return disassembler_new(&disassembler, NULL);
}

static int unload(void **state)
{
	(void)state;
	disassembler = disassembler_free(disassembler);
	return 0;
}

static int end(void **state)
{
	(void)state;
	unwind_table_done(&t);
	t = (struct unwind_table){};
	return 0;
}

/* The code with one FDE: CFA = sp + 8 throughout. */
static void compile(size_t bytes, const struct disassembler *d, uint16_t machine, bool with_fde)
{
	struct make_file f = {.machine = machine, .code = code, .code_bytes = bytes};
	struct unwind_input in = {.disassembler = d};
	struct buf frames;

	buf_init(&frames, 4096);
	if (with_fde)
		make_fde(&frames, make_cie(&frames, "z", BYTES(MAKE_BEGIN)), true, START + FDE_AT,
			 FDE_END - FDE_AT, NULL, 0);
	f.eh_frame = with_fde ? &frames : NULL;
	in.data = make_elf(&f, &in.bytes);
	assert_int_equal(unwind_compile(&in, &t, NULL), 0);
	free((void *)in.data);
	buf_done(&frames);
}

static int cfa_at(uint64_t at)
{
	const struct unwind_rule *rule = make_rule_at(&t, START + at);

	return rule ? rule->cfa_offset : 0;
}

static void put(size_t at)
{
	memcpy(code + at, function, sizeof(function));
}

static int begin(void **state)
{
	(void)state;
	memset(code, 0x90, sizeof(code));
	put(0x10);
	put(BEHIND);
	return 0;
}

static void code_on_both_sides_of_cfi_has_rules(void **state)
{
	(void)state;
	compile(0x100, disassembler, 0, true);
	assert_int_equal(t.n_derived, 6);
	assert_int_equal(cfa_at(0x0f), 0);
	assert_int_equal(cfa_at(0x10), 8);
	assert_int_equal(cfa_at(0x11), 16);
	assert_int_equal(cfa_at(0x12), 8);
	assert_int_equal(cfa_at(0x13), 0);
	assert_int_equal(cfa_at(FDE_AT - 1), 0);
	assert_int_equal(cfa_at(FDE_AT), 8);
	assert_int_equal(cfa_at(FDE_END - 1), 8);
	assert_int_equal(cfa_at(FDE_END), 0);
	assert_int_equal(cfa_at(BEHIND + 1), 16);
	assert_int_equal(cfa_at(BEHIND + 3), 0);
}

static void what_borders_on_cfi_ends_there(void **state)
{
	(void)state;
	put(FDE_AT - sizeof(function));
	put(FDE_END);
	compile(0x100, disassembler, 0, true);
	assert_int_equal(cfa_at(FDE_AT - 2), 16);
	assert_int_equal(cfa_at(FDE_AT - 1), 8);
	assert_int_equal(cfa_at(FDE_AT), 8);
	assert_int_equal(cfa_at(FDE_END - 1), 8);
	assert_int_equal(cfa_at(FDE_END + 1), 16);
	assert_int_equal(cfa_at(FDE_END + 3), 0);
}

static void jumps_into_cfi_land_on_its_rule(void **state)
{
	(void)state;
	/* jmp to the FDE, as called; and with something on the stack */
	memcpy(code + 0x10, "\xeb\x2e", 2);
	memcpy(code + BEHIND, "\x50\xeb\xbd", 3);
	compile(0x100, disassembler, 0, true);
	assert_int_equal(cfa_at(0x10), 8);
	assert_int_equal(cfa_at(BEHIND), 0);
}

static void without_a_disassembler_or_any_cfi_holes_stay(void **state)
{
	(void)state;
	compile(0x100, NULL, 0, true);
	assert_int_equal(t.n_derived, 0);
	assert_int_equal(cfa_at(0x11), 0);
	assert_int_equal(cfa_at(FDE_AT), 8);
	unwind_table_done(&t);
	compile(0x100, disassembler, 0, false);
	assert_int_equal(t.n_rows, 0);
}

static void other_machines_are_not_read(void **state)
{
	(void)state;
	compile(0x100, disassembler, EM_AARCH64, true);
	assert_int_equal(t.n_derived, 0);
}

static void the_judge_counts_derived_rules_and_still_sees_a_hole(void **state)
{
	struct make_file f = {.code = code, .code_bytes = 0x100};
	struct unwind_input in = {.disassembler = disassembler};
	struct unwind_verdict v;
	struct buf frames;

	(void)state;
	buf_init(&frames, 4096);
	make_fde(&frames, make_cie(&frames, "z", BYTES(MAKE_BEGIN)), true, START + FDE_AT,
		 FDE_END - FDE_AT, NULL, 0);
	f.eh_frame = &frames;
	in.data = make_elf(&f, &in.bytes);
	assert_int_equal(unwind_compile(&in, &t, NULL), 0);
	assert_int_equal(unwind_verify(&in, &t, &v, NULL), 0);
	assert_int_equal(v.mismatches, 0);
	assert_true(v.derived > 0);
	for (uint32_t i = 0; i < t.n_rows; i++)
		if (t.rows[i].low == FDE_AT + (MAKE_CODE_OFFSET & 0xffff))
			t.rows[i].rule = UNWIND_RULE_HOLE;
	assert_int_equal(unwind_verify(&in, &t, &v, NULL), 0);
	assert_true(v.mismatches > 0);
	free((void *)in.data);
	buf_done(&frames);
}

static void a_hole_that_is_too_large_is_left_alone(void **state)
{
	(void)state;
	compile(SIZE, disassembler, 0, true);
	assert_int_equal(t.n_derived, 3);
	assert_int_equal(cfa_at(0x11), 16);
	assert_int_equal(cfa_at(BEHIND + 1), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(code_on_both_sides_of_cfi_has_rules),
		TEST(what_borders_on_cfi_ends_there),
		TEST(jumps_into_cfi_land_on_its_rule),
		TEST(without_a_disassembler_or_any_cfi_holes_stay),
		TEST(other_machines_are_not_read),
		TEST(a_hole_that_is_too_large_is_left_alone),
		TEST(the_judge_counts_derived_rules_and_still_sees_a_hole),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
