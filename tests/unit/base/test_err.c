/* The sentence beside an errno: one line, whole characters, and never nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "profiler/base/err.h"

static void a_failure_is_one_line(void **state)
{
	struct err e = {};

	(void)state;
	assert_int_equal(err_set(&e, -ENOENT, "no store at %s", "/x"), -ENOENT);
	assert_int_equal(e.code, -ENOENT);
	assert_string_equal(err_text(&e), "no store at /x");
	assert_int_equal(err_set(NULL, -EPERM, "nobody listens"), -EPERM);
}

static void there_is_always_a_text(void **state)
{
	struct err e = {.code = -ENOSPC};

	(void)state;
	assert_string_equal(err_text(&e), strerror(ENOSPC));
	assert_true(err_text(NULL)[0] != '\0');
}

static void control_characters_of_foreign_names_do_not_get_through(void **state)
{
	struct err e;

	(void)state;
	err_set(&e, -EINVAL, "file %s", "a\nb\x1b[31m\x7f\tc");
	assert_string_equal(err_text(&e), "file a?b?[31m??c");
}

static void a_sentence_can_be_wrapped_in_another(void **state)
{
	struct err e;

	(void)state;
	err_set(&e, -EIO, "inner");
	err_set(&e, e.code, "outer: %s", err_text(&e));
	assert_string_equal(err_text(&e), "outer: inner");
	assert_int_equal(e.code, -EIO);
}

static void what_is_cut_says_so_and_stays_utf8(void **state)
{
	char name[2 * ERR_TEXT_BYTES];
	struct err e;
	size_t len;

	(void)state;
	for (size_t lead = 0; lead < 2; lead++) {
		memset(name, 'x', sizeof(name));
		for (size_t i = lead; i + 1 < sizeof(name); i += 2)
			memcpy(name + i, "\xc3\xa4", 2);
		name[sizeof(name) - 1] = '\0';
		err_set(&e, -EINVAL, "%s", name);
		len = strlen(err_text(&e));
		assert_true(len == ERR_TEXT_BYTES - 1 || len == ERR_TEXT_BYTES - 2);
		assert_string_equal(err_text(&e) + len - 3, "...");
		assert_true(((unsigned char)e.text[len - 4] & 0xc0) !=
			    0xc0); /* no lone lead byte */
	}
	memset(name, 'y', ERR_TEXT_BYTES - 1);
	name[ERR_TEXT_BYTES - 1] = '\0';
	err_set(&e, -EINVAL, "%s", name); /* fits exactly */
	assert_string_equal(err_text(&e), name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_is_one_line),
		cmocka_unit_test(there_is_always_a_text),
		cmocka_unit_test(control_characters_of_foreign_names_do_not_get_through),
		cmocka_unit_test(a_sentence_can_be_wrapped_in_another),
		cmocka_unit_test(what_is_cut_says_so_and_stays_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
