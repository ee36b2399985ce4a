/*
 * web/server.c and all behind it, over real sockets and a store whose answers are known
 * (fake_store.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/web/client.h"
#include "web/assets.h"
#include "web/server.h"

static int live(void *ctx, enum web_live what, struct buf *out)
{
	if (*(int *)ctx)
		return *(int *)ctx;
	if (what == WEB_LIVE_STATUS)
		return buf_add_str(out, "{\"version\":1,\"running\":true}");
	return buf_add_str(out, "# TYPE hearth_samples_taken_total counter\n"
				"hearth_samples_taken_total 29\n");
}

static int live_result; /* what the daemon of the tests answers */

static struct web_server *start_with(struct web_config c)
{
	struct web_server *w = NULL;
	struct err err = {};

	c.store_path = "fake";
	c.listen = c.listen ? c.listen : "127.0.0.1:0";
	c.version = "1.2.3";
	c.live = live;
	c.ctx = &live_result;
	live_result = 0;
	if (web_server_open(&c, &w, &err) < 0 || web_server_run(w, &err) < 0)
		fail_msg("%s", err_text(&err));
	return w;
}

static int start(void **state)
{
	*state = start_with((struct web_config){});
	return 0;
}

static int stop(void **state)
{
	web_server_close(*state);
	return 0;
}

static char *get(void **state, const char *path)
{
	return client_get(web_server_address(*state), path, "");
}

static void check(void **state, const char *path, int status, const char *in_body)
{
	char *answer = get(state, path);

	if (client_status(answer) != status || !strstr(client_body(answer), in_body))
		fail_msg("%s: %.2000s", path, answer);
	free(answer);
}

static void each_path_answers(void **state)
{
	check(state, "/api/v1/profile", 200, "{\"version\":1,\"start_ns\":");
	check(state, "/api/v1/profile?format=folded", 200, "a;main;work;inner_[i] 7\n");
	check(state, "/api/v1/profile?format=folded&by=pid", 200, "10;main;work;inner_[i] 7\n");
	check(state, "/api/v1/profile?format=json&from=-1h&until=now", 200, "\"stacks\":[");
	check(state, "/api/v1/profile?format=samples", 200, "#hearth-samples 1\n");
	check(state, "/api/v1/profile?format=speedscope", 200, "speedscope.app");
	check(state, "/api/v1/diff", 200, "\"base\":{\"start_ns\":");
	check(state, "/api/v1/diff?format=folded&base_from=-3h&base_until=-2h", 200,
	      "a;main;work;inner_[i] 7 7\n");
	check(state, "/api/v1/series?by=comm&step=10s", 200,
	      "\"step_ns\":10000000000,\"period_ns\":10,\"series\":[{\"labels\":{\"comm\":"
	      "\"redis\"},\"values\":[10,20,30]}],\"more\":{\"series\":2,\"cpu_ns\":50}}");
	check(state, "/api/v1/series", 200, "\"labels\":{},");
	check(state, "/api/v1/heatmap", 200,
	      "{\"start_ns\":100000000000,\"slot_ns\":20000000,\"slots_per_column\":50,\"values\":"
	      "[0,4,0,");
	check(state, "/api/v1/labels", 200, "{\"labels\":[\"comm\"]}");
	check(state, "/api/v1/labels/e%20xe/values", 200, "{\"values\":[\"e xe\"]}");
	check(state, "/api/v1/status", 200, "{\"version\":1,\"running\":true}");
	check(state, "/metrics", 200, "hearth_samples_taken_total 29\n");
	check(state, "/healthz", 200, "ok\n");
	check(state, "/readyz", 200, "ok\n");
}

static void the_url_of_go_tool_pprof_gives_a_pprof(void **state)
{
	char *answer = get(state, "/debug/pprof/profile?seconds=5");

	assert_int_equal(client_status(answer), 200);
	assert_non_null(strstr(answer, "\r\nContent-Type: application/octet-stream\r\n"));
	assert_non_null(strstr(answer, "\r\nContent-Disposition: attachment; filename=\"hearth-"));
	assert_memory_equal(client_body(answer), "\x1f\x8b", 2);
	free(answer);
}

