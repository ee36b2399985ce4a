/* Sections into entries: what is read, and a table of what is malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/unit/unwind/make.h"

#define START 0x401000u

static struct buf frames;
static struct cfi_entries e;

static int begin(void **state)
{
	(void)state;
	buf_init(&frames, 1u << 20);
	e = (struct cfi_entries){};
	return 0;
}

static int end(void **state)
{
	(void)state;
	cfi_entries_done(&e);
	buf_done(&frames);
	return 0;
}

static void read_all(void)
{
	struct cfi_section s = make_section(&frames);

	assert_int_equal(cfi_entries_read(&s, &e), 0);
}

static void an_fde_has_its_range_its_program_and_its_cie(void **state)
{
	size_t cie = make_cie(&frames, "z", BYTES(MAKE_BEGIN));

	(void)state;
	make_fde(&frames, cie, true, START, 0x20, BYTES(0x41, 0x0e, 16));
	read_all();
	assert_int_equal(e.n_cies, 1);
	assert_int_equal(e.n_fdes, 1);
	assert_int_equal(e.n_bad, 0);
	assert_int_equal(e.fdes[0].start, START);
	assert_int_equal(e.fdes[0].end, START + 0x20);
	assert_int_equal(e.fdes[0].program_bytes, 3);
	assert_memory_equal(e.fdes[0].program, ((uint8_t[]){0x41, 0x0e, 16}), 3);
	assert_int_equal(e.cies[0].data_align, -8);
	assert_int_equal(e.cies[0].ra_register, 16);
}

static void a_zero_ends_what_has_no_known_size_and_nothing_else(void **state)
{
	struct cfi_section s;
	size_t cie = make_cie(&frames, "", BYTES(MAKE_BEGIN));

	(void)state;
	buf_add_u32(&frames, 0);
	make_fde(&frames, cie, false, START, 0x20, NULL, 0);
	read_all();
	assert_int_equal(e.n_fdes, 1);
	cfi_entries_done(&e);
	s = make_section(&frames);
	s.ends_at_zero = true;
	assert_int_equal(cfi_entries_read(&s, &e), 0);
	assert_int_equal(e.n_fdes, 0);
	assert_int_equal(e.n_bad, 0);
}

static void debug_frame_names_its_cie_by_offset_also_one_that_follows(void **state)
{
	struct cfi_section s;
	size_t fde = make_debug_fde(&frames, 0, START, 0x20, BYTES(0x41));
	uint32_t cie = (uint32_t)make_debug_cie(&frames, BYTES(MAKE_BEGIN));

	(void)state;
	memcpy(frames.data + fde + 4, &cie, sizeof(cie));
	s = make_section(&frames);
	s.is_eh = false;
	assert_int_equal(cfi_entries_read(&s, &e), 0);
	assert_int_equal(e.n_fdes, 1);
	assert_int_equal(e.n_bad, 0);
}

static void entries_of_64_bit_dwarf_are_read(void **state)
{
	(void)state;
	buf_add_u32(&frames, UINT32_MAX);
	buf_add_u64(&frames, 8 + 5 + 5);
	buf_add_u64(&frames, 0);
	buf_add(&frames, BYTES(1, 0, 1, 0x78, 16, MAKE_BEGIN));
	buf_add_u32(&frames, UINT32_MAX);
	buf_add_u64(&frames, 24);
	buf_add_u64(&frames, frames.len);
	buf_add_u64(&frames, START);
	buf_add_u64(&frames, 0x20);
	read_all();
	assert_int_equal(e.n_bad, 0);
	assert_int_equal(e.n_fdes, 1);
}

static void a_signal_frame_says_so_beside_any_other_letters(void **state)
{
	(void)state;
	/* P with an encoding of 4 bytes, L, R pcrel of 4 bytes. */
	make_entry(&frames, BYTES(0, 0, 0, 0, 1, 'z', 'P', 'L', 'R', 'S', 'B', 0, 1, 0x78, 16, 7,
				  0x9b, 1, 2, 3, 4, 0x1b, 0x1b));
	read_all();
	assert_int_equal(e.n_cies, 1);
	assert_int_equal(e.cies[0].encoding, 0x1b);
	assert_true(e.cies[0].is_signal);
	assert_int_equal(e.cies[0].program_bytes, 0);
}

static void code_that_the_linker_dropped_leaves_nothing(void **state)
{
	size_t cie = make_cie(&frames, "", BYTES(MAKE_BEGIN));

	(void)state;
	make_fde(&frames, cie, false, 0, 0x20, NULL, 0);
	make_fde(&frames, cie, false, START, 0, NULL, 0);
	read_all();
	assert_int_equal(e.n_fdes, 0);
	assert_int_equal(e.n_bad, 0);
}

/* Malformed: each costs itself, and the good FDE in front stays. */
struct malformed {
	const char *what;
	const uint8_t *bytes;
	size_t n;
	unsigned int bad;
};

#define MALFORMED(what, ...)                \
	{                                   \
		what, BYTES(__VA_ARGS__), 1 \
	}
#define LE32(v) (v) & 0xff, (v) >> 8 & 0xff, (v) >> 16 & 0xff, (v) >> 24 & 0xff

