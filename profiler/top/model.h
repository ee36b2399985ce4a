/*
 * What `hearth top` knows of one range of time: its functions, and its call tree as far as a filter
 * leaves it. Made from a profile in one go, and never changed. Pure.
 *
 * A function's row is told apart by the labels that were asked for, its name and its object;
 * recursion counts once. The filter matches names of functions. It takes rows and stacks away and
 * changes no number of a row: shares stay those of all samples.
 */
#pragma once

#include "profiler/base/buf.h"
#include "storage/profile.h"
#include "web/export/export.h"
#include "web/export/tree.h"

#include <regex.h>

struct top_function {
	uint32_t group; /* the tree's node of its last label; 0: not told apart */
	uint32_t name, object; /* strings of the tree */
	uint32_t kind; /* of enum profile_frame_kind */
	uint64_t self, total;
	uint32_t active; /* how often it is on the path that is being walked */
};

struct top_model {
	struct profile *profile; /* owned */
	uint64_t samples, incomplete, lost;
	uint64_t matched; /* samples with a match on their stack, each once; without a filter all */
	struct tree tree;
	struct top_function *function; /* those that the filter leaves */
	uint32_t n_functions;
	uint32_t hidden; /* those that it does not */
	/* by place in the tree's preorder: what the filter leaves of it, and its neighbours */
	uint64_t *self, *total;
	uint32_t *parent, *end; /* its subtree is [own place, end) */
	bool filtered;
	bool *hit; /* by frame: the filter matches its name */
};

/*
 * by: NULL-terminated names of labels below which the tree hangs, NULL or none: comm. grouped: rows
 * are told apart by them. filter may be NULL. The profile is taken over, also on failure; 0 or
 * -ENOMEM; top_model_done() in either case.
 */
int top_model_init(struct top_model *m, struct profile *p, const char *const *by, bool grouped,
		   const regex_t *filter);
void top_model_done(struct top_model *m);

/* Borrowed. */
const char *top_model_name(const struct top_model *m, const struct top_function *f);
const char *top_model_object(const struct top_model *m, const struct top_function *f);
/* The labels of a group, outermost first, with spaces between them; "" where there are none. */
void top_model_group(const struct top_model *m, uint32_t group, struct buf *out);

/* Of a place in the preorder. */
const struct frames_frame *top_model_frame(const struct top_model *m, uint32_t place);
const char *top_model_frame_name(const struct top_model *m, uint32_t place);
