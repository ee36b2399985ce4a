/* Compressed sections: in our memory, in a file without a name, or not at all. */
#include "symbolizer/dwarf_sections.h"
#include "tests/unit/symbolizer/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define BYTES_MAX (1u << 20)

struct room {
	unsigned int asked;
	uint64_t bytes;
	bool full; /* the disk is */
};

static int give_room(void *ctx, uint32_t module, const struct sym_want *want)
{
	struct room *room = ctx;
	int fd;

	(void)module;
	if (want->kind != SYM_WANT_ROOM)
		return -ENOENT;
	room->asked++;
	room->bytes = want->bytes;
	if (room->full)
		return -ENOSPC;
	fd = memfd_create("room", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, (off_t)want->bytes), 0);
	return fd;
}

static void open_image(const char *program, struct elf_image *ret)
{
	int fd = fixture_open(program);

	assert_int_equal(elf_image_open(ret, fd, NULL), 0);
	close(fd);
}

/* The sections of the compressed program are those of the plain one. */
static void check_same(const struct dwarf_sections *s)
{
	struct dwarf_sections plain;
	struct elf_image image;

	open_image("inlined", &image);
	assert_int_equal(dwarf_sections_open(&plain, &image, false, NULL, 0), 0);
	assert_null(plain.inflated);
	for (int i = 0; i < DWARF_SECTION_COUNT; i++) {
		assert_int_equal(s->v[i].size, plain.v[i].size);
		if (s->v[i].size)
			assert_memory_equal(s->v[i].data, plain.v[i].data, s->v[i].size);
	}
	dwarf_sections_done(&plain);
	elf_image_done(&image);
}

static void what_fits_is_inflated_into_our_memory(void **state)
{
	struct room room = {};
	const struct file_opener opener = {.open = give_room, .ctx = &room};
	struct dwarf_sections s;
	struct elf_image image;

	(void)state;
	open_image("inlined_compressed", &image);
	assert_int_equal(dwarf_sections_open(&s, &image, false, &opener, BYTES_MAX), 0);
	check_same(&s);
	assert_int_equal(room.asked, 0);
	assert_true(dwarf_sections_bytes(&s) > 0);
	dwarf_sections_done(&s);
	elf_image_done(&image);
}

/* Whether a page is in our memory: bit 63 of its entry. */
static bool is_present(const void *at)
{
	uint64_t entry, page = (uint64_t)(uintptr_t)at / (uint64_t)sysconf(_SC_PAGESIZE);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &entry, sizeof(entry), (off_t)(page * sizeof(entry))),
			 sizeof(entry));
	close(fd);
	return entry >> 63;
}

static void room_is_not_in_memory_while_nobody_reads_it(void **state)
{
	struct room room = {};
	const struct file_opener opener = {.open = give_room, .ctx = &room};
	struct dwarf_sections s;
	struct elf_image image;

	(void)state;
	open_image("inlined_compressed", &image);
	assert_int_equal(dwarf_sections_open(&s, &image, false, &opener, 1), 0);
	assert_true(is_present(s.inflated));
	dwarf_sections_rest(&s);
	assert_false(is_present(s.inflated));
	check_same(&s);
	dwarf_sections_done(&s);
	/* What is in our own memory stays. */
	assert_int_equal(dwarf_sections_open(&s, &image, false, NULL, BYTES_MAX), 0);
	dwarf_sections_rest(&s);
	check_same(&s);
	dwarf_sections_done(&s);
	elf_image_done(&image);
}

static void what_does_not_fit_is_inflated_into_room(void **state)
{
	struct room room = {};
	const struct file_opener opener = {.open = give_room, .ctx = &room};
	struct dwarf_sections s;
	struct elf_image image;

	(void)state;
	open_image("inlined_compressed", &image);
	assert_int_equal(dwarf_sections_open(&s, &image, false, &opener, 1), 0);
	check_same(&s);
	assert_int_equal(room.asked, 1);
	assert_int_equal(room.bytes, s.inflated_bytes);
	assert_int_equal(dwarf_sections_bytes(&s), 0);
	dwarf_sections_done(&s);
	elf_image_done(&image);
}

