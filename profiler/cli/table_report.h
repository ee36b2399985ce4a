/* What `hearth unwind-table` says of a file, in words and as JSON. Pure. */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/base/json.h"
#include "profiler/jail/protocol_table.h"

/* A few lines of text. */
void table_report_words(const char *path, const struct protocol_table *t, struct buf *out);
/* An object of the array "files". */
void table_report_json(const char *path, const struct protocol_table *t, struct json *j);
