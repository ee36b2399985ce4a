/*
 * The encoders behind export.c's table, one a format, all of one shape: 0, -EFBIG, -ENOMEM, or
 * another negative errno with its sentence. options is never NULL here, and base is NULL for
 * formats that know no diff.
 */
#pragma once

#include "web/export/export.h"

int export_pprof_write(const struct profile *p, const struct export_options *options,
		       struct buf *out, struct err *err);
int export_folded_write(const struct profile *p, const struct export_options *options,
			struct buf *out, struct err *err);
int export_json_write(const struct profile *p, const struct export_options *options,
		      struct buf *out, struct err *err);
int export_samples_write(const struct profile *p, const struct export_options *options,
			 struct buf *out, struct err *err);
int export_speedscope_write(const struct profile *p, const struct export_options *options,
			    struct buf *out, struct err *err);
int export_flame_write(const struct profile *p, const struct export_options *options,
		       struct buf *out, struct err *err);
int export_html_write(const struct profile *p, const struct export_options *options,
		      struct buf *out, struct err *err);
