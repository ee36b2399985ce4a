/*
 * The fetcher on the real kernel, in its jail, against servers that answer in every way that a
 * server can: each ends in a file or in a reason, within bytes and time.
 *
 * The servers are a thread of this program, which is the worker as well: see main().
 */
#include "profiler/base/cleanup.h"
#include "profiler/jail/download.h"
#include "profiler/jail/worker.h"
#include "profiler/resolve/fetch.h"
#include "tests/unit/storage/place.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ID_BYTES    20
#define CACHE_BYTES 8000000ull
#define FILE_BYTES  (CACHE_BYTES / DEBUG_SERVERS_FILE_PART)
#define FILE_MS	    2000
#define DOMAIN	    1001

static const uint8_t an_id[ID_BYTES] = {0xab, 0xcd, 1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t another_id[ID_BYTES] = {0xab, 0xce, 1, 2, 3, 4, 5, 6, 7, 8};

/* ---- the servers: how one answers is the first part of the path ---- */

static int listening;
static atomic_uint asked; /* requests */
static char last_request[512];

static void say(int to, const char *text)
{
	(void)!send(to, text, strlen(text), MSG_NOSIGNAL);
}

static void say_endlessly(int to)
{
	static char block[1 << 16];

	say(to, "HTTP/1.1 200 OK\r\n\r\n\177ELF");
	while (send(to, block, sizeof(block), MSG_NOSIGNAL) > 0)
		;
}

static void answer(int to, const char *path)
{
	char text[256];

	if (strncmp(path, "/good/", 6) == 0) {
		say(to, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n\177ELF and more");
	} else if (strncmp(path, "/none/", 6) == 0) {
		say(to, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
	} else if (strncmp(path, "/ill/", 5) == 0) {
		say(to, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
	} else if (strncmp(path, "/forbidden/", 11) == 0) {
		say(to, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
	} else if (strncmp(path, "/garbage/", 9) == 0) {
		say(to, "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n<html>hello</>");
	} else if (strncmp(path, "/nonsense/", 10) == 0) {
		say(to, "\1\2\3 this is no HTTP\r\n\r\n");
	} else if (strncmp(path, "/short/", 7) == 0) {
		say(to, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n\177ELF");
	} else if (strncmp(path, "/tiny/", 6) == 0) {
		say(to, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\177E");
	} else if (strncmp(path, "/large/", 7) == 0) {
		snprintf(text, sizeof(text),
			 "HTTP/1.1 200 OK\r\nContent-Length: %llu\r\n\r\n\177ELF", FILE_BYTES + 1);
		say(to, text);
	} else if (strncmp(path, "/endless/", 9) == 0) {
		say_endlessly(to);
	} else if (strncmp(path, "/slow/", 6) == 0) {
		sleep(FILE_MS / 1000 + 2);
	} else if (strncmp(path, "/moved/", 7) == 0) {
		say(to, "HTTP/1.1 302 Moved\r\nLocation: /good/x\r\nContent-Length: 0\r\n\r\n");
	} else if (strncmp(path, "/circle/", 8) == 0) {
		say(to, "HTTP/1.1 302 Moved\r\nLocation: /circle/\r\nContent-Length: 0\r\n\r\n");
	} else if (strncmp(path, "/away/", 6) == 0) {
		say(to, "HTTP/1.1 302 Moved\r\nLocation: file:///etc/passwd\r\n"
			"Content-Length: 0\r\n\r\n");
	}
}

static void *serve_one(void *connection)
{
	int to = (int)(intptr_t)connection;
	char request[512] = "";
	size_t n = 0;

	while (n < sizeof(request) - 1 && !strstr(request, "\r\n\r\n")) {
		ssize_t more = recv(to, request + n, sizeof(request) - 1 - n, 0);

		if (more <= 0)
			break;
		n += (size_t)more;
		request[n] = '\0';
	}
	if (n) {
		snprintf(last_request, sizeof(last_request), "%s", request);
		asked++;
		answer(to, request + strlen("GET "));
	}
	close(to);
	return NULL;
}

static void *serve(void *ignored)
{
	(void)ignored;
	for (;;) {
		int to = accept(listening, NULL, NULL);
		pthread_t thread;

		if (to >= 0 && pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)to) == 0)
			pthread_detach(thread);
	}
	return NULL;
}

static uint16_t bind_loopback(int sock)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(a);

	assert_int_equal(bind(sock, (const struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(sock, (struct sockaddr *)&a, &len), 0);
	return ntohs(a.sin_port);
}

static uint16_t port, port_of_nobody;

static int start_servers(void **state)
{
	pthread_t thread;

	(void)state;
	listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	port = bind_loopback(listening);
	port_of_nobody = bind_loopback(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	assert_int_equal(listen(listening, 16), 0);
	return pthread_create(&thread, NULL, serve, NULL);
}

/* ---- what is fetched of them ---- */

static struct place *place;

static int make_place(void **state)
{
	asked = 0;
	return place_make(state) ? -1 : (place = *state, 0);
}

/* One server a word; its word is how it answers. */
static struct fetch *open_fetch(const char *words)
{
	struct fetch_options o = {.servers.cache_bytes = CACHE_BYTES,
				  .directory = place->dir,
				  .sandbox = true,
				  .file_ms = FILE_MS};
	struct fetch *f = NULL;
	struct err err = {};
	char text[256], *rest = text;

	snprintf(text, sizeof(text), "%s", words);
	for (char *word; (word = strsep(&rest, " "));) {
		char url[128];

		snprintf(url, sizeof(url), "http://localhost:%u/%s",
			 strcmp(word, "down") == 0 ? port_of_nobody : port, word);
		assert_int_equal(debug_servers_add(&o.servers, url, &err), 0);
	}
	if (fetch_new(&o, &f, &err) < 0)
		fail_msg("%s", err.text);
	return f;
}

/* What comes of one server that answers so: the errno, and the sentence. */
static int outcome(const char *words, struct err *err)
{
	struct fetch *f = open_fetch(words);
	int fd = fetch_get(f, DOMAIN, an_id, ID_BYTES, err);

	if (fd >= 0)
		close(fd);
	fetch_free(f);
	return fd < 0 ? fd : 0;
}

static void a_file_of_a_server_is_there_and_is_kept(void **state)
{
	struct fetch *f = open_fetch("good");
	char text[32] = "";
	int fd;

	(void)state;
	assert_int_equal(fetch_find(f, DOMAIN, an_id, ID_BYTES), -ENOENT);
	fd = fetch_get(f, DOMAIN, an_id, ID_BYTES, NULL);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), 12);
	assert_memory_equal(text, "\177ELF and more", 12);
	assert_int_equal(write(fd, text, 1), -1);
	close(fd);
	assert_true(fetch_pid(f) > 0);
	assert_memory_equal(last_request,
			    "GET /good/buildid/abcd010203040506070800000000000000000000/debuginfo",
			    68);
	close(fetch_get(f, DOMAIN, an_id, ID_BYTES, NULL));
	assert_int_equal(asked, 1);
	fetch_free(f);
	f = open_fetch("none");
	close(fetch_find(f, DOMAIN, an_id, ID_BYTES)); /* in the next start as well */
	fetch_refuse(f, DOMAIN, an_id, ID_BYTES);
	assert_int_equal(fetch_find(f, DOMAIN, an_id, ID_BYTES), -ENOENT);
	fetch_free(f);
}

static void what_is_fetched_for_one_domain_is_not_another_s(void **state)
{
	struct fetch *f = open_fetch("good");

	(void)state;
	close(fetch_get(f, DOMAIN, an_id, ID_BYTES, NULL));
	assert_int_equal(fetch_find(f, 0, an_id, ID_BYTES), -ENOENT);
	assert_int_equal(fetch_find(f, DOMAIN + 1, an_id, ID_BYTES), -ENOENT);
	assert_int_equal(fetch_find(f, DOMAIN, another_id, ID_BYTES), -ENOENT);
	fetch_free(f);
}

static void nothing_is_asked_without_a_question(void **state)
{
	struct fetch *f = open_fetch("good");

	(void)state;
	fetch_find(f, DOMAIN, an_id, ID_BYTES);
	assert_int_equal(fetch_get(f, DOMAIN, an_id, 7, NULL), -ENOENT);
	assert_int_equal(fetch_get(f, DOMAIN, an_id, 0, NULL), -ENOENT);
	assert_int_equal(fetch_pid(f), 0);
	assert_int_equal(asked, 0);
	fetch_free(f);
}

static void every_answer_that_is_no_file_ends_in_its_reason(void **state)
{
	static const struct {
		const char *server;
		int r;
		const char *sentence; /* a part of it */
	} answers[] = {
		{"none", -ENOENT, "no server has it"},
		{"ill", -EAGAIN, "answered 503"},
		{"forbidden", -EBADMSG, "answered 403"},
		{"garbage", -EBADMSG, "sent something else than an ELF file"},
		{"tiny", -EBADMSG, "sent something else than an ELF file"},
		{"nonsense", -EAGAIN, "cannot be asked"},
		{"short", -EAGAIN, "sent less than it said"},
		{"large", -EFBIG, "has more than 2 MB of it"},
		{"endless", -EFBIG, "has more than 2 MB of it"},
		{"circle", -EAGAIN, "cannot be asked"},
		{"away", -EAGAIN, "cannot be asked"},
		{"down", -EAGAIN, "cannot be asked"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct err err = {};
		int r = outcome(answers[i].server, &err);

		if (r != answers[i].r || !strstr(err.text, answers[i].sentence))
			fail_msg("%s: %d, %s", answers[i].server, r, err.text);
	}
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void a_server_that_is_slow_costs_no_more_than_its_time(void **state)
{
	uint64_t began_ms = now_ms();
	struct err err = {};

	(void)state;
	assert_int_equal(outcome("slow", &err), -EAGAIN);
	assert_non_null(strstr(err.text, "took too long"));
	assert_in_range(now_ms() - began_ms, FILE_MS, FILE_MS + 1900);
}

static void a_server_that_sends_nothing_is_not_waited_for(void **state)
{
	const struct download_limits limits = {FILE_BYTES, 10 * FILE_MS, 500};
	uint64_t began_ms = now_ms(), bytes;
	struct download *d = NULL;
	struct err err = {};
	char url[64];
	const struct download_place slow = {url, "", ""};

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/slow/", port);
	assert_int_equal(download_open(&d, &err), 0);
	assert_int_equal(download_get(d, &slow, -1, &limits, &bytes, &err), -EAGAIN);
	assert_string_equal(err.text, "sent nothing for too long");
	assert_true(now_ms() - began_ms < FILE_MS);
	download_close(d);
}

static void the_next_server_is_asked_where_one_fails(void **state)
{
	struct err err = {};

	(void)state;
	assert_int_equal(outcome("none down endless garbage moved", &err), 0);
}

static void a_server_that_is_down_is_left_alone_until_it_is_forgiven(void **state)
{
	struct fetch *f = open_fetch("ill");
	struct err err = {};

	(void)state;
	assert_int_equal(fetch_get(f, DOMAIN, an_id, ID_BYTES, &err), -EAGAIN);
	assert_int_equal(fetch_get(f, DOMAIN, another_id, ID_BYTES, &err), -EAGAIN);
	assert_non_null(strstr(err.text, "is left alone for a while: it answered 503"));
	assert_int_equal(asked, 1);
	fetch_forgive(f);
	assert_int_equal(fetch_get(f, DOMAIN, another_id, ID_BYTES, &err), -EAGAIN);
	assert_int_equal(asked, 2);
	fetch_free(f);
}

static void *cancel_soon(void *f)
{
	usleep(300000);
	fetch_cancel(f);
	return NULL;
}

static void who_waits_for_a_server_can_be_ended(void **state)
{
	struct fetch *f = open_fetch("slow");
	uint64_t began_ms = now_ms();
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, cancel_soon, f), 0);
	assert_int_equal(fetch_get(f, DOMAIN, an_id, ID_BYTES, NULL), -ECANCELED);
	assert_true(now_ms() - began_ms < FILE_MS);
	assert_int_equal(fetch_get(f, DOMAIN, an_id, ID_BYTES, NULL), -ECANCELED);
	pthread_join(thread, NULL);
	fetch_free(f);
}

/* Whatever was begun and is no file leaves nothing behind. */
static void the_cache_stays_within_its_bytes(void **state)
{
	struct fetch *f = open_fetch("endless");
	struct json j;
	struct buf out;

	(void)state;
	fetch_get(f, DOMAIN, an_id, ID_BYTES, NULL);
	buf_init(&out, 1 << 16);
	json_init(&j, &out);
	json_object_begin(&j);
	fetch_status(f, &j);
	json_object_end(&j);
	assert_non_null(strstr(buf_str(&out), "\"bytes\":0,\"cache_bytes\":0"));
	assert_non_null(strstr(buf_str(&out), "\"failed\":1"));
	buf_done(&out);
	assert_int_equal(rmdir(place->dir), 0); /* empty */
	assert_int_equal(mkdir(place->dir, 0700), 0);
	fetch_free(f);
}

static void passwords_of_servers_are_not_told(void **state)
{
	struct fetch_options o = {.servers.cache_bytes = CACHE_BYTES, .directory = place->dir};
	struct fetch *f = NULL;
	struct json j;
	struct buf out;

	(void)state;
	debug_servers_add(&o.servers, "https://me:secret@example.org/x@y", NULL);
	assert_int_equal(fetch_new(&o, &f, NULL), 0);
	buf_init(&out, 1 << 16);
	json_init(&j, &out);
	json_object_begin(&j);
	fetch_status(f, &j);
	json_object_end(&j);
	assert_non_null(strstr(buf_str(&out), "https://example.org/x@y"));
	assert_null(strstr(buf_str(&out), "secret"));
	buf_done(&out);
	fetch_free(f);
}

int main(int argc, char **argv)
{
#define FETCH_TEST(name) cmocka_unit_test_setup_teardown(name, make_place, place_remove)
	const struct CMUnitTest tests[] = {
		FETCH_TEST(a_file_of_a_server_is_there_and_is_kept),
		FETCH_TEST(what_is_fetched_for_one_domain_is_not_another_s),
		FETCH_TEST(nothing_is_asked_without_a_question),
		FETCH_TEST(every_answer_that_is_no_file_ends_in_its_reason),
		FETCH_TEST(a_server_that_is_slow_costs_no_more_than_its_time),
		FETCH_TEST(a_server_that_sends_nothing_is_not_waited_for),
		FETCH_TEST(the_next_server_is_asked_where_one_fails),
		FETCH_TEST(a_server_that_is_down_is_left_alone_until_it_is_forgiven),
		FETCH_TEST(who_waits_for_a_server_can_be_ended),
		FETCH_TEST(the_cache_stays_within_its_bytes),
		FETCH_TEST(passwords_of_servers_are_not_told),
	};

	if (argc > 1 && argv[1][0] == '@')
		return worker_main(argc, argv);
	if (geteuid() != 0) {
		fprintf(stderr, "skipped: a worker's user is root's to change\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, start_servers, NULL);
}