static const struct malformed malformed[] = {
	MALFORMED("a length past the end", LE32(100), LE32(0), 1, 0),
	MALFORMED("a length of four gigabytes", LE32(0xfffffff0u), LE32(0), 1, 0),
	MALFORMED("a 64-bit length past the end", LE32(0xffffffffu), LE32(0xffffffffu),
		  LE32(0xffffffffu), 1, 0),
	MALFORMED("a length cut", 1, 0),
	MALFORMED("no room for an id", LE32(2), 0, 0),
	MALFORMED("a CIE of a version of the future", LE32(10), LE32(0), 9, 0, 1, 1, 16, 0),
	MALFORMED("a CIE without an end of its letters", LE32(8), LE32(0), 1, 'z', 'R', 'S'),
	MALFORMED("a CIE of unknown letters", LE32(10), LE32(0), 1, 'q', 0, 1, 1, 16),
	MALFORMED("a CIE of unknown letters behind z", LE32(12), LE32(0), 1, 'z', 'q', 0, 1, 1, 16,
		  0),
	MALFORMED("a CIE whose block leads past the end", LE32(11), LE32(0), 1, 'z', 0, 1, 1, 16,
		  99),
	MALFORMED("a CIE whose encoding is outside its block", LE32(12), LE32(0), 1, 'z', 'R', 0, 1,
		  1, 16, 0),
	MALFORMED("a CIE with endless numbers", LE32(18), LE32(0), 1, 0, 0x80, 0x80, 0x80, 0x80,
		  0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80),
	MALFORMED("a CIE of segments", LE32(10), LE32(0), 4, 0, 8, 1, 1, 1),
	MALFORMED("a CIE of addresses of 4 bytes", LE32(10), LE32(0), 4, 0, 4, 0, 1, 1),
	MALFORMED("an FDE that names itself", LE32(20), LE32(4), LE32(START), LE32(0), LE32(16),
		  LE32(0)),
	MALFORMED("an FDE that names what is before the section", LE32(20), LE32(0x7fffffff),
		  LE32(START), LE32(0), LE32(16), LE32(0)),
	MALFORMED("an FDE that names what is after the section", LE32(20), LE32(0xffff0000u),
		  LE32(START), LE32(0), LE32(16), LE32(0)),
};

static void what_is_malformed_costs_itself_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		const struct malformed *m = &malformed[i];
		size_t cie;

		buf_clear(&frames);
		cfi_entries_done(&e);
		cie = make_cie(&frames, "", BYTES(MAKE_BEGIN));
		make_fde(&frames, cie, false, START, 0x20, NULL, 0);
		buf_add(&frames, m->bytes, m->n);
		read_all();
		if (e.n_fdes != 1 || e.n_bad != m->bad)
			fail_msg("%s: %zu FDEs, %u bad", m->what, e.n_fdes, e.n_bad);
	}
}

static void an_fde_cut_anywhere_is_none(void **state)
{
	size_t cie = make_cie(&frames, "z", BYTES(MAKE_BEGIN));
	size_t before = frames.len;

	(void)state;
	for (size_t n = 4; n < 4 + 8 + 8 + 1; n++) {
		uint8_t content[32] = {};
		uint32_t back;

		frames.len = before;
		back = (uint32_t)(frames.len + 4 - cie);
		memcpy(content, &back, sizeof(back));
		content[4] = content[12] = 1;
		make_entry(&frames, content, n);
		cfi_entries_done(&e);
		read_all();
		assert_int_equal(e.n_fdes, 0);
		assert_int_equal(e.n_bad, 1);
	}
}

static void a_range_that_wraps_is_none(void **state)
{
	size_t cie = make_cie(&frames, "", BYTES(MAKE_BEGIN));

	(void)state;
	make_fde(&frames, cie, false, UINT64_MAX - 3, 0x20, NULL, 0);
	read_all();
	assert_int_equal(e.n_fdes, 0);
	assert_int_equal(e.n_bad, 1);
}

static void entries_without_number_are_refused(void **state)
{
	struct cfi_section s;

	(void)state;
	buf_done(&frames);
	buf_init(&frames, 64u << 20);
	for (size_t i = 0; i < UNWIND_CIES_MAX; i++)
		make_cie(&frames, "", NULL, 0);
	read_all();
	assert_int_equal(e.n_cies, UNWIND_CIES_MAX);
	cfi_entries_done(&e);
	make_cie(&frames, "", NULL, 0);
	s = make_section(&frames);
	assert_int_equal(cfi_entries_read(&s, &e), -E2BIG);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_fde_has_its_range_its_program_and_its_cie),
		TEST(a_zero_ends_what_has_no_known_size_and_nothing_else),
		TEST(debug_frame_names_its_cie_by_offset_also_one_that_follows),
		TEST(entries_of_64_bit_dwarf_are_read),
		TEST(a_signal_frame_says_so_beside_any_other_letters),
		TEST(code_that_the_linker_dropped_leaves_nothing),
		TEST(what_is_malformed_costs_itself_alone),
		TEST(an_fde_cut_anywhere_is_none),
		TEST(a_range_that_wraps_is_none),
		TEST(entries_without_number_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
