/*
 * HTTP and HTTPS by libcurl: what stands at a URL, into a file, within bytes and time.
 *
 * libcurl is loaded when it is first wanted and not linked: it brings thirty libraries along, which
 * no other process should map, and hosts that ask no server need not have it. This is the one file
 * that knows it. Not thread-safe.
 */
#pragma once

#include "profiler/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Nothing for so long is a server that does not answer. */
#define DOWNLOAD_IDLE_MS    30000
#define DOWNLOAD_CONNECT_MS 10000
#define DOWNLOAD_REDIRECTS  4

struct download;

/* Before a jail is closed: no code can be mapped in it. -ENOENT: there is no libcurl here. */
int download_open(struct download **ret, struct err *err);
struct download *download_close(struct download *d);

/* Which libcurl it is, as it calls itself. Borrowed. */
const char *download_version(const struct download *d);

/*
 * Into the empty file fd, which stays the caller's. 0; -ENOENT: the server says that there is none
 * (404); -EFBIG: larger than bytes_max; -EBADMSG: not the beginning of an ELF file; -EAGAIN: the
 * server cannot be reached, does not answer, or says that it is at fault; or what writing said. The
 * sentence goes on after "the server".
 */
struct download_limits {
	uint64_t bytes_max;
	uint32_t ms_max; /* all together */
	uint32_t idle_ms; /* 0: DOWNLOAD_IDLE_MS */
};
/* What is where; the latter two may be "". */
struct download_place {
	const char *url;
	const char *proxy; /* by which it is asked */
	const char *no_proxy; /* hosts that are asked directly all the same, as curl has them */
};
int download_get(struct download *d, const struct download_place *place, int fd,
		 const struct download_limits *limits, uint64_t *ret_bytes, struct err *err);
