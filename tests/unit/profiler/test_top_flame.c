/* The flame graph of text: widths, levels, what is too narrow, and the way through it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "profiler/top/flame.h"
#include "tests/unit/web/build.h"

#define DEEP 50000

/* a calls b (60), c, which calls e (39), and d (1). */
static struct top_model model(void)
{
	struct profile *p = build_profile(true);
	uint32_t a = build_frame(p, "/bin/a", 1, "a"), b = build_frame(p, "/bin/a", 2, "b");
	uint32_t c = build_frame(p, "/bin/a", 3, "c"), d = build_frame(p, "/bin/a", 4, "d");
	uint32_t e = build_frame(p, "/bin/a", 5, "e"), labels = build_labels(p, 1, 1, "x", "x");
	struct top_model m;

	build_sample(p, 0, BUILD_STACK(p, a, b), labels, 60);
	build_sample(p, 0, BUILD_STACK(p, a, c, e), labels, 39);
	build_sample(p, 0, BUILD_STACK(p, a, d), labels, 1);
	assert_int_equal(top_model_init(&m, p, NULL, false, NULL), 0);
	return m;
}

static void assert_drawn(const struct top_model *m, const struct top_flame *flame, uint32_t lines,
			 uint32_t thin, const char *expected)
{
	struct top_page page;
	struct buf out;
	uint32_t n;

	top_page_init(&page);
	top_page_clear(&page, lines, 20);
	assert_int_equal(top_flame_draw(m, flame, &page, 0, lines, &n), 0);
	assert_int_equal(n, thin);
	top_page_sort(&page);
	buf_init(&out, 100000);
	assert_int_equal(top_page_print(&page, &out), 0);
	assert_string_equal(buf_str(&out), expected);
	buf_done(&out);
	top_page_done(&page);
}

static void widths_are_shares(void **state)
{
	struct top_model m = model();

	(void)state;
	/* d's only column would be the one that begins at 19.8. */
	assert_drawn(&m, &(struct top_flame){.selected = UINT32_MAX}, 5, 0,
		     "|all\n|x\n|a\n|b          |c     |\n            |e\n");
	assert_drawn(&m, &(struct top_flame){.level = 2}, 2, 0, "|a\n|b          |c     |\n");
	assert_drawn(&m, &(struct top_flame){.root = 3}, 2, 0, "|b\n\n");
	top_model_done(&m);
}

static void the_narrow_are_counted_and_can_be_walked_to(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t a = build_frame(p, "/bin/a", 1, "a"), b = build_frame(p, "/bin/a", 2, "b");
	uint32_t c = build_frame(p, "/bin/a", 3, "c"), labels = build_labels(p, 1, 1, "x", "x");
	struct top_model m;

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, b, a), labels, 1);
	build_sample(p, 0, BUILD_STACK(p, c), labels, 1);
	build_sample(p, 0, BUILD_STACK(p, a), labels, 998);
	assert_int_equal(top_model_init(&m, p, NULL, false, NULL), 0);
	/* The last of them has the page's last column, the other one and its callee have none. */
	assert_drawn(&m, &(struct top_flame){.selected = UINT32_MAX}, 3, 2,
		     "|all\n|x\n|a                 |\n");
	assert_string_equal(top_model_frame_name(&m, top_flame_right(&m, 0, 2)), "b");
	assert_drawn(&m, &(struct top_flame){.root = 3}, 2, 0, "|b\n|a\n");
	top_model_done(&m);
}

static void keys_walk_among_callers_callees_and_neighbours(void **state)
{
	struct top_model m = model();

	(void)state;
	assert_int_equal(top_flame_callee(&m, 0), 1);
	assert_int_equal(top_flame_callee(&m, 2), 3);
	assert_int_equal(top_flame_callee(&m, 3), 3);
	assert_int_equal(top_flame_right(&m, 0, 3), 4);
	assert_int_equal(top_flame_right(&m, 0, 4), 6);
	assert_int_equal(top_flame_right(&m, 0, 6), 6);
	assert_int_equal(top_flame_left(&m, 0, 6), 4);
	assert_int_equal(top_flame_left(&m, 0, 3), 3);
	assert_int_equal(top_flame_caller(&m, 0, 4), 2);
	assert_int_equal(top_flame_caller(&m, 4, 4), 4);
	assert_int_equal(top_flame_right(&m, 4, 4), 4);
	top_model_done(&m);
}

static void a_deep_stack_is_drawn_where_one_looks(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t f = build_frame(p, "/bin/a", 1, "f"), leaf = build_frame(p, "/bin/a", 2, "leaf");
	struct top_model m;
	int64_t stack = 0;

	(void)state;
	for (int i = 0; i < DEEP; i++)
		stack = profile_stack(p, (uint32_t)stack, f);
	stack = profile_stack(p, (uint32_t)stack, leaf);
	build_sample(p, 0, (uint32_t)stack, build_labels(p, 1, 1, "x", "x"), 7);
	assert_int_equal(top_model_init(&m, p, NULL, false, NULL), 0);
	assert_drawn(&m, &(struct top_flame){.level = DEEP + 1}, 2, 0, "|f\n|leaf\n");
	top_model_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widths_are_shares),
		cmocka_unit_test(the_narrow_are_counted_and_can_be_walked_to),
		cmocka_unit_test(keys_walk_among_callers_callees_and_neighbours),
		cmocka_unit_test(a_deep_stack_is_drawn_where_one_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
