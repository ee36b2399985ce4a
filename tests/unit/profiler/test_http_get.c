/* The HTTP client: against servers that answer well, badly, slowly and not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "profiler/cli/http_get.h"

#define PATIENCE_MS 2000

/* One connection on loopback: what it is sent is kept, what it answers is given. */
struct server {
	const char *answer; /* NULL: never answers */
	char asked[1024];
	char address[64];
	int listening;
	pthread_t thread;
};

static void *serve(void *arg)
{
	struct server *s = arg;
	int sock = accept(s->listening, NULL, NULL);
	size_t have = 0;

	while (sock >= 0 && have < sizeof(s->asked) - 1 && !strstr(s->asked, "\r\n\r\n")) {
		ssize_t n = recv(sock, s->asked + have, sizeof(s->asked) - 1 - have, 0);

		if (n <= 0)
			break;
		have += (size_t)n;
	}
	if (s->answer)
		send(sock, s->answer, strlen(s->answer), MSG_NOSIGNAL);
	else
		recv(sock, s->asked, 1, 0); /* until the client gives up */
	close(sock);
	return NULL;
}

static void start(struct server *s, const char *answer)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t bytes = sizeof(a);

	*s = (struct server){.answer = answer};
	s->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listening, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->listening, 1), 0);
	assert_int_equal(getsockname(s->listening, (struct sockaddr *)&a, &bytes), 0);
	snprintf(s->address, sizeof(s->address), "http://127.0.0.1:%u/", ntohs(a.sin_port));
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
	pthread_join(s->thread, NULL);
	close(s->listening);
}

static void the_body_and_the_status_come_back(void **state)
{
	struct server s;
	struct buf body;
	struct err err;

	(void)state;
	buf_init(&body, 1000);
	start(&s, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: "
		  "8\r\n\r\n{\"a\": 1}");
	assert_int_equal(http_get(s.address, "/api/v1/status", "s3cret", PATIENCE_MS, &body, &err),
			 200);
	stop(&s);
	assert_string_equal(buf_str(&body), "{\"a\": 1}");
	assert_int_equal(strncmp(s.asked, "GET /api/v1/status HTTP/1.0\r\n", 29), 0);
	assert_non_null(strstr(s.asked, "\r\nHost: localhost\r\n"));
	assert_non_null(strstr(s.asked, "\r\nAuthorization: Bearer s3cret\r\n"));
	buf_clear(&body);
	start(&s, "HTTP/1.1 401 Unauthorized\r\n\r\n");
	assert_int_equal(http_get(s.address, "/", NULL, PATIENCE_MS, &body, &err), 401);
	stop(&s);
	assert_null(strstr(s.asked, "Authorization"));
	buf_done(&body);
}

static void failures_have_their_sentence(void **state)
{
	struct server s;
	struct buf body;
	struct err err;

	(void)state;
	buf_init(&body, 10);
	start(&s, NULL);
	assert_int_equal(http_get(s.address, "/", NULL, 50, &body, &err), -ETIMEDOUT);
	stop(&s);
	assert_non_null(strstr(err_text(&err), s.address));
	assert_int_equal(http_get(s.address, "/", NULL, PATIENCE_MS, &body, &err), -ECONNREFUSED);
	start(&s, "220 mail.example ESMTP\r\n");
	assert_int_equal(http_get(s.address, "/", NULL, PATIENCE_MS, &body, &err), -EBADMSG);
	stop(&s);
	start(&s, "HTTP/1.0 200 OK\r\n\r\n12345678901");
	assert_int_equal(http_get(s.address, "/", NULL, PATIENCE_MS, &body, &err), -EFBIG);
	stop(&s);
	buf_done(&body);
}

static void unix_sockets_are_asked_too(void **state)
{
	struct buf body;
	struct err err;

	(void)state;
	buf_init(&body, 10);
	assert_int_equal(http_get("unix:/nonexistent/sock", "/", NULL, PATIENCE_MS, &body, &err),
			 -ENOENT);
	buf_done(&body);
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"http://",
		"http://127.0.0.1/",
		"http://127.0.0.1:0/",
		"http://127.0.0.1:70000/",
		"http://localhost:1/",
		"http://127.0.0.1:1/x",
		"https://127.0.0.1:1/",
		"http://[::1/",
		"http://[::1]/",
		"http://[x]:1/",
		"http://:1/",
		"unix:"
		"0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
		"234567890123456789"
		"012345678",
	};
	struct buf body;
	struct err err;

	(void)state;
	buf_init(&body, 10);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (http_get(wrong[i], "/", NULL, PATIENCE_MS, &body, &err) != -EINVAL)
			fail_msg("accepted: %s", wrong[i]);
	buf_done(&body);
}

static void answers_are_taken_apart_within_their_bounds(void **state)
{
	static const struct {
		const char *answer;
		int status;
		size_t body;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\n\r\nbody", 200, 19},
		{"HTTP/1.0 503 \r\nA: b\r\n\r\n", 503, 23},
		{"HTTP/1.1 204\r\n\r\n", 204, 16},
		{"", -EBADMSG, 0},
		{"\r\n\r\n", -EBADMSG, 0},
		{"HTTP/1.1 200 OK\r\n", -EBADMSG, 0},
		{"HTTP/1.1 2xx OK\r\n\r\n", -EBADMSG, 0},
		{"HTTP/2.0 200 OK\r\n\r\n", -EBADMSG, 0},
		{"HTTP/1.1 20\r\n\r\n", -EBADMSG, 0},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", -EBADMSG, 0},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody", -EBADMSG, 0},
		{"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nbody", -EBADMSG, 0},
		{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\nbody",
		 -EBADMSG, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t body = 0;

		if (http_get_parse(cases[i].answer, strlen(cases[i].answer), &body) !=
			    cases[i].status ||
		    body != cases[i].body)
			fail_msg("%s", cases[i].answer);
	}
	assert_int_equal(http_get_parse(NULL, 0, NULL), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_body_and_the_status_come_back),
		cmocka_unit_test(failures_have_their_sentence),
		cmocka_unit_test(unix_sockets_are_asked_too),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(answers_are_taken_apart_within_their_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
