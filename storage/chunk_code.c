/* Chunks as bytes; FORMAT.md, "A chunk", describes them; chunk.h is the door. */
#include "storage/chunk.h"

#include "profiler/base/cleanup.h"
#include "storage/column.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC	       "HDIC"
#define VERSION	       1
#define CAPS	       0 /* features that a reader must know; none yet */
#define CHECKSUM_BYTES 8

/* X(name, how many numbers it has): the columns in the order of the bytes */
#define COLUMN_LIST(X)                                                                     \
	X(STRING_LEN, n[CHUNK_STRING])                                                     \
	X(OBJECT_KIND, n[CHUNK_OBJECT])                                                    \
	X(OBJECT_PATH, n[CHUNK_OBJECT])                                                    \
	X(OBJECT_BUILD_ID, n[CHUNK_OBJECT])                                                \
	X(OBJECT_DOMAIN, n[CHUNK_OBJECT])                                                  \
	X(OBJECT_IDENTITY, n[CHUNK_OBJECT])                                                \
	X(FUNCTION_NAME, n[CHUNK_FUNCTION]) /* signed, over the one before */              \
	X(FUNCTION_SYSTEM_NAME, n[CHUNK_FUNCTION]) /* signed, over the name */             \
	X(FUNCTION_FILE, n[CHUNK_FUNCTION]) /* signed, over the one before */              \
	X(FUNCTION_LINE, n[CHUNK_FUNCTION])                                                \
	X(LOCATION_OBJECT, n[CHUNK_LOCATION]) /* signed, over the one before */            \
	X(LOCATION_OFFSET, n[CHUNK_LOCATION]) /* signed, over the one before */            \
	X(STACK_PARENT, n[CHUNK_STACK]) /* the own number less the parent's */             \
	X(STACK_LOCATION, n[CHUNK_STACK]) /* signed, over the one before */                \
	X(LABELS_HAS, n[CHUNK_LABELS])                                                     \
	X(LABELS_EXTRAS, n[CHUNK_LABELS])                                                  \
	X(LABELS_VALUE, n_values) /* by label, of each set: signed, over the one before */ \
	X(LABELS_EXTRA_KEY, n_extras)                                                      \
	X(LABELS_EXTRA_VALUE, n_extras)                                                    \
	X(NAMING_LOCATION, n_namings) /* signed, over the one before */                    \
	X(NAMING_LINES, n_namings)                                                         \
	X(LINE_FUNCTION, n_lines) /* signed, over the one before */                        \
	X(LINE_LINE, n_lines) /* signed, over the one before */                            \
	X(LINE_COLUMN, n_lines)

enum {
#define COLUMN_ENUM(name, n) COL_##name,
	COLUMN_LIST(COLUMN_ENUM)
#undef COLUMN_ENUM
		COLUMNS
};

struct head {
	uint64_t first[CHUNK_KINDS], n[CHUNK_KINDS];
	uint64_t n_values, n_extras, n_namings, n_lines, n_text;
};

/* ---- writing ---- */

struct writer {
	struct head head;
	struct column columns[COLUMNS];
};

static void writer_done(struct writer *w)
{
	for (int i = 0; i < COLUMNS; i++)
		column_done(&w->columns[i]);
}

static void add(struct writer *w, int column, uint64_t v)
{
	column_add(&w->columns[column], v);
}

/* v over *last, which becomes v. */
static void add_over(struct writer *w, int column, uint64_t v, uint64_t *last)
{
	column_add_signed(&w->columns[column], (int64_t)(v - *last));
	*last = v;
}

static void write_objects(struct writer *w, const struct chunk *c)
{
	for (uint32_t i = 0; i < c->n[CHUNK_STRING]; i++)
		add(w, COL_STRING_LEN, c->strings[i].len);
	for (uint32_t i = 0; i < c->n[CHUNK_OBJECT]; i++) {
		add(w, COL_OBJECT_KIND, c->objects[i].kind);
		add(w, COL_OBJECT_PATH, c->objects[i].path);
		add(w, COL_OBJECT_BUILD_ID, c->objects[i].build_id);
		add(w, COL_OBJECT_DOMAIN, c->objects[i].domain);
		add(w, COL_OBJECT_IDENTITY, c->objects[i].identity);
	}
}

