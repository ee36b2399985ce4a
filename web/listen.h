/*
 * Listen addresses and their sockets: ADDR:PORT, [V6]:PORT, localhost:PORT, unix:PATH.
 *
 * A unix socket has mode 0660; one that nobody listens on any more is replaced, and a file of
 * another kind never is.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "profiler/base/err.h"

#define WEB_ADDRESS_BYTES 160

struct web_address {
	struct sockaddr_storage addr;
	socklen_t len;
	bool local; /* loopback or a unix socket */
};

/* Pure. 0, or -EINVAL with a sentence. */
int web_address_parse(const char *listen, struct web_address *ret, struct err *err);

struct web_listener {
	int fd; /* listening, non-blocking, close-on-exec */
	char text[WEB_ADDRESS_BYTES]; /* "http://127.0.0.1:7979/", "unix:/run/hearth.sock" */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* of a unix socket, else "" */
	struct stat file; /* that socket's: inode numbers are used again, so its time counts too */
};

/* 0, -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, or another negative errno, with a sentence. */
int web_listener_open(struct web_listener *l, const char *listen, struct err *err);
void web_listener_close(
	struct web_listener *l); /* removes the unix socket if it is still this one */
