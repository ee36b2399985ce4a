/* FDEs by the code that they cover. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "symbolizer/unwind/cfi_index.h"
#include "tests/unit/unwind/make.h"

#define CODE MAKE_CODE_ADDRESS

static struct buf frames;
static uint8_t *file;
static struct elf_image image;
static struct cfi_index x;

static int end(void **state)
{
	(void)state;
	cfi_index_done(&x);
	elf_image_done(&image);
	free(file);
	buf_done(&frames);
	return 0;
}

static void fde(size_t cie, uint64_t start, uint64_t length)
{
	make_fde(&frames, cie, true, start, length, NULL, 0);
}

static void the_one_that_covers_an_address_is_found(void **state)
{
	size_t bytes, cie;

	(void)state;
	buf_init(&frames, 1u << 20);
	cie = make_cie(&frames, "z", BYTES(MAKE_BEGIN));
	fde(cie, CODE + 0x40, 0x20); /* not in order */
	fde(cie, CODE, 0x100); /* around the others */
	fde(cie, CODE + 0x80, 0x10);
	fde(cie, CODE + 0x80, 0x40); /* begins as the one before, and is longer */
	fde(cie, CODE + 0x90, 0); /* empty */
	file = make_elf(&(struct make_file){.eh_frame = &frames}, &bytes);
	assert_int_equal(elf_image_borrow(&image, file, bytes, NULL), 0);
	assert_int_equal(cfi_index_build(&image, &x), 0);
	assert_int_equal(x.n, 4);
	assert_null(cfi_index_find(&x, CODE - 1));
	assert_int_equal(cfi_index_find(&x, CODE)->start, CODE);
	assert_int_equal(cfi_index_find(&x, CODE + 0x5f)->start, CODE + 0x40);
	assert_int_equal(cfi_index_find(&x, CODE + 0x60)->start, CODE);
	assert_int_equal(cfi_index_find(&x, CODE + 0x8f)->end, CODE + 0x90);
	assert_int_equal(cfi_index_find(&x, CODE + 0x90)->end, CODE + 0xc0);
	assert_null(cfi_index_find(&x, CODE + 0x100));
	assert_false(cfi_index_is_entry(&x, CODE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_one_that_covers_an_address_is_found, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
