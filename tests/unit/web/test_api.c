/*
 * Every question over HTTP against a real store that a feed has filled: from the samples to the
 * bytes of the answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/store.h"
#include "tests/unit/web/build.h"
#include "tests/unit/web/client.h"
#include "web/server.h"

struct place {
	char dir[64], path[96], file[128];
	struct web_server *server;
};

/* build_typical() has its samples from second 101 to 107 of 1970. */
static void fill(const char *path)
{
	struct profile *live = build_typical();
	struct store_feed *feed = NULL;
	struct store *s = NULL;
	struct err err = {};

	if (store_open_writer(path, NULL, &s, &err) < 0 || store_feed_new(s, live, &feed) < 0 ||
	    store_feed_flush(feed, "{\"taken\":29}", true, &err) < 0)
		fail_msg("%s", err_text(&err));
	store_feed_free(feed);
	store_close(s);
	profile_free(live);
}

static void make_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, 0644), 0);
}

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct web_config c = {.listen = "127.0.0.1:0"};
	struct err err = {};

	snprintf(p->dir, sizeof(p->dir), "/tmp/hearth-api-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/hearth.db", p->dir);
	fill(p->path);
	/* Only its name agrees with what build_frame() says. */
	snprintf(p->file, sizeof(p->file), "%s/a.c", p->dir);
	make_file(p->file, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n");
	c.store_path = p->path;
	c.source_dirs[c.n_source_dirs++] = p->dir;
	if (web_server_open(&c, &p->server, &err) < 0 || web_server_run(p->server, &err) < 0)
		fail_msg("%s", err_text(&err));
	*state = p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;
	struct dirent *e;
	char path[400];
	DIR *d;

	web_server_close(p->server);
	d = opendir(p->dir);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", p->dir, e->d_name);
		unlink(path);
	}
	closedir(d);
	rmdir(p->dir);
	free(p);
	return 0;
}

static char *get(void **state, const char *path)
{
	struct place *p = *state;

	return client_get(web_server_address(p->server), path, "");
}

static void check(void **state, const char *path, int status, const char *in_body)
{
	char *answer = get(state, path);

	if (client_status(answer) != status || !strstr(client_body(answer), in_body))
		fail_msg("%s: %.3000s", path, answer);
	free(answer);
}

static void check_body(void **state, const char *path, const char *body)
{
	char *answer = get(state, path);

	assert_int_equal(client_status(answer), 200);
	assert_string_equal(client_body(answer), body);
	free(answer);
}

static void folded_is_exactly_what_was_sampled(void **state)
{
	check_body(state, "/api/v1/profile?from=100&until=160&format=folded",
		   "a;main 1\n"
		   "a;main;work;inner_[i] 7\n"
		   "a;main;work;inner_[i];do_syscall_64_[k] 7\n"
		   "b_b 7\n"
		   "b_b;[incomplete: no-frame-pointer];libx.so+0x1234 3\n"
		   "b_b;main;[jit]_[j] 4\n");
}

static void ranges_are_half_open_to_the_millisecond(void **state)
{
	check_body(state, "/api/v1/profile?from=101&until=102&format=folded", "a;main 1\n");
	check_body(state, "/api/v1/profile?from=101.001&until=102&format=folded", "");
	check_body(state, "/api/v1/profile?from=100&until=101.001&format=folded", "a;main 1\n");
}

static void selectors_and_labels_in_comms_place_work(void **state)
{
	check_body(state,
		   "/api/v1/profile?from=100&until=160&format=folded&match=%7Bcomm=%22b%20b%22%7D"
		   "&by=pid&by=thread",
		   "20;b_b 7\n"
		   "20;b_b;[incomplete: no-frame-pointer];libx.so+0x1234 3\n"
		   "20;b_b;main;[jit]_[j] 4\n");
	check(state, "/api/v1/profile?match=%7Bcomm=~%22(%22%7D", 400, "\"code\":\"bad_request\"");
	check(state, "/api/v1/profile?match=nonsense", 400, "\"code\":\"bad_request\"");
}

static void each_format_holds_all_samples(void **state)
{
	check(state, "/api/v1/profile?from=100&until=160", 200, "\"samples\":29,");
	check(state, "/api/v1/profile?from=100&until=160", 200,
	      "\"incomplete\":{\"no-frame-pointer\":3}");
	check(state, "/api/v1/profile?from=100&until=160", 200, "\"lost\":{\"ring-full\":2}");
	check(state, "/api/v1/profile?from=100&until=160&format=json", 200, "\"samples\":29,");
	check(state, "/api/v1/profile?from=100&until=160&format=samples", 200,
	      "sample\t102000\t10\t11\ta\ta/2\t2\t7\n");
	check(state, "/api/v1/profile?from=100&until=160&format=speedscope", 200,
	      "\"name\":\"a (pid 10) a/2 (tid 11)\"");
	check(state, "/api/v1/profile?from=100&until=2000&format=speedscope", 200,
	      "\"name\":\"a (pid 10)\"");
}

