/* Selectors: what is text, what is an error with a place, what matches. */
#include "storage/selector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/*
 * pid=12, comm="redis-server", container="web\"1", zone="eu", thread with a newline and a bad
 * byte, no exe.
 */
static struct profile *example(void)
{
	struct profile_labels l = {.n_extra = 1};
	struct profile *p;

	assert_int_equal(profile_new(false, &p), 0);
	l.has = 1u << PROFILE_LABEL_PID | 1u << PROFILE_LABEL_COMM | 1u << PROFILE_LABEL_CONTAINER |
		1u << PROFILE_LABEL_THREAD;
	l.value[PROFILE_LABEL_PID] = 12;
	l.value[PROFILE_LABEL_COMM] = (uint64_t)profile_string(p, "redis-server");
	l.value[PROFILE_LABEL_CONTAINER] = (uint64_t)profile_string(p, "web\"1");
	l.value[PROFILE_LABEL_THREAD] = (uint64_t)profile_string(p, "a\n\xff"
								    "b");
	l.extra[0].key = (uint32_t)profile_string(p, "zone");
	l.extra[0].value = (uint32_t)profile_string(p, "eu");
	assert_int_equal(profile_labels(p, &l), 0);
	return p;
}

static int ask(const char *text)
{
	struct profile *p = example();
	struct selector *s = NULL;
	struct err err = {};
	int r = selector_parse(text, &s, &err);

	if (r < 0)
		fail_msg("%s: %s", text, err_text(&err));
	r = selector_matches(s, p, 0);
	selector_free(s);
	profile_free(p);
	return r;
}

static void each_operator_compares_whole_values(void **state)
{
	static const struct {
		const char *text;
		int want;
	} cases[] = {
		{NULL, 1},
		{"", 1},
		{"{}", 1},
		{" { } ", 1},
		{"{comm=\"redis-server\"}", 1},
		{"comm=\"redis-server\"", 1},
		{"comm = \"redis-server\" , pid != \"1\"", 1},
		{"{comm=\"redis-server\",}", 1},
		{"{comm=\"redis\"}", 0},
		{"{comm!=\"redis\"}", 1},
		{"{comm=~\"redis\"}", 0},
		{"{comm=~\"redis.*\"}", 1},
		{"{comm=~\"dis.*|redis\"}", 0},
		{"{comm=~\"dis.*|redis-.*\"}", 1},
		{"{comm!~\"redis.*\"}", 0},
		{"{comm!~\"redis\"}", 1},
		{"{pid=\"12\"}", 1},
		{"{pid=\"012\"}", 0},
		{"{pid!=\"1\", comm=~\".*server\"}", 1},
		{"{pid!=\"1\", comm=~\".*client\"}", 0},
		{"{container=\"web\\\"1\"}", 1},
		{"{container=~\"web.\\\\d\"}", 1},
		{"{container=~\"web.\\d\"}", 1},
		{"{container=~\"web\\d\"}", 0},
		{"{zone=\"eu\"}", 1},
		{"{zone!=\"eu\"}", 0},
		{"{exe=\"\"}", 1}, /* a missing label is the empty string */
		{"{exe!=\"\"}", 0},
		{"{exe=~\".*\"}", 1},
		{"{exe=~\".+\"}", 0},
		{"{exe!~\".+\"}", 1},
		{"{unheard_of=\"\"}", 1},
		{"{unheard_of!=\"x\"}", 1},
		{"{uid=\"0\"}", 0},
		{"{thread=~\"a..b\"}", 1}, /* any byte, newlines too */
		{"{thread=~\"a\\n.b\"}", 1},
		{"{comm=~\"redis-server$\"}", 1},
		{"{comm=~\"^redis-server\"}", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int got = ask(cases[i].text);

		if (got != cases[i].want)
			fail_msg("%s: %d, not %d", cases[i].text, got, cases[i].want);
	}
}

static void malformed_text_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"{", "character 2"},
		{"}", "name of a label"},
		{"{comm}", "= != =~ !~"},
		{"{comm=}", "double quotes"},
		{"{comm=\"a}", "closing double quote"},
		{"{comm=\"a\\\"}", "closing double quote"},
		{"{comm=\"a\\", "closing double quote"},
		{"{comm=\"a\"", "comma or }"},
		{"{comm=\"a\" pid=\"1\"}", "comma or }"},
		{"{comm=\"a\"} x", "after }"},
		{"comm=\"a\"}", "comma"},
		{"{,}", "name of a label"},
		{"{=\"a\"}", "name of a label"},
		{"{1a=\"a\"}", "name of a label"},
		{"{comm!\"a\"}", "= != =~ !~"},
		{"{comm==\"a\"}", "double quotes"},
		{"{comm='a'}", "double quotes"},
		{"{comm=~\"(\"}", "pattern '('"},
		{"{comm=~\"a{2,1}\"}", "pattern"},
		{"{comm=~\"\\C\"}", "pattern"},
		{"{comm=~\"(*UTF)a\"}", "pattern"},
		{"{comm=\"a\",,pid=\"1\"}", "name of a label"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct selector *s = (struct selector *)&cases; /* untouched on failure */
		struct err err = {};

		if (selector_parse(cases[i].text, &s, &err) != -EINVAL)
			fail_msg("'%s' was taken", cases[i].text);
		assert_ptr_equal(s, &cases);
		assert_int_equal(err.code, -EINVAL);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s': '%s' does not say '%s'", cases[i].text, err.text,
				 cases[i].says);
	}
	assert_int_equal(selector_parse("{", &(struct selector *){NULL}, NULL), -EINVAL);
}

