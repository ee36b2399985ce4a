/* The bodies of TABLE messages; see protocol_table.h. */
#include "profiler/jail/protocol_table.h"

#include <errno.h>
#include <string.h>

static uint32_t kept(const struct unwind_verdict *v)
{
	return v->mismatches < UNWIND_MISMATCHES_KEPT ? (uint32_t)v->mismatches
						      : UNWIND_MISMATCHES_KEPT;
}

static void write_verdict(struct buf *b, const struct unwind_verdict *v)
{
	buf_add_u64(b, v->compared);
	buf_add_u64(b, v->refused);
	buf_add_u64(b, v->entry);
	buf_add_u64(b, v->derived);
	buf_add_u64(b, v->mismatches);
	for (int i = 0; i < UNWIND_KIND_COUNT; i++)
		buf_add_u64(b, v->unsaid[i]);
	buf_add_u32(b, kept(v));
	for (uint32_t i = 0; i < kept(v); i++) {
		const struct unwind_mismatch *m = &v->mismatch[i];
		size_t len = strnlen(m->text, sizeof(m->text) - 1);

		buf_add_u64(b, m->address);
		buf_add_u16(b, (uint16_t)len);
		buf_add(b, m->text, len);
	}
}

int protocol_table_write(struct buf *b, const struct protocol_table *t)
{
	buf_add_u64(b, t->compile_ns);
	buf_add_u8(b, t->build_id_bytes);
	buf_add(b, t->build_id, t->build_id_bytes);
	buf_add_u8(b, t->judged);
	if (t->judged)
		write_verdict(b, &t->verdict);
	return unwind_table_write(&t->table, b);
}

static int read_mismatch(struct cursor *c, struct unwind_mismatch *ret)
{
	uint16_t len;
	const uint8_t *text;

	ret->address = cursor_u64(c);
	len = cursor_u16(c);
	text = len < sizeof(ret->text) ? cursor_bytes(c, len) : NULL;
	if (!text)
		return -EBADMSG;
	for (size_t i = 0; i < len; i++)
		ret->text[i] = text[i] < ' ' || text[i] == 0x7f ? '?' : (char)text[i];
	return 0;
}

static int read_verdict(struct cursor *c, struct unwind_verdict *ret)
{
	uint32_t n;

	ret->compared = cursor_u64(c);
	ret->refused = cursor_u64(c);
	ret->entry = cursor_u64(c);
	ret->derived = cursor_u64(c);
	ret->mismatches = cursor_u64(c);
	for (int i = 0; i < UNWIND_KIND_COUNT; i++)
		ret->unsaid[i] = cursor_u64(c);
	n = cursor_u32(c);
	if (c->err || n != kept(ret))
		return -EBADMSG;
	for (uint32_t i = 0; i < n; i++)
		if (read_mismatch(c, &ret->mismatch[i]) < 0)
			return -EBADMSG;
	return 0;
}

int protocol_table_parse(const void *body, size_t len, struct protocol_table *ret)
{
	struct cursor c = cursor_over(body, len);
	struct protocol_table t = {.compile_ns = cursor_u64(&c)};
	const uint8_t *build_id;
	uint8_t judged;
	int r;

	t.build_id_bytes = cursor_u8(&c);
	build_id =
		t.build_id_bytes <= sizeof(t.build_id) ? cursor_bytes(&c, t.build_id_bytes) : NULL;
	judged = cursor_u8(&c);
	if (c.err || !build_id || judged > 1)
		return -EBADMSG;
	memcpy(t.build_id, build_id, t.build_id_bytes);
	t.judged = judged;
	if (judged && read_verdict(&c, &t.verdict) < 0)
		return -EBADMSG;
	r = unwind_table_parse(c.at, cursor_left(&c), &t.table);
	if (r == 0)
		*ret = t;
	return r;
}

void protocol_table_done(struct protocol_table *t)
{
	unwind_table_done(&t->table);
	*t = (struct protocol_table){};
}