static void a_comparison_has_both_ranges(void **state)
{
	check_body(state,
		   "/api/v1/diff?from=103&until=105&base_from=100&base_until=103&format=folded",
		   "a;main 1 0\n"
		   "a;main;work;inner_[i] 0 7\n"
		   "a;main;work;inner_[i];do_syscall_64_[k] 7 0\n");
	check(state, "/api/v1/diff?from=103&until=105&base_from=100&base_until=103", 200,
	      "\"samples\":8,");
	check_body(state,
		   "/api/v1/diff?from=103&until=105&base_from=100&base_until=103&format=folded"
		   "&base_match=%7Bcomm%3D%22nobody%22%7D",
		   "a;main;work;inner_[i] 0 7\n");
}

static void an_empty_range_is_200_and_empty(void **state)
{
	check(state, "/api/v1/profile?from=1&until=2", 200, "\"depth\":[0],\"total\":[0]");
	check_body(state, "/api/v1/profile?from=1&until=2&format=folded", "");
	check(state, "/api/v1/profile?from=1&until=2&format=json", 200, "\"stacks\":[]");
	check(state, "/api/v1/series?from=1&until=2", 200, "\"series\":[");
	check(state, "/api/v1/labels?from=1&until=2", 200, "{\"labels\":[");
	check(state, "/debug/pprof/profile?seconds=5", 200, "\x1f\x8b");
}

static void labels_and_their_values_are_listed(void **state)
{
	check(state, "/api/v1/labels?from=100&until=160", 200, "\"comm\"");
	check_body(state, "/api/v1/labels/comm/values?from=100&until=160",
		   "{\"values\":[\"a\",\"b b\"]}");
	check_body(state, "/api/v1/labels/pid/values?from=100&until=160&match=%7Bcomm=%22a%22%7D",
		   "{\"values\":[\"10\"]}");
}

static void series_and_heatmap_place_samples_in_time(void **state)
{
	check(state, "/api/v1/series?from=100&until=110&step=5s&by=comm", 200,
	      "{\"labels\":{\"comm\":\"a\"},\"values\":[151515150,0]}");
	check(state, "/api/v1/series?from=100&until=110&step=5s&by=comm", 200,
	      "{\"labels\":{\"comm\":\"b b\"},\"values\":[0,141414140]}");
	check(state, "/api/v1/series?from=100&until=110&step=5s", 200,
	      "\"values\":[151515150,141414140]");
	check(state, "/api/v1/heatmap?from=101&until=103", 200,
	      "{\"start_ns\":101000000000,\"slot_ns\":20000000,\"slots_per_column\":50,\"values\":"
	      "[1,0,0,");
	check(state, "/api/v1/heatmap?from=0&until=100000", 400, "\"error\"");
}

static void lines_of_a_source_file_have_their_samples(void **state)
{
	check(state, "/api/v1/source?from=100&until=160&file=/src/a.c&function=work", 200,
	      "\"samples\":29,\"line\":13,\"lines\":[[12,15,19],[13,0,14]],\"text\":\"1\\n2\\n");
	check(state, "/api/v1/source?from=100&until=101&file=/src/a.c", 200,
	      "\"samples\":0,\"line\":0,\"lines\":[],");
	check(state, "/api/v1/source?file=/etc/shadow", 404, "\"code\":\"no_source\"");
	check(state, "/api/v1/source", 400, "file: which source file?");
}

static void the_store_speaks_for_a_daemon_that_is_gone(void **state)
{
	check(state, "/api/v1/status", 200, "\"running\":false,\"store\":{");
	check(state, "/api/v1/status", 200, "\"samples\":29,");
	check(state, "/api/v1/status", 200, "\"last\":{\"taken\":29}}");
	check(state, "/readyz", 200, "ok\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folded_is_exactly_what_was_sampled),
		cmocka_unit_test(ranges_are_half_open_to_the_millisecond),
		cmocka_unit_test(selectors_and_labels_in_comms_place_work),
		cmocka_unit_test(each_format_holds_all_samples),
		cmocka_unit_test(a_comparison_has_both_ranges),
		cmocka_unit_test(an_empty_range_is_200_and_empty),
		cmocka_unit_test(labels_and_their_values_are_listed),
		cmocka_unit_test(series_and_heatmap_place_samples_in_time),
		cmocka_unit_test(lines_of_a_source_file_have_their_samples),
		cmocka_unit_test(the_store_speaks_for_a_daemon_that_is_gone),
	};

	return cmocka_run_group_tests(tests, make_place, remove_place);
}