static bool page_has_profile(void **state, const char *path, const char *headers)
{
	char *answer = client_get(web_server_address(*state), path, headers);
	bool has = strstr(client_body(answer), "id=\"hearth-first\">{\"version\":1,");

	assert_int_equal(client_status(answer), 200);
	assert_non_null(strstr(answer, "\r\nContent-Type: text/html; charset=utf-8\r\n"));
	assert_non_null(strstr(client_body(answer), "</html>"));
	if (has)
		assert_non_null(strstr(answer, "\r\nCache-Control: no-store\r\n"));
	else if (!strstr(answer, "\r\nCache-Control: no-store\r\n"))
		assert_non_null(strstr(answer, "\r\nETag: "));
	free(answer);
	return has;
}

/* Of an address that wants a graph; else, and where it takes too long, the page comes alone. */
static void the_page_comes_with_its_profile_where_a_browser_asks(void **state)
{
	static const char html[] = "Accept: text/html,*/*;q=0.8\r\n";
	static const char *const with[] = {"/", "/?from=-5m&until=now",
					   "/?match=%7Bcomm=%22a%22%7D",
					   "/?from=-5m&live=1&utc=1&theme=dark&color=kind&flip=1"};
	static const char *const without[] = {
		"/?view=table",		"/?zoom=abc",  "/?base=prev",  "/?from=x",
		"/?from=-1h&until=-2h", "/?match=%7B", "/?match=slow", "/?match=corrupt",
		"/?match=hang",		"/index.html"};

	assert_non_null(web_assets[0].path);
	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		assert_true(page_has_profile(state, with[i], html));
		assert_false(page_has_profile(state, with[i], ""));
	}
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
		assert_false(page_has_profile(state, without[i], html));
}

static void the_page_waits_for_no_other_query(void **state)
{
	int fds[4];

	for (size_t i = 0; i < 4; i++) {
		fds[i] = client_connect(web_server_address(*state));
		client_send(fds[i], "GET /api/v1/profile?match=hang HTTP/1.1\r\n"
				    "Host: localhost\r\n\r\n");
	}
	while (page_has_profile(state, "/", "Accept: text/html\r\n"))
		usleep(1000); /* not all four have arrived */
	for (size_t i = 0; i < 4; i++)
		close(fds[i]);
}

static void errors_are_json_with_the_right_status(void **state)
{
	check(state, "/nothing", 404, "{\"error\":{\"code\":\"not_found\",\"message\":\"");
	check(state, "/api/v1/profile/", 404, "not_found");
	check(state, "/api/v1/profile?nonsense=1", 400, "unknown parameter nonsense");
	check(state, "/metrics?x=1", 400, "unknown parameter");
	check(state, "/api/v1/profile?from=-1h&until=-2h", 400, "from must be before until");
	check(state, "/api/v1/profile?from=x", 400, "is not a time");
	check(state, "/api/v1/profile?format=svg", 400, "format");
	check(state, "/api/v1/profile?match=%7Bcomm=", 400, "\"message\":\"");
	check(state, "/api/v1/profile?match=a%00b", 400, "NUL");
	check(state, "/api/v1/diff?format=samples", 400, "cannot hold a comparison");
	check(state, "/api/v1/profile?by=pid&format=json", 400, "folded");
	check(state, "/api/v1/heatmap?from=-30d", 400, "7200");
	check(state, "/api/v1/profile?format=samples&from=-2h", 400, "an hour");
	check(state, "/debug/pprof/profile?seconds=0", 400, "seconds");
	check(state, "/api/v1/profile?match=slow", 503, "\"code\":\"timeout\"");
	check(state, "/api/v1/profile?match=corrupt", 500, "block 7 is damaged");
}

