/*
 * flame: the call tree as preorder columns, what the viewer draws (web/API.md has every member and
 * every byte). With a base the tree is the union of both, with the base's totals in columns beside.
 *
 * Columns of numbers are arrays of the JSON, or bytes beside it: each with the fewest bytes that
 * hold its largest number, where the JSON then says how they lie. One walk writes both forms.
 */
#include "web/export/flame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/json.h"
#include "web/export/formats.h"
#include "web/export/rows.h"
#include "web/export/tree.h"

#define ALIGNMENT 8 /* of a column, and of the whole: the largest element's */

struct flame {
	struct json json;
	struct buf *columns; /* NULL: they are in the JSON */
	bool first, is_all; /* as export_flame_first() */
	uint64_t *value; /* of the column that is written next; room for the longest */
};

/* ---- columns ---- */

static unsigned int bytes_for(const uint64_t *value, size_t n)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < n; i++)
		bits |= value[i];
	return bits <= UINT8_MAX ? 1 : bits <= UINT16_MAX ? 2 : bits <= UINT32_MAX ? 4 : 8;
}

/* A whole number as the bits of a double, which is what 8 bytes are to a browser. */
static uint64_t double_bits(uint64_t value)
{
	double number = (double)value;
	uint64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	return bits;
}

/* Zeros behind columns, spaces behind JSON. */
static void pad(struct buf *b, char with)
{
	while (b->len % ALIGNMENT && !b->err)
		buf_add_char(b, with);
}

static void add_bytes(struct buf *out, const uint64_t *value, size_t n, unsigned int bytes)
{
	uint8_t *to = buf_reserve(out, n * bytes);

	if (!to)
		return;
	for (size_t i = 0; i < n; i++) {
		uint64_t bits = bytes == 8 ? double_bits(value[i]) : value[i];

		for (unsigned int b = 0; b < bytes; b++)
			*to++ = (uint8_t)(bits >> (8 * b));
	}
	out->len += n * bytes;
	pad(out, '\0');
}

/* f->value[0..n) as the member `name` of the open object. */
static void add_column(struct flame *f, const char *name, size_t n)
{
	static const char *const types[] = {
		[1] = "uint8", [2] = "uint16", [4] = "uint32", [8] = "float64"};
	struct json *j = &f->json;
	unsigned int bytes;

	json_key(j, name);
	if (!f->columns) {
		json_array_begin(j);
		for (size_t i = 0; i < n; i++)
			json_u64(j, f->value[i]);
		json_array_end(j);
		return;
	}
	bytes = bytes_for(f->value, n);
	json_object_begin(j);
	json_kv_str(j, "type", types[bytes]);
	json_kv_u64(j, "at", f->columns->len);
	json_kv_u64(j, "length", n);
	json_object_end(j);
	add_bytes(f->columns, f->value, n, bytes);
}

/* ---- members ---- */

static void add_strings(struct json *j, const struct export_strings *s)
{
	json_key(j, "strings");
	json_array_begin(j);
	for (uint32_t i = 0; i < s->n; i++)
		json_str(j, export_strings_at(s, i));
	json_array_end(j);
}

static void add_frame_column(struct flame *f, const char *name, const struct frames *frames,
			     size_t member)
{
	for (uint32_t i = 0; i < frames->n; i++)
		f->value[i] = *(const uint32_t *)((const char *)&frames->frame[i] + member);
	add_column(f, name, frames->n);
}

static void add_frames(struct flame *f, const struct tree *t)
{
	const struct frames *frames = &t->frames;
	struct json *j = &f->json;

	json_key(j, "frames");
	json_object_begin(j);
	add_frame_column(f, "name", frames, offsetof(struct frames_frame, name));
	add_frame_column(f, "system_name", frames, offsetof(struct frames_frame, system_name));
	add_frame_column(f, "file", frames, offsetof(struct frames_frame, file));
	add_frame_column(f, "line", frames, offsetof(struct frames_frame, line));
	add_frame_column(f, "object", frames, offsetof(struct frames_frame, object));
	add_frame_column(f, "kind", frames, offsetof(struct frames_frame, kind));
	if (t->own) {
		memcpy(f->value, t->own, frames->n * sizeof(*t->own));
		add_column(f, "self", frames->n);
	}
	json_object_end(j);
	json_key(j, "kinds");
	json_array_begin(j);
	for (uint32_t i = 0; i < FRAMES_KIND_COUNT; i++)
		json_str(j, frames_kind_name(i));
	json_array_end(j);
}

static void add_counts(struct flame *f, const struct tree *t, enum tree_side side)
{
	for (uint32_t i = 0; i < t->n_ordered; i++)
		f->value[i] = t->node[t->order[i]].total[side];
	add_column(f, "total", t->n_ordered);
	for (uint32_t i = 0; i < t->n_ordered; i++)
		f->value[i] = t->node[t->order[i]].self[side];
	add_column(f, "self", t->n_ordered);
}

