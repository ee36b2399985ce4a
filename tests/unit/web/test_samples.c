/* web/export/samples.c: the stream of samples as tab-separated text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/web/build.h"

static void samples_come_in_time_order_each_stack_before_its_use(void **state)
{
	struct profile *p = build_typical();
	char *text = build_export(EXPORT_SAMPLES, p, NULL, NULL);

	(void)state;
	assert_string_equal(text, "#hearth-samples 1\n"
				  "#period-ns\t10101010\n"
				  "stack\t1\tmain\n"
				  "sample\t101000\t10\t10\ta\ta\t1\t1\n"
				  "stack\t2\tmain;work;inner_[i];do_syscall_64_[k]\n"
				  "sample\t102000\t10\t11\ta\ta/2\t2\t7\n"
				  "stack\t3\tmain;work;inner_[i]\n"
				  "sample\t103000\t10\t10\ta\ta\t3\t5\n"
				  "sample\t104000\t10\t10\ta\ta\t3\t2\n"
				  "stack\t4\t[incomplete: no-frame-pointer];libx.so+0x1234\n"
				  "sample\t105000\t20\t20\tb b\tb b\t4\t3\n"
				  "stack\t5\tmain;[jit]_[j]\n"
				  "sample\t106000\t20\t20\tb b\tb b\t5\t4\n"
				  "stack\t6\t\n"
				  "sample\t107000\t20\t20\tb b\tb b\t6\t7\n");
	free(text);
	profile_free(p);
}

static void fields_are_escaped_and_other_labels_follow(void **state)
{
	struct profile *p = build_profile(false);
	struct profile_labels l = {.has = 1u << PROFILE_LABEL_COMM | 1u << PROFILE_LABEL_EXE |
					  1u << PROFILE_LABEL_UID,
				   .n_extra = 1};
	char *text;

	(void)state;
	l.value[PROFILE_LABEL_COMM] = (uint64_t)profile_string(p, "a\tb\nc\\d");
	l.value[PROFILE_LABEL_EXE] = (uint64_t)profile_string(p, "/bin/x y");
	l.value[PROFILE_LABEL_UID] = 1000;
	l.extra[0].key = (uint32_t)profile_string(p, "zone");
	l.extra[0].value = (uint32_t)profile_string(p, "eu=1");
	build_sample(p, 1999999, BUILD_STACK(p, build_frame(p, "/a", 1, "back\\slash")),
		     (uint32_t)profile_labels(p, &l), 1);
	text = build_export(EXPORT_SAMPLES, p, NULL, NULL);
	assert_string_equal(text, "#hearth-samples 1\n"
				  "#period-ns\t10101010\n"
				  "stack\t1\tback\\\\slash\n"
				  "sample\t1\t\t\ta\\tb\\nc\\\\d\t\t1\t1\texe=/bin/x y\tuid=1000\t"
				  "zone=eu=1\n");
	free(text);
	profile_free(p);
}

static void merged_samples_are_refused_with_a_sentence(void **state)
{
	struct profile *p = build_profile(true);
	struct buf out;
	struct err err = {};

	(void)state;
	buf_init(&out, 1000);
	build_sample(p, 0, 0, build_labels(p, 1, 1, "c", "c"), 1);
	assert_int_equal(export_write(EXPORT_SAMPLES, p, NULL, &out, &err), -EINVAL);
	assert_non_null(strstr(err_text(&err), "times"));
	buf_done(&out);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_come_in_time_order_each_stack_before_its_use),
		cmocka_unit_test(fields_are_escaped_and_other_labels_follow),
		cmocka_unit_test(merged_samples_are_refused_with_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