static void write_functions(struct writer *w, const struct chunk *c)
{
	uint64_t name = 0, file = 0;

	for (uint32_t i = 0; i < c->n[CHUNK_FUNCTION]; i++) {
		const struct profile_function *f = &c->functions[i];
		uint64_t own = f->name;

		add_over(w, COL_FUNCTION_NAME, f->name, &name);
		add_over(w, COL_FUNCTION_SYSTEM_NAME, f->system_name, &own);
		add_over(w, COL_FUNCTION_FILE, f->file, &file);
		add(w, COL_FUNCTION_LINE, f->start_line);
	}
}

static void write_stacks(struct writer *w, const struct chunk *c)
{
	uint64_t object = 0, offset = 0, location = 0;

	for (uint32_t i = 0; i < c->n[CHUNK_LOCATION]; i++) {
		add_over(w, COL_LOCATION_OBJECT, c->locations[i].object, &object);
		add_over(w, COL_LOCATION_OFFSET, c->locations[i].offset, &offset);
	}
	for (uint32_t i = 0; i < c->n[CHUNK_STACK]; i++) {
		add(w, COL_STACK_PARENT, c->first[CHUNK_STACK] + i - c->stacks[i].parent);
		add_over(w, COL_STACK_LOCATION, c->stacks[i].location, &location);
	}
}

static void write_labels(struct writer *w, const struct chunk *c)
{
	for (uint32_t i = 0; i < c->n[CHUNK_LABELS]; i++) {
		const struct profile_labels *l = &c->labels[i];

		add(w, COL_LABELS_HAS, l->has);
		add(w, COL_LABELS_EXTRAS, l->n_extra);
		for (uint32_t e = 0; e < l->n_extra; e++, w->head.n_extras++) {
			add(w, COL_LABELS_EXTRA_KEY, l->extra[e].key);
			add(w, COL_LABELS_EXTRA_VALUE, l->extra[e].value);
		}
	}
	for (uint32_t which = 0; which < PROFILE_LABEL_COUNT; which++) {
		uint64_t last = 0;

		for (uint32_t i = 0; i < c->n[CHUNK_LABELS]; i++) {
			if (!(c->labels[i].has & (1u << which)))
				continue;
			add_over(w, COL_LABELS_VALUE, c->labels[i].value[which], &last);
			w->head.n_values++;
		}
	}
}

static void write_names(struct writer *w, const struct chunk *c)
{
	uint64_t location = 0, function = 0, line = 0;

	for (uint32_t i = 0; i < c->n_namings; i++) {
		const struct chunk_naming *m = &c->namings[i];

		add_over(w, COL_NAMING_LOCATION, m->location, &location);
		add(w, COL_NAMING_LINES, m->n_lines);
		for (uint32_t k = 0; k < m->n_lines; k++, w->head.n_lines++) {
			const struct profile_line *l = &c->lines[m->first_line + k];

			add_over(w, COL_LINE_FUNCTION, l->function, &function);
			add_over(w, COL_LINE_LINE, l->line, &line);
			add(w, COL_LINE_COLUMN, l->column);
		}
	}
	w->head.n_namings = c->n_namings;
}

static void write_head(const struct writer *w, struct buf *out)
{
	buf_add_str(out, MAGIC);
	buf_add_u8(out, VERSION);
	buf_add_u8(out, CAPS);
	for (int k = 0; k < CHUNK_KINDS; k++) {
		buf_add_varint(out, w->head.first[k]);
		buf_add_varint(out, w->head.n[k]);
	}
	buf_add_varint(out, w->head.n_values);
	buf_add_varint(out, w->head.n_extras);
	buf_add_varint(out, w->head.n_namings);
	buf_add_varint(out, w->head.n_lines);
	buf_add_varint(out, w->head.n_text);
}

