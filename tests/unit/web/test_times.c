/* web/times.c: series and heat maps as web/API.md has them, and those of a report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "web/times.h"

#define TEXT_BYTES_MAX (1 << 20)

static void a_series_has_its_lines_what_is_more_and_the_whole(void **state)
{
	uint64_t a[] = {1, 0}, whole[] = {3, 2};
	struct store_series_line line = {.label = "x<y", .count = a, .total = 1};
	struct store_series_line all_line = {.label = "", .count = whole, .total = 5};
	struct store_series series = {
		.start_ns = 5,
		.step_ns = 2,
		.period_ns = 10,
		.n_steps = 2,
		.lines = &line,
		.n_lines = 1,
		.more_lines = 7,
		.more_count = 4,
	};
	struct store_series all = series;
	struct buf out;

	(void)state;
	all.lines = &all_line;
	buf_init(&out, TEXT_BYTES_MAX);
	assert_int_equal(web_times_write_series(&series, "comm", &all, &out), 0);
	buf_add_char(&out, '\0');
	assert_string_equal((char *)out.data,
			    "{\"start_ns\":5,\"step_ns\":2,\"period_ns\":10,\"series\":[{"
			    "\"labels\":{\"comm\":\"x\\u003cy\"},\"values\":[10,0]}],"
			    "\"more\":{\"series\":7,\"cpu_ns\":40},\"all\":[30,20]}");
	buf_clear(&out);
	assert_int_equal(web_times_write_series(&series, NULL, NULL, &out), 0);
	buf_add_char(&out, '\0');
	assert_non_null(strstr((char *)out.data, "\"labels\":{}"));
	assert_null(strstr((char *)out.data, "\"all\""));
	buf_done(&out);
}

static void a_heat_map_is_its_cells(void **state)
{
	uint32_t count[STORE_HEATMAP_SLOTS] = {1, 2};
	struct store_heatmap map = {.start_ns = 9, .n_columns = 1, .count = count};
	struct buf out;

	(void)state;
	buf_init(&out, TEXT_BYTES_MAX);
	assert_int_equal(web_times_write_heatmap(&map, &out), 0);
	buf_add_char(&out, '\0');
	assert_non_null(strstr((char *)out.data, "{\"start_ns\":9,\"slot_ns\":20000000,"
						 "\"slots_per_column\":50,\"values\":[1,2,0,"));
	buf_done(&out);
}

static void no_room_is_an_error(void **state)
{
	struct store_heatmap map = {};
	struct buf out;

	(void)state;
	buf_init(&out, 8);
	assert_true(web_times_write_heatmap(&map, &out) < 0);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_series_has_its_lines_what_is_more_and_the_whole),
		cmocka_unit_test(a_heat_map_is_its_cells),
		cmocka_unit_test(no_room_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
