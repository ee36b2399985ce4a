/* The door on whole programs: inline chains, budgets, truncated files, the vdso. */
#include "symbolizer/symbolizer.h"
#include "tests/unit/symbolizer/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct symbolizer *s;

static int open_it(void **state)
{
	(void)state;
	return symbolizer_new(NULL, &s);
}

static int close_it(void **state)
{
	(void)state;
	s = symbolizer_free(s);
	return 0;
}

static uint32_t add(const char *program)
{
	uint32_t module;

	assert_int_equal(symbolizer_add_elf(s, fixture_open(program), NULL, &module, NULL), 0);
	return module;
}

/* One line of an answer: its function, and a word that stands in the source line it points to. */
static void check_line(const struct sym_line *line, const char *function, const char *word)
{
	assert_string_equal(line->function, function);
	assert_non_null(line->file);
	if (!strstr(fixture_source_line(line->file, line->line), word))
		fail_msg("%s is at %s:%u, where no %s stands", function, line->file, line->line,
			 word);
}

static void ask(uint32_t module, const char *program, const char *label, struct sym_answer *ret)
{
	assert_int_equal(
		symbolizer_name_address(s, module, fixture_symbol(program, label, NULL), ret, NULL),
		0);
}

static void check_chain(const char *program)
{
	uint32_t module = add(program);
	struct sym_answer a;

	ask(module, program, "mark_leaf", &a);
	assert_int_equal(a.n_lines, 3);
	check_line(&a.lines[0], "leaf", "mark_leaf");
	check_line(&a.lines[1], "middle", "calls leaf");
	check_line(&a.lines[2], "outer", "calls middle");
	assert_true(a.lines[1].column > 0);
	ask(module, program, "mark_h", &a);
	assert_int_equal(a.n_lines, 1);
	check_line(&a.lines[0], "h", "mark_h");
	assert_null(a.lines[0].system_name);
	ask(module, program, "mark_add", &a);
	check_line(&a.lines[0], "add(int, int)", "mark_add");
	assert_string_equal(a.lines[0].system_name, "_Z3addii");
}

static void inlined_callers_have_names_and_places(void **state)
{
	static const char *const programs[] = {"inlined", "inlined_4", "inlined_compressed",
					       "inlined_lto"};

	(void)state;
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		/* The copy has the symbols of what it was copied from. */
		check_chain(programs[i]);
	}
}

static void what_is_inlined_across_units_is_found(void **state)
{
	uint32_t module = add("inlined_lto");
	struct sym_answer a;

	(void)state;
	ask(module, "inlined_lto", "mark_far", &a);
	assert_int_equal(a.n_lines, 2);
	check_line(&a.lines[0], "far_leaf", "mark_far");
	check_line(&a.lines[1], "outer", "calls far_leaf");
}

static void a_cold_part_has_the_functions_name_and_its_own(void **state)
{
	uint32_t module = add("inlined");
	struct sym_answer a;

	(void)state;
	ask(module, "inlined", "outer.cold", &a);
	assert_int_equal(a.n_lines, 1);
	assert_string_equal(a.lines[0].function, "outer");
	assert_non_null(a.lines[0].file);
	assert_non_null(a.lines[0].system_name);
	assert_string_equal(a.lines[0].system_name, "outer.cold");
}

/*
 * The sampler gives positions in the file. In this program they differ from addresses in .data,
 * not in .text.
 */
static void positions_and_addresses_name_the_same(void **state)
{
	uint32_t module = add("inlined");
	uint64_t address = fixture_symbol("inlined", "mark_leaf", NULL);
	struct sym_answer a;

	(void)state;
	assert_int_equal(symbolizer_name(s, module, address, &a, NULL), 0);
	assert_int_equal(a.n_lines, 3);
	assert_int_equal(symbolizer_name(s, module, 1ull << 40, &a, NULL), 0);
	assert_int_equal(a.n_lines, 0);
	assert_int_equal(symbolizer_name_address(s, module, 1ull << 40, &a, NULL), 0);
	assert_int_equal(a.n_lines, 0);
	assert_int_equal(symbolizer_name_address(s, module, UINT64_MAX, &a, NULL), 0);
	assert_int_equal(a.n_lines, 0);
}

static void without_dwarf_only_symbols_are_told(void **state)
{
	const struct sym_options options = {.no_dwarf = true};
	struct symbolizer *plain;
	struct sym_answer a;
	uint32_t module;

	(void)state;
	assert_int_equal(symbolizer_new(&options, &plain), 0);
	assert_int_equal(symbolizer_add_elf(plain, fixture_open("inlined"), NULL, &module, NULL),
			 0);
	assert_int_equal(symbolizer_name_address(plain, module,
						 fixture_symbol("inlined", "mark_leaf", NULL), &a,
						 NULL),
			 0);
	assert_int_equal(a.n_lines, 1);
	assert_string_equal(a.lines[0].function, "outer");
	assert_null(a.lines[0].file);
	symbolizer_free(plain);
}

/* With next to no budget everything is dropped between two questions, and read again. */
static void a_small_budget_changes_no_answer(void **state)
{
	const struct sym_options options = {.index_bytes_max = 40000};
	struct symbolizer *small;
	uint64_t size, start = fixture_symbol("inlined", "outer", &size);
	struct sym_answer a, b;
	uint32_t module = add("inlined"), other;

	(void)state;
	assert_int_equal(symbolizer_new(&options, &small), 0);
	assert_int_equal(symbolizer_add_elf(small, fixture_open("inlined"), NULL, &other, NULL), 0);
	for (uint64_t at = start; at < start + size; at++) {
		assert_int_equal(symbolizer_name_address(s, module, at, &a, NULL), 0);
		assert_int_equal(symbolizer_name_address(small, other, at, &b, NULL), 0);
		assert_int_equal(a.n_lines, b.n_lines);
		for (size_t i = 0; i < a.n_lines; i++) {
			assert_string_equal(a.lines[i].function, b.lines[i].function);
			assert_int_equal(a.lines[i].line, b.lines[i].line);
		}
	}
	symbolizer_free(small);
}

