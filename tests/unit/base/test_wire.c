/* Messages over a socket pair: what arrives, and what a hostile peer may try. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "profiler/base/wire.h"

#define SOON_MS 20

static int pair(void **state)
{
	static int socks[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks) < 0)
		return -1;
	*state = socks;
	return 0;
}

static int unpair(void **state)
{
	int *socks = *state;

	for (int i = 0; i < 2; i++)
		if (socks[i] >= 0)
			close(socks[i]);
	return 0;
}

static void hang_up(int *socks)
{
	close(socks[0]);
	socks[0] = -1;
}

static void send_raw(int sock, uint32_t body, uint32_t type, uint32_t id, uint32_t fds)
{
	uint32_t words[4] = {body, type, id, fds};

	assert_int_equal(send(sock, words, sizeof(words), MSG_NOSIGNAL), sizeof(words));
}

/* Bytes with n descriptors of /dev/null. */
static void send_with_fds(int sock, const void *data, size_t len, unsigned int n)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * 32)];
		struct cmsghdr align;
	} control = {};
	struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes};
	struct cmsghdr *c;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0 && n <= 32);
	msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * n);
	for (unsigned int i = 0; i < n; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(fd));
	assert_int_equal(sendmsg(sock, &msg, MSG_NOSIGNAL), len);
	close(fd);
}

