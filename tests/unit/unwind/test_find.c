/* Where CFI is found, and that what is corrupt is as good as not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "symbolizer/unwind/find.h"
#include "tests/unit/unwind/make.h"

static struct buf frames;
static uint8_t *file;
static size_t file_bytes;
static struct elf_image image;
static struct cfi_sections s;

static int begin(void **state)
{
	(void)state;
	buf_init(&frames, 1u << 20);
	make_fde(&frames, make_cie(&frames, "z", BYTES(MAKE_BEGIN)), true, MAKE_CODE_ADDRESS, 0x20,
		 NULL, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	unwind_find_done(&s);
	elf_image_done(&image);
	free(file);
	file = NULL;
	buf_done(&frames);
	return 0;
}

static void find_in(const struct make_file *f)
{
	file = make_elf(f, &file_bytes);
	assert_int_equal(elf_image_borrow(&image, file, file_bytes, NULL), 0);
	assert_int_equal(unwind_find_cfi(&image, NULL, &s), 0);
}

static void eh_frame_is_found_by_its_section(void **state)
{
	(void)state;
	find_in(&(struct make_file){.eh_frame = &frames});
	assert_int_equal(s.n, 1);
	assert_true(s.v[0].is_eh);
	assert_false(s.v[0].ends_at_zero);
	assert_int_equal(s.v[0].address, MAKE_CFI_ADDRESS);
	assert_int_equal(s.v[0].size, frames.len);
	assert_memory_equal(s.v[0].data, frames.data, frames.len);
}

static void eh_frame_is_found_by_the_segment_of_stripped_headers(void **state)
{
	(void)state;
	find_in(&(struct make_file){.eh_frame = &frames, .no_sections = true});
	assert_int_equal(s.n, 1);
	assert_true(s.v[0].ends_at_zero);
	assert_int_equal(s.v[0].address, MAKE_CFI_ADDRESS);
	assert_memory_equal(s.v[0].data, frames.data, frames.len);
}

static void a_segment_that_points_nowhere_is_none(void **state)
{
	static const uint8_t broken[][8] = {
		{2, 0x1b, 0xff, 0xff, 4}, /* another version */
		{1, 0x9b, 0xff, 0xff, 4}, /* indirect */
		{1, 0xff, 0xff, 0xff, 4}, /* left out */
		{1, 0x1b, 0xff, 0xff, 0, 0, 0, 0x40}, /* outside of the file */
	};
	struct make_file f = {.eh_frame = &frames, .no_sections = true};
	uint8_t *hdr;

	(void)state;
	file = make_elf(&f, &file_bytes);
	hdr = memmem(file, file_bytes, "\1\x1b\xff\xff\4\0\0", 8);
	assert_non_null(hdr);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		memcpy(hdr, broken[i], 8);
		assert_int_equal(elf_image_borrow(&image, file, file_bytes, NULL), 0);
		assert_int_equal(unwind_find_cfi(&image, NULL, &s), 0);
		assert_int_equal(s.n, 0);
		elf_image_done(&image);
	}
}

static void debug_frame_comes_behind_and_is_inflated(void **state)
{
	(void)state;
	find_in(&(struct make_file){
		.eh_frame = &frames, .debug_frame = &frames, .compressed = true});
	assert_int_equal(s.n, 2);
	assert_true(s.v[0].is_eh);
	assert_false(s.v[1].is_eh);
	assert_int_equal(s.v[1].size, frames.len);
	assert_memory_equal(s.v[1].data, frames.data, frames.len);
}

static void what_claims_to_be_huge_is_not_inflated(void **state)
{
	struct make_file f = {.debug_frame = &frames, .compressed = true};
	uint64_t size = UNWIND_INFLATED_MAX + 1;
	const struct elf_section *section;

	(void)state;
	file = make_elf(&f, &file_bytes);
	assert_int_equal(elf_image_borrow(&image, file, file_bytes, NULL), 0);
	section = elf_image_section(&image, ".debug_frame");
	assert_non_null(section);
	memcpy(file + section->offset + 8, &size, sizeof(size)); /* ch_size */
	assert_int_equal(unwind_find_cfi(&image, NULL, &s), 0);
	assert_int_equal(s.n, 0);
	size = frames.len;
	memcpy(file + section->offset + 8, &size, sizeof(size));
	memset(file + section->offset + 24, 0xff, 4); /* no stream */
	assert_int_equal(unwind_find_cfi(&image, NULL, &s), 0);
	assert_int_equal(s.n, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(eh_frame_is_found_by_its_section),
		TEST(eh_frame_is_found_by_the_segment_of_stripped_headers),
		TEST(a_segment_that_points_nowhere_is_none),
		TEST(debug_frame_comes_behind_and_is_inflated),
		TEST(what_claims_to_be_huge_is_not_inflated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
