/*
 * zstd around byte strings: `varint bytes, varint packed bytes (0: not packed), content`.
 *
 * This and compress.c are the only files that know zstd. A struct compress keeps its contexts
 * between calls; one thread at a time.
 */
#pragma once

#include "profiler/base/buf.h"

#include <stdint.h>

struct compress {
	void *packer, *unpacker; /* ZSTD_CCtx, ZSTD_DCtx; made at first use */
};

void compress_done(struct compress *c); /* a zeroed one is ready for use */

/* Append data to out, packed where that is smaller. 0 or a negative errno. */
int compress_write(struct compress *c, const void *data, size_t len, int level, struct buf *out);

/*
 * Foreign bytes: at most max of them unpacked, or -EBADMSG. *ret is the caller's (never NULL on
 * 0).
 */
int compress_read(struct compress *c, struct cursor *in, size_t max, uint8_t **ret,
		  size_t *ret_len);

/* Go past what compress_read() would read. 0 or -EBADMSG. */
int compress_pass(struct cursor *in, size_t max);

/* XXH64 (seed) of bytes: what every checksum and content hash of the store is. */
uint64_t compress_checksum(const void *data, size_t len, uint64_t seed);
