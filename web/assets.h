/*
 * The viewer's files, embedded at build time by web/embed.c from web/ui (*.html, *.svg), by path.
 *
 * `index.html` has its style sheet and its script inside, where in the source it links `style.css`
 * and the module `main.js`; modules import each other as `./name.js`, without cycles. A build
 * without a viewer has none.
 */
#pragma once

#include <stddef.h>

struct web_asset {
	const char *path; /* relative to web/ui: "index.html", "favicon.svg" */
	const char *type; /* content type */
	const unsigned char *data; /* len bytes and a NUL behind them */
	size_t len;
};

extern const struct web_asset web_assets[]; /* sorted by path */
extern const size_t web_assets_n;

/* What of a content security policy lets the page's own style and script be: two directives. */
extern const char web_assets_policy[];
