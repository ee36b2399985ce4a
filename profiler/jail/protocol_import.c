/* Batches of an import as bytes, and back with every number checked; see protocol_import.h. */
#include "profiler/jail/protocol_import.h"

#include <errno.h>
#include <string.h>

#define NS_PER_MS 1000000ull

/* ---- the request ---- */

void protocol_import_request_write(struct buf *b, const struct protocol_import_request *r)
{
	buf_add_u32(b, (uint32_t)((int)r->format + 1));
	buf_add_u64(b, r->at_ms);
	buf_add_u16(b, (uint16_t)strlen(r->name));
	buf_add_str(b, r->name);
}

int protocol_import_request_parse(const void *body, size_t len, struct protocol_import_request *ret)
{
	struct cursor c = cursor_over(body, len);
	uint32_t format = cursor_u32(&c);
	uint64_t at_ms = cursor_u64(&c);
	uint16_t n = cursor_u16(&c);
	const uint8_t *name = n && n <= PROTOCOL_IMPORT_NAME_MAX ? cursor_bytes(&c, n) : NULL;

	if (c.err || !name || cursor_left(&c) || format > IMPORT_FORMAT_COUNT ||
	    at_ms >= IMPORT_TIME_MS_MAX || memchr(name, '\0', n))
		return -EBADMSG;
	*ret = (struct protocol_import_request){.format = (enum import_format)((int)format - 1),
						.at_ms = at_ms};
	memcpy(ret->name, name, n);
	return 0;
}

void protocol_import_counts_write(struct buf *b, const struct import_counts *c)
{
	buf_add_u64(b, c->samples);
	buf_add_u64(b, c->entries);
	buf_add_u64(b, c->other_events);
	buf_add_u64(b, c->lines_skipped);
}

int protocol_import_counts_parse(const void *body, size_t len, struct import_counts *ret)
{
	struct cursor c = cursor_over(body, len);
	struct import_counts n = {.samples = cursor_u64(&c)};

	n.entries = cursor_u64(&c);
	n.other_events = cursor_u64(&c);
	n.lines_skipped = cursor_u64(&c);
	if (c.err || cursor_left(&c))
		return -EBADMSG;
	*ret = n;
	return 0;
}

/* ---- batches, written ---- */

static void write_strings(struct buf *b, const struct import_batch *batch)
{
	buf_add_varint(b, batch->p->n_strings - batch->strings);
	for (uint32_t i = batch->strings; i < batch->p->n_strings; i++) {
		const char *s = profile_str(batch->p, i);
		size_t len = strlen(s);

		buf_add_varint(b, len);
		buf_add(b, s, len);
	}
}

static void write_functions(struct buf *b, const struct import_batch *batch)
{
	buf_add_varint(b, batch->p->n_functions - batch->functions);
	for (uint32_t i = batch->functions; i < batch->p->n_functions; i++) {
		const struct profile_function *f = &batch->p->functions[i];

		buf_add_varint(b, f->name);
		buf_add_varint(b, f->system_name);
		buf_add_varint(b, f->file);
		buf_add_varint(b, f->start_line);
	}
}

/* The word of a symbol's kind is its object's path. */
static enum profile_frame_kind kind_of(const struct profile *p, const struct profile_object *o)
{
	const char *word = profile_str(p, o->path);

	for (int k = 0; k < PROFILE_FRAME_COUNT; k++)
		if (!strcmp(word, profile_frame_kind_name((enum profile_frame_kind)k)))
			return (enum profile_frame_kind)k;
	return PROFILE_FRAME_NATIVE;
}

static void write_locations(struct buf *b, const struct import_batch *batch)
{
	const struct profile *p = batch->p;

	buf_add_varint(b, p->n_locations - batch->locations);
	for (uint32_t i = batch->locations; i < p->n_locations; i++) {
		const struct profile_location *l = &p->locations[i];
		const struct profile_object *o = &p->objects[l->object];

		if (o->kind == PROFILE_OBJECT_INCOMPLETE) {
			buf_add_varint(b, PROTOCOL_IMPORT_INCOMPLETE);
			buf_add_varint(b, o->path);
			continue;
		}
		buf_add_varint(b, kind_of(p, o));
		buf_add_varint(b, l->n_lines);
		for (uint32_t k = l->first_line; k < l->first_line + l->n_lines; k++) {
			buf_add_varint(b, p->lines[k].function);
			buf_add_varint(b, p->lines[k].line);
			buf_add_varint(b, p->lines[k].column);
		}
	}
}

static void write_stacks(struct buf *b, const struct import_batch *batch)
{
	buf_add_varint(b, batch->p->n_stacks - batch->stacks);
	for (uint32_t i = batch->stacks; i < batch->p->n_stacks; i++) {
		buf_add_varint(b, i - batch->p->stacks[i].parent);
		buf_add_varint(b, batch->p->stacks[i].location);
	}
}

