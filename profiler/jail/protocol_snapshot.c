/* The bodies of SNAPSHOT messages; see protocol_snapshot.h. */
#include "profiler/jail/protocol_snapshot.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_BITS 48 /* as many as a struct abi_frame has room for */
#define FLAGS_KNOWN  (ABI_FRAME_RETURN | ABI_FRAME_BY_FP)

void protocol_snapshot_write(struct buf *b, const struct snapshot *s)
{
	buf_add_u64(b, s->pc);
	buf_add_u8(b, s->pc_is_return);
	buf_add_u8(b, (uint8_t)s->n_registers);
	for (uint32_t i = 0; i < s->n_registers; i++)
		buf_add_u64(b, s->registers[i]);
	buf_add_u32(b, s->n_mappings);
	for (uint32_t i = 0; i < s->n_mappings; i++) {
		buf_add_u64(b, s->mappings[i].start);
		buf_add_u64(b, s->mappings[i].end);
		buf_add_u64(b, s->mappings[i].offset);
		buf_add_u32(b, s->mappings[i].file);
	}
	buf_add_u32(b, s->stack_bytes);
	buf_add(b, s->stack, s->stack_bytes);
}

static int read_registers(struct cursor *c, struct snapshot *ret)
{
	uint8_t is_return;

	ret->pc = cursor_u64(c);
	is_return = cursor_u8(c);
	ret->pc_is_return = is_return;
	ret->n_registers = cursor_u8(c);
	if (c->err || is_return > 1 || ret->n_registers != snapshot_registers())
		return -EBADMSG;
	for (uint32_t i = 0; i < ret->n_registers; i++)
		ret->registers[i] = cursor_u64(c);
	return c->err;
}

static int read_mappings(struct cursor *c, struct snapshot_mapping *ret, uint32_t n)
{
	uint64_t before = 0;

	for (uint32_t i = 0; i < n; i++) {
		ret[i].start = cursor_u64(c);
		ret[i].end = cursor_u64(c);
		ret[i].offset = cursor_u64(c);
		ret[i].file = cursor_u32(c);
		if (c->err || ret[i].start < before || ret[i].end <= ret[i].start ||
		    ret[i].end > 1ull << ADDRESS_BITS)
			return -EBADMSG;
		before = ret[i].end;
	}
	return 0;
}

static int read_stack(struct cursor *c, struct snapshot *ret)
{
	ret->stack_bytes = cursor_u32(c);
	if (c->err || ret->stack_bytes > ABI_STACK_BYTES_MAX)
		return -EBADMSG;
	ret->stack = cursor_bytes(c, ret->stack_bytes);
	return c->err || cursor_left(c) ? -EBADMSG : 0;
}

int protocol_snapshot_parse(const void *body, size_t len, struct protocol_snapshot *ret)
{
	_cleanup_free_ struct snapshot_mapping *mappings = NULL;
	struct cursor c = cursor_over(body, len);
	struct snapshot s = {};
	int r = read_registers(&c, &s);

	if (r < 0)
		return r;
	s.n_mappings = cursor_u32(&c);
	if (c.err || s.n_mappings > SNAPSHOT_MAPPINGS_MAX)
		return -EBADMSG;
	mappings = calloc(s.n_mappings + 1, sizeof(*mappings));
	if (!mappings)
		return -ENOMEM;
	r = read_mappings(&c, mappings, s.n_mappings);
	if (r == 0)
		r = read_stack(&c, &s);
	if (r < 0)
		return r;
	s.mappings = mappings;
	*ret = (struct protocol_snapshot){.snapshot = s, .mappings = steal_ptr(mappings)};
	return 0;
}

void protocol_snapshot_done(struct protocol_snapshot *q)
{
	free(q->mappings);
	*q = (struct protocol_snapshot){};
}

void protocol_snapshot_answer_write(struct buf *b, const struct protocol_snapshot_answer *a)
{
	buf_add_u8(b, (uint8_t)a->end);
	buf_add_u16(b, (uint16_t)a->n);
	for (uint32_t i = 0; i < a->n; i++) {
		buf_add_u64(b, a->frames[i].address);
		buf_add_u8(b, a->frames[i].flags);
	}
}

int protocol_snapshot_answer_parse(const void *body, size_t len,
				   struct protocol_snapshot_answer *ret)
{
	struct cursor c = cursor_over(body, len);
	struct protocol_snapshot_answer a = {.end = cursor_u8(&c), .n = cursor_u16(&c)};

	if (c.err || a.end >= ABI_END_COUNT || a.end == ABI_END_NONE || a.n > ABI_USER_FRAMES_MAX)
		return -EBADMSG;
	for (uint32_t i = 0; i < a.n; i++) {
		a.frames[i].address = cursor_u64(&c);
		a.frames[i].flags = cursor_u8(&c);
		if (a.frames[i].address >> ADDRESS_BITS || a.frames[i].flags & ~FLAGS_KNOWN)
			return -EBADMSG;
	}
	if (c.err || cursor_left(&c))
		return -EBADMSG;
	*ret = a;
	return 0;
}
