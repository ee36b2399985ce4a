/*
 * pprof: the protobuf of github.com/google/pprof, proto/profile.proto, as Go, many profilers and
 * our own export write it.
 *
 * One pass finds strings, mappings, functions and locations, whose order is free; a second one
 * takes the samples. Samples have no times of their own: all stand at the profile's. What has no
 * function is told by its mapping and the offset in that file.
 */
#include "web/import/parts.h"
#include "web/import/protobuf_read.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX  (1u << 24) /* of each table */
#define NS_PER_MS    1000000ull
#define VALUES_MAX   64 /* of a sample */
#define UNMADE	     UINT32_MAX
#define REASON_LABEL "incomplete" /* where our export tells why a stack has no root */

struct value_type {
	uint64_t type, unit; /* strings */
};

struct mapping {
	uint64_t id, start, file_offset, file;
};

struct function {
	uint64_t id, name, system_name, file, start_line;
	uint32_t made, generation;
};

struct location {
	uint64_t id, mapping, address;
	struct protobuf_slice message; /* its lines */
	uint32_t made, generation;
};

struct table {
	void *rows;
	size_t row_bytes;
	uint32_t n, cap;
	struct idmap by_id;
};

struct pprof {
	struct import *w;
	struct table strings, mappings, functions, locations;
	struct value_type types[VALUES_MAX], period_type;
	uint32_t n_types;
	uint32_t value; /* which of the values is taken */
	uint64_t divisor; /* what it is divided by for samples */
	uint64_t time_ns, period;
	uint64_t *stack; /* scratch: location ids, leaf first */
	uint32_t n_stack;
};

static void table_done(struct table *t)
{
	free(t->rows);
	idmap_done(&t->by_id);
}

static void pprof_done(struct pprof *f)
{
	table_done(&f->strings);
	table_done(&f->mappings);
	table_done(&f->functions);
	table_done(&f->locations);
	free(f->stack);
}

/* ---- the wire format ---- */

static int broken(struct pprof *f)
{
	return import_wrong(f->w, -EBADMSG, "not a pprof, or a damaged one");
}

/* 1 a field, 0 the end, -EBADMSG. */
static int next_field(struct pprof *f, struct cursor *c, struct protobuf_field *ret)
{
	int r = protobuf_next(c, ret);

	return r < 0 ? broken(f) : r;
}

/* Numbers of a repeated field, packed or not, to each. */
static int each_number(struct pprof *f, const struct protobuf_field *field,
		       int (*each)(struct pprof *f, uint64_t v, void *arg), void *arg)
{
	struct cursor c = protobuf_over(field->bytes);
	int r = 0;

	if (!field->is_bytes)
		return each(f, field->value, arg);
	while (r >= 0 && c.at != c.end) {
		uint64_t v = cursor_varint(&c);

		r = c.err ? broken(f) : each(f, v, arg);
	}
	return r;
}

/* ---- tables ---- */

static void *table_add(struct pprof *f, struct table *t, size_t row_bytes)
{
	if (t->n == ENTRIES_MAX) {
		import_wrong(f->w, -EFBIG, "more than %u entries of a table", ENTRIES_MAX);
		return NULL;
	}
	t->row_bytes = row_bytes;
	if (t->n == t->cap) {
		uint32_t cap = t->cap ? 2 * t->cap : 256;
		void *more = realloc(t->rows, cap * row_bytes);

		if (!more)
			return NULL;
		t->rows = more;
		t->cap = cap;
	}
	return memset((char *)t->rows + t->n++ * row_bytes, 0, row_bytes);
}

static uint64_t id_hash(uint64_t id)
{
	return hash_bytes(&id, sizeof(id));
}

/* Every row begins with its id. */
static void *table_find(const struct table *t, uint64_t id)
{
	uint64_t hash = id_hash(id), have;
	uint32_t at, i;

	for (i = idmap_first(&t->by_id, hash, &at); i != IDMAP_NONE;
	     i = idmap_next(&t->by_id, hash, &at)) {
		char *row = (char *)t->rows + i * t->row_bytes;

		memcpy(&have, row, sizeof(have));
		if (have == id)
			return row;
	}
	return NULL;
}

static struct protobuf_slice string_at(const struct pprof *f, uint64_t id)
{
	if (id >= f->strings.n)
		return (struct protobuf_slice){(const uint8_t *)"", 0};
	return ((struct protobuf_slice *)f->strings.rows)[id];
}

static bool is(const struct pprof *f, uint64_t string, const char *text)
{
	struct protobuf_slice s = string_at(f, string);

	return s.len == strlen(text) && !memcmp(s.at, text, s.len);
}

