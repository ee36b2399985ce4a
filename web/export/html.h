/* The report's assembly over any set of viewer files, apart from the embedded ones, for tests. */
#pragma once

#include "web/assets.h"
#include "web/export/export.h"

/* As export_write(), policy as web_assets_policy; -ENOENT where the assets have no index.html. */
int export_html_assemble(const struct web_asset *assets, size_t n, const char *policy,
			 const struct profile *p, const struct export_options *options,
			 struct buf *out, struct err *err);
