/*
 * json: the profile as `record` and `export` write it (DESIGN, formats of our own), with a base
 * `base` beside each `count`.
 *
 * In a diff stacks of both profiles meet by their frames and by comm alone: process numbers of two
 * ranges never match.
 */
#include "web/export/formats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/json.h"
#include "web/export/rows.h"

static void add_labels(struct json *j, const struct profile *p, uint32_t labels)
{
	const struct profile_labels *l = &p->labels[labels];
	char scratch[24];

	json_key(j, "labels");
	json_object_begin(j);
	for (int i = 0; i < PROFILE_LABEL_COUNT; i++) {
		const char *name = profile_label_name((enum profile_label)i);

		if (l->has & (1u << i))
			json_kv_str(j, name, profile_label_text(p, labels, name, scratch));
	}
	for (uint32_t i = 0; i < l->n_extra; i++) {
		const char *key = profile_str(p, l->extra[i].key);

		if (profile_label_parse(key) < 0)
			json_kv_str(j, key, profile_str(p, l->extra[i].value));
	}
	json_object_end(j);
}

static void add_frame(struct json *j, const struct profile *p, const struct profile_frame *f)
{
	json_object_begin(j);
	json_kv_str(j, "function", f->function);
	json_kv_str(j, "system_name", f->system_name);
	json_kv_str(j, "file", f->file);
	json_kv_u64(j, "line", f->line);
	json_kv_str(j, "object", profile_str(p, f->object->path));
	json_kv_str(j, "build_id", profile_str(p, f->object->build_id));
	json_kv_u64(j, "offset", f->offset);
	json_kv_str(j, "kind", profile_frame_kind_name(f->kind));
	json_object_end(j);
}

static int add_frames(struct json *j, const struct profile *p, uint32_t stack,
		      struct export_path *path)
{
	char scratch[PROFILE_SCRATCH_BYTES];
	int r = export_path_read(path, p, stack);

	if (r < 0)
		return r;
	json_key(j, "frames");
	json_array_begin(j);
	for (uint32_t i = 0; i < path->n; i++) {
		uint32_t n = profile_location_frames(p, path->location[i]);

		for (uint32_t k = 0; k < n; k++) {
			struct profile_frame f =
				profile_location_frame(p, path->location[i], k, scratch);

			add_frame(j, p, &f);
		}
	}
	json_array_end(j);
	return j->out->err;
}

/* base NULL: no diff. */
static int add_stacks(struct json *j, const struct profile *p, const struct export_rows *rows,
		      const uint64_t *base)
{
	_cleanup_(export_path_done) struct export_path path = {};
	int r = 0;

	json_key(j, "stacks");
	json_array_begin(j);
	for (size_t i = 0; i < rows->n && r == 0; i++) {
		const struct export_row *row = &rows->row[i];
		uint32_t reason = rows->reason[row->stack];

		json_object_begin(j);
		if (base)
			json_kv_u64(j, "base", base[i]);
		json_kv_u64(j, "count", row->count - (base ? base[i] : 0));
		add_labels(j, p, row->labels);
		json_kv_str(j, "incomplete",
			    reason == EXPORT_COMPLETE ? NULL : profile_str(p, reason));
		r = add_frames(j, p, row->stack, &path);
		json_object_end(j);
	}
	json_array_end(j);
	return r;
}

static int add_facts(struct json *j, const struct profile *p, const struct export_rows *rows)
{
	json_kv_u64(j, "start_ns", p->start_ns);
	json_kv_u64(j, "end_ns", p->end_ns);
	json_kv_double(j, "frequency_hz", p->period_ns ? 1e9 / (double)p->period_ns : 0);
	json_kv_u64(j, "samples", rows->samples);
	json_kv_u64(j, "cpu_ns", rows->samples * p->period_ns);
	return export_rows_losses(rows, p, j);
}

static int write_one(struct json *j, const struct profile *p)
{
	_cleanup_(export_rows_done) struct export_rows rows = {};
	int r = export_rows_init(&rows, p);

	if (r == 0)
		r = add_facts(j, p, &rows);
	return r < 0 ? r : add_stacks(j, p, &rows, NULL);
}

/* ---- diff ---- */

/*
 * from with comm as its only label, added to into. Counts of different periods are kept as they
 * are.
 */
static int add_by_comm(struct profile *into, const struct profile *from)
{
	_cleanup_free_ struct profile_labels *labels =
		calloc((size_t)from->n_labels + 1, sizeof(*labels));
	struct profile view = *from;

	if (!labels)
		return -ENOMEM;
	for (uint32_t i = 0; i < from->n_labels; i++) {
		labels[i].has = from->labels[i].has & (1u << PROFILE_LABEL_COMM);
		labels[i].value[PROFILE_LABEL_COMM] = from->labels[i].value[PROFILE_LABEL_COMM];
	}
	view.labels = labels;
	view.period_ns = 0;
	view.n_losses = 0;
	return profile_merge(into, &view);
}

/* Both profiles in one, base first: *ret_base[row] of its samples are the base's. */
static int merge_both(const struct profile *p, const struct profile *base, struct profile *both,
		      uint64_t **ret_base)
{
	_cleanup_free_ uint64_t *of_base = NULL;
	uint32_t n;
	int r = add_by_comm(both, base);

	if (r < 0)
		return r;
	n = both->n_samples;
	of_base = calloc((size_t)n + p->n_samples + 1, sizeof(*of_base));
	if (!of_base)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		of_base[i] = both->samples[i].count;
	r = add_by_comm(both, p);
	if (r < 0)
		return r;
	*ret_base = steal_ptr(of_base);
	return 0;
}

static void profile_freep(struct profile **p)
{
	profile_free(*p);
}

static int write_facts_of(struct json *j, const struct profile *p)
{
	_cleanup_(export_rows_done) struct export_rows rows = {};
	int r = export_rows_init(&rows, p);

	return r < 0 ? r : add_facts(j, p, &rows);
}

static int write_diff(struct json *j, const struct profile *p, const struct profile *base)
{
	_cleanup_(profile_freep) struct profile *both = NULL;
	_cleanup_(export_rows_done) struct export_rows rows = {};
	_cleanup_free_ uint64_t *of_base = NULL;
	int r = profile_new(true, &both);

	if (r == 0)
		r = merge_both(p, base, both, &of_base);
	if (r == 0)
		r = export_rows_init(&rows, both);
	if (r == 0)
		r = write_facts_of(j, p);
	if (r < 0)
		return r;
	json_key(j, "base");
	json_object_begin(j);
	r = write_facts_of(j, base);
	json_object_end(j);
	return r < 0 ? r : add_stacks(j, both, &rows, of_base);
}

int export_json_write(const struct profile *p, const struct export_options *options,
		      struct buf *out, struct err *err)
{
	struct json j;
	int r;

	json_init(&j, out);
	json_object_begin(&j);
	json_kv_u64(&j, "version", 1);
	r = options->base ? write_diff(&j, p, options->base) : write_one(&j, p);
	json_object_end(&j);
	buf_add_char(out, '\n');
	if (r == 0)
		r = out->err;
	return r < 0 ? err_set(err, r, "writing JSON: %s", strerror(-r)) : 0;
}
