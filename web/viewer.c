/* The viewer's files; see viewer.h. */
#include "web/viewer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/hash.h"
#include "web/gzip.h"

#define VIEWER_GZIP_LEVEL 9

int web_viewer_init(struct web_viewer *v, const struct web_asset *assets, size_t n)
{
	*v = (struct web_viewer){.files = calloc(n + 1, sizeof(*v->files)), .n = n};
	if (!v->files)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		v->files[i].asset = &assets[i];
		/* A fixed key: the tag must outlive this process. */
		snprintf(v->files[i].etag, WEB_ETAG_BYTES, "W/\"%016" PRIx64 "\"",
			 hash_bytes_keyed(0, 0, assets[i].data, assets[i].len));
	}
	return 0;
}

void web_viewer_done(struct web_viewer *v)
{
	for (size_t i = 0; v->files && i < v->n; i++)
		free(v->files[i].gzipped);
	free(v->files);
	*v = (struct web_viewer){};
}

struct web_file *web_viewer_find(struct web_viewer *v, const char *path)
{
	const char *name = strcmp(path, "/") ? path + 1 : "index.html";

	if (path[0] != '/')
		return NULL;
	for (size_t i = 0; i < v->n; i++)
		if (!strcmp(v->files[i].asset->path, name))
			return &v->files[i];
	return NULL;
}

bool web_file_gzip(struct web_file *f)
{
	_cleanup_(buf_done) struct buf out = {};
	struct gzip *g = NULL;

	if (f->gzipped)
		return true;
	buf_init(&out, f->asset->len + (1 << 20));
	if (gzip_begin(&g, &out, VIEWER_GZIP_LEVEL) < 0)
		return false;
	gzip_add(g, f->asset->data, f->asset->len);
	if (gzip_end(g) < 0)
		return false;
	f->gzipped = buf_steal(&out, &f->gzipped_bytes);
	return f->gzipped != NULL;
}

bool web_file_unchanged(const struct web_file *f, const char *if_none_match)
{
	if (!if_none_match)
		return false;
	return !strcmp(if_none_match, "*") || strstr(if_none_match, f->etag + strlen("W/"));
}
