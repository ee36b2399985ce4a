/* The pipeline over made files: where rows begin and end, who wins, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/unit/unwind/make.h"

#define START MAKE_CODE_ADDRESS

static struct buf frames, debug_frames;
static struct unwind_table t;
static size_t cie;

static int begin(void **state)
{
	(void)state;
	buf_init(&frames, 64u << 20);
	buf_init(&debug_frames, 1u << 20);
	t = (struct unwind_table){};
	cie = make_cie(&frames, "z", BYTES(MAKE_BEGIN));
	return 0;
}

static int end(void **state)
{
	(void)state;
	unwind_table_done(&t);
	buf_done(&frames);
	buf_done(&debug_frames);
	return 0;
}

static void fde(uint64_t start, uint64_t length, uint8_t cfa_offset)
{
	make_fde(&frames, cie, true, start, length, BYTES(0x0e, cfa_offset));
}

static void compile(void)
{
	assert_int_equal(make_table(&(struct make_file){.eh_frame = &frames}, &t), 0);
}

/* 0: a hole. */
static int cfa_at(uint64_t address)
{
	const struct unwind_rule *r = make_rule_at(&t, address);

	return r ? r->cfa_offset : 0;
}

static void rows_hold_in_their_range_and_holes_are_holes(void **state)
{
	(void)state;
	make_fde(&frames, cie, true, START + 0x10, 0x20,
		 BYTES(0x44, 0x0e, 16, 0x86, 2, 0x44, 0x0e, 24));
	fde(START + 0x40, 0x10, 32);
	compile();
	assert_int_equal(cfa_at(START + 0x0f), 0);
	assert_int_equal(cfa_at(START + 0x10), 8);
	assert_int_equal(cfa_at(START + 0x13), 8);
	assert_int_equal(cfa_at(START + 0x14), 16);
	assert_int_equal(cfa_at(START + 0x18), 24);
	assert_int_equal(cfa_at(START + 0x2f), 24);
	assert_int_equal(cfa_at(START + 0x30), 0);
	assert_int_equal(cfa_at(START + 0x40), 32);
	assert_int_equal(cfa_at(START + 0x4f), 32);
	assert_int_equal(cfa_at(START + 0x50), 0);
	assert_int_equal(t.n_fdes, 2);
	assert_int_equal(t.n_cfi_rows, 4);
	assert_int_equal(t.n_rows, 7);
	assert_int_equal(t.source, UNWIND_SOURCE_EH_FRAME);
	assert_int_equal(t.machine, EM_X86_64);
}

static void neighbours_of_one_rule_share_a_row(void **state)
{
	(void)state;
	fde(START + 0x10, 0x10, 16);
	fde(START + 0x20, 0x10, 16);
	compile();
	assert_int_equal(t.n_cfi_rows, 2);
	assert_int_equal(t.n_rows, 3);
}

static void fdes_may_stand_in_any_order(void **state)
{
	(void)state;
	fde(START + 0x40, 0x10, 40);
	fde(START + 0x10, 0x10, 16);
	fde(START + 0x30, 0x10, 32);
	compile();
	assert_int_equal(cfa_at(START + 0x10), 16);
	assert_int_equal(cfa_at(START + 0x20), 0);
	assert_int_equal(cfa_at(START + 0x30), 32);
	assert_int_equal(cfa_at(START + 0x40), 40);
	assert_int_equal(t.n_overlaps, 0);
}

static void of_overlapping_fdes_the_first_one_has_what_both_cover(void **state)
{
	(void)state;
	make_fde(&frames, cie, true, START + 0x18, 0x20,
		 BYTES(0x0e, 24, 0x44, 0x0e, 32, 0x4c, 0x0e, 40));
	fde(START + 0x10, 0x10, 16);
	fde(START + 0x12, 0x4, 48); /* within */
	fde(START + 0x10, 0x8, 56); /* begins with it, and stands behind it */
	compile();
	assert_int_equal(cfa_at(START + 0x10), 16);
	assert_int_equal(cfa_at(START + 0x13), 16);
	assert_int_equal(cfa_at(START + 0x1f), 16);
	assert_int_equal(cfa_at(START + 0x20), 32); /* a row of the second that had begun before */
	assert_int_equal(cfa_at(START + 0x28), 40);
	assert_int_equal(cfa_at(START + 0x38), 0);
	assert_int_equal(t.n_overlaps, 3);
}

