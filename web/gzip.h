/*
 * A gzip stream into a buf, without a time in its header: equal input gives equal bytes.
 *
 * Failure is sticky, as in buf: it is returned by gzip_end().
 */
#pragma once

#include "profiler/base/buf.h"

struct gzip;

/* level 1 (fast) to 9; out must outlive the stream. 0 or -ENOMEM. */
int gzip_begin(struct gzip **ret, struct buf *out, int level);
int gzip_add(struct gzip *g, const void *data, size_t len);
int gzip_end(struct gzip *g); /* writes what is left and frees g; 0, -ENOMEM, -EFBIG */

/* End without an answer; NULL is fine. */
struct gzip *gzip_free(struct gzip *g);