int chunk_write(const struct chunk *c, struct compress *z, int level, struct buf *out)
{
	_cleanup_(writer_done) struct writer w = {.head.n_text = c->n_text};
	size_t begin = out->len;
	int r;

	for (int i = 0; i < COLUMNS; i++)
		column_init(&w.columns[i]);
	for (int k = 0; k < CHUNK_KINDS; k++) {
		w.head.first[k] = c->first[k];
		w.head.n[k] = c->n[k];
	}
	write_objects(&w, c);
	write_functions(&w, c);
	write_stacks(&w, c);
	write_labels(&w, c);
	write_names(&w, c);
	write_head(&w, out);
	r = compress_write(z, c->text, c->n_text, level, out);
	for (int i = 0; i < COLUMNS && r >= 0; i++)
		r = column_write(&w.columns[i], z, level, out);
	if (r < 0 || out->err)
		return r < 0 ? r : out->err;
	return buf_add_u64(out, compress_checksum(out->data + begin, out->len - begin, 0));
}

/* ---- parsing: everything is foreign ---- */

struct parser {
	enum chunk_part part;
	struct head head;
	struct column_reader columns[COLUMNS];
	uint64_t end[CHUNK_KINDS]; /* numbers below exist */
	bool bad; /* a reference to nowhere, or a number out of its range */
};

static void parser_done(struct parser *p)
{
	for (int i = 0; i < COLUMNS; i++)
		column_close(&p->columns[i]);
}

static uint64_t next(struct parser *p, int column)
{
	return column_next(&p->columns[column]);
}

/* A number of 32 bits at most. */
static uint32_t next_u32(struct parser *p, int column)
{
	uint64_t v = next(p, column);

	p->bad |= v > UINT32_MAX;
	return (uint32_t)v;
}

static uint64_t next_over(struct parser *p, int column, uint64_t *last)
{
	*last += (uint64_t)column_next_signed(&p->columns[column]);
	return *last;
}

static uint32_t checked(struct parser *p, uint64_t id, enum chunk_kind kind)
{
	p->bad |= id >= p->end[kind];
	return (uint32_t)id;
}

static int parse_head(struct cursor *c, struct parser *p)
{
	const uint8_t *magic = cursor_bytes(c, strlen(MAGIC));
	struct head *h = &p->head;

	if (!magic || memcmp(magic, MAGIC, strlen(MAGIC)))
		return -EBADMSG;
	if (cursor_u8(c) != VERSION || cursor_u8(c) != CAPS)
		return c->err ? c->err : -EPROTO;
	for (int k = 0; k < CHUNK_KINDS; k++) {
		h->first[k] = cursor_varint(c);
		h->n[k] = cursor_varint(c);
		if (h->first[k] > PROFILE_STACKS_MAX || h->n[k] > CHUNK_ENTRIES_MAX)
			return -EBADMSG;
		p->end[k] = h->first[k] + h->n[k];
	}
	h->n_values = cursor_varint(c);
	h->n_extras = cursor_varint(c);
	h->n_namings = cursor_varint(c);
	h->n_lines = cursor_varint(c);
	h->n_text = cursor_varint(c);
	if (c->err || h->n_values > h->n[CHUNK_LABELS] * PROFILE_LABEL_COUNT ||
	    h->n_extras > h->n[CHUNK_LABELS] * PROFILE_EXTRA_LABELS_MAX ||
	    h->n_namings > CHUNK_ENTRIES_MAX || h->n_lines > 4 * CHUNK_ENTRIES_MAX ||
	    h->n_text > CHUNK_TEXT_MAX)
		return -EBADMSG;
	return 0;
}

static enum chunk_part part_of(int column)
{
	if (column == COL_STRING_LEN)
		return CHUNK_STRINGS;
	return column >= COL_LABELS_HAS && column <= COL_LABELS_EXTRA_VALUE ? CHUNK_LABEL_SETS
									    : CHUNK_CODE;
}

static bool is_left_out(const struct parser *p, enum chunk_part part)
{
	return p->part != CHUNK_ALL && p->part != part;
}

