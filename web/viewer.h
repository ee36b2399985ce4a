/*
 * The viewer's files over HTTP: by path, with an ETag, compressed once. One thread only.
 */
#pragma once

#include "web/assets.h"

#include <stdbool.h>
#include <stdint.h>

#define WEB_ETAG_BYTES 24

struct web_file {
	const struct web_asset *asset;
	char etag[WEB_ETAG_BYTES]; /* weak: the same for both encodings */
	uint8_t *gzipped; /* made at its first request; NULL not yet, or memory ran out */
	size_t gzipped_bytes;
};

struct web_viewer {
	struct web_file *files;
	size_t n;
};

int web_viewer_init(struct web_viewer *v, const struct web_asset *assets, size_t n); /* -ENOMEM */
void web_viewer_done(struct web_viewer *v);

/* The file of a request's path; "/" is index.html. Borrowed, NULL where there is none. */
struct web_file *web_viewer_find(struct web_viewer *v, const char *path);

/* Fill in gzipped. Whether there is one. */
bool web_file_gzip(struct web_file *f);

/* Whether an If-None-Match header (NULL: none) names this file. Pure. */
bool web_file_unchanged(const struct web_file *f, const char *if_none_match);