static void what_covers_no_code_is_nothing(void **state)
{
	(void)state;
	fde(0x10, 0x100, 16); /* in no segment */
	fde(MAKE_CFI_ADDRESS, 0x10, 24); /* in one that is not executable */
	fde(START + 0xff0, 1ull << 40, 32); /* leads out of its own */
	compile();
	assert_int_equal(t.n_pages, 1);
	assert_int_equal(cfa_at(START + 0xfff), 32);
	assert_int_equal(cfa_at(START + 0x1000), 0);
	assert_int_equal(t.n_fdes, 3);
}

static void a_corrupt_program_leaves_a_hole_from_there_on(void **state)
{
	(void)state;
	make_fde(&frames, cie, true, START + 0x10, 0x20, BYTES(0x0e, 16, 0x44, 0x3f));
	fde(START + 0x30, 0x10, 32);
	compile();
	assert_int_equal(cfa_at(START + 0x13), 16);
	assert_int_equal(cfa_at(START + 0x14), 0);
	assert_int_equal(cfa_at(START + 0x2f), 0);
	assert_int_equal(cfa_at(START + 0x30), 32);
	assert_int_equal(t.n_bad, 1);
}

static void a_cie_of_a_corrupt_program_costs_its_own_fdes(void **state)
{
	size_t bad = make_cie(&frames, "z", BYTES(0x3f));

	(void)state;
	make_fde(&frames, bad, true, START + 0x10, 0x10, NULL, 0);
	fde(START + 0x30, 0x10, 32);
	compile();
	assert_int_equal(cfa_at(START + 0x10), 0);
	assert_int_equal(cfa_at(START + 0x30), 32);
	assert_int_equal(t.n_bad, 1);
}

static void a_restorers_row_begins_one_byte_early(void **state)
{
	static const uint8_t program[] = {0x0f, 4,    0x77, 0xa0, 1, 0x06, 0x10, 16,   3,
					  0x77, 0xa8, 1,    0x10, 6, 3,	   0x77, 0xf8, 0};
	size_t signal = make_cie(&frames, "zS", program, sizeof(program));

	(void)state;
	make_fde(&frames, signal, true, START + 0x10, 0x10, NULL, 0);
	fde(START + 0x38, 0x8, 32);
	make_fde(&frames, signal, true, START + 0x40, 0x10, NULL, 0);
	compile();
	assert_null(make_rule_at(&t, START + 0x0e));
	assert_int_equal(make_rule_at(&t, START + 0x0f)->kind, UNWIND_KIND_SIGNAL);
	assert_int_equal(make_rule_at(&t, START + 0x1f)->kind, UNWIND_KIND_SIGNAL);
	assert_null(make_rule_at(&t, START + 0x20));
	/* Not where that byte is somebody else's. */
	assert_int_equal(cfa_at(START + 0x3f), 32);
	assert_int_equal(make_rule_at(&t, START + 0x40)->kind, UNWIND_KIND_SIGNAL);
}

static void debug_frame_fills_what_eh_frame_leaves(void **state)
{
	struct make_file f = {.eh_frame = &frames, .debug_frame = &debug_frames};
	size_t other = make_debug_cie(&debug_frames, BYTES(MAKE_BEGIN));

	(void)state;
	fde(START + 0x10, 0x10, 16);
	make_debug_fde(&debug_frames, other, START + 0x10, 0x10, BYTES(0x0e, 48));
	make_debug_fde(&debug_frames, other, START + 0x20, 0x10, BYTES(0x0e, 56));
	assert_int_equal(make_table(&f, &t), 0);
	assert_int_equal(cfa_at(START + 0x10), 16);
	assert_int_equal(cfa_at(START + 0x20), 56);
	assert_int_equal(t.source, UNWIND_SOURCE_BOTH);
	unwind_table_done(&t);
	f.eh_frame = NULL;
	assert_int_equal(make_table(&f, &t), 0);
	assert_int_equal(cfa_at(START + 0x10), 48);
	assert_int_equal(t.source, UNWIND_SOURCE_DEBUG_FRAME);
}