static void room_is_used_again(void **state)
{
	struct dwarf_rooms rooms = {};
	struct room room = {};
	const struct file_opener opener = {.open = give_room, .ctx = &room, .rooms = &rooms};
	struct dwarf_sections one, two;
	struct elf_image image;

	(void)state;
	open_image("inlined_compressed", &image);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(dwarf_sections_open(&one, &image, false, &opener, 1), 0);
		check_same(&one);
		assert_int_equal(room.asked, 1);
		if (i < 2)
			dwarf_sections_done(&one);
	}
	/* What is taken is not given twice. */
	assert_int_equal(dwarf_sections_open(&two, &image, false, &opener, 1), 0);
	assert_int_equal(room.asked, 2);
	check_same(&one);
	check_same(&two);
	dwarf_sections_done(&one);
	dwarf_sections_done(&two);
	assert_false(rooms.v[0].taken);
	assert_false(rooms.v[1].taken);
	dwarf_rooms_done(&rooms);
	elf_image_done(&image);
}

static void more_rooms_than_are_kept_are_given_back(void **state)
{
	struct dwarf_rooms rooms = {};
	struct room room = {};
	const struct file_opener opener = {.open = give_room, .ctx = &room, .rooms = &rooms};
	struct dwarf_sections s[DWARF_ROOMS_MAX + 2];
	struct elf_image image;

	(void)state;
	open_image("inlined_compressed", &image);
	for (size_t i = 0; i < DWARF_ROOMS_MAX + 2; i++)
		assert_int_equal(dwarf_sections_open(&s[i], &image, false, &opener, 1), 0);
	assert_int_equal(room.asked, DWARF_ROOMS_MAX + 2);
	for (size_t i = 0; i < DWARF_ROOMS_MAX + 2; i++)
		dwarf_sections_done(&s[i]);
	dwarf_rooms_done(&rooms);
	elf_image_done(&image);
}

static void without_room_there_is_no_space_for_it(void **state)
{
	struct room room = {.full = true};
	const struct file_opener opener = {.open = give_room, .ctx = &room};
	struct dwarf_sections s;
	struct elf_image image;

	(void)state;
	open_image("inlined_compressed", &image);
	assert_int_equal(dwarf_sections_open(&s, &image, false, NULL, 1), -ENOSPC);
	dwarf_sections_done(&s);
	assert_int_equal(dwarf_sections_open(&s, &image, false, &opener, 1), -ENOSPC);
	dwarf_sections_done(&s);
	assert_int_equal(room.asked, 1);
	elf_image_done(&image);
}

static void names_of_a_file_that_is_too_large_for_memory_are_found(void **state)
{
	struct room room = {};
	struct sym_options options = {.open = give_room, .open_ctx = &room};
	uint64_t address = fixture_symbol("inlined", "mark_leaf", NULL);
	struct dwarf_sections sections;
	struct elf_image image;
	struct symbolizer *s;
	struct sym_answer a;
	uint32_t module;

	(void)state;
	open_image("inlined_compressed", &image);
	assert_int_equal(dwarf_sections_open(&sections, &image, false, NULL, BYTES_MAX), 0);
	options.index_bytes_max = 2 * (sections.inflated_bytes - 1); /* half of it is for them */
	dwarf_sections_done(&sections);
	elf_image_done(&image);
	assert_int_equal(symbolizer_new(&options, &s), 0);
	assert_int_equal(
		symbolizer_add_elf(s, fixture_open("inlined_compressed"), NULL, &module, NULL), 0);
	assert_int_equal(symbolizer_name_address(s, module, address, &a, NULL), 0);
	assert_int_equal(a.n_lines, 3);
	assert_int_equal(room.asked, 1);
	symbolizer_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_is_inflated_into_our_memory),
		cmocka_unit_test(room_is_not_in_memory_while_nobody_reads_it),
		cmocka_unit_test(what_does_not_fit_is_inflated_into_room),
		cmocka_unit_test(room_is_used_again),
		cmocka_unit_test(more_rooms_than_are_kept_are_given_back),
		cmocka_unit_test(without_room_there_is_no_space_for_it),
		cmocka_unit_test(names_of_a_file_that_is_too_large_for_memory_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