/* ---- the first pass ---- */

static int read_numbers(struct pprof *f, struct protobuf_slice message, uint64_t *const *to,
			size_t n)
{
	return protobuf_numbers(message, to, n) < 0 ? broken(f) : 0;
}

static int index_row(struct table *t, uint64_t id)
{
	return idmap_add(&t->by_id, id_hash(id), t->n - 1);
}

static int take_type(struct pprof *f, struct protobuf_slice message, struct value_type *ret)
{
	return read_numbers(f, message, (uint64_t *[]){&ret->type, &ret->unit}, 2);
}

static int take_mapping(struct pprof *f, struct protobuf_slice message)
{
	struct mapping *m = table_add(f, &f->mappings, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	r = read_numbers(f, message,
			 (uint64_t *[]){&m->id, &m->start, NULL, &m->file_offset, &m->file}, 5);
	return r < 0 ? r : index_row(&f->mappings, m->id);
}

static int take_function(struct pprof *f, struct protobuf_slice message)
{
	struct function *fn = table_add(f, &f->functions, sizeof(*fn));
	int r;

	if (!fn)
		return -ENOMEM;
	r = read_numbers(
		f, message,
		(uint64_t *[]){&fn->id, &fn->name, &fn->system_name, &fn->file, &fn->start_line},
		5);
	return r < 0 ? r : index_row(&f->functions, fn->id);
}

static int take_location(struct pprof *f, struct protobuf_slice message)
{
	struct location *l = table_add(f, &f->locations, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->message = message;
	r = read_numbers(f, message, (uint64_t *[]){&l->id, &l->mapping, &l->address}, 3);
	return r < 0 ? r : index_row(&f->locations, l->id);
}

static int take_string(struct pprof *f, struct protobuf_slice bytes)
{
	struct protobuf_slice *s = table_add(f, &f->strings, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = bytes.at ? bytes : (struct protobuf_slice){(const uint8_t *)"", 0};
	return 0;
}

static int take_table(struct pprof *f, const struct protobuf_field *field)
{
	switch (field->number) {
	case 1:
		if (f->n_types == VALUES_MAX)
			return import_wrong(f->w, -EFBIG, "more than %d values a sample",
					    VALUES_MAX);
		return take_type(f, field->bytes, &f->types[f->n_types++]);
	case 3:
		return take_mapping(f, field->bytes);
	case 4:
		return take_location(f, field->bytes);
	case 5:
		return take_function(f, field->bytes);
	case 6:
		return take_string(f, field->bytes);
	case 11:
		return take_type(f, field->bytes, &f->period_type);
	default:
		return 0;
	}
}

static int read_tables(struct pprof *f, struct cursor c)
{
	struct protobuf_field field;
	int r;

	while ((r = next_field(f, &c, &field)) > 0) {
		if (field.is_bytes)
			r = take_table(f, &field);
		else if (field.number == 9)
			f->time_ns = field.value;
		else if (field.number == 12)
			f->period = field.value;
		if (r < 0)
			return r;
	}
	return r;
}

/* Which value is the number of samples, or CPU time that tells it. */
static int choose_value(struct pprof *f)
{
	bool in_ns = is(f, f->period_type.unit, "nanoseconds");

	f->w->p->period_ns = in_ns && f->period <= INT64_MAX ? f->period : 0;
	f->divisor = 1;
	for (uint32_t i = 0; i < f->n_types; i++)
		if (is(f, f->types[i].unit, "count") &&
		    (is(f, f->types[i].type, "samples") || is(f, f->types[i].type, "sample"))) {
			f->value = i;
			return 0;
		}
	for (uint32_t i = 0; i < f->n_types; i++)
		if (is(f, f->types[i].unit, "nanoseconds") && is(f, f->types[i].type, "cpu") &&
		    f->w->p->period_ns) {
			f->value = i;
			f->divisor = f->w->p->period_ns;
			return 0;
		}
	if (f->n_types) {
		struct protobuf_slice type = string_at(f, f->types[0].type);

		return import_wrong(f->w, -EOPNOTSUPP,
				    "not a profile of CPU time: its first value is %.*s",
				    type.len < 40 ? (int)type.len : 40, (const char *)type.at);
	}
	return broken(f);
}

/* ---- names ---- */

static int64_t string_of(struct pprof *f, uint64_t id)
{
	struct protobuf_slice s = string_at(f, id);

	return profile_string_len(f->w->p, (const char *)s.at, s.len);
}

static int64_t make_function(struct pprof *f, struct function *fn)
{
	int64_t name = string_of(f, fn->name), system_name = string_of(f, fn->system_name);
	int64_t file = string_of(f, fn->file), id;
	struct profile_function row = {
		.name = (uint32_t)(name ? name : system_name),
		.system_name = (uint32_t)(system_name ? system_name : name),
		.file = (uint32_t)file,
		.start_line = fn->start_line <= UINT32_MAX ? (uint32_t)fn->start_line : 0,
	};

	if (name < 0 || system_name < 0 || file < 0)
		return -ENOMEM;
	if (!row.name)
		return import_function(f->w, "[unknown]", strlen("[unknown]"));
	if (fn->generation != f->w->generation) {
		id = profile_function(f->w->p, &row);
		if (id < 0)
			return id;
		fn->made = (uint32_t)id;
		fn->generation = f->w->generation;
	}
	return fn->made;
}

static const struct mapping *mapping_of(const struct pprof *f, const struct location *l)
{
	return table_find(&f->mappings, l->mapping);
}

static enum profile_frame_kind kind_of(const struct pprof *f, const struct location *l)
{
	const struct mapping *m = mapping_of(f, l);
	struct protobuf_slice file =
		m ? string_at(f, m->file) : (struct protobuf_slice){(const uint8_t *)"", 0};

	if (file.len < 2 || *file.at != '[')
		return PROFILE_FRAME_NATIVE;
	if (is(f, m->file, "[jit]"))
		return PROFILE_FRAME_JIT;
	if (is(f, m->file, "[vdso]") || is(f, m->file, "[vsyscall]") ||
	    is(f, m->file, "[unknown]") || is(f, m->file, "[heap]") || is(f, m->file, "[stack]"))
		return PROFILE_FRAME_NATIVE;
	return PROFILE_FRAME_KERNEL;
}

/* `object+0xoffset`; run-time addresses stay behind. */
static int64_t unnamed_function(struct pprof *f, const struct location *l)
{
	const struct mapping *m = mapping_of(f, l);
	struct protobuf_slice file =
		m ? string_at(f, m->file) : (struct protobuf_slice){(const uint8_t *)"", 0};
	const uint8_t *slash = file.len ? memrchr(file.at, '/', file.len) : NULL;

	if (!file.len || l->address < m->start)
		return import_function(f->w, "[unknown]", strlen("[unknown]"));
	if (slash) {
		file.len -= (size_t)(slash + 1 - file.at);
		file.at = slash + 1;
	}
	buf_clear(&f->w->text);
	buf_printf(&f->w->text, "%.*s+0x%" PRIx64, file.len < 480 ? (int)file.len : 480,
		   (const char *)file.at, l->address - m->start + m->file_offset);
	return import_function(f->w, (char *)f->w->text.data, f->w->text.len);
}

static int take_line(struct pprof *f, struct protobuf_slice message, struct profile_line *ret)
{
	uint64_t id = 0, line = 0, column = 0;
	struct function *fn;
	int64_t function;
	int r = read_numbers(f, message, (uint64_t *[]){&id, &line, &column}, 3);

	if (r < 0)
		return r;
	fn = table_find(&f->functions, id);
	function =
		fn ? make_function(f, fn) : import_function(f->w, "[unknown]", strlen("[unknown]"));
	if (function < 0)
		return (int)function;
	*ret = (struct profile_line){.function = (uint32_t)function,
				     .line = line <= UINT32_MAX ? (uint32_t)line : 0,
				     .column = column <= UINT32_MAX ? (uint32_t)column : 0};
	return 0;
}

static int64_t make_location(struct pprof *f, const struct location *l)
{
	struct profile_line lines[IMPORT_INLINED_MAX + 1];
	struct cursor c = protobuf_over(l->message);
	struct protobuf_field field;
	uint32_t n = 0;
	int r;

	while ((r = next_field(f, &c, &field)) > 0) {
		if (field.number != 4 || !field.is_bytes)
			continue;
		if (n > IMPORT_INLINED_MAX)
			return import_wrong(f->w, -EFBIG, "more than %d functions inlined into one",
					    IMPORT_INLINED_MAX);
		r = take_line(f, field.bytes, &lines[n++]);
		if (r < 0)
			return r;
	}
	if (r >= 0 && !n) {
		int64_t function = unnamed_function(f, l);

		if (function < 0)
			return function;
		lines[n++] = (struct profile_line){.function = (uint32_t)function};
	}
	return r < 0 ? r : import_location(f->w, kind_of(f, l), lines, n);
}

static int64_t location_of(struct pprof *f, uint64_t id)
{
	struct location *l = table_find(&f->locations, id);
	int64_t made;

	if (!l)
		return import_wrong(f->w, -EBADMSG, "a stack has location %llu, which is not there",
				    (unsigned long long)id);
	if (l->generation != f->w->generation) {
		made = make_location(f, l);
		if (made < 0)
			return made;
		l->made = (uint32_t)made;
		l->generation = f->w->generation;
	}
	return l->made;
}

/* ---- samples ---- */

struct sample {
	uint32_t n_values;
	uint64_t value;
	struct protobuf_slice reason; /* why it has no root; at NULL: it has one */
	struct profile_labels labels;
};

static int push_location(struct pprof *f, uint64_t id, void *arg)
{
	(void)arg;
	if (f->n_stack == IMPORT_FRAMES_MAX)
		return import_wrong(f->w, -EFBIG, "more than %d frames", IMPORT_FRAMES_MAX);
	f->stack[f->n_stack++] = id;
	return 0;
}

static int take_value(struct pprof *f, uint64_t v, void *arg)
{
	struct sample *s = arg;

	if (s->n_values++ == f->value)
		s->value = v;
	return 0;
}

static int take_label(struct pprof *f, struct protobuf_slice message, struct sample *s)
{
	uint64_t key = 0, str = 0, num = 0;
	struct protobuf_slice name, value;
	char digits[24];
	int r = read_numbers(f, message, (uint64_t *[]){&key, &str, &num}, 3);

	if (r < 0)
		return r;
	name = string_at(f, key);
	value = string_at(f, str);
	if (!name.len)
		return 0;
	if (!value.len) {
		value.len = (size_t)snprintf(digits, sizeof(digits), "%" PRId64, (int64_t)num);
		value.at = (const uint8_t *)digits;
	}
	if (is(f, key, REASON_LABEL)) {
		s->reason = string_at(f, str);
		return 0;
	}
	return import_label(f->w, &s->labels, (const char *)name.at, name.len,
			    (const char *)value.at, value.len);
}

static int64_t stack_of(struct pprof *f, const struct sample *s)
{
	int64_t stack = 0;

	if (s->reason.at) {
		stack = import_incomplete(f->w, (const char *)s->reason.at, s->reason.len);
		if (stack >= 0)
			stack = profile_stack(f->w->p, 0, (uint32_t)stack);
	}
	for (uint32_t i = f->n_stack; i-- > 0 && stack >= 0;) {
		int64_t location = location_of(f, f->stack[i]);

		stack = location < 0 ? location
				     : profile_stack(f->w->p, (uint32_t)stack, (uint32_t)location);
	}
	return stack;
}

static int end_sample(struct pprof *f, struct sample *s)
{
	uint64_t ms = f->time_ns / NS_PER_MS;
	int64_t stack, labels;

	if ((int64_t)s->value < 0)
		return import_wrong(f->w, -EBADMSG,
				    "a sample is negative: the profile of a "
				    "difference cannot be imported");
	s->value = (s->value + f->divisor / 2) / f->divisor;
	if (!s->value)
		return 0;
	stack = stack_of(f, s);
	labels = stack < 0 ? stack : import_labels(f->w, &s->labels);
	if (labels < 0)
		return (int)labels;
	return import_sample(f->w, ms && ms < IMPORT_TIME_MS_MAX ? ms : f->w->options.at_ms,
			     (uint32_t)stack, (uint32_t)labels, s->value);
}

static int take_sample(struct pprof *f, struct protobuf_slice message)
{
	struct cursor c = protobuf_over(message);
	struct sample s = {};
	struct protobuf_field field;
	int r;

	f->n_stack = 0;
	while ((r = next_field(f, &c, &field)) > 0) {
		if (field.number == 1)
			r = each_number(f, &field, push_location, NULL);
		else if (field.number == 2)
			r = each_number(f, &field, take_value, &s);
		else if (field.number == 3 && field.is_bytes)
			r = take_label(f, field.bytes, &s);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : end_sample(f, &s);
}

int import_pprof(struct import *w, const void *data, size_t len)
{
	_cleanup_(pprof_done) struct pprof f = {.w = w};
	struct cursor c = cursor_over(data, len);
	struct protobuf_field field;
	int r;

	f.stack = malloc(IMPORT_FRAMES_MAX * sizeof(*f.stack));
	if (!f.stack)
		return -ENOMEM;
	r = read_tables(&f, c);
	if (r >= 0)
		r = choose_value(&f);
	while (r >= 0 && (r = next_field(&f, &c, &field)) > 0)
		if (field.number == 2 && field.is_bytes)
			r = take_sample(&f, field.bytes);
	return r;
}
