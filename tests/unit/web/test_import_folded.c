/* web/import/folded.c: folded stacks come back as they were; what is wrong is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/web/build.h"
#include "tests/unit/web/import_into.h"

static void an_export_comes_back_as_it_was(void **state)
{
	struct profile *(*const makers[])(void) = {build_typical, build_hostile};

	(void)state;
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		struct profile *p = makers[i]();
		char *text = build_export(EXPORT_FOLDED, p, NULL, NULL), *got;
		struct err err = {};

		got = import_into(IMPORT_FOLDED, text, strlen(text), 0, false, NULL, &err);
		if (!got)
			fail_msg("%s", err_text(&err));
		assert_string_equal(got, text);
		free(got);
		free(text);
		profile_free(p);
	}
}

static void all_stand_at_the_given_time_with_their_comm(void **state)
{
	(void)state;
	import_into_check(IMPORT_FOLDED, "a b;f 1\n\n# no\n-;f 2 \t\r\nc 3\nz;f 0\n;f 4",
			  "stack\t1\tf\n"
			  "sample\t1795000000123\t\t\ta b\t\t1\t1\timport=x\n"
			  "sample\t1795000000123\t\t\t\t\t1\t2\timport=x\n"
			  "stack\t2\t\n"
			  "sample\t1795000000123\t\t\tc\t\t2\t3\timport=x\n"
			  "sample\t1795000000123\t\t\t\t\t1\t4\timport=x\n");
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
	static const char *const wrong[] = {"a;b\n",
					    "a;b 1.5\n",
					    "a;b -1\n",
					    "a;b 1 x\n",
					    "12\n",
					    "a;b \xff\n",
					    "a;b 18446744073709551616\n",
					    "a;b\t1\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		import_into_refused(IMPORT_FOLDED, wrong[i], strlen(wrong[i]), -EBADMSG,
				    "line 1: not a stack with a count");
	import_into_refused(IMPORT_FOLDED, "a;b 1\n\nx\n", 9, -EBADMSG, "line 3:");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_export_comes_back_as_it_was),
		cmocka_unit_test(all_stand_at_the_given_time_with_their_comm),
		cmocka_unit_test(what_is_wrong_is_told_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