static int open_columns(struct parser *p, struct compress *z, struct cursor *c)
{
	const struct head *h = &p->head;
	const uint64_t n[COLUMNS] = {
#define COLUMN_N(name, count) h->count,
		COLUMN_LIST(COLUMN_N)
#undef COLUMN_N
	};

	for (int i = 0; i < COLUMNS; i++) {
		int r = is_left_out(p, part_of(i)) ? column_pass(&p->columns[i], c, n[i])
						   : column_open(&p->columns[i], z, c, n[i]);

		if (r < 0)
			return r;
	}
	return cursor_left(c) ? -EBADMSG : 0;
}

static int parse_strings(struct parser *p, struct chunk *c)
{
	uint64_t at = 0;
	int r = chunk_reserve(c, CHUNK_STRING, (uint32_t)p->head.n[CHUNK_STRING]);

	if (r < 0)
		return r;
	if (c->n_text && memchr(c->text, '\0', c->n_text))
		return -EBADMSG;
	for (uint64_t i = 0; i < p->head.n[CHUNK_STRING]; i++) {
		uint64_t len = next(p, COL_STRING_LEN);

		if (len > PROFILE_STRING_BYTES_MAX || len > c->n_text - at)
			return -EBADMSG;
		c->strings[c->n[CHUNK_STRING]++] =
			(struct chunk_string){.at = (uint32_t)at, .len = (uint32_t)len};
		at += len;
	}
	return at == c->n_text ? 0 : -EBADMSG;
}

static int parse_objects(struct parser *p, struct chunk *c)
{
	int r = chunk_reserve(c, CHUNK_OBJECT, (uint32_t)p->head.n[CHUNK_OBJECT]);

	if (r < 0)
		return r;
	for (uint64_t i = 0; i < p->head.n[CHUNK_OBJECT]; i++) {
		uint64_t kind = next(p, COL_OBJECT_KIND);

		if (kind >= PROFILE_OBJECT_COUNT)
			return -EBADMSG;
		c->objects[c->n[CHUNK_OBJECT]++] = (struct profile_object){
			.kind = (enum profile_object_kind)kind,
			.path = checked(p, next(p, COL_OBJECT_PATH), CHUNK_STRING),
			.build_id = checked(p, next(p, COL_OBJECT_BUILD_ID), CHUNK_STRING),
			.domain = next_u32(p, COL_OBJECT_DOMAIN),
			.identity = next(p, COL_OBJECT_IDENTITY),
		};
	}
	return 0;
}

static int parse_functions(struct parser *p, struct chunk *c)
{
	uint64_t name = 0, file = 0;
	int r = chunk_reserve(c, CHUNK_FUNCTION, (uint32_t)p->head.n[CHUNK_FUNCTION]);

	if (r < 0)
		return r;
	for (uint64_t i = 0; i < p->head.n[CHUNK_FUNCTION]; i++) {
		struct profile_function f = {
			.name = checked(p, next_over(p, COL_FUNCTION_NAME, &name), CHUNK_STRING)};
		uint64_t own = name;

		f.system_name =
			checked(p, next_over(p, COL_FUNCTION_SYSTEM_NAME, &own), CHUNK_STRING);
		f.file = checked(p, next_over(p, COL_FUNCTION_FILE, &file), CHUNK_STRING);
		f.start_line = next_u32(p, COL_FUNCTION_LINE);
		c->functions[c->n[CHUNK_FUNCTION]++] = f;
	}
	return 0;
}

static int parse_locations(struct parser *p, struct chunk *c)
{
	uint64_t object = 0, offset = 0;
	int r = chunk_reserve(c, CHUNK_LOCATION, (uint32_t)p->head.n[CHUNK_LOCATION]);

	if (r < 0)
		return r;
	for (uint64_t i = 0; i < p->head.n[CHUNK_LOCATION]; i++) {
		c->locations[c->n[CHUNK_LOCATION]++] = (struct chunk_location){
			.object = checked(p, next_over(p, COL_LOCATION_OBJECT, &object),
					  CHUNK_OBJECT),
			.offset = next_over(p, COL_LOCATION_OFFSET, &offset),
		};
	}
	return 0;
}

