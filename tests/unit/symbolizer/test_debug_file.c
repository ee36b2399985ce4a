/* Separate debug files: which one is believed, and what stands in .gnu_debuglink. */
#include "symbolizer/debug_file.h"
#include "tests/unit/symbolizer/fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- .gnu_debuglink ---- */

static const struct {
	const char *what;
	const char bytes[16];
	size_t len;
	const char *name; /* NULL: refused */
} links[] = {
	{"three bytes of padding", "a.debug\0\1\2\3\4", 12, "a.debug"},
	{"padding", "abc.dbg2\0\0\0\0\1\2\3\4", 16, "abc.dbg2"},
	{"nothing", "", 0, NULL},
	{"no end", "abcdefgh", 8, NULL},
	{"an empty name", "\0\0\0\0\1\2\3\4", 8, NULL},
	{"no CRC", "a.debug\0", 8, NULL},
	{"half a CRC", "a.debug\0\1\2", 10, NULL},
	{"a directory", "../b\0\0\0\0\1\2\3\4", 12, NULL},
	{"the directory above", "..\0\0\1\2\3\4", 8, NULL},
	{"this directory", ".\0\0\0\1\2\3\4", 8, NULL},
	{"shorter than a CRC", "a\0", 2, NULL},
};

static void a_link_is_a_name_and_a_crc(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		struct span bytes = {(const uint8_t *)links[i].bytes, links[i].len};
		struct debug_link link = {};
		bool good = debug_link_parse(bytes, &link);

		if (good != (links[i].name != NULL))
			fail_msg("%s", links[i].what);
		if (good) {
			assert_string_equal(link.name, links[i].name);
			assert_int_equal(link.crc, 0x04030201);
		}
	}
}

static void the_crc_is_that_of_ieee_802_3(void **state)
{
	(void)state;
	assert_int_equal(debug_link_crc((struct span){(const uint8_t *)"123456789", 9}),
			 0xcbf43926);
	assert_int_equal(debug_link_crc((struct span){}), 0);
}

/* ---- .gnu_debugaltlink ---- */

static const struct {
	const char *what;
	const char bytes[96];
	size_t len;
	size_t id_bytes; /* 0: refused */
} alts[] = {
	{"a path and an id", "/a/b.debug\0\1\2\3\4", 15, 4},
	{"an id of the greatest length", "x", 2 + SYM_BUILD_ID_MAX, SYM_BUILD_ID_MAX},
	{"nothing", "", 0, 0},
	{"no end", "abcd", 4, 0},
	{"no path", "\0\1\2\3", 4, 0},
	{"no id", "/a/b.debug", 11, 0},
	{"an id that is too long", "x", 3 + SYM_BUILD_ID_MAX, 0},
};

static void an_alternate_link_is_a_path_and_a_build_id(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(alts) / sizeof(*alts); i++) {
		struct span bytes = {(const uint8_t *)alts[i].bytes, alts[i].len};
		struct debug_alt alt = {};

		if (debug_alt_parse(bytes, &alt) != (alts[i].id_bytes > 0))
			fail_msg("%s", alts[i].what);
		assert_int_equal(alt.build_id.size, alts[i].id_bytes);
	}
}

/* ---- which file ---- */

/* What the owner of the symbolizer would open. */
struct shelf {
	const char *by_id[SYM_WANT_SKIP_MAX]; /* programs, in the order in which they are given */
	const char *by_link[SYM_WANT_SKIP_MAX];
	size_t spoilt; /* so many bytes are added to what by_link gives */
	unsigned int asked;
	char link[64]; /* the name that was asked for */
};

static int take(void *ctx, uint32_t module, const struct sym_want *want)
{
	static const char spoil[] = "spoilt";
	struct shelf *shelf = ctx;
	const char *const *from = want->kind == SYM_WANT_LINK ? shelf->by_link : shelf->by_id;
	int fd;

	assert_int_equal(module, 42);
	shelf->asked++;
	if (want->kind == SYM_WANT_LINK)
		snprintf(shelf->link, sizeof(shelf->link), "%s", want->name);
	if (!from[want->skip])
		return -ENOENT;
	fd = fixture_copy(from[want->skip]);
	if (want->kind == SYM_WANT_LINK && shelf->spoilt)
		assert_int_equal(write(fd, spoil, shelf->spoilt), shelf->spoilt);
	return fd;
}

