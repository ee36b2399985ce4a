/* ELF files opened: whole, lying, damaged, cut. */
#include "symbolizer/module.h"
#include "symbolizer/symbolizer.h"
#include "tests/unit/symbolizer/fixture.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int open_image(int fd, struct elf_image *ret)
{
	struct err err = {};
	int r = elf_image_open(ret, fd, &err);

	close(fd);
	if (r < 0)
		assert_true(err.text[0] != '\0');
	return r;
}

static void what_is_no_elf_file_is_refused_with_a_sentence(void **state)
{
	static const char *const texts[] = {"", "x", "\177ELF", "#!/bin/sh\n",
					    "!<arch>\nsomething else that is long enough to be"};
	struct elf_image image;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char padded[80] = {};

		assert_int_equal(open_image(fixture_bytes(texts[i], strlen(texts[i])), &image),
				 -EBADMSG);
		memcpy(padded, texts[i], strlen(texts[i]));
		assert_int_equal(open_image(fixture_bytes(padded, sizeof(padded)), &image),
				 -EBADMSG);
	}
	assert_int_equal(elf_image_copy(&image, "\177EL", 3, NULL), -EBADMSG);
	assert_int_equal(open_image(open("/dev/zero", O_RDONLY | O_CLOEXEC), &image), -EBADMSG);
	assert_int_equal(open_image(open("/", O_RDONLY | O_CLOEXEC), &image), -EBADMSG);
	assert_int_equal(elf_image_open(&image, -1, NULL), -EBADF);
}

static void the_other_byte_order_is_refused(void **state)
{
	int fd = fixture_copy("inlined");
	struct elf_image image;

	(void)state;
	assert_int_equal(pwrite(fd, "\2", 1, EI_DATA), 1);
	assert_int_equal(open_image(fd, &image), -EBADMSG);
}

static void positions_in_the_file_become_addresses(void **state)
{
	struct elf_image image;
	const struct elf_section *text;
	uint64_t address;

	(void)state;
	assert_int_equal(open_image(fixture_open("inlined"), &image), 0);
	text = elf_image_section(&image, ".text");
	assert_non_null(text);
	assert_true(elf_image_address(&image, text->offset + 5, &address));
	assert_int_equal(address, text->address + 5);
	assert_true(elf_image_is_code(&image, text->address));
	assert_false(elf_image_is_code(&image, elf_image_section(&image, ".data")->address));
	assert_false(elf_image_address(&image, image.size + 1, &address));
	assert_false(elf_image_address(&image, UINT64_MAX, &address));
	assert_null(elf_image_section(&image, ".text2"));
	elf_image_done(&image);
}

static void all_sections_lie_within_the_file(void **state)
{
	struct elf_image image;

	(void)state;
	assert_int_equal(open_image(fixture_open("inlined"), &image), 0);
	assert_true(image.n_sections > 20);
	for (size_t i = 0; i < image.n_sections; i++) {
		struct span s = elf_image_bytes(&image, &image.sections[i]);

		assert_true(s.size == 0 ||
			    (s.data >= image.data && s.data + s.size <= image.data + image.size));
	}
	elf_image_done(&image);
}

static void the_build_id_is_the_linkers(void **state)
{
	struct sym_module_info info, stripped;
	struct symbolizer *s;
	uint32_t module;

	(void)state;
	assert_int_equal(symbolizer_new(NULL, &s), 0);
	assert_int_equal(symbolizer_add_elf(s, fixture_open("inlined"), &info, &module, NULL), 0);
	assert_true(info.has_dwarf && info.has_symtab);
	assert_int_equal(info.build_id_bytes, 20);
	assert_int_equal(
		symbolizer_add_elf(s, fixture_open("inlined_stripped"), &stripped, &module, NULL),
		0);
	assert_false(stripped.has_dwarf || stripped.has_symtab);
	assert_int_equal(stripped.build_id_bytes, 20);
	assert_memory_equal(info.build_id, stripped.build_id, 20);
	symbolizer_free(s);
}

