/*
 * The part of the protocol that is about debug files of servers: what the collector and the fetcher
 * say to each other.
 *
 * FETCH, collector to fetcher: u32 milliseconds that it may take, u16 length and URL, u16 length
 * and the proxy's URL, length 0: none, u16 length and the hosts that are asked without it; with it
 * comes an empty file, to be filled with what is there. The answer has its id and is FETCHED, u64
 * bytes of the file, or FAILED: -ENOENT where the server says that it has no such file, -EAGAIN
 * where it could not be asked or did not answer (nor will it answer other questions soon), else
 * what was wrong with this one file.
 */
#pragma once

#include "profiler/base/buf.h"

#include <stdint.h>

#define PROTOCOL_URL_MAX   2047
#define PROTOCOL_PROXY_MAX 1023

struct protocol_fetch {
	uint32_t ms_max;
	char url[PROTOCOL_URL_MAX + 1];
	char proxy[PROTOCOL_PROXY_MAX + 1], no_proxy[PROTOCOL_PROXY_MAX + 1]; /* "": none */
};

/*
 * Pure. Writers append to b, whose sticky error tells failure; readers take a whole body, return 0
 * or -EBADMSG, and leave the output untouched on failure.
 */
void protocol_fetch_write(struct buf *b, const struct protocol_fetch *f);
int protocol_fetch_parse(const void *body, size_t len, struct protocol_fetch *ret);
int protocol_fetched_parse(const void *body, size_t len, uint64_t *ret_bytes);
