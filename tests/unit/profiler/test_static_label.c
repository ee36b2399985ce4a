/* Labels of the configuration: which are taken, and why others are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "profiler/static_label.h"

static void keys_and_values_are_taken(void **state)
{
	struct static_labels l = {};

	(void)state;
	assert_int_equal(static_labels_add(&l, "zone=eu-1", NULL), 0);
	assert_int_equal(static_labels_add(&l, "host=web-3", NULL), 0);
	assert_int_equal(static_labels_add(&l, "_A9=a=b c", NULL), 0);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.label[0].key, "zone");
	assert_string_equal(l.label[0].value, "eu-1");
	assert_string_equal(l.label[2].value, "a=b c");
}

static void refused(struct static_labels *l, const char *text, int code, const char *sentence)
{
	struct err err = {};
	size_t n = l->n;

	if (static_labels_add(l, text, &err) != code || !strstr(err_text(&err), sentence))
		fail_msg("%s: %d, %s", text, err.code, err_text(&err));
	assert_int_equal(l->n, n);
}

static void what_is_no_label_is_told(void **state)
{
	static const char *const wrong[] = {"",	     "zone",  "=eu",	   "9a=b",
					    "a-b=c", "a b=c", "\xc3\xa4=b"};
	struct static_labels l = {};
	char longest[600];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		refused(&l, wrong[i], -EINVAL, "is not KEY=VALUE");
	memset(longest, 'k', sizeof(longest));
	memcpy(longest + STATIC_LABEL_KEY_BYTES, "=v", 3);
	refused(&l, longest, -EINVAL, "is not KEY=VALUE");
	memset(longest, 'v', sizeof(longest));
	memcpy(longest, "k=", 2);
	longest[2 + STATIC_LABEL_VALUE_BYTES] = '\0';
	refused(&l, longest, -EINVAL, "longer than 255 bytes");
	refused(&l, "k=", -EINVAL, "is empty");
	refused(&l, "pid=7", -EINVAL, "pid is told by each sample itself");
	refused(&l, "container=x", -EINVAL, "container is told");
	refused(&l, "pod=x", -EINVAL, "pod is told");
	refused(&l, "import=x", -EINVAL, "import is told");
}

static void none_is_given_twice_and_there_is_an_end(void **state)
{
	struct static_labels l = {};
	char text[32];

	(void)state;
	for (int i = 0; i < STATIC_LABELS_MAX; i++) {
		snprintf(text, sizeof(text), "k%d=v", i);
		assert_int_equal(static_labels_add(&l, text, NULL), 0);
	}
	refused(&l, "k3=w", -EINVAL, "k3 is given twice");
	refused(&l, "another=v", -E2BIG, "more than 12 labels");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_and_values_are_taken),
		cmocka_unit_test(what_is_no_label_is_told),
		cmocka_unit_test(none_is_given_twice_and_there_is_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
