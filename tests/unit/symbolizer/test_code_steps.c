/* symbolizer/code_steps.c: what one instruction does to the stack pointer, and where it leads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "symbolizer/code_steps.h"

#define AT 0x1000

static struct disassembler *disassembler;
static struct code_steps *steps;

static int begin(void **state)
{
	(void)state;
	if (disassembler_new(&disassembler, NULL) < 0)
		return -1;
	return code_steps_open(disassembler, &steps);
}

static int end(void **state)
{
	(void)state;
	steps = code_steps_close(steps);
	disassembler = disassembler_free(disassembler);
	return 0;
}

#define CODE(text) (const uint8_t *)(text), sizeof(text) - 1

static struct code_step read_one(const uint8_t *code, size_t bytes)
{
	struct code_step step;

	assert_true(code_steps_read(steps, code, bytes, AT, &step));
	assert_int_equal(step.bytes, bytes);
	return step;
}

static void the_stack_pointer_moves_by_constants(void **state)
{
	static const struct {
		const char *what;
		const uint8_t *code;
		size_t bytes;
		enum code_stack stack;
		int amount;
	} table[] = {
		{"push %rax", CODE("\x50"), CODE_SP_PLUS, -8},
		{"push %r15", CODE("\x41\x57"), CODE_SP_PLUS, -8},
		{"push $1", CODE("\x6a\x01"), CODE_SP_PLUS, -8},
		{"push (%rax)", CODE("\xff\x30"), CODE_SP_PLUS, -8},
		{"pushf", CODE("\x9c"), CODE_SP_PLUS, -8},
		{"pop %rax", CODE("\x58"), CODE_SP_PLUS, 8},
		{"pop (%rax)", CODE("\x8f\x00"), CODE_SP_PLUS, 8},
		{"popf", CODE("\x9d"), CODE_SP_PLUS, 8},
		{"sub $16, %rsp", CODE("\x48\x83\xec\x10"), CODE_SP_PLUS, -16},
		{"sub $-128, %rsp", CODE("\x48\x83\xec\x80"), CODE_SP_PLUS, 128},
		{"add $16, %rsp", CODE("\x48\x83\xc4\x10"), CODE_SP_PLUS, 16},
		{"lea -8(%rsp), %rsp", CODE("\x48\x8d\x64\x24\xf8"), CODE_SP_PLUS, -8},
		{"lea -8(%rbp), %rsp", CODE("\x48\x8d\x65\xf8"), CODE_SP_FROM_FP, -8},
		{"mov %rbp, %rsp", CODE("\x48\x89\xec"), CODE_SP_FROM_FP, 0},
		{"leave", CODE("\xc9"), CODE_SP_FROM_FP, 8},
		{"call 0x1105", CODE("\xe8\x00\x01\x00\x00"), CODE_SP_PLUS, 0},
		{"call *%rax", CODE("\xff\xd0"), CODE_SP_PLUS, 0},
		{"ret", CODE("\xc3"), CODE_SP_PLUS, 0},
		{"mov %rax, (%rsp)", CODE("\x48\x89\x04\x24"), CODE_SP_PLUS, 0},
		{"call the next", CODE("\xe8\x00\x00\x00\x00"), CODE_SP_LOST, 0},
		{"and $-64, %rsp", CODE("\x48\x83\xe4\xc0"), CODE_SP_LOST, 0},
		{"sub %rax, %rsp", CODE("\x48\x29\xc4"), CODE_SP_LOST, 0},
		{"add $16, %esp", CODE("\x83\xc4\x10"), CODE_SP_LOST, 0},
		{"lea (%rsp,%rax), %rsp", CODE("\x48\x8d\x24\x04"), CODE_SP_LOST, 0},
		{"lea (%rax), %rsp", CODE("\x48\x8d\x20"), CODE_SP_LOST, 0},
		{"mov %rax, %rsp", CODE("\x48\x89\xc4"), CODE_SP_LOST, 0},
		{"mov (%rsp), %rsp", CODE("\x48\x8b\x24\x24"), CODE_SP_LOST, 0},
		{"pop %rsp", CODE("\x5c"), CODE_SP_LOST, 0},
		{"xchg %rax, %rsp", CODE("\x48\x94"), CODE_SP_LOST, 0},
		{"push %ax", CODE("\x66\x50"), CODE_SP_LOST, 0},
		{"pop %ax", CODE("\x66\x58"), CODE_SP_LOST, 0},
		{"enter $8, $0", CODE("\xc8\x08\x00\x00"), CODE_SP_LOST, 0},
		{"iretq", CODE("\x48\xcf"), CODE_SP_LOST, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct code_step step = read_one(table[i].code, table[i].bytes);

		if (step.stack != table[i].stack ||
		    (step.stack != CODE_SP_LOST && step.amount != table[i].amount))
			fail_msg("%s: stack %d, amount %d", table[i].what, step.stack, step.amount);
	}
}

static void every_instruction_leads_somewhere(void **state)
{
	static const struct {
		const char *what;
		const uint8_t *code;
		size_t bytes;
		enum code_flow flow;
		uint64_t target;
	} table[] = {
		{"mov %rax, %rcx", CODE("\x48\x89\xc1"), CODE_NEXT, 0},
		{"call 0x1105", CODE("\xe8\x00\x01\x00\x00"), CODE_NEXT, 0},
		{"syscall", CODE("\x0f\x05"), CODE_NEXT, 0},
		{"je 0x1012", CODE("\x74\x10"), CODE_BRANCH, AT + 0x12},
		{"jne 0xf06", CODE("\x0f\x85\x00\xff\xff\xff"), CODE_BRANCH, AT - 0xfa},
		{"loop 0x1000", CODE("\xe2\xfe"), CODE_BRANCH, AT},
		{"jrcxz 0x1012", CODE("\xe3\x10"), CODE_BRANCH, AT + 0x12},
		{"jmp 0x1012", CODE("\xeb\x10"), CODE_JUMP, AT + 0x12},
		{"jmp 0x1105", CODE("\xe9\x00\x01\x00\x00"), CODE_JUMP, AT + 0x105},
		{"jmp *%rax", CODE("\xff\xe0"), CODE_JUMP_AWAY, 0},
		{"jmp *8(%rip)", CODE("\xff\x25\x08\x00\x00\x00"), CODE_JUMP_AWAY, 0},
		{"ret", CODE("\xc3"), CODE_RETURN, 0},
		{"ret $16", CODE("\xc2\x10\x00"), CODE_RETURN, 0},
		{"ud2", CODE("\x0f\x0b"), CODE_STOP, 0},
		{"hlt", CODE("\xf4"), CODE_STOP, 0},
		{"int3", CODE("\xcc"), CODE_STOP, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct code_step step = read_one(table[i].code, table[i].bytes);

		if (step.flow != table[i].flow || step.target != table[i].target)
			fail_msg("%s: flow %d, target %#llx", table[i].what, step.flow,
				 (unsigned long long)step.target);
	}
}

static void registers_are_saved_loaded_and_overwritten(void **state)
{
	static const struct {
		const char *what;
		const uint8_t *code;
		size_t bytes;
		uint8_t pushes, pops, writes;
		bool fp_is_sp;
	} table[] = {
		{"push %rbp", CODE("\x55"), CODE_FP, 0, 0, false},
		{"push %rbx", CODE("\x53"), CODE_ANCHOR, 0, 0, false},
		{"push (%rbx)", CODE("\xff\x33"), 0, 0, 0, false},
		{"pop %rbp", CODE("\x5d"), 0, CODE_FP, 0, false},
		{"pop %rbx", CODE("\x5b"), 0, CODE_ANCHOR, 0, false},
		{"leave", CODE("\xc9"), 0, CODE_FP, 0, false},
		{"mov %rsp, %rbp", CODE("\x48\x89\xe5"), 0, 0, CODE_FP, true},
		{"mov %rax, %rbp", CODE("\x48\x89\xc5"), 0, 0, CODE_FP, false},
		{"xor %ebp, %ebp", CODE("\x31\xed"), 0, 0, CODE_FP, false},
		{"mov $1, %bl", CODE("\xb3\x01"), 0, 0, CODE_ANCHOR, false},
		{"mov %rax, (%rbx)", CODE("\x48\x89\x03"), 0, 0, 0, false},
		{"cmp %rbx, %rbp", CODE("\x48\x39\xdd"), 0, 0, 0, false},
		{"cpuid", CODE("\x0f\xa2"), 0, 0, CODE_ANCHOR, false},
		{"xchg %rbx, %rbp", CODE("\x48\x87\xdd"), 0, 0, CODE_FP | CODE_ANCHOR, false},
		{"cmove %rax, %rbx", CODE("\x48\x0f\x44\xd8"), 0, 0, CODE_ANCHOR, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct code_step step = read_one(table[i].code, table[i].bytes);

		if (step.pushes != table[i].pushes || step.pops != table[i].pops ||
		    step.writes != table[i].writes || step.fp_is_sp != table[i].fp_is_sp)
			fail_msg("%s: pushes %u, pops %u, writes %u, fp is sp %d", table[i].what,
				 step.pushes, step.pops, step.writes, step.fp_is_sp);
	}
}

static void padding_is_what_stands_between_functions(void **state)
{
	(void)state;
	assert_true(read_one(CODE("\x90")).is_padding);
	assert_true(read_one(CODE("\x66\x90")).is_padding);
	assert_true(read_one(CODE("\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00")).is_padding);
	assert_true(read_one(CODE("\xcc")).is_padding);
	assert_false(read_one(CODE("\xf3\x0f\x1e\xfa")).is_padding); /* endbr64 */
	assert_false(read_one(CODE("\xf4")).is_padding);
	assert_true(read_one(CODE("\xff\xd0")).is_call);
	assert_false(read_one(CODE("\xff\xe0")).is_call);
}

static void what_is_no_instruction_or_cut_is_none(void **state)
{
	struct code_step step;

	(void)state;
	assert_false(code_steps_read(steps, CODE("\x06"), AT, &step));
	assert_false(code_steps_read(steps, CODE("\xe8\x00\x00"), AT, &step));
	assert_false(code_steps_read(steps, CODE(""), AT, &step));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_stack_pointer_moves_by_constants),
		cmocka_unit_test(every_instruction_leads_somewhere),
		cmocka_unit_test(registers_are_saved_loaded_and_overwritten),
		cmocka_unit_test(padding_is_what_stands_between_functions),
		cmocka_unit_test(what_is_no_instruction_or_cut_is_none),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