static void every_answer_has_the_security_headers(void **state)
{
	static const char *const paths[] = {"/healthz", "/nothing", "/api/v1/profile",
					    "/api/v1/profile?from=x", "/"};
	static const char *const headers[] = {
		"; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action "
		"'none'; frame-ancestors 'none'\r\n",
		"\r\nX-Content-Type-Options: nosniff\r\n",
		"\r\nReferrer-Policy: no-referrer\r\n",
		"\r\nCross-Origin-Opener-Policy: same-origin\r\n",
		"\r\nCross-Origin-Resource-Policy: same-origin\r\n",
	};
	char policy[300];

	snprintf(policy, sizeof(policy), "\r\nContent-Security-Policy: default-src 'none'; %s; img",
		 web_assets_policy);

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char *answer = get(state, paths[i]);

		assert_non_null(strstr(answer, policy));
		for (size_t k = 0; k < sizeof(headers) / sizeof(headers[0]); k++)
			assert_non_null(strstr(answer, headers[k]));
		assert_null(strstr(answer, "Access-Control"));
		free(answer);
	}
}

static void only_get_and_head_without_a_body_are_answered(void **state)
{
	const char *address = web_server_address(*state);
	char *answer = client_ask(address, "POST /api/v1/profile HTTP/1.1\r\nHost: localhost\r\n"
					   "Connection: close\r\nContent-Length: 3\r\n\r\nabc");

	assert_int_equal(client_status(answer), 405);
	assert_non_null(strstr(answer, "\r\nAllow: GET, HEAD\r\n"));
	free(answer);
	answer = client_ask(address, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
				     "Connection: close\r\nContent-Length: 3\r\n\r\nabc");
	assert_int_equal(client_status(answer), 413);
	free(answer);
	answer = client_ask(address, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close"
				     "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
	assert_int_equal(client_status(answer), 413);
	free(answer);
	answer = client_ask(address, "HEAD /api/v1/labels HTTP/1.1\r\nHost: localhost\r\n"
				     "Connection: close\r\n\r\n");
	assert_int_equal(client_status(answer), 200);
	assert_string_equal(client_body(answer), "");
	free(answer);
}

static void a_host_that_is_not_ours_is_refused(void **state)
{
	static const char *const bad[] = {"Host: evil.example.org\r\n", "",
					  "Host: localhost\r\nHost: evil.example.org\r\n",
					  "Host: 127.0.0.1.evil.org\r\n"};
	char request[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *answer;

		snprintf(request, sizeof(request),
			 "GET /healthz HTTP/1.1\r\nConnection: close\r\n%s\r\n", bad[i]);
		answer = client_ask(web_server_address(*state), request);
		assert_true(client_status(answer) == 403 || client_status(answer) == 400);
		assert_null(strstr(answer, "ok\n"));
		free(answer);
	}
}

static void large_answers_are_compressed_for_who_takes_it(void **state)
{
	char *answer = client_get(web_server_address(*state), "/api/v1/profile?format=json",
				  "Accept-Encoding: br, gzip\r\n");

	assert_int_equal(client_status(answer), 200);
	assert_non_null(strstr(answer, "\r\nContent-Encoding: gzip\r\n"));
	assert_non_null(strstr(answer, "\r\nVary: Accept-Encoding\r\n"));
	assert_memory_equal(client_body(answer), "\x1f\x8b", 2);
	free(answer);
	answer = get(state, "/api/v1/profile?format=json");
	assert_null(strstr(answer, "Content-Encoding"));
	free(answer);
}

static void a_call_tree_is_binary_for_who_takes_it(void **state)
{
	static const char type[] = "Accept: application/vnd.hearth.flame, application/json\r\n";
	const char *address = web_server_address(*state);
	static const char *const paths[] = {"/api/v1/profile", "/api/v1/diff?format=flame"};
	char *answer;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		answer = client_get(address, paths[i], type);
		assert_int_equal(client_status(answer), 200);
		assert_non_null(
			strstr(answer, "\r\nContent-Type: application/vnd.hearth.flame\r\n"));
		assert_non_null(strstr(answer, "\r\nVary: Accept\r\n"));
		assert_memory_equal(client_body(answer), "hflame1\n", 8);
		free(answer);
		answer = get(state, paths[i]);
		assert_non_null(strstr(answer, "\r\nContent-Type: application/json\r\n"));
		assert_non_null(strstr(answer, "\r\nVary: Accept\r\n"));
		free(answer);
	}
	/* Neither other formats nor errors. */
	answer = client_get(address, "/api/v1/profile?format=json", type);
	assert_non_null(strstr(answer, "\r\nContent-Type: application/json\r\n"));
	assert_null(strstr(answer, "\r\nVary: Accept\r\n"));
	free(answer);
	answer = client_get(address, "/api/v1/profile?from=x", type);
	assert_non_null(strstr(answer, "\r\nContent-Type: application/json\r\n"));
	free(answer);
}

