/*
 * A dictionary that grows: the writer's epoch, and what was added to it since the last flush.
 *
 * Entries get their numbers when they are added and are remembered in `pending` until a flush takes
 * them; from then on it has to be written before any other. Strings, objects and so on are ids of
 * dict->tables.
 */
#pragma once

#include "storage/dict.h"

struct growth {
	struct dict *dict;
	struct chunk pending;
	uint64_t named, nameless; /* locations */
	struct idmap classes; /* hash of comm, exe -> index of class_of */
	struct growth_class {
		uint64_t comm, exe; /* strings, 0 where missing */
		uint32_t labels; /* the first set of its class */
	} * class_of;
	uint32_t n_classes, cap_classes;
	/* memory ran out between dict and pending: this epoch must not be written to any more */
	bool torn;
};

int growth_init(struct growth *g, uint64_t epoch);
void growth_done(struct growth *g);

/* What was read from the store is the beginning; counts what is named. */
void growth_loaded(struct growth *g);
/* All of pending into *ret, the caller's, which is zeroed or cleared. */
void growth_take(struct growth *g, struct chunk *ret);

int64_t growth_string(struct growth *g, const char *s);
int64_t growth_object(struct growth *g, const struct profile_object *o);
int64_t growth_function(struct growth *g, const struct profile_function *f);
int64_t growth_location(struct growth *g, uint32_t object, uint64_t offset);
int64_t growth_stack(struct growth *g, uint32_t parent, uint32_t location);

/* Always a new set: who adds remembers. *ret_class is the set that stands for its class. */
int64_t growth_labels(struct growth *g, const struct profile_labels *l, uint32_t *ret_class);

int growth_name(struct growth *g, uint32_t location, const struct profile_line *lines, uint32_t n);
