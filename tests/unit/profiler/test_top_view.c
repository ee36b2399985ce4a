/* What keys do to a view, and what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "profiler/top/view.h"
#include "tests/unit/web/build.h"

#define SECOND UINT64_C(1000000000)
#define NOW    (1000 * SECOND)

struct fixture {
	struct top_view view;
	struct top_model model;
	struct top_page page;
};

static void open(struct fixture *f)
{
	top_view_init(&f->view);
	f->view.lines = 12;
	f->view.columns = 80;
	top_page_init(&f->page);
	assert_int_equal(top_view_model(&f->view, build_typical(), &f->model), 0);
}

static void close_all(struct fixture *f)
{
	top_view_done(&f->view);
	top_model_done(&f->model);
	top_page_done(&f->page);
}

static enum top_todo press(struct fixture *f, int key)
{
	return top_view_key(&f->view, &f->model, key, NOW);
}

static void type(struct fixture *f, const char *text)
{
	for (; *text; text++)
		assert_int_equal(press(f, *text), TOP_DRAW);
}

static void assert_shows(struct fixture *f, const char *text, bool shown)
{
	struct buf out;

	buf_init(&out, 100000);
	assert_int_equal(top_view_draw(&f->view, &f->model, &f->page), 0);
	assert_int_equal(top_page_print(&f->page, &out), 0);
	if ((strstr(buf_str(&out), text) != NULL) != shown)
		fail_msg("%s in\n%s", text, buf_str(&out));
	buf_done(&out);
}

static void a_pause_holds_the_range_and_goes_on(void **state)
{
	struct fixture f;

	(void)state;
	open(&f);
	assert_shows(&f, "1970-01-01T00:01:40.000Z .. 1970-01-01T00:02:40.000Z  live", true);
	assert_int_equal(press(&f, ' '), TOP_DRAW);
	assert_int_equal(f.view.until_ns, 160 * SECOND);
	assert_shows(&f, "PAUSED", true);
	assert_int_equal(press(&f, ' '), TOP_ASK);
	assert_int_equal(f.view.until_ns, 0);
	close_all(&f);
}

static void time_is_walked_by_halves_and_not_past_now(void **state)
{
	struct fixture f;

	(void)state;
	open(&f);
	assert_int_equal(press(&f, '['), TOP_ASK);
	assert_int_equal(f.view.until_ns, 155 * SECOND);
	f.view.until_ns = NOW - 1;
	assert_int_equal(press(&f, ']'), TOP_ASK);
	assert_int_equal(f.view.until_ns, NOW);
	f.view.until_ns = SECOND;
	assert_int_equal(press(&f, '['), TOP_ASK);
	assert_int_equal(f.view.until_ns, SECOND);
	close_all(&f);
}

static void windows_have_ends(void **state)
{
	struct fixture f;

	(void)state;
	open(&f);
	f.view.window_ns = 7 * SECOND;
	assert_int_equal(press(&f, '+'), TOP_ASK);
	assert_int_equal(f.view.window_ns, 10 * SECOND);
	assert_int_equal(press(&f, '-'), TOP_ASK);
	assert_int_equal(f.view.window_ns, 5 * SECOND);
	f.view.window_ns = SECOND;
	assert_int_equal(press(&f, '-'), TOP_DRAW);
	f.view.window_ns = 3600 * SECOND;
	assert_int_equal(press(&f, '+'), TOP_DRAW);
	close_all(&f);
}

static void a_filter_is_typed_refused_and_taken_away(void **state)
{
	struct fixture f;

	(void)state;
	open(&f);
	assert_int_equal(press(&f, '/'), TOP_DRAW);
	type(&f, "q[x");
	assert_shows(&f, "filter: q[x_", true);
	assert_int_equal(press(&f, TOP_KEY_BACKSPACE), TOP_DRAW);
	assert_int_equal(press(&f, TOP_KEY_ENTER), TOP_DRAW);
	assert_shows(&f, "\"q[\" is not a regular expression", true);
	assert_false(f.view.filtered);
	press(&f, '/');
	type(&f, "MAIN");
	assert_int_equal(press(&f, TOP_KEY_ENTER), TOP_COUNT);
	assert_int_equal(regexec(&f.view.filter, "main", 0, NULL, 0), REG_NOMATCH);
	press(&f, '/');
	type(&f, "\\Wain|mai");
	assert_int_equal(press(&f, TOP_KEY_ENTER), TOP_COUNT);
	assert_int_equal(regexec(&f.view.filter, "MAIN", 0, NULL, 0), 0);
	assert_int_equal(press(&f, TOP_KEY_ESCAPE), TOP_COUNT);
	assert_false(f.view.filtered);
	assert_int_equal(press(&f, TOP_KEY_ESCAPE), TOP_DRAW);
	close_all(&f);
}

static void keys_toggle_views(void **state)
{
	struct fixture f;

	(void)state;
	open(&f);
	assert_shows(&f, "FUNCTION", true);
	assert_int_equal(press(&f, 'f'), TOP_DRAW);
	assert_shows(&f, "|all", true);
	assert_int_equal(press(&f, '?'), TOP_DRAW);
	assert_shows(&f, "any key: back", true);
	assert_int_equal(press(&f, 'q'), TOP_DRAW);
	assert_int_equal(press(&f, '\t'), TOP_DRAW);
	for (int i = 0; i < TOP_SORT_COUNT; i++)
		assert_int_equal(press(&f, 's'), TOP_DRAW);
	assert_int_equal(f.view.sort, TOP_SORT_SELF);
	assert_int_equal(press(&f, 'g'), TOP_ASK);
	assert_string_equal(top_view_labels(&f.view)[0], "comm");
	assert_int_equal(press(&f, 'q'), TOP_QUIT);
	assert_int_equal(press(&f, TOP_KEY_END), TOP_QUIT);
	close_all(&f);
}

static void rows_scroll_within_what_there_is(void **state)
{
	struct fixture f;

	(void)state;
	open(&f);
	f.view.lines = 7; /* two rows */
	press(&f, TOP_KEY_UP);
	assert_int_equal(f.view.row, 0);
	press(&f, TOP_KEY_LAST);
	press(&f, TOP_KEY_DOWN);
	assert_int_equal(f.view.row, f.model.n_functions - 1);
	assert_shows(&f, top_model_name(&f.model, &f.model.function[f.view.row]), true);
	assert_int_equal(f.view.first, f.model.n_functions - 2);
	press(&f, TOP_KEY_HOME);
	assert_shows(&f, top_model_name(&f.model, &f.model.function[0]), true);
	assert_int_equal(f.view.first, 0);
	close_all(&f);
}

