/*
 * A place in a call tree by the names on the way to it, which finds it again in the tree of another
 * moment. Pure.
 */
#pragma once

#include "profiler/top/model.h"

#define TOP_PATH_BYTES_MAX (64u << 20)

struct top_path {
	struct buf names; /* name, NUL, object, NUL; from below the root on */
};

void top_path_init(struct top_path *p); /* the root's */
void top_path_done(struct top_path *p);

/* 0 or negative errno, and then it is the root's. */
int top_path_take(struct top_path *p, const struct top_model *m, uint32_t place);
/* The place as deep as the tree has the way to it; at least the root, 0. */
uint32_t top_path_find(const struct top_path *p, const struct top_model *m);
