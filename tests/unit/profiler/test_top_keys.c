/* Keys where a view's limits are: in the flame graph, in the table, in what is typed. */
#include "profiler/top/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/web/build.h"

#define NOW  UINT64_C(1000000000000)
#define DEEP 100

static struct top_view view;
static struct top_model model;

static int press(int key)
{
	return (int)top_view_key(&view, &model, key, NOW);
}

static void begin_with(struct profile *p)
{
	top_view_init(&view);
	view.lines = 24;
	view.columns = 80;
	assert_int_equal(top_view_model(&view, p, &model), 0);
}

static int end(void **state)
{
	(void)state;
	top_view_done(&view);
	top_model_done(&model);
	return 0;
}

/* all > x > a, which calls b (60) and c (40), which calls e. */
static int begin_flame(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t a = build_frame(p, "/bin/a", 1, "a"), b = build_frame(p, "/bin/a", 2, "b");
	uint32_t c = build_frame(p, "/bin/a", 3, "c"), e = build_frame(p, "/bin/a", 4, "e");
	uint32_t labels = build_labels(p, 1, 1, "x", "x");

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, a, b), labels, 60);
	build_sample(p, 0, BUILD_STACK(p, a, c, e), labels, 40);
	begin_with(p);
	view.flame = true;
	return 0;
}

/* A stack of f's, DEEP of them. */
static int begin_deep(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t f = build_frame(p, "/bin/a", 1, "f"), stack = 0;

	(void)state;
	for (int i = 0; i < DEEP; i++)
		stack = (uint32_t)profile_stack(p, stack, f);
	build_sample(p, 0, stack, build_labels(p, 1, 1, "x", "x"), 1);
	begin_with(p);
	view.flame = true;
	return 0;
}

/* As many functions as DEEP. */
static int begin_table(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t labels = build_labels(p, 1, 1, "x", "x");
	char name[16];

	(void)state;
	for (uint64_t i = 0; i < DEEP; i++) {
		snprintf(name, sizeof(name), "f%03u", (unsigned int)i);
		build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/bin/a", i, name)), labels,
			     DEEP - i);
	}
	begin_with(p);
	return 0;
}

static int begin_empty(void **state)
{
	(void)state;
	begin_with(build_profile(true));
	return 0;
}

static void assert_at(const char *root, const char *place)
{
	assert_string_equal(top_model_frame_name(&model, top_path_find(&view.root, &model)), root);
	assert_string_equal(top_model_frame_name(&model, top_path_find(&view.place, &model)),
			    place);
}

static void enter_zooms_in_and_backspace_out_to_the_root(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(press(TOP_KEY_DOWN), TOP_DRAW);
	assert_at("all", "b");
	assert_int_equal(press(TOP_KEY_RIGHT), TOP_DRAW);
	assert_at("all", "c");
	view.level = 3;
	assert_int_equal(press(TOP_KEY_ENTER), TOP_DRAW);
	assert_at("c", "c");
	assert_int_equal(view.level, 0);
	/* Neither a neighbour nor a caller is in sight. */
	press(TOP_KEY_LEFT);
	press(TOP_KEY_UP);
	assert_at("c", "c");
	press(TOP_KEY_DOWN);
	assert_at("c", "e");
	press(TOP_KEY_BACKSPACE);
	assert_at("a", "e");
	for (int i = 0; i < 3; i++)
		press(TOP_KEY_BACKSPACE);
	assert_at("all", "e");
}

/* Zoomed in again from outside, the place is where one looks. */
static void a_place_out_of_sight_is_left(void **state)
{
	(void)state;
	press(TOP_KEY_LAST);
	assert_at("all", "b");
	press(TOP_KEY_ENTER);
	assert_at("b", "b");
	top_path_take(&view.place, &model, 1);
	assert_at("b", "x");
	press(TOP_KEY_RIGHT);
	assert_at("b", "b");
	press(TOP_KEY_BACKSPACE);
	press(TOP_KEY_HOME);
	assert_at("a", "a");
}

static uint32_t depth(void)
{
	return model.tree.depth[top_path_find(&view.place, &model)];
}

static void pages_of_a_deep_stack_are_what_is_seen_of_it(void **state)
{
	(void)state;
	press(TOP_KEY_PAGE_DOWN);
	assert_int_equal(depth(), 24 - 5);
	press(TOP_KEY_PAGE_DOWN);
	press(TOP_KEY_PAGE_UP);
	assert_int_equal(depth(), 24 - 5);
	press(TOP_KEY_LAST);
	assert_int_equal(depth(), 1 + DEEP);
	press(TOP_KEY_PAGE_DOWN);
	assert_int_equal(depth(), 1 + DEEP);
	press(TOP_KEY_HOME);
	assert_int_equal(depth(), 0);
	press(TOP_KEY_PAGE_UP);
	assert_int_equal(depth(), 0);
	view.lines = 8; /* next to nothing is seen */
	press(TOP_KEY_PAGE_DOWN);
	assert_int_equal(depth(), 1);
}

