/* Slices of JSON text: what the grammar allows is found, everything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "profiler/base/json_read.h"

static struct json_value checked(const char *text)
{
	struct json_value v = {};

	if (json_read_check(text, strlen(text), &v) != 0)
		fail_msg("refused: %s", text);
	return v;
}

static void what_the_grammar_allows(void **state)
{
	static const char *const good[] = {
		"0",
		"-0",
		"10",
		"1.5",
		"-1.5e+10",
		"1E5",
		"\"\"",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\"",
		"true",
		"false",
		"null",
		"[]",
		"{}",
		" [ ] ",
		"[1,2 , 3]",
		"{\"a\":1}",
		"{ \"a\" : [ { } , [ ] ] , \"b\" : null }",
		"[[[[]]]]",
		"\"\xc3\xa4\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		checked(good[i]);
}

static void what_it_does_not(void **state)
{
	static const char *const bad[] = {
		"",	      " ",	   "-",		  "01",
		"1.",	      ".5",	   "+1",	  "1e",
		"1e+",	      "0x1",	   "NaN",	  "tru",
		"True",	      "nulll",	   "\"",	  "\"\\\"",
		"\"\\x\"",    "\"\\u12\"", "\"\\u12g4\"", "\"\n\"",
		"'a'",	      "[",	   "]",		  "[1",
		"[1,",	      "[1,]",	   "[,1]",	  "[1 2]",
		"{",	      "}",	   "{\"a\"}",	  "{\"a\":}",
		"{\"a\":1,}", "{a:1}",	   "{1:1}",	  "{\"a\":1 \"b\":2}",
		"[}",	      "{]",	   "[1]]",	  "1 2",
		"{\"a\":1}x", "//",
	};
	char deep[2 * JSON_READ_DEPTH_MAX + 3];
	struct json_value v = {.len = 77};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (json_read_check(bad[i], strlen(bad[i]), &v) != -EBADMSG || v.len != 77)
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(json_read_check("1\0", 2, &v), -EBADMSG);
	memset(deep, '[', JSON_READ_DEPTH_MAX + 1);
	memset(deep + JSON_READ_DEPTH_MAX + 1, ']', JSON_READ_DEPTH_MAX + 1);
	assert_int_equal(json_read_check(deep, 2 * JSON_READ_DEPTH_MAX + 2, &v), -EBADMSG);
	assert_int_equal(json_read_check(deep + 1, 2 * JSON_READ_DEPTH_MAX, &v), 0);
}

/* Every prefix of a text is refused: sanitizers see every read past its end. */
static void cut_texts_are_refused(void **state)
{
	static const char text[] = "{\"a\": [1.5e5, \"x\\u00e4\", {\"b\": null}], \"c\": true}";

	(void)state;
	for (size_t len = 0; len < strlen(text); len++) {
		char copy[sizeof(text)];
		struct json_value v;

		memcpy(copy + sizeof(copy) - len - 1, text, len);
		assert_int_equal(json_read_check(copy + sizeof(copy) - len - 1, len, &v), -EBADMSG);
	}
}

static void members_are_found_by_key(void **state)
{
	struct json_value object = checked(
				  "{\"a\": {\"b\": 5}, \"b\": \"x\", \"\": true, \"b\": 7}"),
			  v;
	uint64_t n = 0;
	bool yes = false;
	char text[8];

	(void)state;
	assert_true(json_read_member(object, "a", &v));
	assert_true(json_read_member(v, "b", &v));
	assert_true(json_read_u64(v, &n));
	assert_int_equal(n, 5);
	assert_true(json_read_member(object, "b", &v)); /* the first */
	assert_true(json_read_str(v, text, sizeof(text)));
	assert_string_equal(text, "x");
	assert_true(json_read_member(object, "", &v));
	assert_true(json_read_bool(v, &yes) && yes);
	assert_false(json_read_member(object, "c", &v));
	assert_false(json_read_member(checked("[\"a\"]"), "a", &v));
	assert_false(json_read_member(checked("5"), "a", &v));
	assert_false(json_read_member((struct json_value){}, "a", &v));
}

static void containers_are_walked_in_order(void **state)
{
	struct json_value array = checked("[1, [2], {\"x\": 3}, 4]"), v, key;
	size_t at = 0, n = 0;
	uint64_t last = 0;

	(void)state;
	for (; json_read_next(array, &at, &key, &v); n++) {
		assert_int_equal(key.len, 0);
		json_read_u64(v, &last);
	}
	assert_int_equal(n, 4);
	assert_int_equal(last, 4);
	at = 0;
	assert_false(json_read_next(checked("[]"), &at, NULL, &v));
	at = 0;
	assert_false(json_read_next(checked("{ }"), &at, NULL, &v));
	at = 0;
	assert_false(json_read_next(checked("\"ab\""), &at, NULL, &v));
	at = 0;
	assert_true(json_read_next(checked("{\"k\\n\": 1}"), &at, &key, &v));
	assert_int_equal(key.len, 3);
	assert_memory_equal(key.at, "k\\n", 3);
}

static void numbers_of_the_wrong_kind_are_not_given(void **state)
{
	uint64_t n = 9;
	double d = 9;
	bool yes;

	(void)state;
	assert_true(json_read_u64(checked("18446744073709551615"), &n));
	assert_true(n == UINT64_MAX);
	n = 9;
	assert_false(json_read_u64(checked("18446744073709551616"), &n));
	assert_false(json_read_u64(checked("-1"), &n));
	assert_false(json_read_u64(checked("1.5"), &n));
	assert_false(json_read_u64(checked("\"1\""), &n));
	assert_false(json_read_u64((struct json_value){}, &n));
	assert_int_equal(n, 9);
	assert_true(json_read_double(checked("-1.5e2"), &d));
	assert_true(d == -150);
	assert_true(json_read_double(checked("7"), &d));
	assert_true(d == 7);
	assert_false(json_read_double(checked("true"), &d));
	assert_false(json_read_bool(checked("1"), &yes));
}

static void strings_are_unescaped_and_cut(void **state)
{
	static const struct {
		const char *json, *text;
	} cases[] = {
		{"\"a\\\"\\\\\\/b\"", "a\"\\/b"},
		{"\"\\b\\f\\n\\r\\t\"", "\b\f\n\r\t"},
		{"\"\\u0041\\u00e4\\u20ac\\ud83d\\udd25\"",
		 "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\xa5"},
		{"\"\\ud83dx\"", "\xef\xbf\xbdx"},
		{"\"\\udd25\"", "\xef\xbf\xbd"},
		{"\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
				       "A"},
		{"\"a\\u0000b\"", "a?b"},
		{"\"\"", ""},
	};
	char text[64], small[4];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(json_read_str(checked(cases[i].json), text, sizeof(text)));
		assert_string_equal(text, cases[i].text);
	}
	assert_true(json_read_str(checked("\"abcdef\""), small, sizeof(small)));
	assert_string_equal(small, "abc");
	assert_true(json_read_str(checked("\"ab\\u00e4\""), small,
				  sizeof(small))); /* no half characters */
	assert_string_equal(small, "ab");
	assert_false(json_read_str(checked("5"), small, sizeof(small)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_grammar_allows),
		cmocka_unit_test(what_it_does_not),
		cmocka_unit_test(cut_texts_are_refused),
		cmocka_unit_test(members_are_found_by_key),
		cmocka_unit_test(containers_are_walked_in_order),
		cmocka_unit_test(numbers_of_the_wrong_kind_are_not_given),
		cmocka_unit_test(strings_are_unescaped_and_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
