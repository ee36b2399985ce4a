/* A tiny HTTP client; see client.h. */
#include "tests/unit/web/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CHECK(x)     ((x) ? (void)0 : abort())

#define ANSWER_BYTES (8u << 20)

static int connect_unix(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && strlen(path) < sizeof(un.sun_path));
	memcpy(un.sun_path, path, strlen(path) + 1);
	CHECK(connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0);
	return fd;
}

int client_connect(const char *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	unsigned int port;
	int fd;

	if (!strncmp(address, "unix:", 5))
		return connect_unix(address + 5);
	CHECK(sscanf(address, "http://127.0.0.1:%u/", &port) == 1);
	in.sin_port = htons((uint16_t)port);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	return fd;
}

void client_send(int fd, const char *bytes)
{
	size_t len = strlen(bytes);

	while (len) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0) /* refused early: what was answered is read */
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

char *client_receive(int fd)
{
	char *answer = malloc(ANSWER_BYTES);
	size_t len = 0;
	ssize_t n;

	CHECK(answer);
	while (len < ANSWER_BYTES - 1 &&
	       (n = recv(fd, answer + len, ANSWER_BYTES - 1 - len, 0)) > 0)
		len += (size_t)n;
	answer[len] = '\0';
	close(fd);
	return answer;
}

char *client_ask(const char *address, const char *bytes)
{
	int fd = client_connect(address);

	client_send(fd, bytes);
	return client_receive(fd);
}

char *client_get(const char *address, const char *path, const char *headers)
{
	char request[20000];

	snprintf(request, sizeof(request),
		 "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", path,
		 headers);
	return client_ask(address, request);
}

int client_status(const char *answer)
{
	int status = -1;

	if (sscanf(answer, "HTTP/1.1 %d", &status) != 1)
		sscanf(answer, "HTTP/1.0 %d", &status);
	return status;
}

const char *client_body(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");

	return end ? end + 4 : "";
}
