/* JSON text: commas, and strings of any bytes, safe inside a script element. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "profiler/base/json.h"

struct fixture {
	struct buf out;
	struct json j;
};

static struct fixture *begin(struct fixture *f)
{
	buf_init(&f->out, 1u << 16);
	json_init(&f->j, &f->out);
	return f;
}

static void check(struct fixture *f, const char *expected)
{
	assert_string_equal(buf_str(&f->out), expected);
	buf_done(&f->out);
}

static void commas_stand_between_values_only(void **state)
{
	struct fixture f;
	struct json *j = &begin(&f)->j;

	(void)state;
	json_object_begin(j);
	json_kv_u64(j, "a", UINT64_MAX);
	json_key(j, "b");
	json_array_begin(j);
	json_i64(j, INT64_MIN);
	json_bool(j, true);
	json_null(j);
	json_object_begin(j);
	json_object_end(j);
	json_array_begin(j);
	json_array_end(j);
	json_array_end(j);
	json_kv_str(j, "c", NULL);
	json_kv_bool(j, "d", false);
	json_kv_double(j, "e", 0.125);
	json_object_end(j);
	check(&f, "{\"a\":18446744073709551615,\"b\":[-9223372036854775808,true,null,{},[]],"
		  "\"c\":null,\"d\":false,\"e\":0.125}");
}

static void numbers_that_json_has_not_are_null(void **state)
{
	struct fixture f;
	struct json *j = &begin(&f)->j;

	(void)state;
	json_array_begin(j);
	json_double(j, NAN);
	json_double(j, -INFINITY);
	json_double(j, 1.0 / 3);
	json_double(j, 1e300);
	json_array_end(j);
	check(&f, "[null,null,0.333333,1e+300]");
}

static void strings_of_any_bytes(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *json;
	} cases[] = {
		{"", 0, "\"\""},
		{"a\"b\\c/", 6, "\"a\\\"b\\\\c/\""},
		{"\n\t\r\x01\x7f", 5, "\"\\n\\t\\u000d\\u0001\\u007f\""},
		{"a\0b", 3, "\"a\\u0000b\""},
		{"</script>&", 10, "\"\\u003c/script\\u003e\\u0026\""},
		{"\xe2\x80\xa8\xe2\x80\xa9", 6, "\"\\u2028\\u2029\""},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\xa5", 9,
		 "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\xa5\""},
		{"x\xff\xc3", 3, "\"x\\ufffd\\ufffd\""},
		{"\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;

		json_str_len(&begin(&f)->j, cases[i].bytes, cases[i].len);
		check(&f, cases[i].json);
	}
}

static void keys_are_escaped_too(void **state)
{
	struct fixture f;
	struct json *j = &begin(&f)->j;

	(void)state;
	json_object_begin(j);
	json_kv_str(j, "a\"<", "v");
	json_object_end(j);
	check(&f, "{\"a\\\"\\u003c\":\"v\"}");
}

static void a_full_buffer_is_told_by_the_buffer(void **state)
{
	struct buf out;
	struct json j;

	(void)state;
	buf_init(&out, 4);
	json_init(&j, &out);
	json_str(&j, "too long");
	assert_int_equal(out.err, -EFBIG);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_stand_between_values_only),
		cmocka_unit_test(numbers_that_json_has_not_are_null),
		cmocka_unit_test(strings_of_any_bytes),
		cmocka_unit_test(keys_are_escaped_too),
		cmocka_unit_test(a_full_buffer_is_told_by_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