static void any_size_can_be_drawn(void **state)
{
	struct fixture f;

	(void)state;
	open(&f);
	for (uint32_t lines = 1; lines < 8; lines++)
		for (uint32_t columns = 1; columns < 60; columns += 7)
			for (int flame = 0; flame < 2; flame++) {
				f.view.lines = lines;
				f.view.columns = columns;
				f.view.flame = flame;
				assert_int_equal(top_view_draw(&f.view, &f.model, &f.page), 0);
			}
	close_all(&f);
}

static void a_printed_table_says_what_it_leaves_out(void **state)
{
	struct fixture f;
	struct buf out;

	(void)state;
	open(&f);
	f.view.lines = 6; /* one row */
	buf_init(&out, 100000);
	assert_int_equal(top_view_print(&f.view, &f.model, &f.page), 0);
	assert_int_equal(top_page_print(&f.page, &out), 0);
	assert_non_null(strstr(buf_str(&out), "more functions, with "));
	buf_done(&out);
	close_all(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pause_holds_the_range_and_goes_on),
		cmocka_unit_test(time_is_walked_by_halves_and_not_past_now),
		cmocka_unit_test(windows_have_ends),
		cmocka_unit_test(a_filter_is_typed_refused_and_taken_away),
		cmocka_unit_test(keys_toggle_views),
		cmocka_unit_test(rows_scroll_within_what_there_is),
		cmocka_unit_test(any_size_can_be_drawn),
		cmocka_unit_test(a_printed_table_says_what_it_leaves_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
