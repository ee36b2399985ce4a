/*
 * The judge's own arithmetic, against values worked out here by hand: it decides whether a table
 * says what its CFI says, so nothing else tells when it is wrong.
 */
#include "symbolizer/unwind/evaluate.h"

#include <dwarf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define RBX 3
#define RBP 6
#define RSP 7
#define R10 10
#define RIP 16

static const struct made_up world = {
	.seed = 77, .pc = 0x40112b, .fp = RBP, .sp = RSP, .ra = RIP, .anchor = RBX, .cfa = 0x7ff0};

static uint64_t reg(uint64_t number)
{
	return made_up_register(&world, number);
}

static uint64_t at(uint64_t address)
{
	return made_up_memory(&world, address);
}

static void values_hang_on_the_seed_and_on_where_they_are(void **state)
{
	struct made_up other = world;

	(void)state;
	other.seed++;
	assert_int_equal(reg(RBP), reg(RBP));
	assert_true(reg(RBP) != reg(RSP));
	assert_true(reg(RBP) != made_up_register(&other, RBP));
	assert_true(at(8) != at(16));
	assert_true(at(8) != made_up_memory(&other, 8));
	/* The return address of x86-64 is no register: where the code is. */
	assert_int_equal(reg(RIP), world.pc);
	/* On arm64 it is one. */
	other = world;
	other.ra = 30;
	assert_true(made_up_register(&other, 30) != world.pc);
}

