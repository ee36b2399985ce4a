/* Hand-made profiles for the tests of the encoders: everything aborts the test on failure. */
#pragma once

#include "profiler/base/buf.h"
#include "storage/profile.h"
#include "web/export/export.h"

/*
 * A location of object path (of that kind) with one line a name, innermost first; no names:
 * unnamed. NULL ends them.
 */
uint32_t build_location(struct profile *p, enum profile_object_kind kind, const char *path,
			uint64_t offset, const char *const *names);
/* The usual case: one name, in a file. */
uint32_t build_frame(struct profile *p, const char *path, uint64_t offset, const char *name);

/* Locations root first, UINT32_MAX ends them. */
uint32_t build_stack(struct profile *p, const uint32_t *locations);
uint32_t build_labels(struct profile *p, uint64_t pid, uint64_t tid, const char *comm,
		      const char *thread);
void build_sample(struct profile *p, uint64_t time_ns, uint32_t stack, uint32_t labels,
		  uint64_t count);

#define BUILD_STACK(p, ...) build_stack(p, (const uint32_t[]){__VA_ARGS__, UINT32_MAX})
#define BUILD_NAMES(...)    ((const char *const[]){__VA_ARGS__, NULL})

struct profile *build_profile(bool merge); /* empty, 99 Hz, from second 100 to 160 */

/*
 * Two processes, kernel frames, inlining, an incomplete stack, a JIT frame, a loss: 6 stacks, 29
 * samples.
 */
struct profile *build_typical(void);

/* One sample whose names are hostile. */
extern const char *const build_hostile_names[];
struct profile *build_hostile(void);

/* p as f; the text is owned by the caller, freed with free(). */
char *build_export(enum export_format f, const struct profile *p,
		   const struct export_options *options, size_t *ret_len);
