/* Places in a call tree by names; see paths.h. */
#include "profiler/top/paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/cleanup.h"

void top_path_init(struct top_path *p)
{
	buf_init(&p->names, TOP_PATH_BYTES_MAX);
}

void top_path_done(struct top_path *p)
{
	buf_done(&p->names);
}

static const char *object_of(const struct top_model *m, uint32_t place)
{
	return export_strings_at(&m->tree.frames.strings, top_model_frame(m, place)->object);
}

int top_path_take(struct top_path *p, const struct top_model *m, uint32_t place)
{
	uint32_t depth = m->tree.depth[place];
	_cleanup_free_ uint32_t *way = calloc((size_t)depth + 1, sizeof(*way));

	buf_clear(&p->names);
	if (!way)
		return -ENOMEM;
	for (uint32_t at = place; at; at = m->parent[at])
		way[m->tree.depth[at]] = at;
	for (uint32_t d = 1; d <= depth; d++) {
		const char *name = top_model_frame_name(m, way[d]), *object = object_of(m, way[d]);

		buf_add(&p->names, name, strlen(name) + 1);
		buf_add(&p->names, object, strlen(object) + 1);
	}
	if (p->names.err) {
		int r = p->names.err;

		buf_clear(&p->names);
		return r;
	}
	return 0;
}

static uint32_t find_child(const struct top_model *m, uint32_t place, const char *name,
			   const char *object)
{
	for (uint32_t i = place + 1; i < m->end[place]; i = m->end[i])
		if (!strcmp(top_model_frame_name(m, i), name) && !strcmp(object_of(m, i), object))
			return i;
	return 0;
}

uint32_t top_path_find(const struct top_path *p, const struct top_model *m)
{
	const char *at = (const char *)p->names.data, *end = at + p->names.len;
	uint32_t place = 0;

	while (p->names.len && at < end) {
		const char *object = at + strlen(at) + 1;
		uint32_t next = find_child(m, place, at, object);

		if (!next)
			break;
		place = next;
		at = object + strlen(object) + 1;
	}
	return place;
}