/* What is found for `inlined_linked`. */
static int find(struct shelf *shelf)
{
	const struct file_opener opener = {.open = take, .ctx = shelf, .module = 42};
	struct debug_files files = {};
	struct elf_image of;
	int fd = fixture_open("inlined_linked");
	int found;

	assert_int_equal(elf_image_open(&of, fd, NULL), 0);
	close(fd);
	assert_int_equal(debug_files_seek(&files, &of, &opener), 0);
	found = files.debug.size > 0;
	if (found)
		assert_non_null(elf_image_section(&files.debug, ".debug_info"));
	debug_files_done(&files);
	elf_image_done(&of);
	return found;
}

static void it_is_found_by_build_id_before_the_link(void **state)
{
	struct shelf shelf = {.by_id = {"inlined.debug"}};

	(void)state;
	assert_int_equal(find(&shelf), 1);
	assert_int_equal(shelf.asked, 1);
}

static void it_is_found_by_link_when_the_crc_agrees(void **state)
{
	struct shelf shelf = {.by_link = {"inlined.debug"}};

	(void)state;
	assert_int_equal(find(&shelf), 1);
	assert_string_equal(shelf.link, "inlined.debug");
}

static void a_wrong_crc_is_refused_though_the_build_id_agrees(void **state)
{
	struct shelf shelf = {.by_link = {"inlined.debug"}, .spoilt = 1};

	(void)state;
	assert_int_equal(find(&shelf), 0);
}

static void another_build_id_is_refused(void **state)
{
	struct shelf shelf = {.by_id = {"inlined_4"}, .by_link = {"inlined_4"}};

	(void)state;
	assert_int_equal(find(&shelf), 0);
}

static void the_right_one_is_found_behind_wrong_ones(void **state)
{
	struct shelf shelf = {.by_id = {"inlined_4", "inlined_stripped", "inlined.debug"}};

	(void)state;
	assert_int_equal(find(&shelf), 1);
	assert_int_equal(shelf.asked, 3);
}

static void only_so_many_wrong_ones_are_looked_at(void **state)
{
	struct shelf shelf = {
		.by_id = {"inlined_4", "inlined_4", "inlined_4", "inlined_4"},
		.by_link = {"inlined_4", "inlined_4", "inlined_4", "inlined_4"},
	};

	(void)state;
	assert_int_equal(find(&shelf), 0);
	assert_int_equal(shelf.asked, 2 * SYM_WANT_SKIP_MAX);
}

static void what_is_no_elf_file_is_passed_over(void **state)
{
	struct shelf shelf = {.by_id = {"../../CMakeCache.txt", "inlined.debug"}};

	(void)state;
	assert_int_equal(find(&shelf), 1);
}

/* ---- at the door ---- */

/* One answer about inlined_linked (or another program of the same addresses), by its debug file. */
struct door {
	struct symbolizer *s;
	uint32_t module;
	int debug; /* another descriptor of the debug file that was given */
	unsigned int asked;
};

static int open_at_door(void *ctx, uint32_t module, const struct sym_want *want)
{
	struct door *d = ctx;

	assert_int_equal(module, d->module);
	d->asked++;
	if (want->kind != SYM_WANT_BUILD_ID || want->skip)
		return -ENOENT;
	d->debug = fixture_copy("inlined.debug");
	return dup(d->debug);
}

static void open_door(struct door *d, const char *program)
{
	const struct sym_options options = {.open = open_at_door, .open_ctx = d};

	*d = (struct door){.debug = -1};
	assert_int_equal(symbolizer_new(&options, &d->s), 0);
	assert_int_equal(symbolizer_add_elf(d->s, fixture_open(program), NULL, &d->module, NULL),
			 0);
}

