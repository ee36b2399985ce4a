/* Frames and labels as folded text, one by one; whole lines are in test_folded.c. */
#include "web/export/folded_text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/web/build.h"

#define REPLACED "\xef\xbf\xbd"

static void names_and_labels_stay_one_field(void **state)
{
	static const struct {
		const char *text, *name, *label;
	} cases[] = {
		{"", "", "-"},
		{" ", " ", "_"},
		{"-", "-", "-"},
		{"a b;c", "a b:c", "a_b:c"},
		{"a\tb\nc\r", "a?b?c?", "a?b?c?"},
		{"\x01\x1f\x20\x7f", "?? ?", "??_?"},
		{"\xc2\x80\xc2\x9f\xc2\xa0", "??\xc2\xa0", "??\xc2\xa0"}, /* C1, and what follows */
		{"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", "\xe2\x80\xa7??\xe2\x80\xaa",
		 "\xe2\x80\xa7??\xe2\x80\xaa"},
		{"\xf0\x9f\x94\xa5 \xc3\xa4", "\xf0\x9f\x94\xa5 \xc3\xa4",
		 "\xf0\x9f\x94\xa5_\xc3\xa4"},
		/* Torn, overlong, a surrogate: byte by byte. */
		{"\xff;", REPLACED ":", REPLACED ":"},
		{"\xc3", REPLACED, REPLACED},
		{"\xc0\xbb", REPLACED REPLACED, REPLACED REPLACED},
		{"\xed\xa0\x80x", REPLACED REPLACED REPLACED "x", REPLACED REPLACED REPLACED "x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out;

		buf_init(&out, 100);
		folded_add_name(&out, cases[i].text);
		assert_string_equal(buf_str(&out), cases[i].name);
		buf_clear(&out);
		folded_add_label(&out, cases[i].text);
		assert_string_equal(buf_str(&out), cases[i].label);
		buf_done(&out);
	}
}

static void assert_stack(struct folded_names *n, uint32_t stack, uint32_t reason,
			 const char *before, const char *expected)
{
	struct buf out;

	buf_init(&out, 10000);
	buf_add_str(&out, before);
	assert_int_equal(folded_add_stack(n, stack, reason, 0, &out), 0);
	assert_string_equal(buf_str(&out), expected);
	/* The same behind a line that is finished: no separator, and nothing of it changes. */
	buf_clear(&out);
	buf_add_str(&out, "line 1 ");
	assert_int_equal(folded_add_stack(n, stack, reason, out.len, &out), 0);
	assert_memory_equal(buf_str(&out), "line 1 ", 7);
	if (!*before)
		assert_string_equal(buf_str(&out) + 7, expected);
	buf_done(&out);
}

static void a_stack_is_its_frames_root_first(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t m = build_frame(p, "/bin/a", 1, "ma;in");
	uint32_t inlined = build_location(p, PROFILE_OBJECT_FILE, "/bin/a", 2,
					  BUILD_NAMES("inner", "middle", "outer"));
	uint32_t kernel = build_location(p, PROFILE_OBJECT_KERNEL, "[kernel.kallsyms]", 3,
					 BUILD_NAMES("do_it"));
	uint32_t jit = build_location(p, PROFILE_OBJECT_JIT, "[jit]", 4, NULL);
	uint32_t nameless = build_location(p, PROFILE_OBJECT_FILE, "/lib/x;y", 0x1a, NULL);
	uint32_t digits = build_frame(p, "/bin/a", 5, "123");
	struct folded_names n;

	(void)state;
	assert_int_equal(folded_names_init(&n, p), 0);
	assert_stack(&n, BUILD_STACK(p, m), EXPORT_COMPLETE, "", "ma:in");
	assert_stack(&n, BUILD_STACK(p, m), EXPORT_COMPLETE, "comm", "comm;ma:in");
	assert_stack(&n, BUILD_STACK(p, inlined, kernel), EXPORT_COMPLETE, "",
		     "outer;middle_[i];inner_[i];do_it_[k]");
	/* Texts are kept: again, in another order, and several times in one stack. */
	assert_stack(&n, BUILD_STACK(p, kernel, m, inlined, m), EXPORT_COMPLETE, "",
		     "do_it_[k];ma:in;outer;middle_[i];inner_[i];ma:in");
	assert_stack(&n, BUILD_STACK(p, nameless, jit), EXPORT_COMPLETE, "", "x:y+0x1a;[jit]_[j]");
	assert_stack(&n, BUILD_STACK(p, digits), EXPORT_COMPLETE, "", "123");
	assert_stack(&n, BUILD_STACK(p, m, digits), EXPORT_COMPLETE, "", "ma:in;123");
	assert_stack(&n, 0, EXPORT_COMPLETE, "comm", "comm");
	assert_stack(&n, 0, EXPORT_COMPLETE, "", "");
	folded_names_done(&n);
	profile_free(p);
}

static void a_reason_stands_before_the_frames(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t m = build_frame(p, "/bin/a", 1, "main");
	uint32_t reason = (uint32_t)profile_string(p, "no;\nreason 3");
	struct folded_names n;

	(void)state;
	assert_int_equal(folded_names_init(&n, p), 0);
	assert_stack(&n, BUILD_STACK(p, m), reason, "x", "x;[incomplete: no:?reason 3];main");
	assert_stack(&n, BUILD_STACK(p, m), reason, "", "[incomplete: no:?reason 3];main");
	assert_stack(&n, 0, reason, "x", "x;[incomplete: no:?reason 3]");
	folded_names_done(&n);
	profile_free(p);
}

static void a_full_buffer_is_told(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t stack = BUILD_STACK(p, build_frame(p, "/bin/a", 1, "a name"));
	struct folded_names n;
	struct buf out;

	(void)state;
	assert_int_equal(folded_names_init(&n, p), 0);
	for (size_t max = 0; max <= strlen("a name"); max++) {
		buf_init(&out, max);
		assert_int_equal(folded_add_stack(&n, stack, EXPORT_COMPLETE, 0, &out),
				 max < strlen("a name") ? -EFBIG : 0);
		buf_done(&out);
	}
	folded_names_done(&n);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_labels_stay_one_field),
		cmocka_unit_test(a_stack_is_its_frames_root_first),
		cmocka_unit_test(a_reason_stands_before_the_frames),
		cmocka_unit_test(a_full_buffer_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
