/*
 * Numbers of one profile as numbers of another: what merging and answering from a dictionary have
 * in common.
 *
 * Each number is mapped when it is first needed, with all that it refers to. Both profiles
 * outlive the map, and from must not grow while it lives.
 */
#pragma once

#include "storage/profile.h"

struct profile_map {
	struct profile *into;
	const struct profile *from;
	uint32_t *string, *object, *function, *location, *stack; /* UINT32_MAX until needed */
	uint32_t *path; /* scratch of profile_map_stack() */
	uint32_t cap_path;
	/* into was empty and only this map adds to it: nothing has to be looked for */
	bool append;
	uint32_t next_location; /* of into: what follows here mostly follows there */
};

int profile_map_init(struct profile_map *m, struct profile *into, const struct profile *from);
void profile_map_done(struct profile_map *m); /* a zeroed one is fine */

/* 0 or a negative errno of profile.h's adding functions. */
int profile_map_string(struct profile_map *m, uint32_t id, uint32_t *ret);
int profile_map_location(struct profile_map *m, uint32_t id, uint32_t *ret);
int profile_map_stack(struct profile_map *m, uint32_t id, uint32_t *ret);

/* The strings of a label set of from, in place. */
int profile_map_label_strings(struct profile_map *m, struct profile_labels *l);
