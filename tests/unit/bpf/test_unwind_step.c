/* One frame of the walk, rule by rule, over a stack of 80 words; all else cannot be read. */
#include <linux/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define STACK_WORDS 80u
#define PAGE_WORD   40u /* where a page begins */
#define STACK_AT    (0x7ffc0000ull - 8 * PAGE_WORD)
#define AT(word)    (STACK_AT + 8 * (uint64_t)(word))

static uint64_t stack[STACK_WORDS];
static unsigned int reads;
static uint64_t read_last; /* the address behind what was read last */

static int read_stack(void *to, uint64_t bytes, uint64_t address)
{
	assert_true(bytes >= 8 && bytes <= 264);
	reads++;
	read_last = address + bytes;
	if (address < STACK_AT || bytes > sizeof(stack) ||
	    address - STACK_AT > sizeof(stack) - bytes)
		return -1;
	memcpy(to, (const uint8_t *)stack + (address - STACK_AT), bytes);
	return 0;
}

#define UNWIND_READ(to, bytes, address) read_stack(to, bytes, address)
#include "bpf/unwind_step.h"

/* Innermost: sp at word 10, fp at word 30, every word its own number. */
static void begin(struct unwind_state *w)
{
	memset(w, 0, sizeof(*w));
	for (uint32_t i = 0; i < STACK_WORDS; i++)
		stack[i] = 0x1000 + i;
	reads = 0;
	for (uint32_t i = 0; i < ARCH_WORDS; i++)
		w->word[i] = 0x500 + i;
	w->word[arch_word(ARCH_DWARF_SP)] = AT(10);
	w->word[arch_word(ARCH_DWARF_FP)] = AT(30);
	unwind_begin(w, 0);
}

/* The same two as a caller's, of which only pc, sp and fp are known. */
static void begin_caller(struct unwind_state *w)
{
	begin(w);
	w->has_registers = 0;
	w->pc_is_return = 1;
}

/* CFA = sp + 8 * words, the return address below it, the frame pointer unchanged. */
static struct unwind_rule by_sp(int words)
{
	return (struct unwind_rule){.kind = UNWIND_KIND_CFA,
				    .base = ARCH_DWARF_SP,
				    .ra = UNWIND_AT_CFA,
				    .cfa_offset = 8 * words,
				    .ra_offset = -8};
}

static void the_return_address_is_below_the_cfa(void **state)
{
	struct unwind_rule rule = by_sp(4);
	struct unwind_state w;

	(void)state;
	begin(&w);
	assert_int_equal(unwind_step(&w, &rule), ABI_END_NONE);
	assert_int_equal(w.pc, 0x1000 + 13);
	assert_int_equal(w.sp, AT(14));
	assert_int_equal(w.fp, AT(30));
	assert_int_equal(w.pc_is_return, 1);
	assert_int_equal(w.has_registers, 0);
}

static void a_pushed_frame_pointer_is_read_with_it_or_apart(void **state)
{
	struct unwind_state w;

	(void)state;
	for (int below = 2; below <= 12; below++) {
		struct unwind_rule rule = by_sp(16);

		rule.fp = UNWIND_AT_CFA;
		rule.fp_offset = (int16_t)(-8 * below);
		begin(&w);
		assert_int_equal(unwind_step(&w, &rule), ABI_END_NONE);
		assert_int_equal(w.pc, 0x1000 + 25);
		assert_int_equal(w.fp, 0x1000u + 26 - (unsigned int)below);
		assert_int_equal(reads, 1);
	}
	/* Above the return address, or at no whole word from it. */
	for (int offset = -9; offset <= 8; offset += 17) {
		struct unwind_rule rule = by_sp(16);

		rule.fp = UNWIND_AT_CFA;
		rule.fp_offset = (int16_t)offset;
		begin(&w);
		assert_int_equal(unwind_step(&w, &rule), ABI_END_NONE);
		assert_int_equal(w.pc, 0x1000 + 25);
		assert_int_equal(reads, 2);
	}
}