static unsigned int open_descriptors(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void a_message_arrives_with_its_descriptors(void **state)
{
	int *socks = *state, null = open("/dev/null", O_RDONLY);
	struct wire_msg out, in;

	wire_msg_init(&out, 7, 9);
	buf_add_str(&out.body, "hello");
	out.fds[0] = out.fds[1] = null;
	out.n_fds = 2;
	assert_int_equal(wire_send(socks[0], &out, SOON_MS), 0);
	out.n_fds = 0;
	buf_clear(&out.body);
	out.id = 10;
	assert_int_equal(wire_send(socks[0], &out, SOON_MS), 0);

	assert_int_equal(wire_receive(socks[1], &in, SOON_MS), 1);
	assert_int_equal(in.type, 7);
	assert_int_equal(in.id, 9);
	assert_int_equal(in.n_fds, 2);
	assert_string_equal(buf_str(&in.body), "hello");
	assert_true(fcntl(in.fds[0], F_GETFD) & FD_CLOEXEC);
	wire_msg_done(&in);
	assert_int_equal(wire_receive(socks[1], &in, SOON_MS), 1);
	assert_int_equal(in.id, 10);
	assert_int_equal(in.body.len, 0);
	assert_int_equal(in.n_fds, 0);
	wire_msg_done(&in);
	wire_msg_done(&out);
	close(null);
}

static void *send_large(void *arg)
{
	struct wire_msg out;
	int r;

	wire_msg_init(&out, 1, 1);
	memset(buf_reserve(&out.body, WIRE_BODY_MAX), 'x', WIRE_BODY_MAX);
	out.body.len = WIRE_BODY_MAX;
	r = wire_send(*(int *)arg, &out, 10000);
	wire_msg_done(&out);
	return (void *)(intptr_t)r;
}

static void the_largest_message_arrives_whole(void **state)
{
	int *socks = *state;
	struct wire_msg in;
	pthread_t sender;
	void *r;

	assert_int_equal(pthread_create(&sender, NULL, send_large, &socks[0]), 0);
	assert_int_equal(wire_receive(socks[1], &in, 10000), 1);
	pthread_join(sender, &r);
	assert_null(r);
	assert_int_equal(in.body.len, WIRE_BODY_MAX);
	assert_int_equal(in.body.data[WIRE_BODY_MAX - 1], 'x');
	wire_msg_done(&in);
}

static void silence_is_a_timeout_and_the_end_is_an_end(void **state)
{
	int *socks = *state;
	struct wire_msg in;

	assert_int_equal(wire_receive(socks[1], &in, 0), -ETIMEDOUT);
	hang_up(socks);
	assert_int_equal(wire_receive(socks[1], &in, SOON_MS), 0);
}

static void a_peer_that_has_gone_is_epipe(void **state)
{
	int *socks = *state;
	struct wire_msg out;

	hang_up(socks);
	wire_msg_init(&out, 1, 1);
	assert_int_equal(wire_send(socks[1], &out, SOON_MS), -EPIPE);
	wire_msg_done(&out);
}

static void a_peer_that_does_not_read_is_a_timeout(void **state)
{
	int *socks = *state;
	struct wire_msg out;

	wire_msg_init(&out, 1, 1);
	assert_non_null(buf_reserve(&out.body, 8u << 20));
	memset(out.body.data, 0, 8u << 20);
	out.body.len = 8u << 20;
	assert_int_equal(wire_send(socks[0], &out, SOON_MS), -ETIMEDOUT);
	wire_msg_done(&out);
}

static void what_does_not_fit_is_not_sent(void **state)
{
	int *socks = *state;
	struct wire_msg out, in;

	wire_msg_init(&out, 1, 1);
	out.n_fds = WIRE_FDS_MAX + 1;
	assert_int_equal(wire_send(socks[0], &out, SOON_MS), -EINVAL);
	out.n_fds = 0;
	buf_reserve(&out.body, SIZE_MAX);
	assert_int_equal(wire_send(socks[0], &out, SOON_MS), -EFBIG);
	assert_int_equal(wire_receive(socks[1], &in, 0), -ETIMEDOUT);
	wire_msg_done(&out);
}

static void half_a_message_ends_the_conversation(void **state)
{
	int *socks = *state;
	struct wire_msg in;

	send_raw(socks[0], 100, 1, 1, 0);
	send(socks[0], "short", 5, 0);
	assert_int_equal(wire_receive(socks[1], &in, SOON_MS), -EBADMSG);
}

static void half_a_header_ends_the_conversation(void **state)
{
	int *socks = *state;
	struct wire_msg in;

	send(socks[0], "short", 5, 0);
	assert_int_equal(wire_receive(socks[1], &in, SOON_MS), -EBADMSG);
}

static void an_end_inside_a_message_is_not_an_orderly_one(void **state)
{
	int *socks = *state;
	struct wire_msg in;

	send_raw(socks[0], 100, 1, 1, 0);
	hang_up(socks);
	assert_int_equal(wire_receive(socks[1], &in, SOON_MS), -EBADMSG);
}

static void a_body_past_the_maximum_is_refused(void **state)
{
	int *socks = *state;
	struct wire_msg in;

	send_raw(socks[0], WIRE_BODY_MAX + 1, 1, 1, 0);
	assert_int_equal(wire_receive(socks[1], &in, SOON_MS), -EBADMSG);
}

static void promised_descriptors_must_come(void **state)
{
	int *socks = *state;
	struct wire_msg in;

	send_raw(socks[0], 0, 1, 1, 1);
	assert_int_equal(wire_receive(socks[1], &in, SOON_MS), -EBADMSG);
}

static void descriptors_nobody_promised_are_refused_and_closed(void **state)
{
	int *socks = *state;
	uint32_t none[4] = {0, 1, 1, 0}, with_body[4] = {4, 1, 1, 0};
	unsigned int before = open_descriptors();
	struct wire_msg in;

	send_with_fds(socks[0], none, sizeof(none), 1);
	assert_int_equal(wire_receive(socks[1], &in, SOON_MS), -EBADMSG);
	send_raw(socks[0], with_body[0], 1, 1, 0);
	send_with_fds(socks[0], "body", 4, 1);
	assert_int_equal(wire_receive(socks[1], &in, SOON_MS), -EBADMSG);
	assert_int_equal(open_descriptors(), before);
}

static void too_many_descriptors_are_refused_and_closed(void **state)
{
	int *socks = *state;
	uint32_t many[4] = {0, 1, 1, 32};
	unsigned int before = open_descriptors();
	struct wire_msg in;

	send_with_fds(socks[0], many, sizeof(many), 32);
	assert_int_equal(wire_receive(socks[1], &in, SOON_MS), -EBADMSG);
	assert_int_equal(open_descriptors(), before);
}

#define WIRE_TEST(f) cmocka_unit_test_setup_teardown(f, pair, unpair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WIRE_TEST(a_message_arrives_with_its_descriptors),
		WIRE_TEST(the_largest_message_arrives_whole),
		WIRE_TEST(silence_is_a_timeout_and_the_end_is_an_end),
		WIRE_TEST(a_peer_that_has_gone_is_epipe),
		WIRE_TEST(a_peer_that_does_not_read_is_a_timeout),
		WIRE_TEST(what_does_not_fit_is_not_sent),
		WIRE_TEST(half_a_message_ends_the_conversation),
		WIRE_TEST(half_a_header_ends_the_conversation),
		WIRE_TEST(an_end_inside_a_message_is_not_an_orderly_one),
		WIRE_TEST(a_body_past_the_maximum_is_refused),
		WIRE_TEST(promised_descriptors_must_come),
		WIRE_TEST(descriptors_nobody_promised_are_refused_and_closed),
		WIRE_TEST(too_many_descriptors_are_refused_and_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