static void a_separate_debug_file_is_read_as_well(void **state)
{
	struct make_file f = {}, d = {.debug_frame = &debug_frames};
	size_t other = make_debug_cie(&debug_frames, BYTES(MAKE_BEGIN));
	struct unwind_input in = {};
	uint8_t *file, *debug;

	(void)state;
	make_debug_fde(&debug_frames, other, START + 0x10, 0x10, BYTES(0x0e, 48));
	in.data = file = make_elf(&f, &in.bytes);
	in.debug = debug = make_elf(&d, &in.debug_bytes);
	assert_int_equal(unwind_compile(&in, &t, NULL), 0);
	assert_int_equal(cfa_at(START + 0x10), 48);
	free(file);
	free(debug);
}

static void an_entry_point_without_cfi_is_the_end(void **state)
{
	struct make_file f = {.eh_frame = &frames, .entry = START + 0x20};

	(void)state;
	fde(START + 0x10, 0x10, 16);
	fde(START + 0x60, 0x10, 32);
	assert_int_equal(make_table(&f, &t), 0);
	assert_int_equal(make_rule_at(&t, START + 0x20)->kind, UNWIND_KIND_END);
	assert_int_equal(make_rule_at(&t, START + 0x5f)->kind, UNWIND_KIND_END);
	assert_int_equal(cfa_at(START + 0x60), 32);
	assert_int_equal(t.n_fdes, 2);
	assert_int_equal(t.n_cfi_rows, 2);
}

static void why_there_are_no_rows_is_told(void **state)
{
	struct make_file f = {};

	(void)state;
	assert_int_equal(make_table(&f, &t), 0);
	assert_int_equal(t.source, UNWIND_SOURCE_NONE);
	f.eh_frame = &frames;
	f.type = ET_REL;
	unwind_table_done(&t);
	assert_int_equal(make_table(&f, &t), 0);
	assert_int_equal(t.source, UNWIND_SOURCE_RELOCATABLE);
	f.type = ET_DYN;
	f.machine = EM_386;
	unwind_table_done(&t);
	assert_int_equal(make_table(&f, &t), 0);
	assert_int_equal(t.source, UNWIND_SOURCE_MACHINE);
	assert_int_equal(t.n_rows, 0);
	assert_null(make_rule_at(&t, START));
}

static void what_is_no_elf_file_or_has_only_corrupt_cfi_is_refused(void **state)
{
	struct unwind_input in = {.data = (const uint8_t *)"#!/bin/sh\n", .bytes = 10};
	struct err err = {};

	(void)state;
	t.n_rows = 7;
	assert_int_equal(unwind_compile(&in, &t, &err), -EBADMSG);
	assert_string_equal(err_text(&err), "not an ELF file");
	buf_clear(&frames);
	make_entry(&frames, BYTES(4, 0, 0, 0, 1, 2, 3, 4)); /* an FDE that names itself */
	assert_int_equal(make_table(&(struct make_file){.eh_frame = &frames}, &t), -EBADMSG);
	assert_int_equal(t.n_rows, 7);
	t = (struct unwind_table){};
}

/*
 * A row a byte, over a file of code: past the rows of a page, in time that is bounded by the bytes.
 */
static void rows_without_number_are_refused(void **state)
{
	size_t n = 3 * (UNWIND_PAGE_ROWS_MAX + 2);
	uint8_t *program = malloc(n);
	struct make_file f = {.eh_frame = &frames, .code_bytes = 1u << 20};

	(void)state;
	for (size_t i = 0; i < n; i += 3)
		memcpy(program + i, (uint8_t[]){0x41, 0x0e, (uint8_t)(i / 3 % 100)}, 3);
	make_fde(&frames, cie, true, START, 1u << 20, program, n);
	assert_int_equal(make_table(&f, &t), -E2BIG);
	free(program);
}

