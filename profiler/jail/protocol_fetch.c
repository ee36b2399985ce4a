/* The bodies of FETCH and FETCHED; see protocol_fetch.h. */
#include "profiler/jail/protocol_fetch.h"

#include <errno.h>
#include <string.h>

static void text_write(struct buf *b, const char *text)
{
	buf_add_u16(b, (uint16_t)strlen(text));
	buf_add_str(b, text);
}

void protocol_fetch_write(struct buf *b, const struct protocol_fetch *f)
{
	buf_add_u32(b, f->ms_max);
	text_write(b, f->url);
	text_write(b, f->proxy);
	text_write(b, f->no_proxy);
}

/* At most max bytes, and none of them NUL. */
static int text_read(struct cursor *c, char *ret, size_t max)
{
	size_t n = cursor_u16(c);
	const uint8_t *text = n <= max ? cursor_bytes(c, n) : NULL;

	if (c->err || !text || memchr(text, '\0', n))
		return -EBADMSG;
	memcpy(ret, text, n);
	ret[n] = '\0';
	return 0;
}

int protocol_fetch_parse(const void *body, size_t len, struct protocol_fetch *ret)
{
	struct cursor c = cursor_over(body, len);
	struct protocol_fetch f;

	f.ms_max = cursor_u32(&c);
	if (text_read(&c, f.url, PROTOCOL_URL_MAX) < 0 || !f.url[0] ||
	    text_read(&c, f.proxy, PROTOCOL_PROXY_MAX) < 0 ||
	    text_read(&c, f.no_proxy, PROTOCOL_PROXY_MAX) < 0 || cursor_left(&c))
		return -EBADMSG;
	*ret = f;
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