static void pages_of_the_table_are_its_rows(void **state)
{
	static const struct {
		int key;
		uint32_t lines, from, to;
	} cases[] = {
		{TOP_KEY_PAGE_DOWN, 24, 0, 18},
		{TOP_KEY_PAGE_DOWN, 24, DEEP - 3, DEEP - 1},
		{TOP_KEY_PAGE_UP, 24, 20, 2},
		{TOP_KEY_PAGE_UP, 24, 18, 0},
		{TOP_KEY_PAGE_UP, 24, 17, 0},
		{TOP_KEY_PAGE_DOWN, 9, 0, 3},
		{TOP_KEY_PAGE_DOWN, 8, 0, 1},
		{TOP_KEY_PAGE_UP, 0, 5, 4},
		{TOP_KEY_DOWN, 24, DEEP - 1, DEEP - 1},
		{TOP_KEY_UP, 24, 1, 0},
		{TOP_KEY_LAST, 24, 5, DEEP - 1},
		{TOP_KEY_HOME, 24, 5, 0},
		{TOP_KEY_ENTER, 24, 5, 5},
		{TOP_KEY_LEFT, 24, 5, 5},
		{TOP_KEY_RESIZE, 24, 5, 5},
		{TOP_KEY_LAST + 100, 24, 5, 5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		view.row = cases[i].from;
		view.lines = cases[i].lines;
		assert_int_equal(press(cases[i].key), TOP_DRAW);
		if (view.row != cases[i].to)
			fail_msg("case %zu leads to %u", i, view.row);
	}
}

static void nothing_can_be_walked_through(void **state)
{
	(void)state;
	for (int flame = 0; flame < 2; flame++) {
		view.flame = flame;
		for (int key = TOP_KEY_RESIZE; key <= TOP_KEY_ESCAPE; key++)
			assert_int_equal(press(key), TOP_DRAW);
		assert_int_equal(view.row, 0);
		assert_at("all", "all");
	}
	assert_int_equal(press('s'), TOP_DRAW);
}

static void what_is_typed_is_print_and_has_an_end(void **state)
{
	static const int no[] = {0x1f,	       0x7f,	       0xe4,	  0x1f525,
				 TOP_KEY_NONE, TOP_KEY_RESIZE, TOP_KEY_UP};

	(void)state;
	press('/');
	assert_int_equal(press(TOP_KEY_BACKSPACE), TOP_DRAW);
	assert_string_equal(view.typed, "");
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_int_equal(press(no[i]), TOP_DRAW);
	assert_string_equal(view.typed, "");
	press(' ');
	press('~');
	press('q'); /* no end: it is typed */
	assert_string_equal(view.typed, " ~q");
	for (int i = 0; i < 2 * TOP_FILTER_BYTES; i++)
		press('x');
	assert_true(view.typing);
	assert_int_equal(strlen(view.typed), TOP_FILTER_BYTES - 1);
	assert_int_equal(press(TOP_KEY_ENTER), TOP_COUNT);
	assert_string_equal(view.filter_text, view.typed);
	assert_int_equal(press(TOP_KEY_END), TOP_QUIT);
}

static void escape_leaves_what_is_typed_then_the_filter(void **state)
{
	(void)state;
	press('/');
	press('a');
	assert_int_equal(press(TOP_KEY_ENTER), TOP_COUNT);
	press('/');
	assert_string_equal(view.typed, "");
	press('b');
	assert_int_equal(press(TOP_KEY_ESCAPE), TOP_DRAW);
	assert_false(view.typing);
	assert_string_equal(view.filter_text, "a");
	assert_true(view.filtered);
	assert_int_equal(press(TOP_KEY_ESCAPE), TOP_COUNT);
	assert_false(view.filtered);
}

static void a_message_stands_until_the_next_key(void **state)
{
	(void)state;
	press('/');
	press('(');
	press(TOP_KEY_ENTER);
	assert_non_null(strstr(view.message, "is not a regular expression"));
	press(TOP_KEY_DOWN);
	assert_string_equal(view.message, "");
}

/* Any key takes the help away and does nothing else; another size of the terminal does not. */
static void the_help_takes_one_key(void **state)
{
	(void)state;
	press('?');
	assert_int_equal(press(TOP_KEY_RESIZE), TOP_DRAW);
	assert_true(view.help);
	assert_int_equal(press('g'), TOP_DRAW);
	assert_false(view.help);
	assert_int_equal(view.by, TOP_BY_ALL);
	press('h');
	assert_int_equal(press(TOP_KEY_END), TOP_QUIT);
}

static void labels_go_round(void **state)
{
	(void)state;
	for (int by = 0; by < TOP_BY_COUNT; by++) {
		assert_int_equal(view.by, by);
		assert_int_equal(press('g'), TOP_ASK);
	}
	assert_int_equal(view.by, TOP_BY_ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f, begin) cmocka_unit_test_setup_teardown(f, begin, end)
		TEST(enter_zooms_in_and_backspace_out_to_the_root, begin_flame),
		TEST(a_place_out_of_sight_is_left, begin_flame),
		TEST(pages_of_a_deep_stack_are_what_is_seen_of_it, begin_deep),
		TEST(pages_of_the_table_are_its_rows, begin_table),
		TEST(nothing_can_be_walked_through, begin_empty),
		TEST(what_is_typed_is_print_and_has_an_end, begin_table),
		TEST(escape_leaves_what_is_typed_then_the_filter, begin_table),
		TEST(a_message_stands_until_the_next_key, begin_table),
		TEST(the_help_takes_one_key, begin_table),
		TEST(labels_go_round, begin_table),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
