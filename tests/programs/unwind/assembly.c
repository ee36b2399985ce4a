/*
 * What hand-written code does and compilers do not: the CFA by another register than the stack and
 * the frame pointer (by_r11 and by_rax, which spin), and by an expression that loads the old stack
 * pointer from the frame (by_memory, which calls). by_rbx calls as well, as the dynamic linker's
 * _dl_runtime_resolve() does. without_cfi has none, and the frame pointer is a number there, as in
 * libzstd's decoder. Variant: which of them.
 */
#include "tests/programs/unwind/case.h"

#include <string.h>

void by_r11(uint64_t times);
void by_rax(uint64_t times);
void by_memory(void (*callback)(void));
void by_rbx(void (*callback)(void));
void without_cfi(uint64_t times);

/* clang-format off */
__asm__(
".text\n"
".type by_r11, @function\n"
".globl by_r11\n"
"by_r11:\n"
"	.cfi_startproc\n"
"	mov %rsp, %r11\n"
"	.cfi_def_cfa_register %r11\n"
"	sub $400, %rsp\n"
"	and $-64, %rsp\n"
"1:	mov %rdi, (%rsp)\n"
"	dec %rdi\n"
"	jnz 1b\n"
"	mov %r11, %rsp\n"
"	.cfi_def_cfa_register %rsp\n"
"	ret\n"
"	.cfi_endproc\n"
".size by_r11, . - by_r11\n"
".type by_rax, @function\n"
".globl by_rax\n"
"by_rax:\n"
"	.cfi_startproc\n"
"	mov %rsp, %rax\n"
"	.cfi_def_cfa_register %rax\n"
"	push %rbp\n"
"	.cfi_offset %rbp, -16\n"
"	mov $0x1234, %ebp\n"
"	and $-64, %rsp\n"
"	sub $256, %rsp\n"
"1:	mov %rdi, (%rsp)\n"
"	dec %rdi\n"
"	jnz 1b\n"
"	mov -8(%rax), %rbp\n"
"	.cfi_restore %rbp\n"
"	mov %rax, %rsp\n"
"	.cfi_def_cfa_register %rsp\n"
"	ret\n"
"	.cfi_endproc\n"
".size by_rax, . - by_rax\n"
".type by_memory, @function\n"
".globl by_memory\n"
"by_memory:\n"
"	.cfi_startproc\n"
"	mov %rsp, %rax\n"
"	.cfi_def_cfa_register %rax\n"
"	push %rbp\n"
"	.cfi_offset %rbp, -16\n"
"	mov $0x1234, %ebp\n"
"	sub $200, %rsp\n"
"	and $-64, %rsp\n"
"	mov %rax, 152(%rsp)\n"
/* DW_CFA_def_cfa_expression: DW_OP_breg7 152, DW_OP_deref, DW_OP_plus_uconst 8 */
"	.cfi_escape 0x0f, 0x06, 0x77, 0x98, 0x01, 0x06, 0x23, 0x08\n"
"	call *%rdi\n"
"	mov 152(%rsp), %rsi\n"
"	.cfi_def_cfa %rsi, 8\n"
"	mov -8(%rsi), %rbp\n"
"	.cfi_restore %rbp\n"
"	mov %rsi, %rsp\n"
"	.cfi_def_cfa_register %rsp\n"
"	ret\n"
"	.cfi_endproc\n"
".size by_memory, . - by_memory\n"
".type by_rbx, @function\n"
".globl by_rbx\n"
"by_rbx:\n"
"	.cfi_startproc\n"
"	push %rbx\n"
"	.cfi_adjust_cfa_offset 8\n"
"	.cfi_rel_offset %rbx, 0\n"
"	mov %rsp, %rbx\n"
"	.cfi_def_cfa_register %rbx\n"
"	and $-64, %rsp\n"
"	sub $576, %rsp\n"
"	call *%rdi\n"
"	mov %rbx, %rsp\n"
"	.cfi_def_cfa_register %rsp\n"
"	pop %rbx\n"
"	.cfi_adjust_cfa_offset -8\n"
"	.cfi_restore %rbx\n"
"	ret\n"
"	.cfi_endproc\n"
".size by_rbx, . - by_rbx\n"
".p2align 5\n"
".type without_cfi, @function\n"
".globl without_cfi\n"
"without_cfi:\n"
"	push %rbx\n"
"	push %rbp\n"
"	push %r12\n"
"	mov $0x1234, %ebp\n"
"	sub $200, %rsp\n"
"	.p2align 4\n"
"1:	mov %rdi, (%rsp)\n"
"	dec %rdi\n"
"	jz 2f\n"
"	push %rdi\n"
"	lea (%rdi,%rbp), %rbx\n"
"	pop %rdi\n"
"	jmp 1b\n"
"2:	add $200, %rsp\n"
"	pop %r12\n"
"	pop %rbp\n"
"	pop %rbx\n"
"	ret\n"
".size without_cfi, . - without_cfi\n"
".p2align 5\n"
);
/* clang-format on */

static char kind;

void case_set_up(const char *variant)
{
	kind = strcmp(variant, "r11") == 0    ? '1'
	       : strcmp(variant, "rax") == 0  ? 'a'
	       : strcmp(variant, "rbx") == 0  ? 'b'
	       : strcmp(variant, "none") == 0 ? 'n'
					      : 'm';
}

FRAME void called_back(void)
{
	leaf();
}

/* Has its own use for rbx meanwhile. */
FRAME void called_from_there(void)
{
	register uint64_t kept __asm__("rbx") = 0x1234;

	__asm__ volatile("" : "+r"(kept));
	leaf();
	__asm__ volatile("" : "+r"(kept));
}

FRAME void into_assembly(void)
{
	if (kind == '1')
		by_r11(1000000);
	else if (kind == 'a')
		by_rax(1000000);
	else if (kind == 'n')
		without_cfi(1000000);
	else if (kind == 'b')
		by_rbx(called_from_there);
	else
		by_memory(called_back);
}

void case_body(void)
{
	into_assembly();
}
