/* "Did you mean": near words are found, far ones are not forced on anybody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "profiler/cli/suggest.h"

static const char *const words[] = {"record", "serve", "export", "diff", NULL, "status", "doctor"};

static const char *nearest(const char *typed)
{
	const char *found = suggest_nearest(typed, words, sizeof(words) / sizeof(words[0]));

	return found ? found : "";
}

static void near_words_are_found(void **state)
{
	(void)state;
	assert_string_equal(nearest("recrod"), "record"); /* a transposition is one step */
	assert_string_equal(nearest("recordd"), "record");
	assert_string_equal(nearest("srve"), "serve");
	assert_string_equal(nearest("dif"), "diff");
	assert_string_equal(nearest("stat"), "status"); /* a beginning */
	assert_string_equal(nearest("doc"), "doctor");
	assert_string_equal(nearest("exprot"), "export");
}

static void far_words_are_not(void **state)
{
	char longest[300];

	(void)state;
	memset(longest, 'r', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_string_equal(nearest(""), "");
	assert_string_equal(nearest("x"), "");
	assert_string_equal(nearest("flamegraph"), "");
	assert_string_equal(nearest("abc"), "");
	assert_string_equal(nearest(longest), "");
	assert_null(suggest_nearest("record", NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(near_words_are_found),
		cmocka_unit_test(far_words_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
