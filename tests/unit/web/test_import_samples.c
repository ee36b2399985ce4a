/* web/import/samples.c: the sample stream comes back as it was written; what is wrong is told. */
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

#define HEAD "#hearth-samples 1\n"

/* Every label set has got ours; without it the text is what it was. */
static void strip_label(char *text)
{
	static const char ours[] = "\timport=x\n";
	char *at;

	while ((at = strstr(text, ours)))
		memmove(at, at + strlen(ours) - 1, strlen(at + strlen(ours) - 1) + 1);
}

static void an_export_comes_back_as_it_was(void **state)
{
	struct profile *(*const makers[])(void) = {build_typical, build_hostile};

	(void)state;
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		struct profile *p = makers[i]();
		char *text = build_export(EXPORT_SAMPLES, p, NULL, NULL), *got;
		struct err err = {};

		got = import_into(IMPORT_UNKNOWN, text, strlen(text), 0, true, NULL, &err);
		if (!got)
			fail_msg("%s", err_text(&err));
		assert_non_null(strstr(got, "\timport=x\n"));
		strip_label(got);
		assert_string_equal(got, text);
		free(got);
		free(text);
		profile_free(p);
	}
}

static void fields_may_be_missing_and_labels_are_taken(void **state)
{
	(void)state;
	import_into_check(IMPORT_SAMPLES,
			  HEAD
			  "#anything\n\nstack\t18446744073709551615\ta;b_[i];c_[k];d_[j];e_[p]\n"
			  "sample\t7\t\t\t\t\t18446744073709551615\n"
			  "sample\t8\t0\t5\tx\\ty\tt\t18446744073709551615\t3\tzone=e=u\tuid=7\t"
			  "import=old\tempty=\tn\\\\k=a\\nb\r\n"
			  "sample\t9\t1\t1\tc\tt\t18446744073709551615\t0",
			  "stack\t1\ta;b_[i];c_[k];d_[j];e_[p]\n"
			  "sample\t7\t\t\t\t\t1\t1\timport=x\n"
			  "sample\t8\t0\t5\tx\\ty\tt\t1\t3\tuid=7\timport=x\tn\\\\k=a\\nb\t"
			  "zone=e=u\n");
}

static void a_number_that_is_used_again_means_the_later_stack(void **state)
{
	(void)state;
	import_into_check(IMPORT_SAMPLES,
			  HEAD "stack\t3\ta\nsample\t1\t1\t1\tc\tt\t3\nstack\t3\tb\n"
			       "sample\t2\t1\t1\tc\tt\t3\n",
			  "stack\t1\ta\nsample\t1\t1\t1\tc\tt\t1\t1\timport=x\n"
			  "stack\t2\tb\nsample\t2\t1\t1\tc\tt\t2\t1\timport=x\n");
}

