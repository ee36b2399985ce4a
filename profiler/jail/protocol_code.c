/* The bodies of CODE messages; see protocol_code.h. */
#include "profiler/jail/protocol_code.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void protocol_code_write(struct buf *b, const struct protocol_code *c)
{
	size_t path = strlen(c->path);

	buf_add_u64(b, c->from);
	buf_add_u64(b, c->until);
	buf_add_u8(b, (uint8_t)c->build_id_bytes);
	buf_add(b, c->build_id, c->build_id_bytes);
	buf_add_u16(b, (uint16_t)path);
	buf_add(b, c->path, path);
}

int protocol_code_parse(const void *body, size_t len, struct protocol_code *ret)
{
	struct cursor c = cursor_over(body, len);
	struct protocol_code q = {.from = cursor_u64(&c), .until = cursor_u64(&c)};
	const uint8_t *id, *path;
	uint16_t n;

	q.build_id_bytes = cursor_u8(&c);
	id = q.build_id_bytes <= sizeof(q.build_id) ? cursor_bytes(&c, q.build_id_bytes) : NULL;
	n = cursor_u16(&c);
	path = n <= PROTOCOL_CODE_PATH_MAX ? cursor_bytes(&c, n) : NULL;
	if (c.err || !id || !path || cursor_left(&c) || q.from >= q.until || memchr(path, '\0', n))
		return -EBADMSG;
	memcpy(q.build_id, id, q.build_id_bytes);
	memcpy(q.path, path, n);
	*ret = q;
	return 0;
}

void protocol_code_row(struct buf *b, uint64_t offset, uint64_t address, uint8_t bytes,
		       const char *text)
{
	size_t len = strnlen(text, PROTOCOL_CODE_TEXT_MAX);

	buf_add_u64(b, offset);
	buf_add_u64(b, address);
	buf_add_u8(b, bytes);
	buf_add_u8(b, (uint8_t)len);
	buf_add(b, text, len);
}

/* One row, its text behind *at, which moves on. */
static int read_row(struct cursor *c, uint64_t after, struct web_instruction *ret, char **at)
{
	struct web_instruction i = {.offset = cursor_u64(c), .address = cursor_u64(c)};
	const uint8_t *text;
	uint8_t n;

	i.bytes = cursor_u8(c);
	n = cursor_u8(c);
	text = n <= PROTOCOL_CODE_TEXT_MAX ? cursor_bytes(c, n) : NULL;
	if (c->err || !text || !i.bytes || i.offset < after || i.offset > UINT64_MAX - i.bytes)
		return -EBADMSG;
	i.text = *at;
	for (uint8_t k = 0; k < n; k++)
		*(*at)++ = text[k] < ' ' || text[k] >= 0x7f ? '?' : (char)text[k];
	*(*at)++ = '\0';
	*ret = i;
	return 0;
}

#define ROW_BYTES (8 + 8 + 1 + 1) /* without its text */

int protocol_code_rows_parse(const void *body, size_t len, struct web_code *ret)
{
	struct cursor c = cursor_over(body, len);
	struct web_code code = {};
	uint64_t after = 0;
	char *at;
	int r = 0;

	if (len > PROTOCOL_CODE_BYTES_MAX)
		return -EBADMSG;
	code.row = calloc(len / ROW_BYTES + 1, sizeof(*code.row));
	code.strings = malloc(len + 1);
	at = code.strings;
	if (!code.row || !at)
		r = -ENOMEM;
	while (r == 0 && cursor_left(&c)) {
		struct web_instruction *row = &code.row[code.n];

		r = read_row(&c, after, row, &at);
		if (r == 0) {
			after = row->offset + row->bytes;
			code.n++;
		}
	}
	if (r < 0)
		web_code_done(&code);
	else
		*ret = code;
	return r;
}
