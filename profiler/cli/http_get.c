/* A small HTTP client; see http_get.h. RFC 9112 for the head of an answer. */
#include "profiler/cli/http_get.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"

struct target {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un un;
	} address;
	socklen_t bytes;
};

static int parse_port(const char *text, in_port_t *ret)
{
	uint64_t port;

	if (quantity_u64(text, 1, 65535, &port) < 0)
		return -EINVAL;
	*ret = htons((uint16_t)port);
	return 0;
}

/* HOST:PORT or [V6]:PORT, an optional slash behind it. */
static int parse_inet(const char *text, struct target *t)
{
	char host[80], *colon;
	size_t len = strcspn(text, "/");

	if (len >= sizeof(host) || (text[len] && text[len + 1]))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	colon = strrchr(host, ':');
	if (!colon)
		return -EINVAL;
	*colon = '\0';
	if (host[0] == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		t->address.v6.sin6_family = AF_INET6;
		t->bytes = sizeof(t->address.v6);
		if (inet_pton(AF_INET6, host + 1, &t->address.v6.sin6_addr) != 1)
			return -EINVAL;
		return parse_port(colon + 1, &t->address.v6.sin6_port);
	}
	t->address.v4.sin_family = AF_INET;
	t->bytes = sizeof(t->address.v4);
	if (inet_pton(AF_INET, host, &t->address.v4.sin_addr) != 1)
		return -EINVAL;
	return parse_port(colon + 1, &t->address.v4.sin_port);
}

static int parse_address(const char *address, struct target *t)
{
	*t = (struct target){};
	if (strncmp(address, "http://", 7) == 0)
		return parse_inet(address + 7, t);
	if (strncmp(address, "unix:", 5) == 0 &&
	    strlen(address + 5) < sizeof(t->address.un.sun_path)) {
		t->address.un.sun_family = AF_UNIX;
		memcpy(t->address.un.sun_path, address + 5, strlen(address + 5) + 1);
		t->bytes = sizeof(t->address.un);
		return 0;
	}
	return -EINVAL;
}

