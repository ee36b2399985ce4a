/*
 * Status JSON in words: the numbers that matter, and nothing breaks on what is missing or
 * hostile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "profiler/cli/status_text.h"

static struct buf out;

static const char *words_of(const char *json, const char *address)
{
	struct json_value status = {};

	buf_clear(&out);
	if (json_read_check(json, strlen(json), &status) < 0)
		fail_msg("not JSON: %s", json);
	status_text_write(status, address, &out);
	return buf_str(&out);
}

static void check_says(const char *words, const char *part)
{
	if (!strstr(words, part))
		fail_msg("\"%s\" is not in:\n%s", part, words);
}

static void servers_are_told_with_what_came_of_them(void **state)
{
	const char *words = words_of(
		"{\"running\":true,\"symbols\":{\"named\":7,\"debuginfod\":{\"error\":null,"
		"\"awaited\":2,\"failures\":[{\"path\":\"/bin/x\",\"build_id\":\"ab\","
		"\"reason\":\"http://a answered 503\"}],\"servers\":[{\"url\":\"http://a\","
		"\"fetched\":3,\"not_there\":12,\"failed\":1,\"reason\":\"answered 503\"},"
		"{\"url\":\"http://b\",\"fetched\":0,\"not_there\":0,\"failed\":0,"
		"\"reason\":null}],\"cache_bytes\":5000}}}",
		NULL);

	(void)state;
	check_says(words, "http://a\n    3 fetched, 12 not there, 1 failed, the last: it answered "
			  "503\n");
	check_says(words, "http://b\n    0 fetched, 0 not there, 0 failed\n");
	check_says(words, "  awaited     2\n  kept        5000 bytes\n");
	check_says(words, "  not fetched:\n    /bin/x: http://a answered 503\n");
	check_says(words_of("{\"symbols\":{\"debuginfod\":{\"error\":\"no room\"}}}", NULL),
		   "Debug files of servers\n  none: no room\n");
	assert_null(strstr(words_of("{\"symbols\":{\"debuginfod\":{\"error\":null,"
				    "\"awaited\":0}}}",
				    NULL),
			   "servers"));
}

static void a_running_daemon(void **state)
{
	const char *words = words_of(
		"{\"version\":1,\"running\":true,\"pid\":12,\"uptime_s\":7321.5,"
		"\"processes\":[{\"role\":\"collector\",\"pid\":12,\"cpu_s\":1.25,\"rss_"
		"bytes\":24000000}],"
		"\"samples\":{\"taken\":1000,\"stored\":990,\"missed_ticks\":3,"
		"\"dropped\":{\"ring-full\":10,\"busy\":0}},"
		"\"unwind\":{\"complete\":995,\"incomplete\":{\"depth\":5},\"objects\":"
		"[{\"object\":\"/bin/x\",\"complete\":90,\"incomplete\":10,\"places\":["
		"{\"object\":\"/bin/x\",\"offset\":\"0x1f\",\"reason\":\"depth\"}]}],"
		"\"processes\":[{\"comm\":\"x\",\"complete\":3,\"incomplete\":1}],"
		"\"tables\":{\"objects\":2,\"rows\":300,\"pages\":4,\"bytes\":1200}},"
		"\"symbols\":{\"named\":7,\"failed_objects\":[{\"path\":\"/tmp/perf-1.map\","
		"\"reason\":\"it is a symbolic link\"}]},\"jit\":{\"frames_named\":40},"
		"\"bpf\":{\"runs\":2000,\"run_ns\":4000000,"
		"\"map_bytes\":30000000},"
		"\"store\":{\"path\":\"/"
		"s.db\",\"bytes\":5000,\"samples\":990,\"from\":1795144320000000000,"
		"\"until\":1795144380000000000,\"damaged_blocks\":2,\"error\":null}}",
		"http://127.0.0.1:7979/");

	(void)state;
	check_says(words,
		   "The daemon is running, pid 12, for 2 h 2 min, at http://127.0.0.1:7979/\n");
	check_says(words, "collector   pid 12");
	check_says(words, "1.2 s of CPU   24.0 MB\n");
	check_says(words, "taken       1000\n");
	check_says(words, "stored      990\n");
	check_says(words, "dropped     ring-full 10\n");
	check_says(words, "never fired (interrupts off, stolen time): 3\n");
	check_says(words, "complete    995 (99.50 %)\n");
	check_says(words, "incomplete  depth 5\n");
	check_says(words, "/bin/x: 90.00 % of 100 complete; mostly depth at /bin/x+0x1f\n");
	check_says(words, "x: 75.00 % of 4 complete\n");
	check_says(words, "tables      2 objects, 300 rows in 4 pages, 1200 bytes\n");
	check_says(words, "Names\n  named 7\n  not read, or not whole:\n"
			  "    /tmp/perf-1.map: it is a symbolic link\n");
	check_says(words, "Run-time compiled code\n  frames_named 40\n");
	check_says(words, "2000, 2.00 us each\n");
	check_says(words, "Store /s.db\n  size        5000 bytes\n");
	check_says(words, "990, from 2026-11-20T03:12:00Z until 2026-11-20T03:13:00Z\n");
	check_says(words, "damaged     2 blocks: their samples are lost");
	assert_null(strstr(words, "not written"));
}

static void a_store_without_its_daemon(void **state)
{
	const char *words = words_of(
		"{\"running\":false,\"store\":{\"path\":\"/s.db\",\"bytes\":1,\"clean\":false}}",
		NULL);

	(void)state;
	check_says(words, "The daemon is not running; what follows is from the store.\n");
	check_says(words, "did not end in order");
	assert_null(strstr(words, "Samples\n"));
}

static void a_store_that_cannot_be_written(void **state)
{
	(void)state;
	check_says(words_of("{\"running\":true,\"store\":{\"error\":\"disk full\"}}", NULL),
		   "not written at the moment: disk full\n");
}

static void a_store_tells_which_detail_it_kept(void **state)
{
	static const char minutes[] =
		"{\"running\":true,\"store\":{\"from\":1763600000000000000,"
		"\"until\":1763700000000000000,\"seconds_from\":1763610000000000000,"
		"\"detail_from\":1763620000000000000}}";

	(void)state;
	check_says(words_of(minutes, NULL),
		   "  detail      by the minute before 2025-11-20T03:40:00Z, by the second before "
		   "2025-11-20T06:26:40Z, then each at its millisecond\n");
	assert_null(strstr(words_of("{\"running\":true,\"store\":{\"from\":1763600000000000000,"
				    "\"until\":1763700000000000000,"
				    "\"detail_from\":1763600000000000000}}",
				    NULL),
			   "detail"));
}

static void odd_answers_are_survived(void **state)
{
	static const char *const odd[] = {
		"{}",
		"[]",
		"null",
		"1",
		"\"x\"",
		"{\"running\":1}",
		"{\"running\":true,\"processes\":{},\"samples\":[],\"unwind\":5,\"symbols\":\"x\","
		"\"bpf\":null,\"store\":[1]}",
		"{\"running\":true,\"uptime_s\":1e300,\"processes\":[1,[],{\"role\":5,\"pid\":-1,"
		"\"cpu_s\":\"x\"}]}",
		"{\"samples\":{\"dropped\":[1,2]},\"unwind\":{\"incomplete\":[],\"objects\":[{},1]}"
		",\"store\":{\"until\":"
		"18446744073709551615}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		assert_true(words_of(odd[i], NULL)[0] != '\0');
}

static void names_cannot_steer_a_terminal(void **state)
{
	const char *words = words_of("{\"running\":true,\"unwind\":{\"objects\":[{\"object\":\"/"
				     "tmp/\\u001b[31mred\\n\"}]}}",
				     NULL);

	(void)state;
	check_says(words, "/tmp/?[31mred?: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_running_daemon),
		cmocka_unit_test(servers_are_told_with_what_came_of_them),
		cmocka_unit_test(a_store_without_its_daemon),
		cmocka_unit_test(a_store_that_cannot_be_written),
		cmocka_unit_test(a_store_tells_which_detail_it_kept),
		cmocka_unit_test(odd_answers_are_survived),
		cmocka_unit_test(names_cannot_steer_a_terminal),
	};
	int r;

	buf_init(&out, 1u << 20);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	buf_done(&out);
	return r;
}