static int parse_stacks(struct parser *p, struct chunk *c)
{
	uint64_t location = 0;
	int r = chunk_reserve(c, CHUNK_STACK, (uint32_t)p->head.n[CHUNK_STACK]);

	if (r < 0)
		return r;
	for (uint64_t i = 0; i < p->head.n[CHUNK_STACK]; i++) {
		uint64_t own = p->head.first[CHUNK_STACK] + i;
		uint64_t back = next(p, COL_STACK_PARENT);

		/* A parent comes before its children, so there are no cycles. */
		if (back == 0 || back > own)
			return -EBADMSG;
		c->stacks[c->n[CHUNK_STACK]++] = (struct profile_stack){
			.parent = (uint32_t)(own - back),
			.location = checked(p, next_over(p, COL_STACK_LOCATION, &location),
					    CHUNK_LOCATION),
		};
	}
	return 0;
}

static int parse_label_sets(struct parser *p, struct chunk *c)
{
	for (uint64_t i = 0; i < p->head.n[CHUNK_LABELS]; i++) {
		struct profile_labels *l = &c->labels[c->n[CHUNK_LABELS]++];

		*l = (struct profile_labels){.has = next_u32(p, COL_LABELS_HAS),
					     .n_extra = next_u32(p, COL_LABELS_EXTRAS)};
		if (l->has >> PROFILE_LABEL_COUNT || l->n_extra > PROFILE_EXTRA_LABELS_MAX)
			return -EBADMSG;
		for (uint32_t e = 0; e < l->n_extra; e++) {
			l->extra[e].key = checked(p, next(p, COL_LABELS_EXTRA_KEY), CHUNK_STRING);
			l->extra[e].value =
				checked(p, next(p, COL_LABELS_EXTRA_VALUE), CHUNK_STRING);
		}
	}
	return 0;
}

static int parse_labels(struct parser *p, struct chunk *c)
{
	int r = chunk_reserve(c, CHUNK_LABELS, (uint32_t)p->head.n[CHUNK_LABELS]);

	if (r >= 0)
		r = parse_label_sets(p, c);
	if (r < 0)
		return r;
	for (uint32_t which = 0; which < PROFILE_LABEL_COUNT; which++) {
		bool number = profile_label_is_number((enum profile_label)which);
		uint64_t last = 0;

		for (uint32_t i = 0; i < c->n[CHUNK_LABELS]; i++) {
			if (!(c->labels[i].has & (1u << which)))
				continue;
			c->labels[i].value[which] = next_over(p, COL_LABELS_VALUE, &last);
			p->bad |= !number && last >= p->end[CHUNK_STRING];
		}
	}
	return 0;
}

static int parse_names(struct parser *p, struct chunk *c)
{
	uint64_t location = 0, function = 0, line = 0;
	int r = chunk_reserve_names(c, (uint32_t)p->head.n_namings, (uint32_t)p->head.n_lines);

	if (r < 0)
		return r;
	for (uint64_t i = 0; i < p->head.n_namings; i++) {
		struct chunk_naming *m = &c->namings[c->n_namings++];
		uint64_t n = next(p, COL_NAMING_LINES);

		if (n > CHUNK_LINES_MAX || n > p->head.n_lines - c->n_lines)
			return -EBADMSG;
		m->location =
			checked(p, next_over(p, COL_NAMING_LOCATION, &location), CHUNK_LOCATION);
		m->first_line = c->n_lines;
		m->n_lines = (uint32_t)n;
		for (; n; n--) {
			struct profile_line *l = &c->lines[c->n_lines++];

			l->function = checked(p, next_over(p, COL_LINE_FUNCTION, &function),
					      CHUNK_FUNCTION);
			l->line = (uint32_t)next_over(p, COL_LINE_LINE, &line);
			l->column = next_u32(p, COL_LINE_COLUMN);
			p->bad |= line > UINT32_MAX;
		}
	}
	return 0;
}

