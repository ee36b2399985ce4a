/* The first words of a worker, over a real socket: what closes its jail, or why there is none. */
#include "profiler/jail/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "profiler/base/wire.h"
#include "profiler/jail/protocol.h"

#define UNTOUCHED 0x77777777u

static struct jail_worker worker;
static int other; /* the worker's end */

static int begin(void **state)
{
	int pair[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	worker = (struct jail_worker){.sock = pair[0], .role = JAIL_FETCHER};
	other = pair[1];
	return 0;
}

static int end(void **state)
{
	(void)state;
	close(worker.sock);
	if (other >= 0)
		close(other);
	return 0;
}

static void say(struct wire_msg *m)
{
	assert_int_equal(wire_send(other, m, 1000), 0);
	m->n_fds = 0; /* they stay the test's */
	wire_msg_done(m);
}

/* The sentence; bits stay as they were. */
static void assert_refused(int code, const char *sentence)
{
	uint32_t bits = UNTOUCHED;
	struct err err = {};

	assert_int_equal(jail_receive_hello(&worker, &bits, &err), code);
	assert_int_equal(bits, UNTOUCHED);
	assert_int_equal(err.code, code);
	assert_string_equal(err_text(&err), sentence);
}

static void what_closes_the_jail_is_told(void **state)
{
	const uint32_t told = PROTOCOL_JAIL_UID | PROTOCOL_JAIL_LANDLOCK;
	struct err err = {};
	struct wire_msg m;
	uint32_t bits = 0;

	(void)state;
	wire_msg_init(&m, PROTOCOL_HELLO, 0);
	buf_add_u32(&m.body, told);
	say(&m);
	assert_int_equal(jail_receive_hello(&worker, &bits, &err), 0);
	assert_int_equal(bits, told);
	assert_int_equal(err.code, 0);
}

static void a_worker_that_cannot_says_why(void **state)
{
	static const int codes[] = {-EPERM, -ENOTSUP, -EBADMSG};
	struct wire_msg m;

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		wire_msg_init(&m, PROTOCOL_FAILED, 0);
		protocol_failed_write(&m.body, codes[i], "no such\nwall");
		say(&m);
		assert_refused(codes[i], "the fetcher worker did not start: no such?wall");
	}
}

static void other_first_words_are_refused(void **state)
{
	static const struct {
		uint32_t type;
		const char *body;
		size_t len;
	} cases[] = {
		{PROTOCOL_HELLO, "\1\0\0", 3},	{PROTOCOL_HELLO, "\1\0\0\0\0", 5},
		{PROTOCOL_HELLO, "", 0},	{PROTOCOL_FAILED, "\0\0\0\0good", 8},
		{PROTOCOL_FAILED, "\xff", 1},	{PROTOCOL_READY, "\1\0\0\0", 4},
		{PROTOCOL_NAME, "\1\0\0\0", 4}, {0, "", 0},
	};
	struct wire_msg m;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		wire_msg_init(&m, cases[i].type, 0);
		buf_add(&m.body, cases[i].body, cases[i].len);
		say(&m);
		assert_refused(-EBADMSG,
			       "the fetcher worker began with something else than its jail");
	}
}

/* A worker has nothing to hand over yet; what it does is closed. */
static void a_descriptor_beside_it_is_refused_and_closed(void **state)
{
	int pipe_fds[2];
	struct wire_msg m;
	char c;

	(void)state;
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
	wire_msg_init(&m, PROTOCOL_HELLO, 0);
	buf_add_u32(&m.body, 1);
	m.fds[0] = pipe_fds[1];
	m.n_fds = 1;
	say(&m);
	close(pipe_fds[1]);
	assert_refused(-EBADMSG, "the fetcher worker began with something else than its jail");
	/* Nobody can write any more. */
	assert_int_equal(read(pipe_fds[0], &c, 1), 0);
	close(pipe_fds[0]);
}

static void a_worker_that_ends_is_told(void **state)
{
	(void)state;
	close(other);
	other = -1;
	assert_refused(-EPIPE, "the fetcher worker did not start: it ended at once");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
		TEST(what_closes_the_jail_is_told),
		TEST(a_worker_that_cannot_says_why),
		TEST(other_first_words_are_refused),
		TEST(a_descriptor_beside_it_is_refused_and_closed),
		TEST(a_worker_that_ends_is_told),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