static void write_labels(struct buf *b, const struct import_batch *batch)
{
	buf_add_varint(b, batch->p->n_labels - batch->labels);
	for (uint32_t i = batch->labels; i < batch->p->n_labels; i++) {
		const struct profile_labels *l = &batch->p->labels[i];

		buf_add_varint(b, l->has);
		for (int k = 0; k < PROFILE_LABEL_COUNT; k++)
			if (l->has & (1u << k))
				buf_add_varint(b, l->value[k]);
		buf_add_varint(b, l->n_extra);
		for (uint32_t k = 0; k < l->n_extra; k++) {
			buf_add_varint(b, l->extra[k].key);
			buf_add_varint(b, l->extra[k].value);
		}
	}
}

static void write_samples(struct buf *b, const struct import_batch *batch)
{
	int64_t before_ms = 0;

	buf_add_varint(b, batch->p->n_samples);
	for (uint32_t i = 0; i < batch->p->n_samples; i++) {
		const struct profile_sample *s = &batch->p->samples[i];
		int64_t ms = (int64_t)(s->time_ns / NS_PER_MS);

		buf_add_zigzag(b, ms - before_ms);
		buf_add_varint(b, s->stack);
		buf_add_varint(b, s->labels);
		buf_add_varint(b, s->count);
		before_ms = ms;
	}
}

int protocol_import_batch_write(struct buf *b, const struct import_batch *batch)
{
	buf_add_u8(b, batch->fresh);
	buf_add_u64(b, batch->p->period_ns);
	write_strings(b, batch);
	write_functions(b, batch);
	write_locations(b, batch);
	write_stacks(b, batch);
	write_labels(b, batch);
	write_samples(b, batch);
	return b->err;
}

/* ---- batches, read ---- */

struct reader {
	struct cursor c;
	const struct protocol_import_rules *rules;
	struct profile *p;
};

/* A number below limit; what is not becomes an error. */
static uint32_t below(struct reader *r, uint64_t limit)
{
	uint64_t v = cursor_varint(&r->c);

	if (v >= limit && !r->c.err)
		r->c.err = -EBADMSG;
	return r->c.err ? 0 : (uint32_t)v;
}

/* How many follow, of at least so many bytes each. */
static uint32_t how_many(struct reader *r, size_t bytes_each)
{
	return below(r, cursor_left(&r->c) / bytes_each + 1);
}

/* Each entry is new, so its number is the next one; else something was said twice. */
static int is_next(int64_t id, uint32_t next)
{
	if (id < 0)
		return (int)id;
	return id == next ? 0 : -EBADMSG;
}

static int read_strings(struct reader *r)
{
	int e = 0;

	for (uint32_t n = how_many(r, 1); n > 0 && e >= 0; n--) {
		uint32_t len = below(r, PROFILE_STRING_BYTES_MAX + 1), next = r->p->n_strings;
		const uint8_t *s = cursor_bytes(&r->c, len);

		if (!s || memchr(s, '\0', len))
			return -EBADMSG;
		e = is_next(profile_string_len(r->p, (const char *)s, len), next);
	}
	return e;
}

static int read_functions(struct reader *r)
{
	int e = 0;

	for (uint32_t n = how_many(r, 4); n > 0 && e >= 0; n--) {
		uint32_t next = r->p->n_functions;
		struct profile_function f = {.name = below(r, r->p->n_strings)};

		f.system_name = below(r, r->p->n_strings);
		f.file = below(r, r->p->n_strings);
		f.start_line = below(r, 1ull << 32);
		e = r->c.err ? r->c.err : is_next(profile_function(r->p, &f), next);
	}
	return e;
}

static int64_t read_object(struct reader *r, uint32_t kind)
{
	struct profile_object o = {.kind = PROFILE_OBJECT_SYMBOL,
				   .domain = r->rules->domain,
				   .identity = r->rules->identity};
	int64_t path;

	if (kind == PROTOCOL_IMPORT_INCOMPLETE) {
		o = (struct profile_object){.kind = PROFILE_OBJECT_INCOMPLETE,
					    .path = below(r, r->p->n_strings)};
		return r->c.err ? r->c.err : profile_object(r->p, &o);
	}
	/* A string of ours between theirs would shift their numbers: theirs must be there. */
	path = profile_string(r->p, profile_frame_kind_name((enum profile_frame_kind)kind));
	if (path < 0)
		return path;
	o.path = (uint32_t)path;
	return profile_object(r->p, &o);
}

static int read_lines(struct reader *r, uint32_t location)
{
	struct profile_line lines[IMPORT_INLINED_MAX + 1];
	uint32_t n = below(r, IMPORT_INLINED_MAX + 2);

	if (r->c.err || !n)
		return -EBADMSG;
	for (uint32_t i = 0; i < n; i++) {
		lines[i].function = below(r, r->p->n_functions);
		lines[i].line = below(r, 1ull << 32);
		lines[i].column = below(r, 1ull << 32);
	}
	return r->c.err ? r->c.err : profile_set_lines(r->p, location, lines, n);
}