static void frames_that_lie_together_take_one_read(void **state)
{
	struct unwind_rule rule = by_sp(4);
	struct unwind_state w;

	(void)state;
	begin(&w);
	for (int frame = 1; frame <= 6; frame++) {
		assert_int_equal(unwind_step(&w, &rule), ABI_END_NONE);
		assert_int_equal(w.pc, 0x1000 + 9 + 4 * frame);
		assert_int_equal(reads, 1);
	}
	/* Where the next page begins: it need not be there. */
	assert_int_equal(read_last, AT(PAGE_WORD));
	assert_int_equal(unwind_step(&w, &rule), ABI_END_NONE);
	assert_int_equal(unwind_step(&w, &rule), ABI_END_NONE);
	assert_int_equal(w.pc, 0x1000 + 41);
	assert_int_equal(reads, 2);
}

static void a_stack_is_read_to_its_last_word(void **state)
{
	struct unwind_rule rule = by_sp((int)STACK_WORDS - 10);
	struct unwind_state w;

	(void)state;
	begin(&w);
	assert_int_equal(unwind_step(&w, &rule), ABI_END_NONE);
	assert_int_equal(w.pc, 0x1000 + STACK_WORDS - 1);
	assert_int_equal(unwind_step(&w, &rule), ABI_END_UNREADABLE);
}

static void a_frame_pointer_may_be_elsewhere(void **state)
{
	static const struct {
		uint8_t where;
		int16_t offset;
		uint64_t value;
	} cases[] = {
		{UNWIND_SAME, 0, AT(30)},
		{UNWIND_UNDEFINED, 0, UNWIND_UNKNOWN},
		{UNWIND_AT_FP, 8, 0x1000 + 31},
		{UNWIND_AT_SP, 16, 0x1000 + 12},
		{UNWIND_IN_REGISTER, ARCH_DWARF_SP, AT(10)},
	};
	struct unwind_state w;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct unwind_rule rule = by_sp(4);

		rule.fp = cases[i].where;
		rule.fp_offset = cases[i].offset;
		begin(&w);
		assert_int_equal(unwind_step(&w, &rule), ABI_END_NONE);
		assert_int_equal(w.fp, cases[i].value);
		assert_int_equal(w.pc, 0x1000 + 13);
	}
}

static void a_realigned_stack_is_found_through_memory(void **state)
{
	struct unwind_rule rule = by_sp(0);
	struct unwind_state w;

	(void)state;
	begin(&w);
	stack[29] = AT(40);
	rule.kind = UNWIND_KIND_CFA_DEREF;
	rule.base = ARCH_DWARF_FP;
	rule.cfa_offset = (int32_t)(24u << 16 | (uint16_t)-8); /* *(fp - 8) + 24 */
	assert_int_equal(unwind_step(&w, &rule), ABI_END_NONE);
	assert_int_equal(w.sp, AT(43));
	assert_int_equal(w.pc, 0x1000 + 42);
	/* Nothing to read there. */
	begin(&w);
	rule.cfa_offset = (int32_t)(uint16_t)0x7ff8;
	assert_int_equal(unwind_step(&w, &rule), ABI_END_UNREADABLE);
}

/* By the stack pointer, which every frame knows, so that callers are served too. */
static void an_indexed_cfa_is_found_through_memory(void **state)
{
	struct unwind_rule rule = by_sp(0);
	struct unwind_state w;

	(void)state;
	begin(&w);
	stack[15] = AT(20);
	w.word[arch_word(0)] = 3;
	rule.kind = UNWIND_KIND_CFA_INDEXED; /* *(sp + 8 * r0 + 16) + 32 */
	rule.cfa_offset = 0 << 24 | 32 << 16 | 16;
	assert_int_equal(unwind_step(&w, &rule), ABI_END_NONE);
	assert_int_equal(w.sp, AT(24));
	begin_caller(&w);
	assert_int_equal(unwind_step(&w, &rule), ABI_END_REGISTER);
}