static void a_file_that_is_truncated_is_an_error_and_others_go_on(void **state)
{
	uint64_t address = fixture_symbol("inlined", "mark_leaf", NULL);
	uint32_t module, other = add("inlined");
	int fd = fixture_copy("inlined"), kept = dup(fd);
	struct sym_answer a;
	struct err err = {};

	(void)state;
	assert_int_equal(symbolizer_add_elf(s, fd, NULL, &module, NULL), 0);
	assert_int_equal(ftruncate(kept, 4096), 0);
	assert_int_equal(symbolizer_name_address(s, module, address, &a, &err), -EIO);
	assert_non_null(strstr(err.text, "truncated"));
	/* It stays one, also when the file grows back. */
	assert_int_equal(ftruncate(kept, 1 << 20), 0);
	assert_int_equal(symbolizer_name_address(s, module, address, &a, &err), -EIO);
	assert_int_equal(symbolizer_name_address(s, other, address, &a, &err), 0);
	assert_int_equal(a.n_lines, 3);
	symbolizer_drop(s, module);
	assert_int_equal(symbolizer_add_elf(s, fixture_copy("inlined"), NULL, &module, NULL), 0);
	assert_int_equal(symbolizer_name_address(s, module, address, &a, &err), 0);
	assert_int_equal(a.n_lines, 3);
	close(kept);
}

static void a_file_truncated_after_it_answered_is_an_error(void **state)
{
	uint64_t address = fixture_symbol("inlined", "mark_leaf", NULL);
	int fd = fixture_copy("inlined"), kept = dup(fd);
	struct sym_answer a;
	uint32_t module;

	(void)state;
	assert_int_equal(symbolizer_add_elf(s, fd, NULL, &module, NULL), 0);
	assert_int_equal(symbolizer_name_address(s, module, address, &a, NULL), 0);
	assert_int_equal(ftruncate(kept, 0), 0);
	assert_int_equal(symbolizer_name_address(
				 s, module, fixture_symbol("inlined", "mark_h", NULL), &a, NULL),
			 -EIO);
	close(kept);
}

static void dropped_modules_are_no_modules(void **state)
{
	uint32_t module = add("inlined"), again;
	struct sym_answer a;
	struct err err;

	(void)state;
	symbolizer_drop(s, module);
	symbolizer_drop(s, module);
	symbolizer_drop(s, 12345);
	assert_int_equal(symbolizer_name(s, module, 0, &a, &err), -EINVAL);
	assert_int_equal(symbolizer_name(s, 12345, 0, &a, &err), -EINVAL);
	again = add("inlined");
	assert_int_equal(again, module);
}

static void the_descriptor_is_taken_also_on_failure(void **state)
{
	int fd = fixture_bytes("no elf file at all, but long enough to be read as one.......", 60);
	struct err err;
	uint32_t module;

	(void)state;
	assert_int_equal(symbolizer_add_elf(s, fd, NULL, &module, &err), -EBADMSG);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* Ours is where the C library calls it: the symbol over some address of it must say so. */
static void the_vdso_has_names(void **state)
{
	struct sym_answer a;
	struct err err = {};
	uint32_t module;
	bool seen = false;

	(void)state;
	if (!getauxval(AT_SYSINFO_EHDR)) {
		assert_int_equal(symbolizer_add_vdso(s, &module, &err), -ENOENT);
		return;
	}
	assert_int_equal(symbolizer_add_vdso(s, &module, &err), 0);
	for (uint64_t at = 0; at < 0x4000; at += 8) {
		assert_int_equal(symbolizer_name(s, module, at, &a, &err), 0);
		seen = seen || (a.n_lines && strcmp(a.lines[0].function, "clock_gettime") == 0);
	}
	assert_true(seen);
}

/* This kernel's own table, where it can be read. */
static void this_kernels_table_is_read(void **state)
{
	int fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	struct err err = {};
	uint32_t module;
	int r;

	(void)state;
	if (fd < 0)
		return;
	r = symbolizer_add_kernel(s, fd, &module, &err);
	assert_true(r == 0 || r == -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(inlined_callers_have_names_and_places, open_it,
						close_it),
		cmocka_unit_test_setup_teardown(what_is_inlined_across_units_is_found, open_it,
						close_it),
		cmocka_unit_test_setup_teardown(a_cold_part_has_the_functions_name_and_its_own,
						open_it, close_it),
		cmocka_unit_test_setup_teardown(positions_and_addresses_name_the_same, open_it,
						close_it),
		cmocka_unit_test_setup_teardown(without_dwarf_only_symbols_are_told, open_it,
						close_it),
		cmocka_unit_test_setup_teardown(a_small_budget_changes_no_answer, open_it,
						close_it),
		cmocka_unit_test_setup_teardown(
			a_file_that_is_truncated_is_an_error_and_others_go_on, open_it, close_it),
		cmocka_unit_test_setup_teardown(a_file_truncated_after_it_answered_is_an_error,
						open_it, close_it),
		cmocka_unit_test_setup_teardown(dropped_modules_are_no_modules, open_it, close_it),
		cmocka_unit_test_setup_teardown(the_descriptor_is_taken_also_on_failure, open_it,
						close_it),
		cmocka_unit_test_setup_teardown(the_vdso_has_names, open_it, close_it),
		cmocka_unit_test_setup_teardown(this_kernels_table_is_read, open_it, close_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