/* Nothing may be left over: every byte has a meaning. */
static int all_used(const struct parser *p)
{
	for (int i = 0; i < COLUMNS; i++)
		if (!column_is_used_up(&p->columns[i]))
			return -EBADMSG;
	return p->bad ? -EBADMSG : 0;
}

static int parse_entries(struct parser *p, struct chunk *c)
{
	static const struct {
		enum chunk_part part;
		int (*parse)(struct parser *, struct chunk *);
	} steps[] = {
		{CHUNK_STRINGS, parse_strings},	  {CHUNK_CODE, parse_objects},
		{CHUNK_CODE, parse_functions},	  {CHUNK_CODE, parse_locations},
		{CHUNK_CODE, parse_stacks},	  {CHUNK_CODE, parse_names},
		{CHUNK_LABEL_SETS, parse_labels},
	};

	for (int k = 0; k < CHUNK_KINDS; k++)
		c->first[k] = (uint32_t)p->head.first[k];
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int r = is_left_out(p, steps[i].part) ? 0 : steps[i].parse(p, c);

		if (r < 0)
			return r == -E2BIG ? -EBADMSG : r;
	}
	return all_used(p);
}

static int parse_text(struct parser *p, struct compress *z, struct cursor *c, struct chunk *ret)
{
	uint8_t *text;
	size_t len;
	int r;

	if (is_left_out(p, CHUNK_STRINGS))
		return compress_pass(c, p->head.n_text);
	r = compress_read(z, c, p->head.n_text, &text, &len);
	if (r < 0)
		return r;
	free(ret->text);
	ret->text = (char *)text;
	ret->n_text = ret->cap_text = (uint32_t)len;
	return len == p->head.n_text ? 0 : -EBADMSG;
}

static int parse_content(struct cursor *c, struct compress *z, enum chunk_part part,
			 struct chunk *ret)
{
	_cleanup_(parser_done) struct parser p = {.part = part};
	int r = parse_head(c, &p);

	if (r >= 0)
		r = parse_text(&p, z, c, ret);
	if (r >= 0)
		r = open_columns(&p, z, c);
	return r < 0 ? r : parse_entries(&p, ret);
}

/* The bytes before the checksum, where that is right. */
static int open_bytes(const void *data, size_t len, struct cursor *ret)
{
	struct cursor sum;

	if (len < CHECKSUM_BYTES || len > CHUNK_BYTES_MAX)
		return -EBADMSG;
	*ret = cursor_over(data, len - CHECKSUM_BYTES);
	sum = cursor_over(ret->end, CHECKSUM_BYTES);
	if (cursor_u64(&sum) != compress_checksum(data, len - CHECKSUM_BYTES, 0))
		return -EBADMSG;
	return 0;
}

int chunk_parse_part(const void *data, size_t len, struct compress *z, enum chunk_part part,
		     struct chunk *ret)
{
	struct cursor c = cursor_over(data, len - CHECKSUM_BYTES);
	int r;

	chunk_clear(ret);
	r = parse_content(&c, z, part, ret);
	if (r < 0)
		chunk_done(ret);
	return r;
}

int chunk_parse(const void *data, size_t len, struct compress *z, struct chunk *ret)
{
	struct cursor c;
	int r = open_bytes(data, len, &c);

	return r < 0 ? r : chunk_parse_part(data, len, z, CHUNK_ALL, ret);
}

int chunk_parse_head(const void *data, size_t len, struct chunk_head *ret)
{
	struct parser p = {};
	struct cursor c;
	int r = open_bytes(data, len, &c);

	if (r >= 0)
		r = parse_head(&c, &p);
	if (r < 0)
		return r;
	ret->text_bytes = (uint32_t)p.head.n_text;
	ret->n_lines = (uint32_t)p.head.n_lines;
	for (int k = 0; k < CHUNK_KINDS; k++) {
		ret->first[k] = (uint32_t)p.head.first[k];
		ret->n[k] = (uint32_t)p.head.n[k];
	}
	return 0;
}
