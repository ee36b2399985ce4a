/* The two parts of a flame profile, for who puts them together in another way than flame.c. */
#pragma once

#include "web/export/export.h"

#define EXPORT_FLAME_BINARY_TYPE "application/vnd.hearth.flame"
#define EXPORT_FLAME_MAGIC	 "hflame1\n" /* 8 bytes */

/*
 * The JSON of web/API.md into json. columns: where its columns of numbers go as bytes, NULL: arrays
 * in the JSON. As export_write().
 */
int export_flame_parts(const struct profile *p, const struct export_options *options,
		       struct buf *json, struct buf *columns, struct err *err);
