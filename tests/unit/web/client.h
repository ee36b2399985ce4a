/*
 * A tiny HTTP client for the tests: bytes out, bytes in, nothing understood. Everything aborts the
 * test on failure.
 */
#pragma once

/* A connection to a server's address ("http://127.0.0.1:PORT/" or "unix:PATH"). */
int client_connect(const char *address);
void client_send(int fd, const char *bytes);
/* All that comes until the server closes; freed by the caller. */
char *client_receive(int fd);

/*
 * GET path with more headers ("" or lines that end in \r\n), Host: localhost, on a connection of
 * its own.
 */
char *client_get(const char *address, const char *path, const char *headers);
/* The same with any bytes as the request. */
char *client_ask(const char *address, const char *bytes);

/* The status of an answer; its body. */
int client_status(const char *answer);
const char *client_body(const char *answer);