/* 2^32 advances fit in no file; advances that lead nowhere cost their bytes and give no row. */
static void advances_without_end_cost_their_bytes(void **state)
{
	size_t n = 8u << 20;
	uint8_t *program = malloc(n);

	(void)state;
	memset(program, 0x40, n); /* by nothing */
	make_fde(&frames, cie, true, START, 0x100, program, n);
	memset(program, 0x7f, n); /* out of the range */
	make_fde(&frames, cie, true, START + 0x100, 0x100, program, n);
	compile();
	assert_int_equal(t.n_cfi_rows, 2);
	assert_int_equal(t.n_bad, 0);
	free(program);
}

static void a_file_cut_anywhere_is_survived(void **state)
{
	struct make_file f = {.eh_frame = &frames};
	uint8_t *data, *exact;
	size_t bytes;

	(void)state;
	fde(START + 0x10, 0x10, 16);
	data = make_elf(&f, &bytes);
	for (size_t n = 0; n < bytes; n += n < 0x200 || n > bytes - 0x300 ? 1 : 97) {
		struct unwind_table cut = {};

		exact = malloc(n ? n : 1);
		memcpy(exact, data, n);
		if (unwind_compile(&(struct unwind_input){.data = exact, .bytes = n}, &cut, NULL) ==
		    0)
			unwind_table_done(&cut);
		free(exact);
	}
	free(data);
}

/* The section header that names the made .eh_frame, in a copy of the file. */
static Elf64_Shdr *section_of(uint8_t *file, size_t bytes)
{
	const Elf64_Ehdr *head = (const Elf64_Ehdr *)file;
	Elf64_Shdr *v = (Elf64_Shdr *)(file + head->e_shoff);

	for (unsigned int i = 0; i < head->e_shnum; i++)
		if (v[i].sh_addr == MAKE_CFI_ADDRESS && v[i].sh_offset + v[i].sh_size <= bytes)
			return &v[i];
	fail_msg("no section of CFI");
	return NULL;
}

/* In memory that nobody touches: it must be refused before it is read. */
static void more_cfi_than_is_taken_is_refused_unread(void **state)
{
	size_t bytes, room = UNWIND_CFI_BYTES_MAX + (1u << 20);
	uint8_t *made, *file;
	Elf64_Shdr *section;
	struct err err = {};

	(void)state;
	fde(START, 0x10, 16);
	made = make_elf(&(struct make_file){.eh_frame = &frames}, &bytes);
	file = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	assert_ptr_not_equal(file, MAP_FAILED);
	memcpy(file, made, bytes);
	free(made);
	section = section_of(file, bytes);
	section->sh_size = UNWIND_CFI_BYTES_MAX + 1;
	assert_int_equal(
		unwind_compile(&(struct unwind_input){.data = file, .bytes = room}, &t, &err),
		-E2BIG);
	assert_string_equal(err_text(&err), "its CFI is larger than what is taken");
	munmap(file, room);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(more_cfi_than_is_taken_is_refused_unread),
		TEST(rows_hold_in_their_range_and_holes_are_holes),
		TEST(neighbours_of_one_rule_share_a_row),
		TEST(fdes_may_stand_in_any_order),
		TEST(of_overlapping_fdes_the_first_one_has_what_both_cover),
		TEST(what_covers_no_code_is_nothing),
		TEST(a_corrupt_program_leaves_a_hole_from_there_on),
		TEST(a_cie_of_a_corrupt_program_costs_its_own_fdes),
		TEST(a_restorers_row_begins_one_byte_early),
		TEST(debug_frame_fills_what_eh_frame_leaves),
		TEST(a_separate_debug_file_is_read_as_well),
		TEST(an_entry_point_without_cfi_is_the_end),
		TEST(why_there_are_no_rows_is_told),
		TEST(what_is_no_elf_file_or_has_only_corrupt_cfi_is_refused),
		TEST(rows_without_number_are_refused),
		TEST(advances_without_end_cost_their_bytes),
		TEST(a_file_cut_anywhere_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
