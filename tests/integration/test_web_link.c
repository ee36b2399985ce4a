/*
 * The web worker's link on the real kernel: started in its jail, asked, killed, started again.
 *
 * The server here is this test's own: it asks its questions and tells by its address what it was
 * given. Workers are this program again, so this program is the web worker as well: see main().
 */
#include "profiler/jail/web_link.h"
#include "profiler/jail/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 20000 /* a loaded machine; nothing is measured by it */
#define TEXT	"what only the collector knows"

/* ---- the server, in the worker ---- */

struct web_server {
	struct web_config config;
	char address[256];
	pthread_t thread;
};

int web_server_open(const struct web_config *config, struct web_server **ret, struct err *err)
{
	struct web_server *w = calloc(1, sizeof(*w));
	int secret;

	if (strcmp(config->listen, "taken") == 0) {
		free(w);
		return err_set(err, -EADDRINUSE, "the port is in use");
	}
	if (strcmp(config->listen, "silent") == 0)
		pause();
	/* Still root, and all paths are there: only /etc/shadow tells. */
	secret = open("/etc/shadow", O_RDONLY);
	w->config = *config;
	snprintf(w->address, sizeof(w->address), "%s,%s,%s,%zu,%s,%s", config->store_path,
		 config->listen, config->token ? config->token : "-", config->n_host_names,
		 config->version, secret >= 0 ? "root" : "nobody");
	close(secret);
	*ret = w;
	return 0;
}

const struct web_source_dirs *web_server_sources(const struct web_server *w)
{
	static const struct web_source_dirs none;

	(void)w;
	return &none;
}

const char *web_server_address(const struct web_server *w)
{
	return w->address;
}

/* A good answer and an error: each must come as such, and leave the next one right. */
static void *ask_for_ever(void *arg)
{
	struct web_server *w = arg;

	for (;;) {
		struct buf b;
		int r;

		buf_init(&b, 1 << 20);
		r = w->config.live(w->config.ctx, WEB_LIVE_STATUS, &b);
		if (r < 0 || strcmp(buf_str(&b), TEXT) != 0)
			_exit(40);
		r = w->config.live(w->config.ctx, WEB_LIVE_METRICS, &b);
		if (r != -EIO)
			_exit(41);
		buf_done(&b);
		if (open("/etc/passwd", O_RDONLY) >= 0 || socket(AF_INET, SOCK_STREAM, 0) >= 0)
			_exit(42);
		usleep(1000);
	}
	return NULL;
}

int web_server_run(struct web_server *w, struct err *err)
{
	(void)err;
	return pthread_create(&w->thread, NULL, ask_for_ever, w) == 0 ? 0 : -EAGAIN;
}

struct web_server *web_server_close(struct web_server *w)
{
	(void)w;
	return NULL;
}

/* ---- the collector's side ---- */

struct asked {
	unsigned int status, metrics;
};

static int live(void *ctx, enum web_live what, struct buf *out)
{
	struct asked *a = ctx;

	if (what == WEB_LIVE_METRICS) {
		a->metrics++;
		buf_add_str(out, "half of");
		return -ENODATA;
	}
	a->status++;
	return buf_add_str(out, TEXT);
}

static struct web_link_options options_of(const char *listen, struct asked *a)
{
	return (struct web_link_options){
		.store_path = "/store",
		.listen = listen,
		.token = "secret",
		.host_names = {"a", "b"},
		.n_host_names = 2,
		.version = "1",
		.sandbox = true,
		.live = live,
		.ctx = a,
	};
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Dispatch until the worker has asked n times more, or has ended: the sentence then. */
static const char *run_until(struct web_link *l, struct asked *a, unsigned int n)
{
	static struct err err;
	struct pollfd p = {.fd = web_link_fd(l), .events = POLLIN};
	uint64_t until = now_ms() + WAIT_MS;

	for (unsigned int first = a->status; a->status < first + n;) {
		assert_true(now_ms() < until);
		poll(&p, 1, 100);
		err = (struct err){};
		if (web_link_dispatch(l, &err) > 0)
			return err.text;
	}
	return NULL;
}

static struct web_link *new_link(const char *listen, struct asked *a)
{
	struct web_link_options o = options_of(listen, a);
	struct web_link *l = NULL;
	struct err err = {};

