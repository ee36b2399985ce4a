/* What is written anew is read back the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "symbolizer/unwind/cfi_single.h"
#include "tests/unit/unwind/make.h"

#define BIAS 0x7f0000000000ull

static const uint8_t cie_program[] = {MAKE_BEGIN};
static const uint8_t fde_program[] = {0x41, 0x0e, 16, 0x86, 2};

static struct cfi_cie a_cie(void)
{
	return (struct cfi_cie){.program = cie_program,
				.program_bytes = sizeof(cie_program),
				.code_align = 1,
				.data_align = -8,
				.ra_register = 16,
				.is_signal = true};
}

static struct cfi_fde an_fde(void)
{
	return (struct cfi_fde){.start = 0x1000,
				.end = 0x1234,
				.program = fde_program,
				.program_bytes = sizeof(fde_program)};
}

static void an_entry_is_read_back_the_same(void **state)
{
	uint64_t address = BIAS + 0x101000;
	struct cfi_cie cie = a_cie();
	struct cfi_fde fde = an_fde();
	struct cfi_section section = {.is_eh = true};
	struct cfi_entries e = {};
	int32_t table[2];
	struct buf b;

	(void)state;
	buf_init(&b, 2 * CFI_SINGLE_MAX);
	assert_int_equal(cfi_single_write(&b, address, &cie, &fde, BIAS), 0);
	assert_int_equal(b.len % 8, 0); /* words are read whole */
	memcpy(table, b.data, sizeof(table));
	assert_int_equal(address + (uint64_t)(int64_t)table[0], BIAS + 0x1000);
	section.data = b.data + CFI_SINGLE_TABLE;
	section.size = b.len - CFI_SINGLE_TABLE;
	section.address = address + CFI_SINGLE_TABLE;
	assert_int_equal(cfi_entries_read(&section, &e), 0);
	assert_int_equal(e.n_bad, 0);
	assert_int_equal(e.n_cies, 1);
	assert_int_equal(e.n_fdes, 1);
	assert_int_equal(e.cies[0].data_align, -8);
	assert_int_equal(e.cies[0].ra_register, 16);
	assert_true(e.cies[0].is_signal);
	assert_memory_equal(e.cies[0].program, cie_program, sizeof(cie_program));
	assert_int_equal(e.fdes[0].start, BIAS + 0x1000);
	assert_int_equal(e.fdes[0].end, BIAS + 0x1234);
	assert_memory_equal(e.fdes[0].program, fde_program, sizeof(fde_program));
	cfi_entries_done(&e);
	buf_done(&b);
}

static void programs_past_the_maximum_are_refused(void **state)
{
	struct cfi_cie cie = a_cie();
	struct cfi_fde fde = an_fde();
	struct buf b;

	(void)state;
	buf_init(&b, 2 * CFI_SINGLE_MAX);
	fde.program_bytes = CFI_SINGLE_MAX;
	assert_int_equal(cfi_single_write(&b, 0, &cie, &fde, 0), -EFBIG);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_read_back_the_same),
		cmocka_unit_test(programs_past_the_maximum_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
