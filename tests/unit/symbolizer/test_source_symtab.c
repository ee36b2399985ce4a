/* Names by symbol tables alone, on the test programs. */
#include "symbolizer/symbolizer.h"
#include "tests/unit/symbolizer/fixture.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct symbolizer *s;
static uint32_t whole, nodebug, stripped;

static int open_all(void **state)
{
	const struct sym_options options = {.no_dwarf = true};

	(void)state;
	assert_int_equal(symbolizer_new(&options, &s), 0);
	assert_int_equal(symbolizer_add_elf(s, fixture_open("inlined"), NULL, &whole, NULL), 0);
	assert_int_equal(
		symbolizer_add_elf(s, fixture_open("inlined_nodebug"), NULL, &nodebug, NULL), 0);
	assert_int_equal(
		symbolizer_add_elf(s, fixture_open("inlined_stripped"), NULL, &stripped, NULL), 0);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	s = symbolizer_free(s);
	return 0;
}

static const char *name(uint32_t module, uint64_t address)
{
	struct sym_answer answer;

	assert_int_equal(symbolizer_name_address(s, module, address, &answer, NULL), 0);
	if (!answer.n_lines)
		return "?";
	assert_int_equal(answer.n_lines, 1);
	assert_null(answer.lines[0].file);
	return answer.lines[0].function;
}

static uint64_t value(const char *symbol)
{
	return fixture_symbol("inlined", symbol, NULL);
}

static void a_symbol_names_its_bytes_and_no_more(void **state)
{
	uint64_t size, outer = fixture_symbol("inlined", "outer", &size);

	(void)state;
	for (uint64_t at = outer; at < outer + size; at++)
		assert_string_equal(name(nodebug, at), "outer");
	assert_string_equal(name(nodebug, value("sized")), "sized");
	assert_string_equal(name(nodebug, value("sized") + 1), "sized");
	assert_string_equal(name(nodebug, value("sized") + 2), "?");
	assert_string_equal(name(nodebug, value("sized") + 31), "?");
}

static void a_symbol_without_a_size_reaches_to_the_next(void **state)
{
	(void)state;
	assert_string_equal(name(nodebug, value("bare")), "bare");
	assert_string_equal(name(nodebug, value("bare") + 1), "bare");
	assert_string_equal(name(nodebug, value("bare") + 2), "after_bare");
	assert_string_equal(name(nodebug, value("bare") + 3), "?");
}

static void data_in_code_names_nothing(void **state)
{
	(void)state;
	assert_string_equal(name(nodebug, value("table_in_code")), "?");
	assert_string_equal(name(nodebug, value("table_in_code") + 7), "?");
	assert_string_equal(name(nodebug, fixture_symbol("inlined", "__data_start", NULL)), "?");
}

static void a_label_within_a_function_is_the_function(void **state)
{
	(void)state;
	assert_string_equal(name(nodebug, value("mark_leaf")), "outer");
	assert_string_equal(name(nodebug, value("mark_h")), "h");
}

static void a_cold_part_is_its_function_under_another_name(void **state)
{
	struct sym_answer answer;

	(void)state;
	assert_int_equal(symbolizer_name_address(s, nodebug, value("outer.cold"), &answer, NULL),
			 0);
	assert_int_equal(answer.n_lines, 1);
	assert_string_equal(answer.lines[0].function, "outer");
	assert_non_null(answer.lines[0].system_name);
	assert_string_equal(answer.lines[0].system_name, "outer.cold");
}

static void only_mangled_names_are_demangled(void **state)
{
	struct sym_answer answer;

	(void)state;
	assert_string_equal(name(nodebug, value("h")), "h");
	assert_int_equal(symbolizer_name_address(s, nodebug, value("_Z3addii"), &answer, NULL), 0);
	assert_string_equal(answer.lines[0].function, "add(int, int)");
	assert_string_equal(answer.lines[0].system_name, "_Z3addii");
}

static void a_stripped_program_names_nothing_of_its_own_but_its_beginning(void **state)
{
	(void)state;
	assert_string_equal(name(stripped, value("outer")), "?");
	assert_string_equal(name(stripped, value("h")), "?");
#ifdef __x86_64__
	assert_string_equal(name(stripped, value("_start")), "_start");
	assert_string_equal(name(stripped, value("main")), "main");
#endif
}

/* Every stub calls what the program imports; the first entry, the resolver's, has no name. */
static void plt_stubs_are_named_by_what_they_call(void **state)
{
	bool seen = false;

	(void)state;
#ifndef __x86_64__
	skip();
#endif
	for (uint64_t at = 0x1000; at < value("_start") && at < value("main"); at += 4) {
		const char *got = name(stripped, at);

		assert_string_not_equal(got, "_init");
		seen = seen || strcmp(got, "printf@plt") == 0;
		if (strcmp(got, "?") != 0)
			assert_non_null(strstr(got, "@plt"));
	}
	assert_true(seen);
}

/* The exported symbols of a shared object are found without any section header. */
static void without_section_headers_the_dynamic_symbols_are_found(void **state)
{
	static const Elf64_Half none;
	static const Elf64_Off nowhere;
	int fd = fixture_copy("libinlined.so");
	uint64_t outer = fixture_symbol("libinlined.so", "outer", NULL);
	uint32_t module;

	(void)state;
	assert_int_equal(pwrite(fd, &none, sizeof(none), offsetof(Elf64_Ehdr, e_shnum)),
			 sizeof(none));
	assert_int_equal(pwrite(fd, &nowhere, sizeof(nowhere), offsetof(Elf64_Ehdr, e_shoff)),
			 sizeof(nowhere));
	assert_int_equal(symbolizer_add_elf(s, fd, NULL, &module, NULL), 0);
	assert_string_equal(name(module, outer), "outer");
	assert_string_equal(name(module, fixture_symbol("libinlined.so", "bare", NULL)), "bare");
	/* Nobody knows whether what follows has lost its name. */
	assert_string_equal(name(module, fixture_symbol("libinlined.so", "bare", NULL) + 1), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_symbol_names_its_bytes_and_no_more),
		cmocka_unit_test(a_symbol_without_a_size_reaches_to_the_next),
		cmocka_unit_test(data_in_code_names_nothing),
		cmocka_unit_test(a_label_within_a_function_is_the_function),
		cmocka_unit_test(a_cold_part_is_its_function_under_another_name),
		cmocka_unit_test(only_mangled_names_are_demangled),
		cmocka_unit_test(a_stripped_program_names_nothing_of_its_own_but_its_beginning),
		cmocka_unit_test(plt_stubs_are_named_by_what_they_call),
		cmocka_unit_test(without_section_headers_the_dynamic_symbols_are_found),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
