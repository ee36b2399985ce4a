/* _start and main of programs without symbols: each form of the start code, by hand. */
#include "symbolizer/start_code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LOADED 0x400000u
#define ENTRY  0x100u /* in the file, which lies in memory as it is */
#define MAIN   0x180u
#define FRAMES 0x1c0u
#define FDE    0x1e0u
#define BYTES  0x200u

/* The arguments' part, which all forms have. */
#define HEAD \
	0x31, 0xed, 0x49, 0x89, 0xd1, 0x5e, 0x48, 0x89, 0xe2, 0x48, 0x83, 0xe4, 0xf0, 0x50, 0x54
#define LEA_R8 0x4c, 0x8d, 0x05, 0x6a, 0xd8, 0x00, 0x00
#define LEA_CX 0x48, 0x8d, 0x0d, 0x03, 0xd8, 0x00, 0x00
#define GOT    0xff, 0x15, 0xae, 0x41, 0x01, 0x00, 0xf4

static uint8_t file[BYTES];

static void put_u32(size_t at, uint32_t v)
{
	memcpy(file + at, &v, sizeof(v));
}

/* A program of this start code; main has 0x20 bytes by its FDE. */
static void make(const uint8_t *code, size_t n)
{
	const Elf64_Ehdr header = {.e_entry = LOADED + ENTRY};
	static const uint8_t encodings[] = {1, 0x1b, 0x03, 0x3b};

	memset(file, 0, sizeof(file));
	memcpy(file, &header, sizeof(header));
	memcpy(file + ENTRY, code, n);
	memcpy(file + FRAMES, encodings, sizeof(encodings));
	put_u32(FRAMES + 8, 1);
	put_u32(FRAMES + 12, MAIN - FRAMES);
	put_u32(FRAMES + 16, FDE - FRAMES);
	put_u32(FDE + 8, MAIN - FDE - 8);
	put_u32(FDE + 12, 0x20);
}

static struct symbol_list found(size_t bytes)
{
	struct elf_segment segments[2] = {
		{.type = PT_LOAD,
		 .flags = PF_R | PF_X,
		 .address = LOADED,
		 .file_bytes = bytes,
		 .memory_bytes = bytes},
		{.type = PT_GNU_EH_FRAME, .address = LOADED + FRAMES},
	};
	const struct elf_image image = {.data = file,
					.size = bytes,
					.is_64 = true,
					.machine = EM_X86_64,
					.segments = segments,
					.n_segments = 2};
	struct symbol_list l = {};

	assert_int_equal(start_symbols(&image, &l), 0);
	return l;
}

static void is_found(const uint8_t *code, size_t n)
{
	struct symbol_list l;

	make(code, n);
	l = found(BYTES);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.v[0].name, "_start");
	assert_int_equal(l.v[0].address, LOADED + ENTRY);
	assert_int_equal(l.v[0].size, n);
	assert_string_equal(l.v[1].name, "main");
	assert_int_equal(l.v[1].address, LOADED + MAIN);
	assert_int_equal(l.v[1].size, 0x20);
	free(l.v);
	/* Each byte of the head is looked at, and the last one. */
	l = found(ENTRY + n - 1);
	assert_int_equal(l.n, 0);
	for (size_t i = 0; i < 15; i++) {
		file[ENTRY + i] ^= 1;
		l = found(BYTES);
		assert_int_equal(l.n, 0);
		file[ENTRY + i] ^= 1;
	}
	file[ENTRY + n - 1] ^= 1;
	l = found(BYTES);
	assert_int_equal(l.n, 0);
}

#define IS_FOUND(...)                                 \
	do {                                          \
		const uint8_t code[] = {__VA_ARGS__}; \
		is_found(code, sizeof(code));         \
	} while (0)

#define IS_NOT_FOUND(...)                             \
	do {                                          \
		const uint8_t code[] = {__VA_ARGS__}; \
		make(code, sizeof(code));             \
		assert_int_equal(found(BYTES).n, 0);  \
	} while (0)

/* lea main(%rip),%rdi that ends after so many bytes of _start. */
#define LEA_DI(end) 0x48, 0x8d, 0x3d, MAIN - ENTRY - (end), 0, 0, 0
/* mov $main,%rdi */
#define MOV_DI 0x48, 0xc7, 0xc7, MAIN & 0xff, MAIN >> 8, LOADED >> 16, 0

static void since_glibc_2_34(void **state)
{
	(void)state;
	IS_FOUND(HEAD, 0x45, 0x31, 0xc0, 0x31, 0xc9, LEA_DI(27), GOT);
	IS_FOUND(HEAD, 0x45, 0x31, 0xc0, 0x31, 0xc9, MOV_DI, 0x67, 0xe8, 1, 2, 3, 4, 0xf4);
}

/* As gzip of Debian 12 has it, which was built before. */
static void before_glibc_2_34_two_more_functions_are_given(void **state)
{
	(void)state;
	IS_FOUND(HEAD, LEA_R8, LEA_CX, LEA_DI(36), GOT);
	IS_FOUND(HEAD, 0x49, 0xc7, 0xc0, 0x40, 0x11, 0x40, 0, 0x48, 0xc7, 0xc1, 0xd0, 0x10, 0x40, 0,
		 MOV_DI, GOT);
}

static void still_older_the_call_is_a_plain_one(void **state)
{
	(void)state;
	IS_FOUND(HEAD, 0x49, 0xc7, 0xc0, 0x40, 0x11, 0x40, 0, 0x48, 0xc7, 0xc1, 0xd0, 0x10, 0x40, 0,
		 MOV_DI, 0xe8, 1, 2, 3, 4, 0xf4);
}

static void with_a_mark_for_branches(void **state)
{
	(void)state;
	IS_FOUND(0xf3, 0x0f, 0x1e, 0xfa, HEAD, 0x45, 0x31, 0xc0, 0x31, 0xc9, LEA_DI(31), GOT);
	IS_FOUND(0xf3, 0x0f, 0x1e, 0xfa, HEAD, LEA_R8, LEA_CX, LEA_DI(40), GOT);
}

static void what_is_nearly_so_is_somebody_elses(void **state)
{
	(void)state;
	IS_NOT_FOUND(HEAD, LEA_CX, LEA_R8, LEA_DI(36), GOT); /* in the other order */
	IS_NOT_FOUND(HEAD, LEA_R8, LEA_DI(29), GOT); /* one of them alone */
	IS_NOT_FOUND(HEAD, LEA_DI(22), GOT); /* neither */
	IS_NOT_FOUND(HEAD, LEA_R8, LEA_CX, LEA_CX, GOT); /* no main */
	IS_NOT_FOUND(HEAD, LEA_R8, LEA_CX, LEA_DI(36), 0x90, 0x15, 1, 2, 3, 4, 0xf4); /* no call */
	IS_NOT_FOUND(0xf3, 0x0f, 0x1e, 0xfb, HEAD, LEA_R8, LEA_CX, LEA_DI(40), GOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(since_glibc_2_34),
		cmocka_unit_test(before_glibc_2_34_two_more_functions_are_given),
		cmocka_unit_test(still_older_the_call_is_a_plain_one),
		cmocka_unit_test(with_a_mark_for_branches),
		cmocka_unit_test(what_is_nearly_so_is_somebody_elses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