static void a_plt_stub_has_pushed_from_some_byte_on(void **state)
{
	struct unwind_rule rule = by_sp(0);
	struct unwind_state w;

	(void)state;
	rule.kind = UNWIND_KIND_PLT;
	rule.cfa_offset = 11;
	begin(&w);
	w.pc = 0x20ba;
	assert_int_equal(unwind_step(&w, &rule), ABI_END_NONE);
	assert_int_equal(w.sp, AT(11));
	assert_int_equal(w.pc, 0x1000 + 10);
	begin(&w);
	w.pc = 0x20bb;
	assert_int_equal(unwind_step(&w, &rule), ABI_END_NONE);
	assert_int_equal(w.sp, AT(12));
	assert_int_equal(w.pc, 0x1000 + 11);
}

static void behind_a_signal_every_register_is_known_again(void **state)
{
	struct unwind_rule rule = {.kind = UNWIND_KIND_SIGNAL}, any = by_sp(4);
	uint32_t first = 10 + ARCH_SIGNAL_REGISTERS / 8;
	struct unwind_state w;

	(void)state;
	begin_caller(&w);
	assert_int_equal(unwind_step(&w, &rule), ABI_END_NONE);
#if defined(ARCH_X86_64)
	assert_int_equal(w.regs.r8, 0x1000 + first);
	assert_int_equal(w.regs.r15, 0x1000 + first + 7);
	assert_int_equal(w.regs.bx, 0x1000 + first + 11);
	assert_int_equal(w.regs.cx, 0x1000 + first + 14);
	assert_int_equal(w.fp, 0x1000 + first + 10);
	assert_int_equal(w.sp, 0x1000 + first + 15);
#endif
	assert_int_equal(w.pc, 0x1000 + first + ARCH_SIGNAL_WORDS - 1);
	assert_int_equal(w.pc_is_return, 0);
	assert_int_equal(w.has_registers, 1);
	/* An interrupted instruction: of its frame any register may be the base. */
	any.base = 0;
	w.word[arch_word(0)] = w.sp = AT(20);
	assert_int_equal(unwind_step(&w, &any), ABI_END_NONE);
	begin_caller(&w);
	w.sp = AT(STACK_WORDS - 5);
	assert_int_equal(unwind_step(&w, &rule), ABI_END_UNREADABLE);
}

static void a_register_that_only_the_innermost_frame_knows(void **state)
{
	struct unwind_rule rule = by_sp(4);
	struct unwind_state w;

	(void)state;
	rule.base = 1;
	begin(&w);
	w.word[arch_word(1)] = AT(20);
	assert_int_equal(unwind_step(&w, &rule), ABI_END_NONE);
	assert_int_equal(w.sp, AT(24));
	begin_caller(&w);
	assert_int_equal(unwind_step(&w, &rule), ABI_END_REGISTER);
	rule = by_sp(4);
	rule.ra = UNWIND_IN_REGISTER;
	rule.ra_offset = 2;
	begin_caller(&w);
	assert_int_equal(unwind_step(&w, &rule), ABI_END_REGISTER);
	begin(&w);
	assert_int_equal(unwind_step(&w, &rule), ABI_END_NONE);
	assert_int_equal(w.pc, 0x500 + arch_word(2));
}

