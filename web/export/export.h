/*
 * Export formats: one file a format over storage/profile.h, all behind one table.
 *
 * Encoders are pure: profile in, bytes out. Names are attacker-controlled bytes; each format
 * escapes them its own way (DESIGN, formats of our own). No run-time address leaves: addresses are
 * those of the file.
 */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/base/err.h"
#include "storage/profile.h"

#include <stdio.h>

#define EXPORT_BYTES_MAX	(2ull << 30)
#define EXPORT_BY_MAX		8

#define EXPORT_TIMES_NEVER	0
#define EXPORT_TIMES_ALWAYS	UINT64_MAX
#define EXPORT_TIMES_SPEEDSCOPE (900 * UINT64_C(1000000000)) /* in time order; longer: sums */

/* X(enum, name, content type, file ending, with each sample's time in ranges up to so long) */
#define EXPORT_FORMAT_LIST(X)                                                           \
	X(PPROF, "pprof", "application/octet-stream", ".pb.gz", EXPORT_TIMES_NEVER)     \
	X(FOLDED, "folded", "text/plain; charset=utf-8", ".folded", EXPORT_TIMES_NEVER) \
	X(JSON, "json", "application/json", ".json", EXPORT_TIMES_NEVER)                \
	X(SAMPLES, "samples", "text/tab-separated-values; charset=utf-8", ".tsv",       \
	  EXPORT_TIMES_ALWAYS)                                                          \
	X(SPEEDSCOPE, "speedscope", "application/json", ".speedscope.json",             \
	  EXPORT_TIMES_SPEEDSCOPE)                                                      \
	X(HTML, "html", "text/html; charset=utf-8", ".html", EXPORT_TIMES_NEVER)        \
	X(FLAME, "flame", "application/json", ".flame.json", EXPORT_TIMES_NEVER)

enum export_format {
#define EXPORT_FORMAT_ENUM(name, text, type, ending, times) EXPORT_##name,
	EXPORT_FORMAT_LIST(EXPORT_FORMAT_ENUM)
#undef EXPORT_FORMAT_ENUM
		EXPORT_FORMAT_COUNT
};

struct export_options {
	/* folded, flame, html: labels in comm's place, in order, NULL-terminated; none: comm */
	const char *by[EXPORT_BY_MAX + 1];
	const char *title; /* html, speedscope; NULL: "hearth" */
	/* diff: the other range; NULL: none. See export_format_compares() */
	const struct profile *base;
	/* html: JSON of times.h that stands beside the profile; NULL or empty: none */
	const struct buf *series, *heatmap;
	bool binary; /* flame: its columns as bytes, see flame.h */
	const char *version; /* of Hearth, for comments; NULL: none */
};

const char *export_format_name(enum export_format f);
const char *export_format_type(enum export_format f);
const char *export_format_ending(enum export_format f);
/* Up to which length of a range samples come with their times; EXPORT_TIMES_ALWAYS: they must. */
uint64_t export_format_times_ns(enum export_format f);
bool export_format_compares(enum export_format f); /* it can hold two ranges */
int export_format_parse(const char *name); /* by name; -ENOENT */
/* By a file's ending: .pb.gz .pprof .folded .txt .json .speedscope.json .html .tsv; -ENOENT */
int export_format_of_path(const char *path);

/*
 * Write p as f into out (whose maximum bounds it). 0, -EFBIG, -ENOMEM, -EOPNOTSUPP (a diff in a
 * format that has none).
 */
int export_write(enum export_format f, const struct profile *p,
		 const struct export_options *options, struct buf *out, struct err *err);

/* A readable table of the top functions (self, total, share), for terminals. */
int export_top_text(const struct profile *p, unsigned int rows, unsigned int columns,
		    struct buf *out);
