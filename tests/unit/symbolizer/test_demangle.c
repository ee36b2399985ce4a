/* What is demangled, what stays, and what is cut. */
#include "symbolizer/demangle.h"
#include "symbolizer/symbolizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *name, const char *wanted)
{
	struct buf out;

	buf_init(&out, SYM_NAME_BYTES_MAX + 1);
	assert_int_equal(demangle(name, strlen(name), &out), 0);
	assert_string_equal(buf_str(&out), wanted);
	buf_done(&out);
}

static void names_are_shown_as_people_write_them(void **state)
{
	static const char *const cases[][2] = {
		{"_Z3addii", "add(int, int)"},
		{"__Z3addii", "add(int, int)"},
		{"___Z3addii", "add(int, int)"},
		{"_ZN2ns1A1fEi.cold", "ns::A::f(int)"},
		{"_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()() const"},
		{"_Z3addii@plt", "_Z3addii@plt"},
		{"_RNvC6_123foo3bar", "123foo::bar"},
		{"_D8demangle4testFaZv", "demangle.test(char)"},
		{"_D3std5stdio7writelnFNfAyaZv.cold", "std.stdio.writeln(immutable(char)[])"},
		{"_Dmain", "D main"},
		{"_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad"},
		{"_ZN4core3fmt9Formatter3pad17h0123456789abcdefE.llvm.1234",
		 "core::fmt::Formatter::pad"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check(cases[i][0], cases[i][1]);
}

static void what_is_not_mangled_stays(void **state)
{
	static const char *const names[] = {"h",	   "i",		"main",
					    "St",	   "_Z",	"_Zfoo",
					    "_ZN",	   "_R",	"Z3addii",
					    "____Z3addii", "main.main", "runtime.mallocgc",
					    "a.123",	   ".cold",	"net/http.(*conn).serve",
					    "foo$bar",	   "_",		"_D",
					    "_Dfoo",	   "_DYNAMIC",	"_D4",
					    "_Dmainly"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		check(names[i], names[i]);
}

static void clone_suffixes_and_versions_are_taken_off(void **state)
{
	static const char *const names[] = {
		"f.cold",	  "f.part.0",  "f.isra.0",     "f.constprop.0",
		"f.lto_priv.0",	  "f.cold.12", "f.llvm.9876",  "f.isra.0.part.1.cold",
		"f@@GLIBC_2.2.5", "f@VERS_1",  "f.localalias", "f.__uniq.77",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_int_equal(demangle_base_len(names[i], strlen(names[i])), 1);
		check(names[i], "f");
	}
	assert_int_equal(demangle_base_len("@", 1), 1);
	assert_int_equal(demangle_base_len("x.coldest", 9), 9);
}

/* The n-th thing that a name has mentioned: S_, S0_, ... SZ_, S10_, ... */
static void substitution(unsigned int n, char ret[8])
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	if (n == 0)
		snprintf(ret, 8, "S_");
	else if (n <= 36)
		snprintf(ret, 8, "S%c_", digits[n - 1]);
	else
		snprintf(ret, 8, "S%c%c_", digits[(n - 1) / 36], digits[(n - 1) % 36]);
}

static void a_function_type_that_explodes_ends_in_an_ellipsis(void **state)
{
	struct buf name, out;

	(void)state;
	buf_init(&name, 4096);
	buf_init(&out, SYM_NAME_BYTES_MAX + 1);
	/* Each pointer to a function takes the one before it twice: 2^60 parts in all. */
	buf_add_str(&name, "_Z1fPFviE");
	for (unsigned int i = 0; i < 60; i++) {
		char before[8];

		substitution(2 * i + 1, before);
		buf_printf(&name, "PFv%s%sE", before, before);
	}
	assert_int_equal(demangle(buf_str(&name), name.len, &out), 0);
	assert_true(out.len < SYM_NAME_BYTES_MAX);
	assert_true(out.len > 1000);
	assert_string_equal(buf_str(&out) + out.len - 3, "\xe2\x80\xa6");
	buf_done(&name);
	buf_done(&out);
}

static void long_names_are_cut_and_say_so(void **state)
{
	char name[10000];
	struct buf out;

	(void)state;
	memset(name, 'a', sizeof(name));
	memcpy(name, "_Z", 2);
	buf_init(&out, SYM_NAME_BYTES_MAX + 1);
	assert_int_equal(demangle(name, sizeof(name), &out), 0);
	assert_int_equal(out.len, SYM_NAME_BYTES_MAX - 1);
	assert_string_equal(buf_str(&out) + out.len - 3, "\xe2\x80\xa6");
	buf_done(&out);
}

static void nesting_does_not_take_the_stack(void **state)
{
	char name[4000] = "_Z1f";
	struct buf out;

	(void)state;
	memset(name + 4, 'P', sizeof(name) - 6);
	name[sizeof(name) - 2] = 'i';
	name[sizeof(name) - 1] = '\0';
	buf_init(&out, SYM_NAME_BYTES_MAX + 1);
	assert_int_equal(demangle(name, sizeof(name) - 1, &out), 0);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_shown_as_people_write_them),
		cmocka_unit_test(what_is_not_mangled_stays),
		cmocka_unit_test(clone_suffixes_and_versions_are_taken_off),
		cmocka_unit_test(a_function_type_that_explodes_ends_in_an_ellipsis),
		cmocka_unit_test(long_names_are_cut_and_say_so),
		cmocka_unit_test(nesting_does_not_take_the_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
