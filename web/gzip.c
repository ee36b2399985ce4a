/* gzip into a buf; see gzip.h. The only file that knows zlib. */
#include "web/gzip.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#define GZIP_STEP_BYTES	  65536
#define GZIP_WINDOW_BITS  (15 + 16) /* the largest window, with a gzip header */
#define GZIP_MEMORY_LEVEL 8

struct gzip {
	z_stream z;
	struct buf *out;
	int err;
};

int gzip_begin(struct gzip **ret, struct buf *out, int level)
{
	struct gzip *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->out = out;
	if (deflateInit2(&g->z, level, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK) {
		free(g);
		return -ENOMEM;
	}
	*ret = g;
	return 0;
}

/* Deflate what is in next_in; with Z_FINISH to the end of the stream. */
static int run(struct gzip *g, int flush)
{
	int r;

	do {
		void *to = buf_reserve(g->out, GZIP_STEP_BYTES);

		if (!to)
			return g->err = g->out->err;
		g->z.next_out = to;
		g->z.avail_out = GZIP_STEP_BYTES;
		r = deflate(&g->z, flush);
		g->out->len += GZIP_STEP_BYTES - g->z.avail_out;
	} while (flush == Z_FINISH ? r == Z_OK : g->z.avail_out == 0);
	return 0;
}

int gzip_add(struct gzip *g, const void *data, size_t len)
{
	const unsigned char *at = data;

	while (len && !g->err) {
		size_t n = len < UINT32_MAX ? len : UINT32_MAX;

		g->z.next_in = (unsigned char *)at;
		g->z.avail_in = (unsigned int)n;
		run(g, Z_NO_FLUSH);
		at += n;
		len -= n;
	}
	return g->err;
}

int gzip_end(struct gzip *g)
{
	int r = g->err;

	if (r == 0)
		r = run(g, Z_FINISH);
	gzip_free(g);
	return r;
}

struct gzip *gzip_free(struct gzip *g)
{
	if (g)
		deflateEnd(&g->z);
	free(g);
	return NULL;
}
