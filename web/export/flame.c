/*
 * flame: the call tree as preorder columns, what the viewer draws (web/API.md has every member).
 * With a base the tree is the union of both, with the base's totals in columns beside.
 */
#include "web/export/formats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/json.h"
#include "web/export/rows.h"
#include "web/export/tree.h"

static void add_strings(struct json *j, const struct export_strings *s)
{
	json_key(j, "strings");
	json_array_begin(j);
	for (uint32_t i = 0; i < s->n; i++)
		json_str(j, export_strings_at(s, i));
	json_array_end(j);
}

static void add_frame_column(struct json *j, const char *name, const struct frames *f,
			     size_t member)
{
	json_key(j, name);
	json_array_begin(j);
	for (uint32_t i = 0; i < f->n; i++)
		json_u64(j, *(const uint32_t *)((const char *)&f->frame[i] + member));
	json_array_end(j);
}

static void add_frames(struct json *j, const struct frames *f)
{
	json_key(j, "frames");
	json_object_begin(j);
	add_frame_column(j, "name", f, offsetof(struct frames_frame, name));
	add_frame_column(j, "system_name", f, offsetof(struct frames_frame, system_name));
	add_frame_column(j, "file", f, offsetof(struct frames_frame, file));
	add_frame_column(j, "line", f, offsetof(struct frames_frame, line));
	add_frame_column(j, "object", f, offsetof(struct frames_frame, object));
	add_frame_column(j, "kind", f, offsetof(struct frames_frame, kind));
	json_object_end(j);
	json_key(j, "kinds");
	json_array_begin(j);
	for (uint32_t i = 0; i < FRAMES_KIND_COUNT; i++)
		json_str(j, frames_kind_name(i));
	json_array_end(j);
}

static void add_counts(struct json *j, const struct tree *t, enum tree_side side)
{
	json_key(j, "total");
	json_array_begin(j);
	for (uint32_t i = 0; i < t->n; i++)
		json_u64(j, t->node[t->order[i]].total[side]);
	json_array_end(j);
	json_key(j, "self");
	json_array_begin(j);
	for (uint32_t i = 0; i < t->n; i++)
		json_u64(j, t->node[t->order[i]].self[side]);
	json_array_end(j);
}

static void add_nodes(struct json *j, const struct tree *t)
{
	json_key(j, "depth");
	json_array_begin(j);
	for (uint32_t i = 0; i < t->n; i++)
		json_u64(j, t->depth[i]);
	json_array_end(j);
	add_counts(j, t, TREE_NOW);
	json_key(j, "frame");
	json_array_begin(j);
	for (uint32_t i = 0; i < t->n; i++)
		json_u64(j, t->node[t->order[i]].frame);
	json_array_end(j);
}

static int add_facts(struct json *j, const struct profile *p, const struct export_rows *rows)
{
	json_kv_u64(j, "start_ns", p->start_ns);
	json_kv_u64(j, "end_ns", p->end_ns);
	json_kv_u64(j, "period_ns", p->period_ns);
	json_kv_u64(j, "samples", rows->samples);
	return export_rows_losses(rows, p, j);
}

static int add_base(struct json *j, const struct profile *base, const struct export_rows *rows,
		    const struct tree *t)
{
	int r;

	json_object_begin(j);
	r = add_facts(j, base, rows);
	add_counts(j, t, TREE_BASE);
	json_object_end(j);
	return r;
}

static int write_all(struct json *j, const struct profile *p, const struct export_options *options)
{
	const struct profile *base = options->base;
	_cleanup_(export_rows_done) struct export_rows rows = {}, base_rows = {};
	_cleanup_(tree_done) struct tree t;
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
	if (r == 0)
		r = add_facts(j, p, &rows);
	if (r < 0)
		return r;
	add_strings(j, &t.frames.strings);
	add_frames(j, &t.frames);
	add_nodes(j, &t);
	json_key(j, "base");
	if (base)
		return add_base(j, base, &base_rows, &t);
	json_null(j);
	return 0;
}

int export_flame_write(const struct profile *p, const struct export_options *options,
		       struct buf *out, struct err *err)
{
	struct json j;
	int r;

	json_init(&j, out);
	json_object_begin(&j);
	json_kv_u64(&j, "version", 1);
	r = write_all(&j, p, options);
	json_object_end(&j);
	buf_add_char(out, '\n');
	if (r == 0)
		r = out->err;
	return r < 0 ? err_set(err, r, "writing the call tree: %s", strerror(-r)) : 0;
}
