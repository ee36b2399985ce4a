/* What others than export.c's table know of the flame format. */
#pragma once

#include "web/export/export.h"

#define EXPORT_FLAME_BINARY_TYPE "application/vnd.hearth.flame"
#define EXPORT_FLAME_MAGIC	 "hflame1\n" /* 8 bytes */

/* Of a page that is 5,120 px wide, where a bar of less than a pixel is thin (ui/layout.js). */
#define EXPORT_FLAME_PARTS	     5120
#define EXPORT_FLAME_PARTS_NODES_MAX 50000

/*
 * What a screen can show of the profile (tree_prune()), as JSON with `nodes`, those of the whole,
 * and `parts`. *ret_all: it is the whole. -E2BIG: too deep to be short. Of one range.
 */
int export_flame_first(const struct profile *p, const struct export_options *options,
		       struct buf *json, bool *ret_all, struct err *err);
