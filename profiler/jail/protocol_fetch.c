/* The bodies of FETCH and FETCHED; see protocol_fetch.h. */
#include "profiler/jail/protocol_fetch.h"

#include <errno.h>
#include <string.h>

void protocol_fetch_write(struct buf *b, const struct protocol_fetch *f)
{
	buf_add_u32(b, f->ms_max);
	buf_add_str(b, f->url);
}

int protocol_fetch_parse(const void *body, size_t len, struct protocol_fetch *ret)
{
	struct cursor c = cursor_over(body, len);
	uint32_t ms_max = cursor_u32(&c);
	size_t n = cursor_left(&c);
	const uint8_t *url = cursor_bytes(&c, n);

	if (c.err || n == 0 || n > PROTOCOL_URL_MAX || memchr(url, '\0', n))
		return -EBADMSG;
	ret->ms_max = ms_max;
	memcpy(ret->url, url, n);
	ret->url[n] = '\0';
	return 0;
}

int protocol_fetched_parse(const void *body, size_t len, uint64_t *ret_bytes)
{
	struct cursor c = cursor_over(body, len);
	uint64_t bytes = cursor_u64(&c);

	if (c.err || cursor_left(&c))
		return -EBADMSG;
	*ret_bytes = bytes;
	return 0;
}
