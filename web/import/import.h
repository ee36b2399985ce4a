/*
 * Import: profiles of other tools, and our own sample stream, as samples of the profile model; the
 * way back of web/export.
 *
 * A push parser: bytes go in as they are read, batches come out. It is pure, and holds the tables
 * of a file (stacks, names), never its samples, so that a file of any length takes bounded memory;
 * only a pprof is kept whole, because its strings may come last. gzip is unpacked on the way.
 * Frames become objects of kind SYMBOL, which no name of another file's can meet. Not thread-safe.
 */
#pragma once

#include "profiler/base/err.h"
#include "storage/profile.h"

#define IMPORT_LABEL		"import" /* every imported sample has it */
#define IMPORT_LINE_BYTES_MAX	(1u << 20)
#define IMPORT_FRAMES_MAX	16384 /* of one stack */
#define IMPORT_INLINED_MAX	255 /* of one frame */
#define IMPORT_STACKS_BYTES_MAX (512u << 20) /* text of all stacks of a sample stream */
#define IMPORT_PPROF_BYTES_MAX	(256u << 20) /* unpacked */
#define IMPORT_LABEL_SETS_MAX	65536 /* remembered; more are looked up anew */
#define IMPORT_BATCH_SAMPLES	65536
#define IMPORT_BATCH_BYTES	(4u << 20) /* of new names and stacks; a line more may come */
#define IMPORT_PROFILE_BYTES	(32u << 20) /* of tables; a larger profile begins anew */
#define IMPORT_TIME_MS_MAX	(1ull << 43)

/* X(enum, name) */
#define IMPORT_FORMAT_LIST(X) \
	X(SAMPLES, "samples") \
	X(PPROF, "pprof")     \
	X(FOLDED, "folded")   \
	X(PERF, "perf")

enum import_format {
	IMPORT_UNKNOWN = -1, /* the first line tells */
#define IMPORT_FORMAT_ENUM(name, text) IMPORT_##name,
	IMPORT_FORMAT_LIST(IMPORT_FORMAT_ENUM)
#undef IMPORT_FORMAT_ENUM
		IMPORT_FORMAT_COUNT
};

const char *import_format_name(enum import_format f);
int import_format_parse(const char *name); /* -ENOENT */

/*
 * All samples of p, and what its tables learned since the batch before: entries from these numbers
 * on. fresh: p is a new one, and numbers begin anew (also in the first batch).
 */
struct import_batch {
	const struct profile *p;
	uint32_t strings, functions, locations, stacks, labels;
	bool fresh;
};

struct import_options {
	enum import_format format;
	const char *name; /* the value of IMPORT_LABEL; borrowed, not empty */
	/* when formats without times of the wall clock begin; below IMPORT_TIME_MS_MAX */
	uint64_t at_ms;
	/* 0, or a negative errno that ends the import */
	int (*take)(void *arg, const struct import_batch *b);
	void *arg;
};

struct import_counts {
	uint64_t samples; /* sum of counts */
	uint64_t entries;
	uint64_t other_events; /* perf: samples of another event than the first one's */
	uint64_t lines_skipped; /* perf: lines of a stack that are no frames, such as sources */
};

struct import;

int import_new(const struct import_options *options, struct import **ret);
struct import *import_free(struct import *w);

/*
 * -EBADMSG: not of that format, with a sentence that names the line; -EFBIG: above a limit;
 * -EOPNOTSUPP: a profile of something else than CPU time; -ENOMEM; what take said. After a failure
 * nothing more may be added.
 */
int import_add(struct import *w, const void *data, size_t len, struct err *err);
/* The last batch is handed out, also an empty one. */
int import_end(struct import *w, struct err *err);

const struct import_counts *import_counts(const struct import *w);