/* Ask a damaged file all over: whatever it answers, it must answer. */
static void ask(int fd, const uint64_t *offsets, size_t n)
{
	struct sym_options options = {.index_bytes_max = 1u << 20};
	struct symbolizer *s;
	struct sym_answer answer;
	struct err err;
	uint32_t module;

	assert_int_equal(symbolizer_new(&options, &s), 0);
	if (symbolizer_add_elf(s, fd, NULL, &module, &err) == 0)
		for (size_t i = 0; i < n; i++)
			symbolizer_name(s, module, offsets[i], &answer, &err);
	symbolizer_free(s);
}

static void headers_that_lie_lead_nowhere(void **state)
{
	static const struct {
		size_t at, len;
		uint64_t value;
	} cases[] = {
		{offsetof(Elf64_Ehdr, e_shoff), 8, UINT64_MAX},
		{offsetof(Elf64_Ehdr, e_shoff), 8, UINT64_MAX - 63},
		{offsetof(Elf64_Ehdr, e_shoff), 8, 1},
		{offsetof(Elf64_Ehdr, e_phoff), 8, UINT64_MAX - 55},
		{offsetof(Elf64_Ehdr, e_shnum), 2, 0},
		{offsetof(Elf64_Ehdr, e_shnum), 2, 0xffff},
		{offsetof(Elf64_Ehdr, e_phnum), 2, 0xffff},
		{offsetof(Elf64_Ehdr, e_shstrndx), 2, 0xffff},
		{offsetof(Elf64_Ehdr, e_shstrndx), 2, 0xfff0},
		{offsetof(Elf64_Ehdr, e_shentsize), 2, 1},
		{offsetof(Elf64_Ehdr, e_phentsize), 2, 0},
		{EI_CLASS, 1, ELFCLASS32},
		{EI_CLASS, 1, 9},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t offsets[] = {0x1000, 0x1100, 0x1234, 0x2000};
		int fd = fixture_copy("inlined");

		assert_int_equal(pwrite(fd, &cases[i].value, cases[i].len, (off_t)cases[i].at),
				 cases[i].len);
		ask(fd, offsets, 4);
	}
}

/* Damage at random, but always the same: bytes of every section get wrong. */
static void damaged_files_are_survived(void **state)
{
	static const char *const names[] = {"inlined", "inlined_4", "inlined_lto",
					    "inlined_compressed"};
	uint64_t offsets[6];

	(void)state;
	srand(11);
	for (int round = 0; round < 400; round++) {
		int fd = fixture_copy(names[round % 4]);
		struct stat st;

		fstat(fd, &st);
		for (int i = 0; i < 40; i++) {
			uint8_t byte = (uint8_t)(rand() % 3 ? rand() : 0xff);

			assert_int_equal(pwrite(fd, &byte, 1, 64 + rand() % (st.st_size - 64)), 1);
		}
		for (int i = 0; i < 6; i++)
			offsets[i] = 0x1000 + (uint64_t)(rand() % 0x400);
		ask(fd, offsets, 6);
	}
}

static void files_cut_anywhere_are_survived(void **state)
{
	int whole = fixture_open("inlined");
	uint64_t offsets[] = {0x1080, 0x1140, 0x11c0};
	struct stat st;

	(void)state;
	fstat(whole, &st);
	close(whole);
	for (off_t size = 0; size < st.st_size; size += 997) {
		int fd = fixture_copy("inlined");

		assert_int_equal(ftruncate(fd, size), 0);
		ask(fd, offsets, 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_elf_file_is_refused_with_a_sentence),
		cmocka_unit_test(the_other_byte_order_is_refused),
		cmocka_unit_test(positions_in_the_file_become_addresses),
		cmocka_unit_test(all_sections_lie_within_the_file),
		cmocka_unit_test(the_build_id_is_the_linkers),
		cmocka_unit_test(headers_that_lie_lead_nowhere),
		cmocka_unit_test(damaged_files_are_survived),
		cmocka_unit_test(files_cut_anywhere_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