static int wait_for(int sock, short events, uint64_t deadline_ns)
{
	for (;;) {
		struct pollfd p = {.fd = sock, .events = events};
		uint64_t now_ns = quantity_monotonic_ns();
		int r;

		if (now_ns >= deadline_ns)
			return -ETIMEDOUT;
		r = poll(&p, 1, (int)((deadline_ns - now_ns + 999999) / 1000000));
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

static int open_connection(const struct target *t, uint64_t deadline_ns)
{
	_cleanup_close_ int sock =
		socket(t->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t bytes = sizeof(int);
	int error = 0;

	if (sock < 0)
		return -errno;
	if (connect(sock, &t->address.any, t->bytes) < 0) {
		if (errno != EINPROGRESS && errno != EINTR)
			return -errno;
		error = wait_for(sock, POLLOUT, deadline_ns);
		if (error < 0)
			return error;
		if (getsockopt(sock, SOL_SOCKET, SO_ERROR, &error, &bytes) < 0)
			return -errno;
		if (error)
			return -error;
	}
	return steal_fd(sock);
}

static int send_all(int sock, const struct buf *request, uint64_t deadline_ns)
{
	size_t sent = 0;

	while (sent < request->len) {
		ssize_t n = send(sock, request->data + sent, request->len - sent, MSG_NOSIGNAL);

		if (n >= 0) {
			sent += (size_t)n;
		} else if (errno == EAGAIN) {
			int r = wait_for(sock, POLLOUT, deadline_ns);

			if (r < 0)
				return r;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

static int receive_all(int sock, struct buf *answer, uint64_t deadline_ns)
{
	for (;;) {
		void *to = buf_reserve(answer, 16384);
		ssize_t n;
		int r;

		if (!to)
			return answer->err;
		n = recv(sock, to, 16384, 0);
		if (n == 0)
			return 0;
		if (n > 0) {
			answer->len += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		r = wait_for(sock, POLLIN, deadline_ns);
		if (r < 0)
			return r;
	}
}

/*
 * One header line, [line, end) without its CRLF. -EBADMSG where it says that the body is not
 * simply what follows.
 */
static int check_header(const char *line, const char *end, size_t *length, bool *has_length)
{
	static const char content_length[] = "content-length:", encoding[] = "transfer-encoding:";
	size_t n = (size_t)(end - line);
	char digits[24];
	uint64_t v;

	if (n >= sizeof(encoding) - 1 && strncasecmp(line, encoding, sizeof(encoding) - 1) == 0)
		return -EBADMSG;
	if (n < sizeof(content_length) - 1 ||
	    strncasecmp(line, content_length, sizeof(content_length) - 1) != 0)
		return 0;
	line += sizeof(content_length) - 1;
	while (line < end && *line == ' ')
		line++;
	if ((size_t)(end - line) >= sizeof(digits))
		return -EBADMSG;
	memcpy(digits, line, (size_t)(end - line));
	digits[end - line] = '\0';
	if (quantity_u64(digits, 0, SIZE_MAX, &v) < 0)
		return -EBADMSG;
	*length = v;
	*has_length = true;
	return 0;
}

int http_get_parse(const char *answer, size_t len, size_t *ret_body)
{
	size_t head_max = len < HTTP_GET_HEAD_BYTES ? len : HTTP_GET_HEAD_BYTES;
	const char *head_end = len ? memmem(answer, head_max, "\r\n\r\n", 4) : NULL, *line;
	bool has_length = false;
	size_t length = 0, body;
	int status = 0;

	/* HTTP/1.x NNN */
	if (!head_end || head_end - answer < 12 || memcmp(answer, "HTTP/1.", 7) != 0 ||
	    answer[8] != ' ')
		return -EBADMSG;
	for (int i = 9; i < 12; i++) {
		if (answer[i] < '0' || answer[i] > '9')
			return -EBADMSG;
		status = status * 10 + (answer[i] - '0');
	}
	line = memmem(answer, (size_t)(head_end - answer) + 2, "\r\n", 2);
	while (line < head_end) {
		const char *end;

		line += 2;
		end = memmem(line, (size_t)(head_end - line) + 2, "\r\n", 2);
		if (check_header(line, end, &length, &has_length) < 0)
			return -EBADMSG;
		line = end;
	}
	body = (size_t)(head_end - answer) + 4;
	if (has_length && len - body != length)
		return -EBADMSG; /* cut on its way */
	*ret_body = body;
	return status;
}

static int exchange(const struct target *t, const struct buf *request, int timeout_ms,
		    struct buf *answer)
{
	uint64_t deadline_ns = quantity_monotonic_ns() + (uint64_t)timeout_ms * 1000000;
	_cleanup_close_ int sock = open_connection(t, deadline_ns);
	int r;

	if (sock < 0)
		return sock;
	r = send_all(sock, request, deadline_ns);
	return r < 0 ? r : receive_all(sock, answer, deadline_ns);
}

int http_get(const char *address, const char *path, const char *token, int timeout_ms,
	     struct buf *out, struct err *err)
{
	struct buf request, answer;
	struct target t;
	size_t body = 0;
	int r;

	if (parse_address(address, &t) < 0)
		return err_set(err, -EINVAL, "not an address to ask: %s", address);
	buf_init(&request, 8192);
	buf_init(&answer, out->max + HTTP_GET_HEAD_BYTES + 16384);
	buf_printf(&request, "GET %s HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n", path);
	if (token)
		buf_printf(&request, "Authorization: Bearer %s\r\n", token);
	buf_add_str(&request, "\r\n");
	r = request.err ? request.err : exchange(&t, &request, timeout_ms, &answer);
	if (r >= 0)
		r = http_get_parse((const char *)answer.data, answer.len, &body);
	if (r == -EBADMSG)
		err_set(err, r, "what %s answers is not HTTP", address);
	else if (r < 0)
		err_set(err, r, "%s does not answer: %s", address, strerror(-r));
	else if (buf_add(out, buf_str(&answer) + body, answer.len - body) < 0)
		r = err_set(err, out->err, "the answer of %s is too large", address);
	buf_done(&request);
	buf_done(&answer);
	return r;
}