static void stacks_may_be_empty_odd_or_without_a_root(void **state)
{
	(void)state;
	import_into_check(
		IMPORT_SAMPLES,
		HEAD "stack\t1\t\nsample\t1\t1\t1\tc\tt\t1\n"
		     "stack\t2\t[incomplete: why];a\nsample\t2\t1\t1\tc\tt\t2\n"
		     "stack\t3\t;;a_[i];;b_[i];\nsample\t3\t1\t1\tc\tt\t3\n"
		     "stack\t4\t_[k];[incomplete: x]\nsample\t4\t1\t1\tc\tt\t4\n",
		"stack\t1\t\nsample\t1\t1\t1\tc\tt\t1\t1\timport=x\n"
		"stack\t2\t[incomplete: why];a\nsample\t2\t1\t1\tc\tt\t2\t1\timport=x\n"
		"stack\t3\ta;b_[i]\nsample\t3\t1\t1\tc\tt\t3\t1\timport=x\n"
		"stack\t4\t_[k];[incomplete: x]\nsample\t4\t1\t1\tc\tt\t4\t1\timport=x\n");
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
	static const struct {
		const char *text, *sentence;
		int code;
	} wrong[] = {
		{"stack\t1\ta\n", "line 1: a sample stream begins with", -EBADMSG},
		{"#hearth-samples 2\n", "version 2", -EPROTO},
		{"#hearth-samples 11\n", "version 11", -EPROTO},
		{"#hearth-samples \n", "version ", -EPROTO},
		{HEAD "frame\t1\n", "line 2: neither a stack nor a sample: frame", -EBADMSG},
		{HEAD "stack\n", "neither", -EBADMSG},
		{HEAD "stack\t1\n", "a stack without a number", -EBADMSG},
		{HEAD "stack\tx\ta\n", "a stack without a number", -EBADMSG},
		{HEAD "stack\t\ta\n", "a stack without a number", -EBADMSG},
		{HEAD "stack\t18446744073709551616\ta\n", "a stack without a number", -EBADMSG},
		{HEAD "stack\t1\ta\\\n", "a backslash", -EBADMSG},
		{HEAD "stack\t1\ta\\x\n", "a backslash", -EBADMSG},
		{HEAD "sample\t1\t1\t1\tc\tt\t1\n", "stack 1 is not known", -EBADMSG},
		{HEAD "stack\t1\ta\nsample\t1\t1\t1\tc\tt\n", "line 3: a sample has", -EBADMSG},
		{HEAD "stack\t1\ta\nsample\t1.5\t1\t1\tc\tt\t1\n", "milliseconds: 1.5", -EBADMSG},
		{HEAD "stack\t1\ta\nsample\t8796093022208\t1\t1\tc\tt\t1\n", "milliseconds",
		 -EBADMSG},
		{HEAD "stack\t1\ta\nsample\t1\t-1\t1\tc\tt\t1\n", "label pid is not a number: -1",
		 -EBADMSG},
		{HEAD "stack\t1\ta\nsample\t1\t1\tx\tc\tt\t1\n", "label tid", -EBADMSG},
		{HEAD "stack\t1\ta\nsample\t1\t1\t1\tc\tt\tone\n", "stack is not a number",
		 -EBADMSG},
		{HEAD "stack\t1\ta\nsample\t1\t1\t1\tc\tt\t1\t-1\n", "count is not a number",
		 -EBADMSG},
		{HEAD "stack\t1\ta\nsample\t1\t1\t1\tc\tt\t1\t1\tzone\n", "not KEY=VALUE: zone",
		 -EBADMSG},
		{HEAD "stack\t1\ta\nsample\t1\t1\t1\tc\tt\t1\t1\t=x\n", "not KEY=VALUE", -EBADMSG},
		{HEAD "stack\t1\ta\nsample\t1\t1\t1\tc\tt\t1\t1\tuid=me\n", "label uid", -EBADMSG},
		{HEAD "stack\t1\ta\nsample\t1\t1\t1\tc\tt\t1\t1\ta=1\tb=1\tc=1\td=1\te=1\tf=1\tg=1"
		      "\th=1\ti=1\tj=1\tk=1\tl=1\tm=1\tn=1\to=1\tp=1\n",
		 "more than 15 labels", -EFBIG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		import_into_refused(IMPORT_SAMPLES, wrong[i].text, strlen(wrong[i].text),
				    wrong[i].code, wrong[i].sentence);
	import_into_refused(IMPORT_SAMPLES, "", 0, -EBADMSG, "empty");
}

/* A stack of n times s. */
static void check_deep(const char *s, size_t n, const char *sentence)
{
	struct buf b;

	buf_init(&b, 1u << 21);
	buf_add_str(&b, HEAD "stack\t1\tmain");
	for (size_t i = 0; i < n; i++)
		buf_add_str(&b, s);
	buf_add_str(&b, "\nsample\t1\t1\t1\tc\tt\t1\n");
	if (sentence) {
		import_into_refused(IMPORT_SAMPLES, b.data, b.len, -EFBIG, sentence);
	} else {
		struct err err = {};
		char *got = import_into(IMPORT_SAMPLES, b.data, b.len, 0, true, NULL, &err);

		assert_non_null(got);
		assert_int_equal(strlen(got), b.len + strlen("\t1\timport=x"));
		free(got);
	}
	buf_done(&b);
}

static void deep_stacks_are_whole_or_refused(void **state)
{
	(void)state;
	check_deep(";f", IMPORT_FRAMES_MAX - 1, NULL);
	check_deep(";f", IMPORT_FRAMES_MAX, "more than 16384 frames");
	check_deep(";f_[i]", IMPORT_INLINED_MAX, NULL);
	check_deep(";f_[i]", IMPORT_INLINED_MAX + 1, "more than 255 functions inlined");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_export_comes_back_as_it_was),
		cmocka_unit_test(fields_may_be_missing_and_labels_are_taken),
		cmocka_unit_test(a_number_that_is_used_again_means_the_later_stack),
		cmocka_unit_test(stacks_may_be_empty_odd_or_without_a_root),
		cmocka_unit_test(what_is_wrong_is_told_with_its_line),
		cmocka_unit_test(deep_stacks_are_whole_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
