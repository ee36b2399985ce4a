/*
 * Samples over time as JSON: what the API answers, and what stands in a report beside its profile.
 */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/base/err.h"
#include "storage/store.h"

/*
 * The members of web/API.md. by: the lines' label, NULL for none; all: the same without `by`, told
 * as the member `all`, NULL for none. 0 or negative errno.
 */
int web_times_write_series(const struct store_series *series, const char *by,
			   const struct store_series *all, struct buf *out);
int web_times_write_heatmap(const struct store_heatmap *map, struct buf *out);

/*
 * Of a query's range, for a report: CPU time by process, and where the range is not too long for
 * one, the heat map (else that is left empty). 0 or negative errno with a sentence.
 */
int web_times_read(struct store *s, const struct store_query *q, struct buf *series,
		   struct buf *heatmap, struct err *err);
