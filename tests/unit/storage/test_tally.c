/* Counts by text: equal texts are one, the order is by count, values of labels are found. */
#include "storage/tally.h"

#include "storage/growth.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void equal_texts_are_one_however_many_there_are(void **state)
{
	struct tally t;
	char text[16];

	(void)state;
	assert_int_equal(tally_init(&t), 0);
	for (int round = 1; round <= 2; round++)
		for (uint32_t i = 0; i < 1000; i++) {
			snprintf(text, sizeof(text), i ? "%u" : "", i);
			assert_int_equal(tally_add(&t, text, i), i);
			assert_int_equal(t.n, round == 1 ? i + 1 : 1000);
		}
	for (uint32_t i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), i ? "%u" : "", i);
		assert_string_equal(tally_text(&t, i), text);
		assert_int_equal(t.count[i], 2 * i);
	}
	tally_done(&t);
	tally_done(&t);
}

static void the_order_is_by_count_then_by_text(void **state)
{
	static const struct {
		const char *text;
		uint64_t count;
	} cases[] = {{"c", 5},	      {"seldom", 1}, {"a", 5}, {"never", 0}, {"often", UINT64_MAX},
		     {"b", 1u << 31}, {"seldom", 3}, {"d", 5}};
	static const char *const order[] = {"often", "b", "a", "c", "d", "seldom", "", "never"};
	struct tally t;
	uint32_t *id;

	(void)state;
	assert_int_equal(tally_init(&t), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(tally_add(&t, cases[i].text, cases[i].count) >= 0);
	assert_int_equal(t.n, sizeof(order) / sizeof(order[0]));
	assert_int_equal(tally_order(&t, &id), 0);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		assert_string_equal(tally_text(&t, id[i]), order[i]);
	free(id);
	tally_done(&t);
}

static void nothing_has_an_order_too(void **state)
{
	struct tally t;
	uint32_t *id = NULL;

	(void)state;
	assert_int_equal(tally_init(&t), 0);
	assert_int_equal(t.n, 0);
	assert_int_equal(tally_order(&t, &id), 0);
	assert_non_null(id);
	free(id);
	tally_done(&t);
}

/* A dictionary whose label set 1 has pid, comm and team, after one that has none. */
static struct dict *dict_of_labels(void)
{
	struct profile_labels none = {}, l = {.n_extra = 1};
	uint32_t class;
	struct growth g;
	struct dict *d;

	l.has = 1u << PROFILE_LABEL_PID | 1u << PROFILE_LABEL_COMM;
	assert_int_equal(growth_init(&g, 1), 0);
	l.value[PROFILE_LABEL_PID] = 18446744073709551615ull;
	l.value[PROFILE_LABEL_COMM] = (uint64_t)growth_string(&g, "redis");
	l.extra[0].key = (uint32_t)growth_string(&g, "team");
	l.extra[0].value = (uint32_t)growth_string(&g, "blue");
	assert_int_equal(growth_labels(&g, &none, &class), 0);
	assert_int_equal(growth_labels(&g, &l, &class), 1);
	assert_int_equal(dict_new(1, true, &d), 0);
	assert_int_equal(dict_apply(d, &g.pending), 0);
	growth_done(&g);
	return d;
}

static void values_of_labels_are_found_and_what_is_missing_is_empty(void **state)
{
	static const struct {
		uint32_t labels;
		const char *name, *value;
	} cases[] = {
		{1, "pid", "18446744073709551615"},
		{1, "comm", "redis"},
		{1, "team", "blue"},
		{1, "thread", ""},
		{1, "nobody", ""},
		{0, "comm", ""},
		{0, "pid", ""},
	};
	struct dict *d = dict_of_labels();
	struct tally t;

	(void)state;
	assert_int_equal(tally_init(&t), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t id = tally_label(&t, d, cases[i].labels, cases[i].name);

		assert_true(id >= 0);
		assert_string_equal(tally_text(&t, (uint32_t)id), cases[i].value);
		assert_int_equal(t.count[id], 0);
	}
	assert_int_equal(tally_label(&t, d, 2, "comm"), -EBADMSG);
	assert_int_equal(tally_label(&t, d, UINT32_MAX, "comm"), -EBADMSG);
	tally_done(&t);
	dict_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_texts_are_one_however_many_there_are),
		cmocka_unit_test(the_order_is_by_count_then_by_text),
		cmocka_unit_test(nothing_has_an_order_too),
		cmocka_unit_test(values_of_labels_are_found_and_what_is_missing_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
