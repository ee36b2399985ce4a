/* Bytes of DWARF: numbers, forms, abbreviations. */
#include "symbolizer/dwarf_data.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct dwarf_encoding encoding = {.version = 5, .address_bytes = 8, .offset_bytes = 4};

#define SPAN(...)                                              \
	(struct span)                                          \
	{                                                      \
		.data = (const uint8_t[]){__VA_ARGS__},        \
		.size = sizeof((const uint8_t[]){__VA_ARGS__}) \
	}

static void numbers_of_variable_length(void **state)
{
	static const struct {
		uint8_t bytes[12];
		size_t len;
		uint64_t u;
		int64_t s;
	} cases[] = {
		{{0x00}, 1, 0, 0},
		{{0x7f}, 1, 127, -1},
		{{0x80, 0x01}, 2, 128, 128},
		{{0xff, 0x7e}, 2, 16255, -129},
		{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 10, UINT64_MAX, -1},
		{{0x81, 0x80, 0x80, 0x00}, 4, 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct span bytes = {.data = cases[i].bytes, .size = cases[i].len};
		struct reader u = reader_over(bytes, 0), s = reader_over(bytes, 0);

		assert_true(reader_uleb(&u) == cases[i].u && !u.bad && !reader_left(&u));
		assert_true(reader_sleb(&s) == cases[i].s && !s.bad && !reader_left(&s));
	}
}

static void reading_past_the_end_stands_still(void **state)
{
	struct span endless = SPAN(0x80, 0x80);
	struct reader r = reader_over(endless, 0);

	(void)state;
	assert_int_equal(reader_uleb(&r), 0);
	assert_true(r.bad);
	r = reader_over(endless, 0);
	assert_int_equal(reader_sleb(&r), 0);
	assert_true(r.bad);
	r = reader_over(endless, 0);
	assert_int_equal(reader_fixed(&r, 4), 0);
	assert_true(r.bad && r.at == r.end);
	r = reader_over(endless, 0);
	reader_skip(&r, UINT64_MAX);
	assert_true(r.bad && r.at == r.end);
	assert_true(reader_over(endless, 3).bad);
	assert_false(reader_over(endless, 2).bad);
}

/* Every form is passed over by as many bytes as it is read by. */
static void forms_are_skipped_as_they_are_read(void **state)
{
	static const uint8_t bytes[40] = {3, 0, 0, 0, 'a', 'b', 'c', 0};
	struct span s = {.data = bytes, .size = sizeof(bytes)};
	unsigned int known = 0;

	(void)state;
	for (uint32_t form = 1; form < 0x3000; form++) {
		struct attribute a = {.form = form};
		struct reader by_read = reader_over(s, 0), by_skip = by_read;
		struct value v;

		value_read(&by_read, encoding, &a, bytes, &v);
		value_skip(&by_skip, encoding, form);
		assert_int_equal(by_read.bad, by_skip.bad);
		assert_ptr_equal(by_read.at, by_skip.at);
		known += !by_read.bad;
	}
	assert_true(known > 45);
}

static void an_indirect_form_does_not_nest_for_ever(void **state)
{
	struct span s = SPAN(DW_FORM_indirect, DW_FORM_indirect, DW_FORM_indirect, DW_FORM_indirect,
			     DW_FORM_data1, 1);
	struct reader r = reader_over(s, 0);

	(void)state;
	value_skip(&r, encoding, DW_FORM_indirect);
	assert_true(r.bad);
}

static void abbreviations_are_found_by_code(void **state)
{
	struct span s =
		SPAN(3, DW_TAG_subprogram, 1, DW_AT_name, DW_FORM_strp, DW_AT_low_pc, DW_FORM_addr,
		     0, 0, /**/
		     1, DW_TAG_base_type, 0, DW_AT_name, DW_FORM_string, 0, 0, /**/
		     2, DW_TAG_variable, 0, DW_AT_type, DW_FORM_implicit_const, 0x7f, 0, 0, 0);
	struct abbrevs a;

	(void)state;
	assert_int_equal(abbrevs_parse(s, encoding, &a), 0);
	assert_int_equal(a.n, 3);
	assert_int_equal(abbrevs_find(&a, 3)->tag, DW_TAG_subprogram);
	assert_int_equal(abbrevs_find(&a, 3)->fixed, 12);
	assert_true(abbrevs_find(&a, 3)->has_children);
	assert_int_equal(abbrevs_find(&a, 1)->fixed, ABBREV_VARIABLE);
	assert_int_equal(abbrevs_find(&a, 2)->fixed, 0);
	assert_null(abbrevs_find(&a, 0));
	assert_null(abbrevs_find(&a, 4));
	assert_null(abbrevs_find(&a, UINT64_MAX));
	free(a.v);
}

static void corrupt_tables_are_refused(void **state)
{
	struct span cases[] = {
		SPAN(1),
		SPAN(1, DW_TAG_variable),
		SPAN(1, DW_TAG_variable, 0),
		SPAN(1, DW_TAG_variable, 0, DW_AT_name),
		SPAN(1, DW_TAG_variable, 0, DW_AT_name, DW_FORM_strp),
		SPAN(1, DW_TAG_variable, 0, DW_AT_name, DW_FORM_implicit_const, 0x80),
		SPAN(1, DW_TAG_variable, 0, 0, 0),
		SPAN(0xff, 0xff, 0xff, 0xff, 0x0f, DW_TAG_variable, 0, 0, 0, 0),
	};
	struct abbrevs a = {.n = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(abbrevs_parse(cases[i], encoding, &a), -EBADMSG);
	assert_int_equal(a.n, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_variable_length),
		cmocka_unit_test(reading_past_the_end_stands_still),
		cmocka_unit_test(forms_are_skipped_as_they_are_read),
		cmocka_unit_test(an_indirect_form_does_not_nest_for_ever),
		cmocka_unit_test(abbreviations_are_found_by_code),
		cmocka_unit_test(corrupt_tables_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
