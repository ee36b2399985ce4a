/* Listen addresses and their sockets; see listen.h. */
#include "web/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "web/server.h"

#define LISTEN_BACKLOG 64
#define UNIX_MODE      0660
#define PORT_MAX       65535

static const char unix_prefix[] = "unix:";

static int bad_address(const char *listen, struct err *err)
{
	return err_set(err, -EINVAL,
		       "%s is not a listen address: ADDR:PORT, [V6]:PORT or unix:PATH is one",
		       listen);
}

static int parse_unix(const char *path, struct web_address *ret, struct err *err)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&ret->addr;
	size_t len = strlen(path);

	if (path[0] != '/' || len >= sizeof(un->sun_path))
		return err_set(err, -EINVAL,
			       "unix:%s: the path must be absolute and shorter than %zu bytes",
			       path, sizeof(un->sun_path));
	*ret = (struct web_address){.len = sizeof(*un), .local = true};
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, len + 1);
	return 0;
}

static bool v6_is_local(const struct in6_addr *a)
{
	return IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
}

static int parse_v6(const char *host, uint16_t port, struct web_address *ret)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->addr;
	struct in6_addr addr;

	if (inet_pton(AF_INET6, host, &addr) != 1)
		return -EINVAL;
	*ret = (struct web_address){.len = sizeof(*in6), .local = v6_is_local(&addr)};
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	in6->sin6_addr = addr;
	return 0;
}

static int parse_v4(const char *host, uint16_t port, struct web_address *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&ret->addr;
	struct in_addr addr;

	if (inet_pton(AF_INET, strcmp(host, "localhost") ? host : "127.0.0.1", &addr) != 1)
		return -EINVAL;
	*ret = (struct web_address){.len = sizeof(*in), .local = ntohl(addr.s_addr) >> 24 == 127};
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	in->sin_addr = addr;
	return 0;
}

int web_address_parse(const char *listen, struct web_address *ret, struct err *err)
{
	const char *colon = strrchr(listen, ':');
	char host[64];
	uint64_t port;
	size_t len;
	bool v6 = listen[0] == '[';
	int r;

	if (!strncmp(listen, unix_prefix, strlen(unix_prefix)))
		return parse_unix(listen + strlen(unix_prefix), ret, err);
	len = colon ? (size_t)(colon - listen) : 0;
	if (len == 0 || len >= sizeof(host) || quantity_u64(colon + 1, 0, PORT_MAX, &port) < 0)
		return bad_address(listen, err);
	memcpy(host, listen, len);
	host[len] = '\0';
	if (v6 && (len < 2 || host[len - 1] != ']'))
		return bad_address(listen, err);
	if (v6)
		host[len - 1] = '\0';
	r = v6 ? parse_v6(host + 1, (uint16_t)port, ret) : parse_v4(host, (uint16_t)port, ret);
	return r < 0 ? bad_address(listen, err) : 0;
}

int web_listen_is_local(const char *listen, struct err *err)
{
	struct web_address a;
	int r = web_address_parse(listen, &a, err);

	return r < 0 ? r : a.local;
}

/* ---- sockets ---- */

/*
 * Remove the socket file that a server which died left behind. 0 when there is nothing in the way
 * any more.
 */
static int remove_stale(const struct web_address *a, struct err *err)
{
	const char *path = ((const struct sockaddr_un *)&a->addr)->sun_path;
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, -EEXIST, "%s exists and is not a socket", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&a->addr, a->len) == 0 || errno == EAGAIN)
		return err_set(err, -EADDRINUSE, "another server is listening on unix:%s", path);
	if (errno != ECONNREFUSED)
		return err_set(err, -errno, "unix:%s: %s", path, strerror(errno));
	if (unlink(path) < 0)
		return err_set(err, -errno, "removing the stale socket %s: %s", path,
			       strerror(errno));
	return 0;
}

static int bind_failed(const char *listen, struct err *err)
{
	int e = errno;

	if (e == EADDRINUSE)
		return err_set(err, -e,
			       "%s is in use: another program (or another hearth) listens there; "
			       "choose another with --listen",
			       listen);
	if (e == EADDRNOTAVAIL)
		return err_set(err, -e, "%s is no address of this host", listen);
	return err_set(err, -e, "listening on %s: %s", listen, strerror(e));
}

static int bind_unix(int fd, const struct web_address *a, struct web_listener *l,
		     const char *listen, struct err *err)
{
	const char *path = ((const struct sockaddr_un *)&a->addr)->sun_path;
	int r = remove_stale(a, err);

	if (r < 0)
		return r;
	/*
	 * The file is born with the socket's own mode, so there is no moment in which others may
	 * connect.
	 */
	if (fchmod(fd, UNIX_MODE) < 0 || bind(fd, (const struct sockaddr *)&a->addr, a->len) < 0)
		return bind_failed(listen, err);
	if (chmod(path, UNIX_MODE) < 0 || lstat(path, &l->file) < 0)
		return bind_failed(listen, err);
	memcpy(l->path, path, strlen(path) + 1);
	snprintf(l->text, sizeof(l->text), "unix:%s", path);
	return 0;
}

static int bind_inet(int fd, const struct web_address *a, struct web_listener *l,
		     const char *listen, struct err *err)
{
	struct sockaddr_storage bound = {};
	socklen_t len = sizeof(bound);
	char host[INET6_ADDRSTRLEN];
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&a->addr, a->len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&bound, &len) < 0)
		return bind_failed(listen, err);
	if (bound.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&bound;

		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(l->text, sizeof(l->text), "http://[%s]:%u/", host, ntohs(in6->sin6_port));
	} else {
		const struct sockaddr_in *in = (const struct sockaddr_in *)&bound;

		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(l->text, sizeof(l->text), "http://%s:%u/", host, ntohs(in->sin_port));
	}
	return 0;
}

int web_listener_open(struct web_listener *l, const char *listen_at, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct web_address a;
	int r = web_address_parse(listen_at, &a, err);

	*l = (struct web_listener){.fd = -1};
	if (r < 0)
		return r;
	fd = socket(a.addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return bind_failed(listen_at, err);
	r = a.addr.ss_family == AF_UNIX ? bind_unix(fd, &a, l, listen_at, err)
					: bind_inet(fd, &a, l, listen_at, err);
	if (r < 0)
		return r;
	if (listen(fd, LISTEN_BACKLOG) < 0)
		return bind_failed(listen_at, err);
	l->fd = steal_fd(fd);
	return 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void web_listener_close(struct web_listener *l)
{
	struct stat st;

	if (l->fd >= 0)
		close(l->fd);
	if (l->path[0] && lstat(l->path, &st) == 0 && same_file(&st, &l->file))
		unlink(l->path);
	*l = (struct web_listener){.fd = -1};
}
