/*
 * One HTTP GET, to ask our own daemon: HTTP/1.0 over TCP or a Unix socket, numeric addresses
 * only, everything bounded. The answer comes from a process without privileges that may have been
 * taken over: it is bytes, nothing more.
 */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/base/err.h"

#define HTTP_GET_HEAD_BYTES 16384

/*
 * address: "http://127.0.0.1:7979/", "http://[::1]:7979/" or "unix:PATH". token: NULL, or sent as
 * Bearer. The body goes to out, whose maximum bounds it. The status code (200, 401, ...), or
 * -ETIMEDOUT, -ECONNREFUSED, -EBADMSG, ... with a sentence.
 */
int http_get(const char *address, const char *path, const char *token, int timeout_ms,
	     struct buf *out, struct err *err);

/*
 * An answer taken apart, pure: the status code and where the body begins; -EBADMSG on what is not
 * one.
 */
int http_get_parse(const char *answer, size_t len, size_t *ret_body);
