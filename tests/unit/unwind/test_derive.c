/*
 * symbolizer/unwind/derive.c: rules for code without CFI, and the code of which there must be none.
 * tests/verify/derive_files.c holds what it makes of whole libraries against their CFI.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "profiler/base/buf.h"
#include "symbolizer/unwind/derive.h"

#define AT 0x1000
/* Outside, CFI says: entered as called; and in the midst of a frame of 32 bytes. */
#define ENTRY 0x2000
#define MIDST 0x3000

static struct disassembler *disassembler;
static struct code_steps *steps;
static struct buf told;

static int load(void **state)
{
	(void)state;
	if (disassembler_new(&disassembler, NULL) < 0)
		return -1;
	return code_steps_open(disassembler, &steps);
}

static int unload(void **state)
{
	(void)state;
	steps = code_steps_close(steps);
	disassembler = disassembler_free(disassembler);
	return 0;
}

static int begin(void **state)
{
	(void)state;
	buf_init(&told, 4096);
	return 0;
}

static int end(void **state)
{
	(void)state;
	buf_done(&told);
	return 0;
}

static bool is_rule(void *ctx, uint64_t address, const struct unwind_rule *rule)
{
	(void)ctx;
	return rule->fp == UNWIND_SAME && rule->anchor == UNWIND_ANCHOR_SAME &&
	       rule->cfa_offset == (address == ENTRY   ? 8
				    : address == MIDST ? 32
						       : 0);
}

/* "AT:CFA" in bytes, and where rbp (p) and rbx (x) are saved below it. */
static int take(void *ctx, size_t at, const struct unwind_rule *rule)
{
	(void)ctx;
	buf_printf(&told, "%s%zu:", told.len ? " " : "", at);
	if (!rule)
		return buf_add_str(&told, "-"), told.err;
	assert_int_equal(rule->kind, UNWIND_KIND_CFA);
	assert_int_equal(rule->base, 7);
	assert_int_equal(rule->ra, UNWIND_AT_CFA);
	assert_int_equal(rule->ra_offset, -8);
	buf_printf(&told, "%d", rule->cfa_offset);
	if (rule->fp == UNWIND_AT_CFA)
		buf_printf(&told, "p%d", -rule->fp_offset);
	if (rule->anchor == UNWIND_ANCHOR_UNKNOWN)
		buf_add_str(&told, "x?");
	else if (rule->anchor)
		buf_printf(&told, "x%d", 8 * rule->anchor);
	return told.err;
}

static void check_bytes(const char *what, const uint8_t *code, size_t bytes, const char *wanted)
{
	struct derive hole = {
		.code = code, .bytes = bytes, .address = AT, .is_rule = is_rule, .take = take};

	buf_clear(&told);
	assert_int_equal(derive_rules(&hole, steps), 0);
	if (strcmp(buf_str(&told), wanted) != 0)
		fail_msg("%s: \"%s\", and should be \"%s\"", what, buf_str(&told), wanted);
}

#define CHECK(what, code, wanted) \
	check_bytes(what, (const uint8_t *)(code), sizeof(code) - 1, wanted)

#define PUSH_RBP     "\x55"
#define PUSH_RBX     "\x53"
#define PUSH_RAX     "\x50"
#define POP_RBP	     "\x5d"
#define POP_RBX	     "\x5b"
#define POP_RAX	     "\x58"
#define SUB_16	     "\x48\x83\xec\x10"
#define ADD_16	     "\x48\x83\xc4\x10"
#define FP_IS_SP     "\x48\x89\xe5"
#define SP_IS_FP     "\x48\x89\xec"
#define LEAVE	     "\xc9"
#define RET	     "\xc3"
#define CLEAR_RBP    "\x31\xed"
#define CLEAR_RBX    "\x31\xdb"
#define CALL	     "\xe8\x00\x01\x00\x00"
#define NOP	     "\x90"
#define UD2	     "\x0f\x0b"
#define JUMP(by)     "\xeb" by
#define JUMP_IF(by)  "\x74" by
#define ALIGN_REALLY "\x48\x83\xe4\xc0" /* and $-64, %rsp */

static void pushes_and_constants_are_followed(void **state)
{
	(void)state;
	CHECK("a leaf", NOP RET, "1:8");
	CHECK("a push", PUSH_RAX POP_RAX RET, "0:8 1:16 2:8");
	CHECK("a frame", SUB_16 ADD_16 RET, "0:8 4:24 8:8");
	CHECK("saved registers", PUSH_RBX PUSH_RBP CLEAR_RBP CLEAR_RBX POP_RBP POP_RBX RET,
	      "0:8 1:16x16 2:24p24x16 7:16x16 8:8");
	CHECK("a frame pointer", PUSH_RBP FP_IS_SP SUB_16 LEAVE RET, "0:8 1:16p16 8:32p16 9:8");
	CHECK("the same by hand", PUSH_RBP FP_IS_SP SUB_16 SP_IS_FP POP_RBP RET,
	      "0:8 1:16p16 8:32p16 11:16p16 12:8");
	CHECK("a call", PUSH_RAX CALL POP_RAX RET, "0:8 1:16 7:8");
}

