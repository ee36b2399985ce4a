/* The distinct frames over one or more profiles; see frames.h. */
#include "web/export/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int frames_init(struct frames *f)
{
	*f = (struct frames){};
	return export_strings_init(&f->strings);
}

void frames_done(struct frames *f)
{
	export_strings_done(&f->strings);
	free(f->frame);
	idmap_done(&f->index);
}

const char *frames_kind_name(uint32_t kind)
{
	static const char *const word[] = {
#define FRAMES_KIND_WORD(name, text) text,
		FRAMES_KIND_LIST(FRAMES_KIND_WORD)
#undef FRAMES_KIND_WORD
	};

	if (kind < PROFILE_FRAME_COUNT)
		return profile_frame_kind_name((enum profile_frame_kind)kind);
	return word[kind - PROFILE_FRAME_COUNT];
}

const char *frames_name(const struct frames *f, uint32_t frame)
{
	return export_strings_at(&f->strings, f->frame[frame].name);
}

static bool same(const struct frames_frame *a, const struct frames_frame *b)
{
	return a->name == b->name && a->file == b->file && a->line == b->line &&
	       a->object == b->object && a->kind == b->kind;
}

static int64_t intern(struct frames *f, const struct frames_frame *want)
{
	uint32_t key[] = {want->name, want->file, want->line, want->object, want->kind};
	uint64_t hash = hash_bytes(key, sizeof(key));
	uint32_t at, id;
	int r;

	for (id = idmap_first(&f->index, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&f->index, hash, &at))
		if (same(&f->frame[id], want))
			return id;
	if (f->n == f->cap) {
		uint32_t cap = f->cap ? f->cap * 2 : 256;
		struct frames_frame *frame = realloc(f->frame, cap * sizeof(*frame));

		if (!frame)
			return -ENOMEM;
		f->frame = frame;
		f->cap = cap;
	}
	r = idmap_add(&f->index, hash, f->n);
	if (r < 0)
		return r;
	f->frame[f->n] = *want;
	return f->n++;
}

/* The number of s; failure goes to *err, which is checked once. */
static uint32_t string(struct frames *f, const char *s, int *err)
{
	int64_t id = export_strings_add(&f->strings, s);

	if (id < 0)
		*err = (int)id;
	return id < 0 ? 0 : (uint32_t)id;
}

int64_t frames_add_plain(struct frames *f, enum frames_kind kind, const char *name)
{
	int err = 0;
	struct frames_frame frame = {.name = string(f, name, &err), .kind = kind};

	frame.system_name = frame.name;
	return err ? err : intern(f, &frame);
}

int64_t frames_add_bare(struct frames *f, const struct frames *from, uint32_t frame, bool named)
{
	const struct frames_frame *other = &from->frame[frame];
	int err = 0;
	struct frames_frame bare = {
		.name = named ? string(f, export_strings_at(&from->strings, other->name), &err) : 0,
		.object = string(f, export_strings_at(&from->strings, other->object), &err),
		.kind = other->kind,
	};

	return err ? err : intern(f, &bare);
}

static int64_t add_shown(struct frames *f, const struct profile *p,
			 const struct profile_frame *shown)
{
	int err = 0;
	struct frames_frame frame;

	if (shown->object->kind == PROFILE_OBJECT_INCOMPLETE)
		return frames_add_plain(f, FRAMES_KIND_INCOMPLETE, shown->function);
	frame = (struct frames_frame){
		.name = string(f, shown->function, &err),
		.system_name = string(f, shown->system_name, &err),
		.file = string(f, shown->file, &err),
		.line = shown->start_line,
		.object = string(f, profile_str(p, shown->object->path), &err),
		.kind = shown->kind,
	};
	return err ? err : intern(f, &frame);
}

int frames_map_init(struct frames_map *m, struct frames *f, const struct profile *p)
{
	*m = (struct frames_map){.frames = f, .p = p};
	m->first = calloc((size_t)p->n_locations + 1, sizeof(*m->first));
	m->n = calloc((size_t)p->n_locations + 1, sizeof(*m->n));
	return m->first && m->n ? 0 : -ENOMEM;
}

void frames_map_done(struct frames_map *m)
{
	free(m->first);
	free(m->n);
	free(m->id);
}

static int make(struct frames_map *m, uint32_t location)
{
	uint32_t n = profile_location_frames(m->p, location);
	char scratch[PROFILE_SCRATCH_BYTES];

	if (m->n_ids + n > m->cap_ids) {
		uint32_t cap = (m->n_ids + n) * 2;
		uint32_t *id = realloc(m->id, cap * sizeof(*id));

		if (!id)
			return -ENOMEM;
		m->id = id;
		m->cap_ids = cap;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct profile_frame shown =
			profile_location_frame(m->p, location, n - 1 - i, scratch);
		int64_t id = add_shown(m->frames, m->p, &shown);

		if (id < 0)
			return (int)id;
		m->id[m->n_ids + i] = (uint32_t)id;
	}
	m->first[location] = m->n_ids;
	m->n[location] = n;
	m->n_ids += n;
	return 0;
}

int frames_map_location(struct frames_map *m, uint32_t location, const uint32_t **ret)
{
	int r = m->n[location] ? 0 : make(m, location);

	if (r < 0)
		return r;
	*ret = m->id + m->first[location];
	return (int)m->n[location];
}