static void add_nodes(struct flame *f, const struct tree *t)
{
	for (uint32_t i = 0; i < t->n_ordered; i++)
		f->value[i] = t->depth[i];
	add_column(f, "depth", t->n_ordered);
	add_counts(f, t, TREE_NOW);
	for (uint32_t i = 0; i < t->n_ordered; i++)
		f->value[i] = t->node[t->order[i]].frame;
	add_column(f, "frame", t->n_ordered);
}

static int add_facts(struct json *j, const struct profile *p, const struct export_rows *rows)
{
	json_kv_u64(j, "start_ns", p->start_ns);
	json_kv_u64(j, "end_ns", p->end_ns);
	json_kv_u64(j, "period_ns", p->period_ns);
	json_kv_u64(j, "samples", rows->samples);
	return export_rows_losses(rows, p, j);
}

static int add_base(struct flame *f, const struct profile *base, const struct export_rows *rows,
		    const struct tree *t)
{
	int r;

	json_object_begin(&f->json);
	r = add_facts(&f->json, base, rows);
	add_counts(f, t, TREE_BASE);
	json_object_end(&f->json);
	return r;
}

static int add_first(struct flame *f, struct tree *t)
{
	int r = tree_prune(t, EXPORT_FLAME_PARTS);

	if (r < 0)
		return r;
	json_kv_u64(&f->json, "nodes", t->n);
	json_kv_u64(&f->json, "parts", EXPORT_FLAME_PARTS);
	f->is_all = t->n_ordered == t->n;
	return t->n_ordered > EXPORT_FLAME_PARTS_NODES_MAX ? -E2BIG : 0;
}

static int add_all(struct flame *f, const struct profile *p, const struct export_options *options)
{
	const struct profile *base = options->base;
	_cleanup_(export_rows_done) struct export_rows rows = {}, base_rows = {};
	_cleanup_(tree_done) struct tree t;
	_cleanup_free_ uint64_t *value = NULL;
	int r = tree_init(&t);

	if (r == 0)
		r = export_rows_init(&rows, p);
	if (r == 0 && base)
		r = export_rows_init(&base_rows, base);
	if (r == 0)
		r = tree_add(&t, p, &rows, options->by, TREE_NOW);
	if (r == 0 && base)
		r = tree_add(&t, base, &base_rows, options->by, TREE_BASE);
	if (r == 0)
		r = tree_order(&t);
	if (r == 0 && f->first)
		r = add_first(f, &t);
	if (r == 0)
		r = add_facts(&f->json, p, &rows);
	if (r < 0)
		return r;
	f->value = value = calloc(t.n > t.frames.n ? t.n : t.frames.n, sizeof(*value));
	if (!value)
		return -ENOMEM;
	add_strings(&f->json, &t.frames.strings);
	add_frames(f, &t);
	add_nodes(f, &t);
	json_key(&f->json, "base");
	if (base)
		return add_base(f, base, &base_rows, &t);
	json_null(&f->json);
	return 0;
}

static int failed(int r, struct err *err)
{
	return r < 0 ? err_set(err, r, "writing the call tree: %s", strerror(-r)) : 0;
}

static int write_json(struct flame *f, const struct profile *p,
		      const struct export_options *options, struct buf *json, struct err *err)
{
	int r;

	json_init(&f->json, json);
	json_object_begin(&f->json);
	json_kv_u64(&f->json, "version", 1);
	r = add_all(f, p, options);
	json_object_end(&f->json);
	if (r == 0)
		r = json->err;
	if (r == 0 && f->columns)
		r = f->columns->err;
	return failed(r, err);
}

int export_flame_first(const struct profile *p, const struct export_options *options,
		       struct buf *json, bool *ret_all, struct err *err)
{
	struct flame f = {.first = true};
	int r = write_json(&f, p, options, json, err);

	*ret_all = f.is_all;
	return r;
}

/* The magic, the lengths of both parts, and the parts. */
static int write_binary(const struct profile *p, const struct export_options *options,
			struct buf *out, struct err *err)
{
	_cleanup_(buf_done) struct buf json, columns;
	struct flame f = {.columns = &columns};
	int r;

	buf_init(&json, out->max);
	buf_init(&columns, out->max);
	r = write_json(&f, p, options, &json, err);
	if (r < 0)
		return r;
	pad(&json, ' ');
	buf_add_str(out, EXPORT_FLAME_MAGIC);
	buf_add_u32(out, (uint32_t)json.len);
	buf_add_u32(out, (uint32_t)columns.len);
	buf_add(out, json.data, json.len);
	buf_add(out, columns.data, columns.len);
	return failed(out->err, err);
}

int export_flame_write(const struct profile *p, const struct export_options *options,
		       struct buf *out, struct err *err)
{
	struct flame f = {};
	int r;

	if (options->binary)
		return write_binary(p, options, out, err);
	r = write_json(&f, p, options, out, err);
	if (r < 0)
		return r;
	return failed(buf_add_char(out, '\n'), err);
}