static void every_way_is_followed(void **state)
{
	(void)state;
	/* A loop, and a way out of it with a frame of its own. */
	CHECK("a loop", PUSH_RAX JUMP_IF("\x02") JUMP("\xfc") POP_RAX RET, "0:8 1:16 6:8");
	CHECK("two returns", JUMP_IF("\x01") RET PUSH_RAX POP_RAX RET, "0:8 4:16 5:8");
	/* To a function with CFI, as called; into one, with its frame. */
	CHECK("a tail call", PUSH_RAX POP_RAX "\xe9\xf9\x0f\x00\x00", "0:8 1:16 2:8");
	CHECK("and through a register", PUSH_RAX POP_RAX "\xff\xe0", "0:8 1:16 2:8");
	CHECK("a part of a function", SUB_16 PUSH_RAX "\xe9\xf6\x1f\x00\x00", "0:8 4:24 5:32");
}

static void functions_follow_each_other(void **state)
{
	(void)state;
	CHECK("padding between them", PUSH_RAX POP_RAX RET NOP "\xcc\x00\x00" RET,
	      "0:8 1:16 2:8 3:- 7:8");
	CHECK("and behind", RET "\x00\x00\x00", "0:8 1:-");
	CHECK("the first counts until one does not fit", RET NOP PUSH_RAX RET, "0:8 1:-");
	CHECK("what is no instruction", RET "\x06\xc3", "0:8 1:-");
	CHECK("padding alone", NOP NOP "\x00\x00", "");
}

static void what_does_not_fit_stays_a_hole(void **state)
{
	(void)state;
	CHECK("a return with something on the stack", PUSH_RAX RET, "");
	CHECK("a pop too many", POP_RAX RET, "");
	CHECK("behind a function's beginning", ADD_16 RET, "");
	CHECK("a register that is not saved", CLEAR_RBP RET, "");
	CHECK("the other one", CLEAR_RBX RET, "");
	CHECK("one that is not loaded again", PUSH_RBX CLEAR_RBX POP_RAX RET, "");
	CHECK("loaded from elsewhere", PUSH_RBX CLEAR_RBX PUSH_RAX POP_RBX POP_RAX RET, "");
	CHECK("loaded from where another was put meanwhile",
	      PUSH_RBX CLEAR_RBX "\x48\x83\xc4\x08" PUSH_RAX POP_RBX RET, "");
	CHECK("loaded before it is saved", PUSH_RAX POP_RBX RET, "");
	CHECK("a realigned stack", PUSH_RBP FP_IS_SP ALIGN_REALLY LEAVE RET, "");
	CHECK("a frame pointer that is a number", PUSH_RBP CLEAR_RBP LEAVE RET, "");
	CHECK("half a word", "\x48\x83\xec\x04\x48\x83\xc4\x04" RET, "");
	CHECK("two ways that differ", JUMP_IF("\x01") PUSH_RAX RET, "");
	CHECK("no end", JUMP("\xfe"), "");
	CHECK("an end that says nothing", PUSH_RAX UD2, "");
	CHECK("into the unknown", "\xe9\xfb\x2f\x00\x00", "");
	CHECK("into a function, with another frame", "\xe9\xfb\x1f\x00\x00", "");
	CHECK("away, with something on the stack", PUSH_RAX "\xff\xe0", "");
	CHECK("out of the hole", PUSH_RAX POP_RAX, "");
	CHECK("a call that does not come back", PUSH_RAX CALL NOP NOP POP_RAX RET, "");
	CHECK("nor this one", CALL, "");
	CHECK("an instruction that is cut", PUSH_RAX POP_RAX "\x48\x83", "");
}

/* Of two functions that do not agree about an instruction nobody knows which one is right. */
static void functions_that_contradict_each_other_are_both_holes(void **state)
{
	(void)state;
	CHECK("a tail in common", PUSH_RAX JUMP("\x03") NOP NOP NOP POP_RAX RET,
	      "0:8 1:16 3:- 6:16 7:8");
	CHECK("and not in common", RET PUSH_RAX JUMP("\x02") JUMP("\x00") POP_RAX RET, "");
}

static void a_far_anchor_is_not_followed(void **state)
{
	(void)state;
	CHECK("31 words below",
	      "\x48\x81\xec\xe8\x00\x00\x00" PUSH_RBX CLEAR_RBX POP_RBX
	      "\x48\x81\xc4\xe8\x00\x00\x00" RET,
	      "0:8 7:240 8:248x? 11:240 18:8");
}

static int refuse(void *ctx, size_t at, const struct unwind_rule *rule)
{
	(void)ctx;
	(void)at;
	(void)rule;
	return -E2BIG;
}

static void who_takes_the_rules_can_stop(void **state)
{
	struct derive hole = {.code = (const uint8_t *)RET,
			      .bytes = 1,
			      .address = AT,
			      .is_rule = is_rule,
			      .take = refuse};

	(void)state;
	assert_int_equal(derive_rules(&hole, steps), -E2BIG);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pushes_and_constants_are_followed),
		TEST(every_way_is_followed),
		TEST(functions_follow_each_other),
		TEST(what_does_not_fit_stays_a_hole),
		TEST(functions_that_contradict_each_other_are_both_holes),
		TEST(a_far_anchor_is_not_followed),
		TEST(who_takes_the_rules_can_stop),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
