/*
 * The distinct frames that flame graphs, tables and speedscope show, over one or more profiles.
 *
 * Two frames are one when name, file, first line, object's path and kind are equal: addresses do
 * not count, and clones of a function (`f`, `f.cold`) are one frame with the first one's system
 * name. Not thread-safe.
 */
#pragma once

#include "storage/profile.h"
#include "web/export/strings.h"

/* X(enum, JSON word): what comes behind the kinds of storage/profile.h in the list of kinds. */
#define FRAMES_KIND_LIST(X) \
	X(LABEL, "label")   \
	X(INCOMPLETE, "incomplete")

enum frames_kind {
	FRAMES_KIND_FIRST = PROFILE_FRAME_COUNT - 1,
#define FRAMES_KIND_ENUM(name, word) FRAMES_KIND_##name,
	FRAMES_KIND_LIST(FRAMES_KIND_ENUM)
#undef FRAMES_KIND_ENUM
		FRAMES_KIND_COUNT
};

struct frames_frame {
	uint32_t name, system_name, file, line,
		object; /* strings; line is the function's first or 0 */
	uint32_t kind;
};

struct frames {
	struct export_strings strings;
	struct frames_frame *frame;
	uint32_t n, cap;
	struct idmap index;
};

int frames_init(struct frames *f);
void frames_done(struct frames *f);

const char *frames_kind_name(uint32_t kind);
const char *frames_name(const struct frames *f, uint32_t frame);

/* A frame that is no code: a label's value, the root, an incomplete mark. The id or -ENOMEM. */
int64_t frames_add_plain(struct frames *f, enum frames_kind kind, const char *name);

/* A frame of another table with its object and kind and, `named`, its name. The id or -ENOMEM. */
int64_t frames_add_bare(struct frames *f, const struct frames *from, uint32_t frame, bool named);

/* The frames of each location of one profile, outermost first, made when first asked for. */
struct frames_map {
	struct frames *frames;
	const struct profile *p;
	uint32_t *first, *n; /* by location: [first, first + n) of id; n 0: not asked for yet */
	uint32_t *id;
	uint32_t n_ids, cap_ids;
};

int frames_map_init(struct frames_map *m, struct frames *f, const struct profile *p);
void frames_map_done(struct frames_map *m);

/* *ret: borrowed until the next call. How many (at least one), or -ENOMEM. */
int frames_map_location(struct frames_map *m, uint32_t location, const uint32_t **ret);
