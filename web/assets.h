/*
 * The viewer's files, embedded at build time by web/embed.c from web/ui (*.html, *.css, *.js,
 * *.svg), by path.
 *
 * `index.html` links `style.css` and the module `main.js`; modules import each other as
 * `./name.js`, without cycles. A build without a viewer has none.
 */
#pragma once

#include <stddef.h>

struct web_asset {
	const char *path; /* relative to web/ui: "index.html", "main.js" */
	const char *type; /* content type */
	const unsigned char *data; /* len bytes and a NUL behind them */
	size_t len;
};

extern const struct web_asset web_assets[]; /* sorted by path */
extern const size_t web_assets_n;