static int parse_pattern_of(size_t length)
{
	char text[SELECTOR_PATTERN_BYTES + 64];
	char pattern[SELECTOR_PATTERN_BYTES + 8];
	struct selector *s = NULL;
	int r;

	memset(pattern, 'a', length);
	pattern[length] = '\0';
	snprintf(text, sizeof(text), "{comm=~\"%s\"}", pattern);
	r = selector_parse(text, &s, NULL);
	selector_free(s);
	return r;
}

static void lengths_and_numbers_are_bounded(void **state)
{
	char text[SELECTOR_MATCHERS_MAX * 16 + 64];
	struct selector *s = NULL;
	size_t at = 0;
	char *big;

	(void)state;
	assert_int_equal(parse_pattern_of(SELECTOR_PATTERN_BYTES), 0);
	assert_int_equal(parse_pattern_of(SELECTOR_PATTERN_BYTES + 1), -EINVAL);
	for (int i = 0; i < SELECTOR_MATCHERS_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "pid!=\"%d\",", i);
	assert_int_equal(selector_parse(text, &s, NULL), 0);
	selector_free(s);
	snprintf(text + at, sizeof(text) - at, "pid!=\"a\"");
	assert_int_equal(selector_parse(text, &s, NULL), -EINVAL);

	big = malloc(20000);
	assert_non_null(big);
	memset(big, ' ', 19999);
	big[19999] = '\0';
	assert_int_equal(selector_parse(big, &s, NULL), -EINVAL);
	free(big);
}

static void a_pattern_that_explodes_is_an_error_and_not_a_miss(void **state)
{
	struct profile_labels l = {.has = 1u << PROFILE_LABEL_EXE};
	struct selector *s = NULL;
	struct profile *p;
	char value[41];

	(void)state;
	memset(value, 'a', 40);
	value[40] = '\0';
	assert_int_equal(profile_new(false, &p), 0);
	l.value[PROFILE_LABEL_EXE] = (uint64_t)profile_string(p, value);
	assert_int_equal(profile_labels(p, &l), 0);
	for (int negated = 0; negated < 2; negated++) {
		assert_int_equal(
			selector_parse(negated ? "{exe!~\"(a+)+[bc]\"}" : "{exe=~\"(a+)+[bc]\"}",
				       &s, NULL),
			0);
		assert_int_equal(selector_matches(s, p, 0), -E2BIG);
		s = selector_free(s);
	}
	profile_free(p);
}

static void only_no_condition_is_all(void **state)
{
	struct selector *s;

	(void)state;
	assert_int_equal(selector_parse("{}", &s, NULL), 0);
	assert_true(selector_is_all(s));
	selector_free(s);
	assert_int_equal(selector_parse("{comm=~\".*\"}", &s, NULL), 0);
	assert_false(selector_is_all(s));
	selector_free(s);
	assert_null(selector_free(NULL));
}

static void a_selector_knows_which_labels_it_looks_at(void **state)
{
	static const char *const two[] = {"comm", "exe", NULL}, *const none[] = {NULL};
	static const struct {
		const char *text;
		bool about_two;
	} cases[] = {
		{"{}", true},
		{"{comm=\"a\"}", true},
		{"{exe!~\"b.*\", comm=\"\"}", true},
		{"{comm=\"a\", pid=\"1\"}", false},
		{"{comm2=\"a\"}", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct selector *s;

		assert_int_equal(selector_parse(cases[i].text, &s, NULL), 0);
		assert_int_equal(selector_is_about(s, two), cases[i].about_two);
		assert_int_equal(selector_is_about(s, none), selector_is_all(s));
		selector_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_operator_compares_whole_values),
		cmocka_unit_test(malformed_text_is_refused_with_its_place),
		cmocka_unit_test(lengths_and_numbers_are_bounded),
		cmocka_unit_test(a_pattern_that_explodes_is_an_error_and_not_a_miss),
		cmocka_unit_test(only_no_condition_is_all),
		cmocka_unit_test(a_selector_knows_which_labels_it_looks_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
