/* Addresses as they are typed, and names as they are printed. */
#include "profiler/cli/symbol_text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void addresses_are_hexadecimal(void **state)
{
	static const struct {
		const char *text;
		uint64_t address;
	} good[] = {
		{"0", 0},
		{"0x0", 0},
		{"10", 0x10},
		{"0xdeadBEEF", 0xdeadbeef},
		{"0X1f", 0x1f},
		{"ffffffffffffffff", UINT64_MAX},
		{"0x0000000000000000ffffffffffffffff", UINT64_MAX},
	};
	static const char *const bad[] = {"",	 "0x", "x10", "0x1g", "-1",
					  "1 ",	 " 1", "+1",  "0x-1", "10000000000000000",
					  "main"};
	uint64_t v = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(symbol_text_address(good[i].text, strlen(good[i].text), &v), 0);
		assert_true(v == good[i].address);
	}
	v = 42;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (symbol_text_address(bad[i], strlen(bad[i]), &v) != -EINVAL)
			fail_msg("`%s` is taken for an address", bad[i]);
	assert_int_equal(v, 42);
}

static const struct protocol_line chain[] = {
	{.function = "leaf", .file = "/src/a.c", .line = 7, .column = 3},
	{.function = "add(int, int)", .system_name = "_Z3addii", .file = "/src/b.cc"},
	{.function = "main"},
};

static void check_words(const struct protocol_line *lines, size_t n, const char *expected)
{
	struct buf b;

	buf_init(&b, 4096);
	symbol_text_words(&b, lines, n);
	assert_string_equal(buf_str(&b), expected);
	buf_done(&b);
}

static void words_are_those_of_addr2line(void **state)
{
	(void)state;
	check_words(chain, 3,
		    "leaf at /src/a.c:7\n"
		    " (inlined by) add(int, int) at /src/b.cc:?\n"
		    " (inlined by) main at ??:?\n");
	check_words(NULL, 0, "?? ??:0\n");
}

static void a_name_cannot_write_to_the_terminal(void **state)
{
	const struct protocol_line line = {.function = "a\x1b[2Jb\nc", .file = "\x7f/x\t"};

	(void)state;
	check_words(&line, 1, "a?[2Jb?c at ?/x?:?\n");
}

static void json_is_one_object_a_line(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	symbol_text_json(&b, 0x1f, chain, 2);
	symbol_text_json(&b, 0, NULL, 0);
	assert_string_equal(buf_str(&b),
			    "{\"address\":\"0x1f\",\"frames\":["
			    "{\"function\":\"leaf\",\"system_name\":\"leaf\","
			    "\"file\":\"/src/a.c\",\"line\":7,\"column\":3,\"inlined\":true},"
			    "{\"function\":\"add(int, int)\",\"system_name\":\"_Z3addii\","
			    "\"file\":\"/src/b.cc\",\"line\":0,\"column\":0,\"inlined\":false}]}\n"
			    "{\"address\":\"0x0\",\"frames\":[]}\n");
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_hexadecimal),
		cmocka_unit_test(words_are_those_of_addr2line),
		cmocka_unit_test(a_name_cannot_write_to_the_terminal),
		cmocka_unit_test(json_is_one_object_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
