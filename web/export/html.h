/* The report's assembly over any set of viewer files, apart from the embedded ones, for tests. */
#pragma once

#include "web/assets.h"
#include "web/export/export.h"

/* As export_write(); -ENOENT where the assets have no index.html. */
int export_html_assemble(const struct web_asset *assets, size_t n, const struct profile *p,
			 const struct export_options *options, struct buf *out, struct err *err);

/* The one script that the report runs itself, whose hash its content security policy names. */
extern const char export_html_start[];
#define EXPORT_HTML_START_SHA256 "VrmyJHTYcFQUilJ8mkPU4qLK/ti3i3wMGJUHROicuzk="
