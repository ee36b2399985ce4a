/* Framed messages with descriptors over a stream socket; see wire.h. */
#include "profiler/base/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEADER_BYTES 16 /* body length, type, id, number of descriptors: u32 each */

void wire_msg_init(struct wire_msg *m, uint32_t type, uint32_t id)
{
	*m = (struct wire_msg){.type = type, .id = id};
	buf_init(&m->body, WIRE_BODY_MAX);
}

void wire_msg_done(struct wire_msg *m)
{
	buf_done(&m->body);
	for (unsigned int i = 0; i < m->n_fds; i++)
		if (m->fds[i] >= 0)
			close(m->fds[i]);
	m->n_fds = 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Wait for events on sock until deadline (ms of the monotonic clock, -1 for ever). */
static int wait_for(int sock, short events, int64_t deadline)
{
	struct pollfd p = {.fd = sock, .events = events};

	for (;;) {
		int64_t left = deadline < 0 ? -1 : deadline - now_ms();
		int r;

		if (deadline >= 0 && left <= 0)
			left = 0;
		r = poll(&p, 1, (int)left);
		if (r > 0)
			return 0;
		if (r == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* A header that is still to be sent, and a body: one call, so that the other end wakes once. */
struct parts {
	struct iovec iov[2];
	unsigned int at; /* the first that is not sent whole */
};

static int send_part(int sock, struct parts *p, const int *fds, unsigned int n_fds)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
		struct cmsghdr align;
	} control = {};
	struct msghdr msg = {.msg_iov = &p->iov[p->at], .msg_iovlen = 2 - p->at};
	ssize_t n;

	if (n_fds) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	n = sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return (int)n;
}

/* n bytes of them were sent. */
static void parts_sent(struct parts *p, size_t n)
{
	for (; p->at < 2; p->at++) {
		struct iovec *v = &p->iov[p->at];

		if (n < v->iov_len) {
			v->iov_base = (uint8_t *)v->iov_base + n;
			v->iov_len -= n;
			return;
		}
		n -= v->iov_len;
	}
}

static int send_all(int sock, struct parts *p, const int *fds, unsigned int n_fds, int64_t deadline)
{
	while (p->at < 2) {
		int n = send_part(sock, p, fds, n_fds);

		if (n == -EINTR)
			continue;
		if (n == -EAGAIN) {
			int r = wait_for(sock, POLLOUT, deadline);

			if (r < 0)
				return r;
			continue;
		}
		if (n < 0)
			return n;
		parts_sent(p, (size_t)n);
		n_fds = 0;
	}
	return 0;
}

int wire_send(int sock, const struct wire_msg *m, int timeout_ms)
{
	int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	uint32_t words[4] = {(uint32_t)m->body.len, m->type, m->id, m->n_fds};
	/* Both ends are the same binary. */
	struct parts p = {.iov = {{words, HEADER_BYTES}, {m->body.data, m->body.len}}};

	if (m->body.err)
		return m->body.err;
	if (m->body.len > WIRE_BODY_MAX || m->n_fds > WIRE_FDS_MAX)
		return -EINVAL;
	return send_all(sock, &p, m->fds, m->n_fds, deadline);
}

static void take_fds(struct msghdr *msg, struct wire_msg *to, int *err)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (to->n_fds < WIRE_FDS_MAX) {
				to->fds[to->n_fds++] = fd;
			} else {
				close(fd);
				*err = -EBADMSG;
			}
		}
	}
	if (msg->msg_flags & MSG_CTRUNC)
		*err = -EBADMSG;
}

/* One recvmsg: > 0 bytes, 0 end, negative errno. Descriptors that come along land in to. */
static int receive_part(int sock, void *data, size_t len, struct wire_msg *to)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = data, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	int err = 0;
	ssize_t n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	take_fds(&msg, to, &err);
	return err < 0 ? err : (int)n;
}

/*
 * 1 when all of len arrived, 0 on an orderly end before the first byte. A time-out before the
 * first byte of a message is -ETIMEDOUT; behind it the rest of the message would be taken for the
 * next one, so that it is -EBADMSG.
 */
static int receive_all(int sock, uint8_t *data, size_t len, struct wire_msg *to, int64_t deadline,
		       bool begun)
{
	size_t have = 0;

	while (have < len) {
		int n = receive_part(sock, data + have, len - have, to);

		if (n == -EINTR)
			continue;
		if (n == -EAGAIN) {
			int r = wait_for(sock, POLLIN, deadline);

			if (r == -ETIMEDOUT && (begun || have))
				return -EBADMSG;
			if (r < 0)
				return r;
			continue;
		}
		if (n < 0)
			return n;
		if (n == 0)
			return have ? -EBADMSG : 0;
		have += (size_t)n;
	}
	return 1;
}

static int receive_into(int sock, struct wire_msg *m, int64_t deadline)
{
	uint8_t header[HEADER_BYTES];
	uint32_t words[4];
	int r;

	r = receive_all(sock, header, sizeof(header), m, deadline, false);
	if (r <= 0)
		return r;
	memcpy(words, header, sizeof(words));
	m->type = words[1];
	m->id = words[2];
	if (words[0] > WIRE_BODY_MAX || words[3] != m->n_fds)
		return -EBADMSG;
	if (words[0] == 0)
		return 1;
	if (!buf_reserve(&m->body, words[0]))
		return m->body.err;
	r = receive_all(sock, m->body.data, words[0], m, deadline, true);
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	m->body.len = words[0];
	return m->n_fds == words[3] ? 1 : -EBADMSG;
}

int wire_receive(int sock, struct wire_msg *ret, int timeout_ms)
{
	int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	struct wire_msg m;
	int r;

	wire_msg_init(&m, 0, 0);
	r = receive_into(sock, &m, deadline);
	if (r <= 0)
		wire_msg_done(&m);
	else
		*ret = m;
	return r;
}