static void close_door(struct door *d)
{
	symbolizer_free(d->s);
	if (d->debug >= 0)
		close(d->debug);
}

static void ask(struct door *d, const char *symbol, struct sym_answer *ret)
{
	assert_int_equal(symbolizer_name_address(d->s, d->module,
						 fixture_symbol("inlined", symbol, NULL), ret,
						 NULL),
			 0);
}

static void a_stripped_program_is_named_by_its_debug_file(void **state)
{
	struct sym_answer a;
	struct door d;

	(void)state;
	open_door(&d, "inlined_linked");
	ask(&d, "mark_leaf", &a);
	assert_int_equal(a.n_lines, 3);
	assert_string_equal(a.lines[0].function, "leaf");
	assert_string_equal(a.lines[2].function, "outer");
	assert_true(a.lines[0].line > 0);
	ask(&d, "outer.cold", &a);
	assert_string_equal(a.lines[0].system_name, "outer.cold");
	assert_int_equal(d.asked, 1);
	close_door(&d);
}

static void what_has_its_own_debug_information_asks_for_none(void **state)
{
	struct sym_answer a;
	struct door d;

	(void)state;
	open_door(&d, "inlined");
	ask(&d, "mark_leaf", &a);
	assert_int_equal(a.n_lines, 3);
	assert_int_equal(d.asked, 0);
	close_door(&d);
}

static void a_debug_file_that_is_truncated_is_done_without(void **state)
{
	struct sym_answer a;
	struct door d;

	(void)state;
	open_door(&d, "inlined_nodebug");
	ask(&d, "mark_leaf", &a);
	assert_int_equal(a.n_lines, 3);
	assert_int_equal(ftruncate(d.debug, 64), 0);
	symbolizer_rest(d.s);
	ask(&d, "mark_h", &a);
	assert_int_equal(a.n_lines, 1);
	assert_string_equal(a.lines[0].function, "h");
	assert_null(a.lines[0].file);
	ask(&d, "mark_leaf", &a);
	assert_int_equal(a.n_lines, 1);
	assert_string_equal(a.lines[0].function, "outer");
	assert_int_equal(d.asked, 1);
	close_door(&d);
}

/* .dynsym has `main` at most; what is local stands in .gnu_debugdata. */
static void minidebuginfo_names_what_is_not_exported(void **state)
{
	struct sym_answer a;
	struct door d;

	(void)state;
	d = (struct door){.debug = -1};
	assert_int_equal(symbolizer_new(NULL, &d.s), 0);
	assert_int_equal(
		symbolizer_add_elf(d.s, fixture_open("inlined_mini"), NULL, &d.module, NULL), 0);
	ask(&d, "mark_leaf", &a);
	assert_int_equal(a.n_lines, 1);
	assert_string_equal(a.lines[0].function, "outer");
	ask(&d, "mark_h", &a);
	assert_string_equal(a.lines[0].function, "h");
	close_door(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_is_a_name_and_a_crc),
		cmocka_unit_test(the_crc_is_that_of_ieee_802_3),
		cmocka_unit_test(an_alternate_link_is_a_path_and_a_build_id),
		cmocka_unit_test(it_is_found_by_build_id_before_the_link),
		cmocka_unit_test(it_is_found_by_link_when_the_crc_agrees),
		cmocka_unit_test(a_wrong_crc_is_refused_though_the_build_id_agrees),
		cmocka_unit_test(another_build_id_is_refused),
		cmocka_unit_test(the_right_one_is_found_behind_wrong_ones),
		cmocka_unit_test(only_so_many_wrong_ones_are_looked_at),
		cmocka_unit_test(what_is_no_elf_file_is_passed_over),
		cmocka_unit_test(a_stripped_program_is_named_by_its_debug_file),
		cmocka_unit_test(what_has_its_own_debug_information_asks_for_none),
		cmocka_unit_test(a_debug_file_that_is_truncated_is_done_without),
		cmocka_unit_test(minidebuginfo_names_what_is_not_exported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