static void every_number_names_its_register(void **state)
{
	(void)state;
#if defined(ARCH_X86_64)
	static const size_t at[] = {
		offsetof(struct arch_regs, ax),	 offsetof(struct arch_regs, dx),
		offsetof(struct arch_regs, cx),	 offsetof(struct arch_regs, bx),
		offsetof(struct arch_regs, si),	 offsetof(struct arch_regs, di),
		offsetof(struct arch_regs, bp),	 offsetof(struct arch_regs, sp),
		offsetof(struct arch_regs, r8),	 offsetof(struct arch_regs, r9),
		offsetof(struct arch_regs, r10), offsetof(struct arch_regs, r11),
		offsetof(struct arch_regs, r12), offsetof(struct arch_regs, r13),
		offsetof(struct arch_regs, r14), offsetof(struct arch_regs, r15),
	};

	for (uint32_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		assert_int_equal(arch_word(i), at[i] / 8);
#endif
	/* What no rule says stays inside all the same. */
	for (uint32_t i = 0; i < 32; i++)
		assert_true((arch_word(i) & (ARCH_WORDS - 1)) < ARCH_WORDS);
}

static void callers_are_above(void **state)
{
	struct unwind_rule below = by_sp(-1), level = by_sp(0);
	struct unwind_state w;

	(void)state;
	begin(&w);
	assert_int_equal(unwind_step(&w, &below), ABI_END_BAD_FRAME);
	/* Only who was interrupted may have taken no stack: or a walk might never end. */
	begin(&w);
	assert_int_equal(unwind_step(&w, &level), ABI_END_NONE);
	assert_int_equal(unwind_step(&w, &level), ABI_END_BAD_FRAME);
	/* Round the end of the addresses. */
	begin_caller(&w);
	w.sp = UINT64_MAX - 7;
	level = by_sp(4);
	assert_int_equal(unwind_step(&w, &level), ABI_END_BAD_FRAME);
}

/* The anchor of begin() is a caller's CFA - 16, as _dl_runtime_resolve() has it. */
static struct unwind_rule by_anchor(void)
{
	return (struct unwind_rule){.kind = UNWIND_KIND_CFA,
				    .base = ARCH_DWARF_ANCHOR,
				    .anchor = 2,
				    .ra = UNWIND_AT_CFA,
				    .cfa_offset = 16,
				    .ra_offset = -8};
}

static void the_anchor_is_followed_through_calls(void **state)
{
	struct unwind_rule callee = by_sp(4), frame = by_anchor();
	struct unwind_state w;

	(void)state;
	/* Left alone by the callee, or saved by it. */
	for (int saved = 0; saved <= 3; saved += 3) {
		begin(&w);
		w.anchor = saved ? 77 : AT(30);
		stack[14 - 3] = AT(30);
		stack[30] = 78;
		callee.anchor = (uint8_t)(saved & 31);
		assert_int_equal(unwind_step(&w, &callee), ABI_END_NONE);
		assert_int_equal(w.anchor, AT(30));
		assert_int_equal(unwind_step(&w, &frame), ABI_END_NONE);
		assert_int_equal(w.pc, 0x1000 + 31);
		assert_int_equal(w.sp, AT(32));
		assert_int_equal(w.anchor, 78);
	}
}

static void an_anchor_that_is_lost_is_an_end(void **state)
{
	struct unwind_rule callee = by_sp(4), frame = by_anchor();
	struct unwind_state w;

	(void)state;
	begin(&w);
	callee.anchor = UNWIND_ANCHOR_UNKNOWN;
	assert_int_equal(unwind_step(&w, &callee), ABI_END_NONE);
	assert_int_equal(unwind_step(&w, &frame), ABI_END_REGISTER);
	/* A frame that was passed by its frame pointer may have saved it anywhere. */
	begin(&w);
	w.anchor = AT(50);
	stack[30] = AT(60);
	assert_int_equal(unwind_step_fp(&w, 0), ABI_END_NONE);
	assert_int_equal(unwind_step(&w, &frame), ABI_END_REGISTER);
}

static void ends_say_why(void **state)
{
	static const int end_of[UNWIND_KIND_COUNT] = {
		[UNWIND_KIND_HOLE] = ABI_END_EXPRESSION, /* has no step */
		[UNWIND_KIND_END] = ABI_END_ROOT,
		[UNWIND_KIND_EXPRESSION] = ABI_END_EXPRESSION,
		[UNWIND_KIND_REGISTER] = ABI_END_REGISTER,
	};
	struct unwind_state w;

	(void)state;
	for (uint32_t kind = 0; kind < 256; kind++) {
		struct unwind_rule rule = by_sp(4);
		int end = kind < UNWIND_KIND_COUNT ? end_of[kind] : ABI_END_EXPRESSION;

		if (!end)
			continue;
		rule.kind = (uint8_t)kind;
		begin(&w);
		assert_int_equal(unwind_step(&w, &rule), end);
	}
}

static void a_return_address_of_zero_is_the_root_and_none_is_an_end(void **state)
{
	struct unwind_rule rule = by_sp(4);
	struct unwind_state w;

	(void)state;
	begin(&w);
	stack[13] = 0;
	assert_int_equal(unwind_step(&w, &rule), ABI_END_ROOT);
	begin(&w);
	rule.ra_offset = 0x7000;
	assert_int_equal(unwind_step(&w, &rule), ABI_END_UNREADABLE);
	begin(&w);
	rule = by_sp(4);
	rule.fp = UNWIND_AT_CFA;
	rule.fp_offset = 0x7000;
	assert_int_equal(unwind_step(&w, &rule), ABI_END_UNREADABLE);
}

static void a_frame_pointer_leads_to_its_caller(void **state)
{
	struct unwind_state w;

	(void)state;
	begin(&w);
	stack[30] = AT(50);
	assert_int_equal(unwind_step_fp(&w, 0), ABI_END_NONE);
	assert_int_equal(w.pc, 0x1000 + 31);
	assert_int_equal(w.sp, AT(32));
	assert_int_equal(w.fp, AT(50));
	assert_int_equal(w.pc_is_return, 1);
	assert_int_equal(w.has_registers, 0);
	begin(&w);
	stack[31] = 0;
	assert_int_equal(unwind_step_fp(&w, 1), ABI_END_ROOT);
}

static void a_frame_pointer_that_leads_nowhere_is_an_end(void **state)
{
	static const uint64_t nowhere[] = {
		UNWIND_UNKNOWN,	 AT(30) + 4,	      AT(9),
		AT(STACK_WORDS), AT(STACK_WORDS - 1), UINT64_MAX & ~7ull};
	struct unwind_state w;

	(void)state;
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		begin(&w);
		w.fp = nowhere[i];
		assert_int_equal(unwind_step_fp(&w, 1), ABI_END_FP_SHORT);
	}
	begin(&w);
	w.fp = 0;
	assert_int_equal(unwind_step_fp(&w, 1), ABI_END_ROOT);
	assert_int_equal(unwind_step_fp(&w, 0), ABI_END_FP_SHORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_return_address_is_below_the_cfa),
		cmocka_unit_test(a_pushed_frame_pointer_is_read_with_it_or_apart),
		cmocka_unit_test(frames_that_lie_together_take_one_read),
		cmocka_unit_test(a_stack_is_read_to_its_last_word),
		cmocka_unit_test(a_frame_pointer_may_be_elsewhere),
		cmocka_unit_test(a_realigned_stack_is_found_through_memory),
		cmocka_unit_test(an_indexed_cfa_is_found_through_memory),
		cmocka_unit_test(a_plt_stub_has_pushed_from_some_byte_on),
		cmocka_unit_test(behind_a_signal_every_register_is_known_again),
		cmocka_unit_test(a_register_that_only_the_innermost_frame_knows),
		cmocka_unit_test(every_number_names_its_register),
		cmocka_unit_test(the_anchor_is_followed_through_calls),
		cmocka_unit_test(an_anchor_that_is_lost_is_an_end),
		cmocka_unit_test(callers_are_above),
		cmocka_unit_test(ends_say_why),
		cmocka_unit_test(a_return_address_of_zero_is_the_root_and_none_is_an_end),
		cmocka_unit_test(a_frame_pointer_leads_to_its_caller),
		cmocka_unit_test(a_frame_pointer_that_leads_nowhere_is_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
