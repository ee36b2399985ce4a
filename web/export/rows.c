/* Samples added up by stack and labels; see rows.h. */
#include "web/export/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/cleanup.h"

/*
 * Parents have smaller numbers, so one pass upwards hands the reason down. The mark next to the
 * root counts.
 */
static uint32_t *reasons_new(const struct profile *p)
{
	uint32_t *reason = malloc(p->n_stacks * sizeof(*reason));

	if (!reason)
		return NULL;
	reason[0] = EXPORT_COMPLETE;
	for (uint32_t i = 1; i < p->n_stacks; i++) {
		const struct profile_stack *s = &p->stacks[i];
		const struct profile_object *o = &p->objects[p->locations[s->location].object];

		reason[i] = reason[s->parent];
		if (reason[i] == EXPORT_COMPLETE && o->kind == PROFILE_OBJECT_INCOMPLETE)
			reason[i] = o->path;
	}
	return reason;
}

static int add_up(struct export_rows *r, const struct profile *p)
{
	_cleanup_(idmap_done) struct idmap index = {};

	for (uint32_t i = 0; i < p->n_samples; i++) {
		const struct profile_sample *s = &p->samples[i];
		uint32_t key[2] = {s->stack, s->labels};
		uint64_t hash = p->merge ? 0 : hash_bytes(key, sizeof(key));
		uint32_t at, id = IDMAP_NONE;

		r->samples += s->count;
		if (!p->merge)
			id = idmap_first(&index, hash, &at);
		while (id != IDMAP_NONE &&
		       (r->row[id].stack != s->stack || r->row[id].labels != s->labels))
			id = idmap_next(&index, hash, &at);
		if (id != IDMAP_NONE) {
			r->row[id].count += s->count;
			continue;
		}
		if (!p->merge && idmap_add(&index, hash, (uint32_t)r->n) < 0)
			return -ENOMEM;
		r->row[r->n++] = (struct export_row){s->stack, s->labels, s->count};
	}
	return 0;
}

int export_rows_init(struct export_rows *r, const struct profile *p)
{
	*r = (struct export_rows){};
	r->row = malloc(((size_t)p->n_samples + 1) * sizeof(*r->row));
	r->reason = reasons_new(p);
	if (r->row && r->reason && add_up(r, p) == 0)
		return 0;
	export_rows_done(r);
	return -ENOMEM;
}

void export_rows_done(struct export_rows *r)
{
	free(r->row);
	free(r->reason);
	*r = (struct export_rows){};
}

int export_rows_incomplete(const struct export_rows *r, const struct profile *p, uint64_t **ret)
{
	uint64_t *count = calloc(p->n_strings, sizeof(*count));

	if (!count)
		return -ENOMEM;
	for (size_t i = 0; i < r->n; i++)
		if (r->reason[r->row[i].stack] != EXPORT_COMPLETE)
			count[r->reason[r->row[i].stack]] += r->row[i].count;
	*ret = count;
	return 0;
}

int export_rows_losses(const struct export_rows *r, const struct profile *p, struct json *j)
{
	_cleanup_free_ uint64_t *count = NULL;
	int e = export_rows_incomplete(r, p, &count);

	if (e < 0)
		return e;
	json_key(j, "lost");
	json_object_begin(j);
	for (uint32_t i = 0; i < p->n_losses; i++)
		json_kv_u64(j, profile_str(p, p->losses[i].reason), p->losses[i].count);
	json_object_end(j);
	json_key(j, "incomplete");
	json_object_begin(j);
	for (uint32_t i = 0; i < p->n_strings; i++)
		if (count[i])
			json_kv_u64(j, profile_str(p, i), count[i]);
	json_object_end(j);
	return 0;
}

int export_path_read(struct export_path *path, const struct profile *p, uint32_t stack)
{
	uint32_t n = profile_stack_locations(p, stack, path->location, path->cap);

	if (n > path->cap) {
		uint32_t *location = realloc(path->location, (size_t)n * 2 * sizeof(*location));

		if (!location)
			return -ENOMEM;
		path->location = location;
		path->cap = n * 2;
		profile_stack_locations(p, stack, path->location, path->cap);
	}
	path->n = n;
	return 0;
}

void export_path_done(struct export_path *path)
{
	free(path->location);
	*path = (struct export_path){};
}
