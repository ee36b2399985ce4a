/*
 * Two profiles in the tables of one, for formats that number things across both sides of a
 * comparison.
 */
#pragma once

#include "storage/profile.h"

struct export_join {
	struct profile *tables; /* owned */
	/* Both use its tables: samples, range and period are their own. Borrowed, never freed. */
	struct profile now, base;
};

/* base may be NULL: without samples then. 0, -ENOMEM or -E2BIG; export_join_done() in either case.
 */
int export_join_init(struct export_join *j, const struct profile *now, const struct profile *base);
void export_join_done(struct export_join *j);
