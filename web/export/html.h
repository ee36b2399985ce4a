/*
 * The viewer's page with a profile inside, over any set of viewer files: web_assets, or a test's.
 */
#pragma once

#include "web/assets.h"
#include "web/export/export.h"

/* As export_write(), policy as web_assets_policy; -ENOENT where the assets have no index.html. */
int export_html_assemble(const struct web_asset *assets, size_t n, const char *policy,
			 const struct profile *p, const struct export_options *options,
			 struct buf *out, struct err *err);

/* The daemon's page with what a screen can show of p (NULL: without). As export_write(). */
int export_html_page(const struct web_asset *assets, size_t n, const struct profile *p,
		     const struct export_options *options, struct buf *out, struct err *err);