static void status_without_a_daemon_tells_what_the_store_knows(void **state)
{
	char *answer;

	live_result = -ENOTCONN;
	check(state, "/api/v1/status", 200,
	      "{\"version\":1,\"running\":false,\"store\":{\"path\":");
	check(state, "/api/v1/status", 200, ",\"last\":{\"taken\":29}}");
	check(state, "/metrics", 200, "hearth_web_daemon_up 0\n");
	check(state, "/metrics", 200, "hearth_store_samples 29\n");
	live_result = 0; /* the daemon tells these itself: a name must not come twice */
	answer = get(state, "/metrics");
	assert_non_null(strstr(answer, "hearth_web_daemon_up 1\n"));
	assert_null(strstr(answer, "hearth_store_samples"));
	free(answer);
}

/*
 * All workers hang, and more wait: what needs none is answered, and who goes away is not worked
 * for.
 */
static void slow_queries_hold_up_nobody_and_end_when_their_client_goes(void **state)
{
	const char *address = web_server_address(*state);
	struct timespec pause = {.tv_nsec = 20000000};
	int fds[8], tries = 0;
	char *answer;

	for (int i = 0; i < 8; i++) {
		fds[i] = client_connect(address);
		client_send(fds[i], "GET /api/v1/profile?match=hang HTTP/1.1\r\n"
				    "Host: localhost\r\n\r\n");
	}
	check(state, "/healthz", 200, "ok\n");
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	/*
	 * Needs a worker, so it comes once they are free; its count says that all eight were
	 * cancelled.
	 */
	do {
		answer = get(state, "/metrics");
		if (strstr(answer, "hearth_web_queries_cancelled_total 8\n"))
			break;
		free(answer);
		answer = NULL;
		nanosleep(&pause, NULL);
	} while (tries++ < 250);
	assert_non_null(answer);
	free(answer);
}

static void a_server_ends_within_a_second_in_the_middle_of_queries(void **state)
{
	struct web_server *w = start_with((struct web_config){});
	struct timespec begin, end;
	int fds[6];

	(void)state;
	for (int i = 0; i < 6; i++) {
		fds[i] = client_connect(web_server_address(w));
		client_send(fds[i], "GET /api/v1/profile?match=hang HTTP/1.1\r\n"
				    "Host: localhost\r\n\r\n");
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	web_server_close(w);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - begin.tv_sec <= 2);
	for (int i = 0; i < 6; i++)
		close(fds[i]);
}

static void a_token_is_asked_for_on_every_path(void **state)
{
	struct web_server *w = start_with((struct web_config){.token = "secret"});
	static const char *const paths[] = {"/", "/healthz", "/api/v1/profile", "/nothing",
					    "/metrics"};
	char *answer;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		answer = client_get(web_server_address(w), paths[i], "");
		assert_int_equal(client_status(answer), 401);
		assert_non_null(strstr(answer, "\r\nWWW-Authenticate: Basic realm=\"hearth\""));
		free(answer);
	}
	answer = client_get(web_server_address(w), "/healthz?token=secret", "");
	assert_int_equal(client_status(answer), 401);
	free(answer);
	answer = client_get(web_server_address(w), "/healthz", "Authorization: Bearer secret\r\n");
	assert_int_equal(client_status(answer), 200);
	free(answer);
	answer = client_get(web_server_address(w), "/healthz",
			    "Authorization: Basic aGVhcnRoOnNlY3JldA==\r\n");
	assert_int_equal(client_status(answer), 200);
	free(answer);
	web_server_close(w);
}

