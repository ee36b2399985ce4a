/* Distinct strings with dense numbers, and text made UTF-8. */
#include "web/export/strings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REPLACED "\xef\xbf\xbd"
#define STRINGS	 1000
#define LONG	 100000 /* more than all memory that a table begins with, and twice of it */

static void equal_strings_have_one_number(void **state)
{
	struct export_strings t;
	char text[16];

	(void)state;
	assert_int_equal(export_strings_init(&t), 0);
	assert_int_equal(export_strings_add(&t, ""), 0);
	for (int round = 0; round < 2; round++)
		for (int i = 1; i <= STRINGS; i++) {
			snprintf(text, sizeof(text), "string %d", i);
			assert_int_equal(export_strings_add(&t, text), i);
		}
	assert_int_equal(t.n, STRINGS + 1);
	for (uint32_t i = 1; i <= STRINGS; i++) {
		snprintf(text, sizeof(text), "string %u", i);
		assert_string_equal(export_strings_at(&t, i), text);
	}
	assert_string_equal(export_strings_at(&t, 0), "");
	export_strings_done(&t);
}

static void a_beginning_of_another_is_another(void **state)
{
	struct export_strings t;

	(void)state;
	assert_int_equal(export_strings_init(&t), 0);
	assert_int_equal(export_strings_add(&t, "ab"), 1);
	assert_int_equal(export_strings_add(&t, "a"), 2);
	assert_int_equal(export_strings_add(&t, "b"), 3);
	assert_int_equal(export_strings_add(&t, "abc"), 4);
	assert_int_equal(export_strings_add(&t, "ab"), 1);
	export_strings_done(&t);
}

static void one_may_be_longer_than_all_room(void **state)
{
	char *text = malloc(LONG + 1);
	struct export_strings t;

	(void)state;
	memset(text, 'x', LONG);
	text[LONG] = '\0';
	assert_int_equal(export_strings_init(&t), 0);
	assert_int_equal(export_strings_add(&t, text), 1);
	assert_int_equal(export_strings_add(&t, "next"), 2);
	assert_string_equal(export_strings_at(&t, 1), text);
	assert_string_equal(export_strings_at(&t, 2), "next");
	export_strings_done(&t);
	free(text);
}

static void what_is_no_text_is_replaced_byte_by_byte(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{"", ""},
		{"plain; \x01 text", "plain; \x01 text"},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\xa5", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\xa5"},
		{"\xff", REPLACED},
		{"a\xff"
		 "b",
		 "a" REPLACED "b"},
		{"\x80\x80z", REPLACED REPLACED "z"},
		{"torn \xe2\x82", "torn " REPLACED REPLACED},
		{"\xc0\x80", REPLACED REPLACED}, /* overlong */
		{"\xed\xa0\x80", REPLACED REPLACED REPLACED}, /* a surrogate */
		{"\xf4\x90\x80\x80", REPLACED REPLACED REPLACED REPLACED}, /* past U+10FFFF */
		{"\xe2\xc3\xa4", REPLACED "\xc3\xa4"}, /* torn by what is whole */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out;

		buf_init(&out, 100);
		buf_add_str(&out, "|");
		assert_int_equal(export_strings_clean(&out, cases[i].from), 0);
		assert_string_equal(buf_str(&out) + 1, cases[i].to);
		buf_done(&out);
	}
}

static void a_full_buffer_is_told(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 3);
	assert_int_equal(export_strings_clean(&out, "\xff"
						    "a"),
			 -EFBIG);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_strings_have_one_number),
		cmocka_unit_test(a_beginning_of_another_is_another),
		cmocka_unit_test(one_may_be_longer_than_all_room),
		cmocka_unit_test(what_is_no_text_is_replaced_byte_by_byte),
		cmocka_unit_test(a_full_buffer_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
