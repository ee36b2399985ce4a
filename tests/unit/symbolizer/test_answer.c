/* How symbols refine what debug information says. */
#include "symbolizer/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *what;
	const char *bare; /* what debug information says; NULL: nothing */
	bool exact;
	const char *symbol, *system; /* the symbol over the address */
	const char *function; /* what is wanted */
	const char *wanted_system;
} cases[] = {
	{"a symbol names what has no name", NULL, false, "f", NULL, "f", NULL},
	{"a clone is the function, and keeps its own name", "f", false, "f", "f.cold", "f",
	 "f.cold"},
	{"an alias names nothing", "f", false, "g", NULL, "f", NULL},
	{"a linkage name is final", "f(int)", true, "g(int)", "_Z1gi", "f(int)", NULL},
	{"a symbol completes a lambda's bare name", "operator()", false,
	 "main::{lambda()#1}::operator()() const", "_ZZ4mainENKUlvE_clEv",
	 "main::{lambda()#1}::operator()() const", "_ZZ4mainENKUlvE_clEv"},
	{"and a template's, however it spells its arguments", "sort<int, {lambda}>", false,
	 "void sort<int, main>()", "_Z4sortv", "void sort<int, main>()", "_Z4sortv"},
	{"but not another function's", "operator()", false, "g(int)", "_Z1gi", "operator()", NULL},
};

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void a_symbol_refines_the_outermost_function(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct name symbol = {.function = (char *)cases[i].symbol,
				      .system = (char *)cases[i].system};
		struct answer a = {};

		answer_add(&a, &(struct sym_line){.function = "inlined", .line = 3});
		answer_add(&a, &(struct sym_line){.function = cases[i].bare, .line = 5});
		a.exact = cases[i].exact;
		answer_refine(&a, &symbol);
		answer_finish(&a);
		assert_int_equal(a.n, 2);
		assert_string_equal(a.lines[0].function, "inlined");
		assert_int_equal(a.lines[1].line, 5);
		if (!same(a.lines[1].function, cases[i].function) ||
		    !same(a.lines[1].system_name, cases[i].wanted_system))
			fail_msg("%s: %s [%s]", cases[i].what, a.lines[1].function,
				 a.lines[1].system_name);
	}
}

static void a_line_alone_is_no_answer(void **state)
{
	struct answer a = {};

	(void)state;
	answer_add(&a, &(struct sym_line){.file = "x.s", .line = 3});
	answer_finish(&a);
	assert_int_equal(a.n, 0);
}

static void a_long_chain_keeps_its_two_ends(void **state)
{
	struct answer a = {};

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		answer_add(&a, &(struct sym_line){.function = "f", .line = i});
	assert_int_equal(a.n, SYM_LINES_MAX);
	assert_int_equal(a.lines[0].line, 0);
	assert_int_equal(a.lines[SYM_LINES_MAX - 2].line, SYM_LINES_MAX - 2);
	assert_int_equal(a.lines[SYM_LINES_MAX - 1].line, 999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_symbol_refines_the_outermost_function),
		cmocka_unit_test(a_line_alone_is_no_answer),
		cmocka_unit_test(a_long_chain_keeps_its_two_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
