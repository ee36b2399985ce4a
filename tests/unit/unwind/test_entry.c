/* Entry points without CFI: where their code ends, and where that is not known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "symbolizer/unwind/entry.h"
#include "tests/unit/unwind/make.h"

#define ENTRY (MAKE_CODE_ADDRESS + 0x40)

static uint8_t code[0x1000];
static struct cfi_fde fdes[2];
static struct cfi_entries entries = {.fdes = fdes};
static uint64_t from, until;

static int begin(void **state)
{
	(void)state;
	memset(code, 0x90, sizeof(code));
	entries.n_fdes = 0;
	from = until = 0;
	return 0;
}

static bool find_in(uint16_t machine, uint64_t entry)
{
	struct make_file f = {
		.machine = machine, .entry = entry, .code = code, .code_bytes = sizeof(code)};
	struct elf_image image;
	size_t bytes;
	uint8_t *file = make_elf(&f, &bytes);
	bool found;

	assert_int_equal(elf_image_borrow(&image, file, bytes, NULL), 0);
	found = unwind_entry_find(&image, &entries, &from, &until);
	elf_image_done(&image);
	free(file);
	return found;
}

static void add_fde(uint64_t start, uint64_t end)
{
	fdes[entries.n_fdes++] = (struct cfi_fde){.start = start, .end = end};
}

static void an_fde_that_covers_it_has_the_say(void **state)
{
	(void)state;
	add_fde(ENTRY - 8, ENTRY + 8);
	assert_false(find_in(EM_X86_64, ENTRY));
}

static void it_ends_where_the_next_fde_begins(void **state)
{
	(void)state;
	add_fde(ENTRY + 0x80, ENTRY + 0x90);
	add_fde(ENTRY - 0x20, ENTRY);
	assert_true(find_in(EM_X86_64, ENTRY));
	assert_int_equal(from, ENTRY);
	assert_int_equal(until, ENTRY + 0x80);
	fdes[0].start++;
	assert_false(find_in(EM_X86_64, ENTRY));
}

static void it_ends_behind_a_call_that_does_not_return(void **state)
{
	(void)state;
	memcpy(code + 0x50, "\xff\x15\0\0\0\0\xf4", 7);
	assert_true(find_in(EM_X86_64, ENTRY));
	assert_int_equal(until, MAKE_CODE_ADDRESS + 0x57);
	memset(code, 0x90, sizeof(code));
	memcpy(code + 0x50, "\xe8\0\0\0\0\xf4", 6);
	assert_true(find_in(EM_X86_64, ENTRY));
	assert_int_equal(until, MAKE_CODE_ADDRESS + 0x56);
	code[0x55] = 0x90;
	assert_false(find_in(EM_X86_64, ENTRY));
}

static void on_arm64_behind_two_calls(void **state)
{
	static const uint32_t calls[] = {0x94000010, 0x97fffff0};

	(void)state;
	memcpy(code + 0x50, calls, 4);
	memcpy(code + 0x58, calls, 8);
	assert_true(find_in(EM_AARCH64, ENTRY));
	assert_int_equal(until, MAKE_CODE_ADDRESS + 0x60);
}

static void what_is_outside_of_code_is_no_entry(void **state)
{
	(void)state;
	memcpy(code + 0x50, "\xe8\0\0\0\0\xf4", 6);
	assert_false(find_in(EM_X86_64, 0));
	assert_false(find_in(EM_X86_64, MAKE_CODE_ADDRESS - 1));
	assert_false(find_in(EM_X86_64, MAKE_CODE_ADDRESS + sizeof(code)));
	assert_false(find_in(EM_X86_64, MAKE_CODE_ADDRESS + sizeof(code) - 1));
}

#define TEST(f) cmocka_unit_test_setup(f, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_fde_that_covers_it_has_the_say),
		TEST(it_ends_where_the_next_fde_begins),
		TEST(it_ends_behind_a_call_that_does_not_return),
		TEST(on_arm64_behind_two_calls),
		TEST(what_is_outside_of_code_is_no_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