static void a_unix_socket_is_served(void **state)
{
	char listen[64];
	struct web_server *w;
	char *answer;

	(void)state;
	snprintf(listen, sizeof(listen), "unix:/tmp/hearth-test-%d.sock", getpid());
	w = start_with((struct web_config){.listen = listen});
	assert_string_equal(web_server_address(w), listen);
	answer = client_get(web_server_address(w), "/api/v1/labels", "");
	assert_int_equal(client_status(answer), 200);
	free(answer);
	web_server_close(w);
	assert_int_equal(access(listen + 5, F_OK), -1);
}

static void bad_requests_cost_their_connection_only(void **state)
{
	static const char *const bad[] = {
		"\r\n\r\n",
		"GET\r\n\r\n",
		"\x16\x03\x01\x02",
		"GET / HTTP/9.9\r\n\r\n",
		"GET /api/v1/profile?match=%zz%&&&=&= HTTP/1.1\r\nHost: localhost\r\n"
		"Connection: close\r\n\r\n",
	};
	char *huge = malloc(200000);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = client_connect(web_server_address(*state));

		client_send(fd, bad[i]);
		close(fd);
	}
	memset(huge, 'x', 199999);
	memcpy(huge, "GET /", 5);
	huge[199999] = '\0';
	for (int i = 0; i < 40; i++) {
		int fd = client_connect(web_server_address(*state));

		client_send(fd, huge);
		close(fd);
	}
	free(huge);
	check(state, "/healthz", 200, "ok\n");
}

static void what_cannot_start_says_why(void **state)
{
	struct web_config c = {.store_path = "missing", .listen = "127.0.0.1:0"};
	struct web_server *w = NULL;
	struct err err = {};
	char listen[64];
	unsigned int port = 0;

	assert_int_equal(web_server_open(&c, &w, &err), -ENOENT);
	assert_non_null(strstr(err_text(&err), "no such store"));
	c.store_path = "fake";
	c.token = "";
	assert_int_equal(web_server_open(&c, &w, &err), -EINVAL);
	c.token = NULL;
	assert_int_equal(sscanf(web_server_address(*state), "http://127.0.0.1:%u/", &port), 1);
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
	c.listen = listen;
	assert_int_equal(web_server_open(&c, &w, &err), -EADDRINUSE);
	assert_non_null(strstr(err_text(&err), "in use"));
	assert_null(w);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(each_path_answers),
		WITH_SERVER(the_url_of_go_tool_pprof_gives_a_pprof),
		WITH_SERVER(the_page_comes_with_its_profile_where_a_browser_asks),
		WITH_SERVER(the_page_waits_for_no_other_query),
		WITH_SERVER(errors_are_json_with_the_right_status),
		WITH_SERVER(every_answer_has_the_security_headers),
		WITH_SERVER(only_get_and_head_without_a_body_are_answered),
		WITH_SERVER(a_host_that_is_not_ours_is_refused),
		WITH_SERVER(large_answers_are_compressed_for_who_takes_it),
		WITH_SERVER(a_call_tree_is_binary_for_who_takes_it),
		WITH_SERVER(status_without_a_daemon_tells_what_the_store_knows),
		WITH_SERVER(slow_queries_hold_up_nobody_and_end_when_their_client_goes),
		cmocka_unit_test(a_server_ends_within_a_second_in_the_middle_of_queries),
		cmocka_unit_test(a_token_is_asked_for_on_every_path),
		cmocka_unit_test(a_unix_socket_is_served),
		WITH_SERVER(bad_requests_cost_their_connection_only),
		WITH_SERVER(what_cannot_start_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