static void operations_compute(void **state)
{
	static const struct {
		uint64_t a, b;
		uint8_t op;
		uint64_t value;
	} cases[] = {
		{7, 5, DW_OP_plus, 12},
		{5, 7, DW_OP_minus, UINT64_MAX - 1},
		{0xf0, 0x3c, DW_OP_and, 0x30},
		{0xf0, 0x3c, DW_OP_or, 0xfc},
		{0xf0, 0x3c, DW_OP_xor, 0xcc},
		{1ull << 63, 2, DW_OP_mul, 0},
		{3, 63, DW_OP_shl, 1ull << 63},
		{3, 64, DW_OP_shl, 0},
		{1ull << 63, 63, DW_OP_shr, 1},
		{1ull << 63, 64, DW_OP_shr, 0},
		{5, 4, DW_OP_ge, 1},
		{5, 5, DW_OP_ge, 1},
		{4, 5, DW_OP_ge, 0},
		{5, 5, DW_OP_gt, 0},
		{6, 5, DW_OP_gt, 1},
		{5, 5, DW_OP_le, 1},
		{6, 5, DW_OP_le, 0},
		{4, 5, DW_OP_lt, 1},
		{5, 5, DW_OP_lt, 0},
		{5, 5, DW_OP_eq, 1},
		{5, 4, DW_OP_eq, 0},
		{5, 4, DW_OP_ne, 1},
		{5, 5, DW_OP_ne, 0},
		/* Comparisons are signed. */
		{UINT64_MAX, 1, DW_OP_lt, 1},
		{UINT64_MAX, 1, DW_OP_ge, 0},
		{1, UINT64_MAX, DW_OP_gt, 1},
		{1, UINT64_MAX, DW_OP_le, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const Dwarf_Op ops[] = {{.atom = DW_OP_constu, .number = cases[i].a},
					{.atom = DW_OP_constu, .number = cases[i].b},
					{.atom = cases[i].op}};
		uint64_t v = 0;

		assert_true(evaluate_dwarf(&world, ops, 3, false, &v));
		if (v != cases[i].value)
			fail_msg("operation %zu gives %#lx", i, (unsigned long)v);
	}
}

static void operands_come_from_registers_memory_and_the_frame(void **state)
{
	const struct {
		Dwarf_Op ops[4];
		size_t n;
		uint64_t value;
	} cases[] = {
		{{{.atom = DW_OP_lit0}}, 1, 0},
		{{{.atom = DW_OP_lit31}}, 1, 31},
		{{{.atom = DW_OP_breg6, .number = (Dwarf_Word)-16}}, 1, reg(RBP) - 16},
		{{{.atom = DW_OP_breg0}}, 1, reg(0)},
		{{{.atom = DW_OP_breg31, .number = 1}}, 1, reg(31) + 1},
		{{{.atom = DW_OP_bregx, .number = R10, .number2 = 8}}, 1, reg(R10) + 8},
		{{{.atom = DW_OP_const1s, .number = (Dwarf_Word)-1}}, 1, UINT64_MAX},
		{{{.atom = DW_OP_const8u, .number = 1ull << 60}}, 1, 1ull << 60},
		{{{.atom = DW_OP_breg7}, {.atom = DW_OP_plus_uconst, .number = 24}},
		 2,
		 reg(RSP) + 24},
		{{{.atom = DW_OP_breg6, .number = 8}, {.atom = DW_OP_deref}}, 2, at(reg(RBP) + 8)},
		{{{.atom = DW_OP_call_frame_cfa}}, 1, world.cfa},
		/* The last value counts, whatever lies below it. */
		{{{.atom = DW_OP_lit1}, {.atom = DW_OP_lit2}}, 2, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t v = ~cases[i].value;

		assert_true(evaluate_dwarf(&world, cases[i].ops, cases[i].n, false, &v));
		if (v != cases[i].value)
			fail_msg("expression %zu", i);
		/* The same as a location: what lies there. */
		assert_true(evaluate_dwarf(&world, cases[i].ops, cases[i].n, true, &v));
		assert_int_equal(v, at(cases[i].value));
	}
}

/* What names a register, or ends as a value, is read nowhere. */
static void a_location_may_be_a_register_or_a_value(void **state)
{
	const Dwarf_Op value[] = {{.atom = DW_OP_breg7, .number = 8}, {.atom = DW_OP_stack_value}};
	const Dwarf_Op first[] = {{.atom = DW_OP_reg0}}, last[] = {{.atom = DW_OP_reg31}};
	const Dwarf_Op x[] = {{.atom = DW_OP_regx, .number = R10}};
	uint64_t v;

	(void)state;
	assert_true(evaluate_dwarf(&world, value, 2, true, &v));
	assert_int_equal(v, reg(RSP) + 8);
	assert_true(evaluate_dwarf(&world, first, 1, true, &v));
	assert_int_equal(v, reg(0));
	assert_true(evaluate_dwarf(&world, last, 1, true, &v));
	assert_int_equal(v, reg(31));
	assert_true(evaluate_dwarf(&world, x, 1, true, &v));
	assert_int_equal(v, reg(R10));
}

static void what_is_not_known_is_told(void **state)
{
	static const Dwarf_Op lit1 = {.atom = DW_OP_lit1};
	const struct {
		const char *what;
		Dwarf_Op ops[4];
		size_t n;
	} cases[] = {
		{"nothing", {{}}, 0},
		{"an operation without operands", {{.atom = DW_OP_plus}}, 1},
		{"one of two operands", {lit1, {.atom = DW_OP_plus}}, 2},
		{"a deref of nothing", {{.atom = DW_OP_deref}, lit1}, 2},
		{"an operation that is not known", {lit1, lit1, lit1, {.atom = DW_OP_mod}}, 4},
		{"a branch", {lit1, lit1, lit1, {.atom = DW_OP_bra}}, 4},
		{"a value in the middle", {lit1, {.atom = DW_OP_stack_value}, lit1}, 3},
		{"a register and more", {{.atom = DW_OP_reg6}, lit1}, 2},
	};
	Dwarf_Op deep[17];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t v = 7;

		if (evaluate_dwarf(&world, cases[i].ops, cases[i].n, false, &v))
			fail_msg("%s was evaluated", cases[i].what);
		assert_int_equal(v, 7);
	}
	for (size_t i = 0; i < 17; i++) {
		uint64_t v;

		deep[i] = (Dwarf_Op){.atom = DW_OP_lit3};
		assert_int_equal(evaluate_dwarf(&world, deep, i + 1, false, &v), i < 16);
	}
}

static void assert_known(struct evaluated e, uint64_t value, const char *what, size_t i)
{
	if (!e.is_known || e.value != value)
		fail_msg("rule %zu: %s", i, what);
}

static void every_way_to_a_cfa_is_computed(void **state)
{
	const struct {
		struct unwind_rule rule;
		uint64_t cfa;
	} cases[] = {
		{{.kind = UNWIND_KIND_CFA, .base = RSP, .cfa_offset = 16}, reg(RSP) + 16},
		{{.kind = UNWIND_KIND_CFA, .base = RBP, .cfa_offset = -16}, reg(RBP) - 16},
		{{.kind = UNWIND_KIND_JUMP, .base = R10, .cfa_offset = 8}, reg(R10) + 8},
		/* *(rbp - 8) + 16, *(r10 + 8) - 16 */
		{{.kind = UNWIND_KIND_CFA_DEREF, .base = RBP, .cfa_offset = 16 << 16 | 0xfff8},
		 at(reg(RBP) - 8) + 16},
		{{.kind = UNWIND_KIND_CFA_DEREF,
		  .base = R10,
		  .cfa_offset = (int32_t)(0xfff00000u | 8)},
		 at(reg(R10) + 8) - 16},
		/* *(rsp + 8 * r9 - 8) + 8, *(rsp + 8 * rbp + 24) - 1 */
		{{.kind = UNWIND_KIND_CFA_INDEXED, .base = RSP, .cfa_offset = 0x0908fff8},
		 at(reg(RSP) + 8 * reg(9) - 8) + 8},
		{{.kind = UNWIND_KIND_CFA_INDEXED, .base = RSP, .cfa_offset = 0x06ff0018},
		 at(reg(RSP) + 8 * reg(RBP) + 24) - 1},
		/* The last digit of the pc is 0xb: at the push and before it. */
		{{.kind = UNWIND_KIND_PLT, .cfa_offset = 11}, reg(RSP) + 16},
		{{.kind = UNWIND_KIND_PLT, .cfa_offset = 12}, reg(RSP) + 8},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_known(evaluate_rule(&world, &cases[i].rule).cfa, cases[i].cfa, "CFA", i);
}

static void every_place_of_a_register_is_read(void **state)
{
	const uint64_t cfa = reg(RSP) + 8;
	const struct {
		uint8_t where;
		int16_t offset;
		bool is_known;
		uint64_t ra, fp;
	} cases[] = {
		{UNWIND_SAME, 0, true, world.pc, reg(RBP)},
		{UNWIND_AT_CFA, -16, true, at(cfa - 16), at(cfa - 16)},
		{UNWIND_AT_FP, -8, true, at(reg(RBP) - 8), at(reg(RBP) - 8)},
		{UNWIND_AT_SP, 24, true, at(reg(RSP) + 24), at(reg(RSP) + 24)},
		{UNWIND_IN_REGISTER, R10, true, reg(R10), reg(R10)},
		{UNWIND_UNDEFINED, 0, false, 0, 0},
	};
	static const struct {
		uint8_t anchor;
		bool is_known;
	} anchors[] = {{UNWIND_ANCHOR_SAME, true},
		       {1, true},
		       {UNWIND_ANCHOR_WORDS_MAX, true},
		       {UNWIND_ANCHOR_UNKNOWN, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct unwind_rule rule = {.kind = UNWIND_KIND_CFA, .base = RSP, .cfa_offset = 8};
		struct evaluated_rule e;

		rule.ra = cases[i].where;
		rule.fp = cases[i].where & 7;
		rule.ra_offset = rule.fp_offset = cases[i].offset;
		e = evaluate_rule(&world, &rule);
		assert_int_equal(e.ra.is_known, cases[i].is_known);
		assert_int_equal(e.fp.is_known, cases[i].is_known);
		if (cases[i].is_known) {
			assert_known(e.ra, cases[i].ra, "return address", i);
			assert_known(e.fp, cases[i].fp, "frame pointer", i);
		}
	}
	for (size_t i = 0; i < sizeof(anchors) / sizeof(anchors[0]); i++) {
		struct unwind_rule rule = {.kind = UNWIND_KIND_CFA, .base = RSP, .cfa_offset = 8};
		struct evaluated anchor;

		rule.anchor = anchors[i].anchor & 31;
		anchor = evaluate_rule(&world, &rule).anchor;
		assert_int_equal(anchor.is_known, anchors[i].is_known);
		if (anchors[i].is_known)
			assert_known(anchor, rule.anchor ? at(cfa - 8ull * rule.anchor) : reg(RBX),
				     "anchor", i);
	}
}

/* Offsets of struct rt_sigframe's registers, from the stack pointer in its restorer. */
static void a_signal_frame_has_all_registers(void **state)
{
	const struct unwind_rule rule = {.kind = UNWIND_KIND_SIGNAL};
	struct evaluated_rule e = evaluate_rule(&world, &rule);

	(void)state;
	assert_known(e.fp, at(reg(RSP) + 40 + 10 * 8), "rbp", 0);
	assert_known(e.anchor, at(reg(RSP) + 40 + 11 * 8), "rbx", 0);
	assert_known(e.cfa, at(reg(RSP) + 40 + 15 * 8), "rsp", 0);
	assert_known(e.ra, at(reg(RSP) + 40 + 16 * 8), "rip", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_hang_on_the_seed_and_on_where_they_are),
		cmocka_unit_test(operations_compute),
		cmocka_unit_test(operands_come_from_registers_memory_and_the_frame),
		cmocka_unit_test(a_location_may_be_a_register_or_a_value),
		cmocka_unit_test(what_is_not_known_is_told),
		cmocka_unit_test(every_way_to_a_cfa_is_computed),
		cmocka_unit_test(every_place_of_a_register_is_read),
		cmocka_unit_test(a_signal_frame_has_all_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