	if (web_link_new(&o, &l, &err) < 0)
		fail_msg("%s", err.text);
	return l;
}

static void a_worker_is_told_its_configuration_while_it_is_root(void **state)
{
	struct asked a = {};
	struct web_link *l = new_link("here", &a);

	(void)state;
	assert_string_equal(web_link_address(l), "/store,here,secret,2,1,root");
	web_link_free(l);
}

static void the_token_is_on_no_command_line(void **state)
{
	struct asked a = {};
	struct web_link *l = new_link("here", &a);
	char path[64], line[4096];
	ssize_t n;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", web_link_pid(l));
	fd = open(path, O_RDONLY);
	n = read(fd, line, sizeof(line));
	close(fd);
	assert_true(n > 0);
	assert_non_null(memmem(line, (size_t)n, "--store=/store", 14));
	assert_null(memmem(line, (size_t)n, "secret", 6));
	web_link_free(l);
}

static void questions_are_answered_from_within_the_jail(void **state)
{
	struct asked a = {};
	struct web_link *l = new_link("here", &a);

	(void)state;
	assert_null(run_until(l, &a, 100));
	assert_true(a.metrics >= 99);
	assert_int_equal(web_link_restarts(l), 0);
	web_link_free(l);
}

static void what_cannot_be_served_fails_with_the_worker_s_sentence(void **state)
{
	struct asked a = {};
	struct web_link_options o = options_of("taken", &a);
	struct web_link *l = NULL;
	struct err err = {};

	(void)state;
	assert_int_equal(web_link_new(&o, &l, &err), -EADDRINUSE);
	assert_string_equal(err.text, "the port is in use");
	assert_null(l);
}

static void a_killed_worker_is_told_and_started_again(void **state)
{
	struct asked a = {};
	struct web_link *l = new_link("here", &a);
	int first = web_link_pid(l);
	const char *sentence;

	(void)state;
	kill(first, SIGKILL);
	sentence = run_until(l, &a, 1000000);
	assert_non_null(sentence);
	assert_non_null(strstr(sentence, "signal 9"));
	assert_int_equal(web_link_pid(l), 0);
	assert_null(run_until(l, &a, 10));
	assert_int_not_equal(web_link_pid(l), 0);
	assert_int_not_equal(web_link_pid(l), first);
	assert_int_equal(web_link_restarts(l), 1);
	web_link_free(l);
}

static void the_end_takes_the_worker_along(void **state)
{
	struct asked a = {};
	struct web_link *l = new_link("here", &a);
	int pid = web_link_pid(l);

	(void)state;
	kill(pid, SIGSTOP);
	web_link_free(l);
	assert_int_equal(kill(pid, 0), -1);
}

static void a_worker_that_never_gets_ready_is_given_up(void **state)
{
	struct asked a = {};
	struct web_link_options o = options_of("silent", &a);
	struct web_link *l = NULL;
	struct err err = {};

	(void)state;
	assert_int_equal(web_link_new(&o, &l, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.text, "did not answer"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_is_told_its_configuration_while_it_is_root),
		cmocka_unit_test(the_token_is_on_no_command_line),
		cmocka_unit_test(questions_are_answered_from_within_the_jail),
		cmocka_unit_test(what_cannot_be_served_fails_with_the_worker_s_sentence),
		cmocka_unit_test(a_killed_worker_is_told_and_started_again),
		cmocka_unit_test(the_end_takes_the_worker_along),
		cmocka_unit_test(a_worker_that_never_gets_ready_is_given_up),
	};

	if (argc > 1 && argv[1][0] == '@')
		return worker_main(argc, argv);
	if (geteuid() != 0) {
		fprintf(stderr, "skipped: the web worker's jail is checked as root\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
