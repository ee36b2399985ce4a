/* The JSON of `hearth status` in words. Pure: foreign text in, lines for people out. */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/base/json_read.h"

/*
 * What is missing in status is left out. address: of the web page, NULL unknown. Errors are out's
 * own.
 */
void status_text_write(struct json_value status, const char *address, struct buf *out);