static int read_locations(struct reader *r)
{
	int e = 0;

	for (uint32_t n = how_many(r, 2); n > 0 && e >= 0; n--) {
		uint32_t next = r->p->n_locations, strings = r->p->n_strings;
		uint32_t kind = below(r, PROTOCOL_IMPORT_INCOMPLETE + 1);
		int64_t object = r->c.err ? r->c.err : read_object(r, kind);

		if (object < 0)
			return (int)object;
		if (r->p->n_strings != strings)
			return -EBADMSG;
		if (kind == PROTOCOL_IMPORT_INCOMPLETE) {
			e = is_next(profile_location(r->p, (uint32_t)object, 0), next);
			continue;
		}
		e = is_next(profile_location(r->p, (uint32_t)object, next), next);
		if (e >= 0)
			e = read_lines(r, next);
	}
	return e;
}

static int read_stacks(struct reader *r)
{
	int e = 0;

	for (uint32_t n = how_many(r, 2); n > 0 && e >= 0; n--) {
		uint32_t next = r->p->n_stacks;
		uint32_t back = below(r, (uint64_t)next + 1);
		uint32_t location = below(r, r->p->n_locations);

		if (r->c.err || !back)
			return -EBADMSG;
		e = is_next(profile_stack(r->p, next - back, location), next);
	}
	return e;
}

static bool has_name(const struct reader *r, const struct profile_labels *l)
{
	for (uint32_t i = 0; i < l->n_extra; i++)
		if (!strcmp(profile_str(r->p, l->extra[i].key), IMPORT_LABEL))
			return !strcmp(profile_str(r->p, l->extra[i].value), r->rules->name);
	return false;
}

static int read_set(struct reader *r)
{
	uint32_t next = r->p->n_labels;
	struct profile_labels l = {.has = below(r, 1u << PROFILE_LABEL_COUNT)};

	for (int i = 0; i < PROFILE_LABEL_COUNT; i++) {
		if (!(l.has & (1u << i)))
			continue;
		l.value[i] = profile_label_is_number((enum profile_label)i)
				     ? cursor_varint(&r->c)
				     : below(r, r->p->n_strings);
	}
	l.n_extra = below(r, PROFILE_EXTRA_LABELS_MAX + 1);
	for (uint32_t i = 0; i < l.n_extra; i++) {
		l.extra[i].key = below(r, r->p->n_strings);
		l.extra[i].value = below(r, r->p->n_strings);
	}
	if (r->c.err || !has_name(r, &l))
		return -EBADMSG;
	return is_next(profile_labels(r->p, &l), next);
}

static int read_labels(struct reader *r)
{
	int e = 0;

	for (uint32_t n = how_many(r, 2); n > 0 && e >= 0; n--)
		e = read_set(r);
	return e;
}

static int read_samples(struct reader *r)
{
	uint64_t ms = 0;
	int e = 0;

	for (uint32_t n = how_many(r, 4); n > 0 && e >= 0; n--) {
		uint32_t stack, labels;
		uint64_t count;

		ms += (uint64_t)cursor_zigzag(&r->c);
		stack = below(r, r->p->n_stacks);
		labels = below(r, r->p->n_labels);
		count = cursor_varint(&r->c);
		if (r->c.err || ms >= IMPORT_TIME_MS_MAX || !count)
			return -EBADMSG;
		e = profile_add_sample(r->p, ms * NS_PER_MS, stack, labels, count);
	}
	return e;
}

int protocol_import_batch_is_fresh(const void *body, size_t len)
{
	struct cursor c = cursor_over(body, len);
	uint8_t fresh = cursor_u8(&c);

	return c.err || fresh > 1 ? -EBADMSG : fresh;
}

int protocol_import_batch_apply(const void *body, size_t len,
				const struct protocol_import_rules *rules, struct profile *into)
{
	struct reader r = {.c = cursor_over(body, len), .rules = rules, .p = into};
	int e;

	cursor_u8(&r.c); /* fresh */
	into->period_ns = cursor_u64(&r.c);
	if (r.c.err || into->period_ns > INT64_MAX)
		return -EBADMSG;
	e = read_strings(&r);
	if (e >= 0)
		e = read_functions(&r);
	if (e >= 0)
		e = read_locations(&r);
	if (e >= 0)
		e = read_stacks(&r);
	if (e >= 0)
		e = read_labels(&r);
	if (e >= 0)
		e = read_samples(&r);
	if (e == -E2BIG)
		e = -EBADMSG;
	if (e >= 0 && (r.c.err || cursor_left(&r.c)))
		e = -EBADMSG;
	return e < 0 ? e : 0;
}
