/* symbolizer/disassemble.c: bytes to text, and which function an address is in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "profiler/base/buf.h"
#include "symbolizer/disassemble.h"

extern const char __executable_start[];

static struct disassembler *disassembler;

static int load(void **state)
{
	struct err err = {};

	(void)state;
	return disassembler_new(&disassembler, &err);
}

static int unload(void **state)
{
	(void)state;
	disassembler = disassembler_free(disassembler);
	return 0;
}

static int note(void *ctx, uint64_t address, size_t bytes, const char *text)
{
	buf_printf(ctx, "%llx+%zu %s\n", (unsigned long long)address, bytes, text);
	return 0;
}

static void check(uint16_t machine, const char *code, size_t bytes, const char *wanted)
{
	struct err err = {};
	struct buf out;

	buf_init(&out, 4096);
	assert_int_equal(disassemble(disassembler, machine, (const uint8_t *)code, bytes, 0x1000,
				     note, &out, &err),
			 0);
	assert_string_equal(buf_str(&out), wanted);
	buf_done(&out);
}

static void instructions_become_text_at_their_addresses(void **state)
{
	(void)state;
	check(EM_X86_64, "\x55\x48\x89\xe5\xe8\x00\x01\x00\x00\xc3", 10,
	      "1000+1 pushq %rbp\n1001+3 movq %rsp, %rbp\n1004+5 callq 0x1109\n1009+1 retq\n");
	check(EM_AARCH64, "\xc0\x03\x5f\xd6", 4, "1000+4 ret\n");
}

static void what_is_no_instruction_is_a_row_of_bytes(void **state)
{
	(void)state;
	check(EM_X86_64, "\x06\xc3", 2, "1000+1 .byte 0x06\n1001+1 retq\n");
	check(EM_X86_64, "\x48", 1, "1000+1 .byte 0x48\n"); /* cut */
	check(EM_X86_64, "", 0, "");
}

static int refuse(void *ctx, uint64_t address, size_t bytes, const char *text)
{
	(void)address;
	(void)bytes;
	(void)text;
	++*(int *)ctx;
	return -EFBIG;
}

static void whoever_takes_the_rows_may_end_it(void **state)
{
	struct err err = {};
	int n = 0;

	(void)state;
	assert_int_equal(disassemble(disassembler, EM_X86_64, (const uint8_t *)"\xc3\xc3", 2, 0,
				     refuse, &n, &err),
			 -EFBIG);
	assert_int_equal(n, 1);
}

static void other_machines_are_not_guessed_at(void **state)
{
	struct err err = {};
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(disassemble(disassembler, EM_S390, (const uint8_t *)"\x07\xfe", 2, 0, note,
				     &out, &err),
			 -ENOTSUP);
	assert_non_null(strstr(err_text(&err), "machine 22"));
}

static void the_function_over_an_address_is_found(void **state)
{
	uint64_t start = 0, end = 0, at = (uint64_t)((const char *)note - __executable_start);
	struct elf_image image = {};
	struct err err = {};
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(elf_image_open(&image, fd, &err), 0);
	close(fd);
	at += image.type == ET_DYN ? 0 : (uint64_t)(uintptr_t)__executable_start;
	assert_true(disassemble_function(&image, at, &start, &end));
	assert_int_equal(start, at);
	assert_true(end > start);
	assert_true(disassemble_function(&image, end - 1, &start, &end));
	assert_int_equal(start, at);
	assert_false(disassemble_function(&image, 1, &start, &end));
	elf_image_done(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instructions_become_text_at_their_addresses),
		cmocka_unit_test(what_is_no_instruction_is_a_row_of_bytes),
		cmocka_unit_test(whoever_takes_the_rows_may_end_it),
		cmocka_unit_test(other_machines_are_not_guessed_at),
		cmocka_unit_test(the_function_over_an_address_is_found),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
