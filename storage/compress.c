/* zstd frames and XXH64 checksums; see compress.h. */
#include "storage/compress.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>
#include <zstd_errors.h>

#define WORTH_PACKING_BYTES 48 /* a zstd frame costs about a dozen bytes */

void compress_done(struct compress *c)
{
	ZSTD_freeCCtx((ZSTD_CCtx *)c->packer);
	ZSTD_freeDCtx((ZSTD_DCtx *)c->unpacker);
	*c = (struct compress){};
}

/* The size of the frame in `to`, 0 when it is not smaller than the data, or a negative errno. */
static int64_t pack(struct compress *c, void *to, const void *data, size_t len, int level)
{
	size_t n;

	if (!c->packer)
		c->packer = ZSTD_createCCtx();
	if (!c->packer)
		return -ENOMEM;
	ZSTD_CCtx_reset((ZSTD_CCtx *)c->packer, ZSTD_reset_session_and_parameters);
	ZSTD_CCtx_setParameter((ZSTD_CCtx *)c->packer, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter((ZSTD_CCtx *)c->packer, ZSTD_c_contentSizeFlag, 0);
	n = ZSTD_compress2((ZSTD_CCtx *)c->packer, to, len, data, len);
	if (!ZSTD_isError(n))
		return n < len ? (int64_t)n : 0;
	if (ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation)
		return -ENOMEM;
	return 0; /* does not fit into len bytes */
}

int compress_write(struct compress *c, const void *data, size_t len, int level, struct buf *out)
{
	_cleanup_free_ void *packed = malloc(len + 1);
	int64_t n = 0;

	if (!packed)
		return -ENOMEM;
	if (len >= WORTH_PACKING_BYTES)
		n = pack(c, packed, data, len, level);
	if (n < 0)
		return (int)n;
	buf_add_varint(out, len);
	buf_add_varint(out, (uint64_t)n);
	return buf_add(out, n ? packed : data, n ? (size_t)n : len);
}

static int unpack(struct compress *c, void *to, size_t len, const void *from, size_t packed)
{
	size_t n;

	if (!c->unpacker)
		c->unpacker = ZSTD_createDCtx();
	if (!c->unpacker)
		return -ENOMEM;
	n = ZSTD_decompressDCtx((ZSTD_DCtx *)c->unpacker, to, len, from, packed);
	return ZSTD_isError(n) || n != len ? -EBADMSG : 0;
}

int compress_read(struct compress *c, struct cursor *in, size_t max, uint8_t **ret, size_t *ret_len)
{
	uint64_t len = cursor_varint(in), packed = cursor_varint(in);
	const uint8_t *from = cursor_bytes(in, packed ? packed : len);
	_cleanup_free_ uint8_t *to = NULL;
	int r = 0;

	if (!from || len > max)
		return -EBADMSG;
	to = malloc(len + 1);
	if (!to)
		return -ENOMEM;
	if (packed)
		r = unpack(c, to, len, from, packed);
	else
		memcpy(to, from, len);
	if (r < 0)
		return r;
	*ret_len = len;
	*ret = steal_ptr(to);
	return 0;
}

int compress_pass(struct cursor *in, size_t max)
{
	uint64_t len = cursor_varint(in), packed = cursor_varint(in);

	return !cursor_bytes(in, packed ? packed : len) || len > max ? -EBADMSG : 0;
}

uint64_t compress_checksum(const void *data, size_t len, uint64_t seed)
{
	return XXH64(data, len, seed);
}
