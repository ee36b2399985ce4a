/*
 * The store: weeks of samples in one SQLite file, each with its millisecond, thread and stack.
 *
 * One writer, any number of readers (each its own struct store, one thread at a time), WAL. The
 * file is mode 0640 in a directory that others cannot write. FORMAT.md describes every byte.
 *
 * Ranges are [from, until) in nanoseconds of the wall clock, cut to the millisecond. Every
 * failure that a user can cause or mend has its sentence in err. A query holds the memory of its
 * answer, not of its range.
 */
#pragma once

#include "profiler/base/err.h"
#include "storage/profile.h"

#include <stdatomic.h>

struct store;

struct store_options {
	uint64_t detail_time_ns; /* rolled up past this age; 0: the default, 3 days */
	uint64_t retention_time_ns; /* dropped past this age; 0: 30 days */
	uint64_t retention_bytes; /* 0: 2 GB */
};

/*
 * Open for writing: makes the file and its directory (0750) where missing, takes the writer's
 * lock (FILE.lock, which vanishes with the process and holds `text`, see store_lock_read()), and
 * repairs nothing silently: what the last writer left unfinished is in store_summary. -EBUSY:
 * another writer; -EPROTO: a newer version; -EACCES, -EPERM: the directory is writable by others,
 * or not ours; -EBADMSG: not a store.
 */
int store_open_writer(const char *path, const struct store_options *options, struct store **ret,
		      struct err *err);

/*
 * Open for reading. All descriptors are open and no path is looked at any more when this returns.
 * -ENOENT: no such store.
 */
int store_open_reader(const char *path, struct store **ret, struct err *err);

/* Writers flush, mark a clean end and give up the lock. NULL is fine. */
struct store *store_close(struct store *s);

/*
 * What the lock says of the daemon that serves this store; one line, e.g. "pid=12
 * address=http://127.0.0.1:7979/".
 */
int store_lock_note(struct store *s, const char *text);
/* Without opening: -ENOENT when no writer holds it. */
int store_lock_read(const char *path, char *ret_text, size_t text_bytes);

/* ---- writing ---- */

/*
 * A feed connects a live profile (merge false), whose tables grow and whose samples are cleared
 * after each flush, with the store: it remembers which row each id became, so that a steady
 * workload costs one look-up per sample. A live profile that grew too large is replaced: end the
 * feed, start with a new one.
 */
struct store_feed;

int store_feed_new(struct store *s, struct profile *live, struct store_feed **ret);
struct store_feed *store_feed_free(struct store_feed *f);
/*
 * The dictionary that its last flush wrote to. Where it is another than before, the old one was
 * large or old: live, which holds the same, may begin anew as well.
 */
uint64_t store_feed_epoch(const struct store_feed *f);
/* Memory of the dictionaries that are kept for writing. */
size_t store_feed_bytes(const struct store_feed *f);
/* Its samples are old from the beginning: they age by size, not by time. Before the first flush. */
void store_feed_set_imported(struct store_feed *f);

/*
 * All samples of the stores at these paths into s, a writer, in the order of their time: as
 * detailed as they were, with what was lost where they are. Imported ones stay imported. told is
 * called now and then, if it is not NULL. On failure, what was taken over stays.
 */
#define STORE_MERGE_MAX 64 /* stores at once */
int store_merge(struct store *s, const char *const *paths, size_t n,
		void (*told)(void *arg, uint64_t samples), void *arg, struct err *err);

/*
 * A flush in two steps, for who cannot wait for a disk. store_feed_take() waits for nothing: the
 * samples of live, what they need, and names that live has learned become the store's, and are in
 * live no more. Locations that the store has names for already are marked named in live (their
 * lines filled in), so that nothing is asked twice. counters are a JSON text that the next start
 * and `status` without a daemon read; NULL: the last ones. -EBUSY: what was taken last is not
 * written yet. On failure the samples are still in live.
 *
 * store_write() makes one commit of it; sync: to the disk as well. Another thread may call it, and
 * store_age() and store_summary() between two of them, while the first goes on with its feeds. On
 * failure nothing was written, and what was taken is kept: call it again; -ENOSPC and -EDQUOT:
 * later. STORE_UNSYNCED: it is committed, but the disk failed to sync it (err has the sentence);
 * each further one tries again. Nothing taken: 0.
 */
#define STORE_UNSYNCED 1
int store_feed_take(struct store_feed *f, const char *counters_json, struct err *err);
int store_write(struct store *s, bool sync, struct err *err);

/* Both, and before them what could not be written the last time. */
int store_feed_flush(struct store_feed *f, const char *counters_json, bool sync, struct err *err);

/*
 * Names for what lacks them, where debug information has turned up: all locations of files with a
 * build id that have no name, or none with a source file, are asked for, epoch by epoch and object
 * by object, and what is better than what is there is stored. One commit an epoch. Samples stay as
 * they are. For a writer, whose feeds may go on meanwhile.
 */
struct store_refresh;

struct store_unnamed {
	const char *path, *build_id; /* of one object; lower-case hex */
	uint32_t domain; /* as in struct profile_object */
	const uint64_t *offsets; /* positions in the file, ascending */
	size_t n;
};

struct store_line {
	const char *function;
	const char *system_name; /* NULL: equals function */
	const char *file; /* NULL: unknown */
	uint32_t line, column;
};

struct store_refreshed {
	uint64_t asked, named, placed; /* locations: with a name now, with a source file now */
	uint64_t damaged_epochs; /* nothing was added to */
};

int store_refresh_new(struct store *s, struct store_refresh **ret, struct err *err);
struct store_refresh *store_refresh_free(struct store_refresh *r); /* before the store is closed */
/*
 * The next question, borrowed until the next call: 1; 0 when there are no more; or negative errno:
 * then the epoch that was asked about stays as it was. STORE_REFRESH_WORK: store_refresh_work() is
 * to be called, which reads and writes the store: by a thread that may call store_write(), while
 * this one calls none of these; it takes as long as reading an epoch's names does. Names of the
 * epoch that feeds write to are committed with their next flush, all others by it.
 */
#define STORE_REFRESH_WORK 2
int store_refresh_next(struct store_refresh *r, struct store_unnamed *ret, struct err *err);
int store_refresh_work(struct store_refresh *r, struct err *err);
/* What offsets[i] of the last question is called, innermost first. 0 or negative errno. */
int store_refresh_take(struct store_refresh *r, size_t i, const struct store_line *lines,
		       uint32_t n);
struct store_refreshed store_refresh_counts(const struct store_refresh *r);

/*
 * Merge small blocks, roll up and drop by age and size; one bounded step (no pause above 50 ms).
 * 1: there is more to do.
 */
int store_age(struct store *s, uint64_t now_ns, struct err *err);

/* ---- reading ---- */

struct store_query {
	uint64_t from_ns, until_ns; /* [from, until) */
	const char *match; /* selector, NULL everything */
	const char *type; /* NULL: "cpu" */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; -ETIMEDOUT past it; 0 none */
	const atomic_bool *cancel; /* may be NULL; true ends the query with -ECANCELED */
};

/*
 * Merged (keep_samples false: by stack and the labels in by, NULL-terminated names, NULL = all
 * label sets) or with every sample's time (true). losses and damage in the range are in the
 * profile's losses.
 */
int store_query_profile(struct store *s, const struct store_query *q, const char *const *by,
			bool keep_samples, struct profile **ret, struct err *err);

struct store_series_line {
	char *label; /* value of the `by` label; "" where missing or without `by` */
	uint64_t *count; /* samples of each step */
	uint64_t total;
};

struct store_series {
	uint64_t start_ns, step_ns, period_ns;
	uint32_t n_steps;
	struct store_series_line *lines; /* by total, largest first */
	size_t n_lines;
	uint64_t more_lines, more_count; /* what STORE_SERIES_LINES_MAX cut, summed */
};

#define STORE_SERIES_STEPS_MAX 10000
#define STORE_SERIES_LINES_MAX 100

/* by: a label name, or NULL. step 0: chosen for about 300 steps. */
int store_query_series(struct store *s, const struct store_query *q, uint64_t step_ns,
		       const char *by, struct store_series *ret, struct err *err);
void store_series_done(struct store_series *s);

#define STORE_HEATMAP_SLOT_NS	  20000000ull
#define STORE_HEATMAP_SLOTS	  50 /* a column is a second */
#define STORE_HEATMAP_COLUMNS_MAX 7200

struct store_heatmap {
	uint64_t start_ns; /* of the first column, a whole second */
	uint32_t n_columns;
	uint32_t *count; /* [column * STORE_HEATMAP_SLOTS + slot] */
};

/* -E2BIG: more than STORE_HEATMAP_COLUMNS_MAX seconds. */
int store_query_heatmap(struct store *s, const struct store_query *q, struct store_heatmap *ret,
			struct err *err);
void store_heatmap_done(struct store_heatmap *h);

/*
 * Names of the labels that occur in the range; values of one, each with its samples, largest
 * first.
 */
struct store_values {
	char **value;
	uint64_t *count;
	size_t n;
};

int store_query_labels(struct store *s, const struct store_query *q, struct store_values *ret,
		       struct err *err);
int store_query_label_values(struct store *s, const struct store_query *q, const char *label,
			     struct store_values *ret, struct err *err);
void store_values_done(struct store_values *v);

/* A function of an object; its inlined and its own copies are one. */
struct store_function {
	char *name, *object; /* the object's path */
	uint64_t self; /* its own samples; of a neighbour: those that it shares */
	uint64_t total; /* of all that it calls as well, recursion counted once; of neighbours 0 */
};

struct store_functions {
	struct store_function *functions; /* by self, then total, largest first, then by name */
	size_t n;
	uint64_t samples, period_ns; /* of the range */
	uint64_t no_neighbour; /* the function's that nothing calls, or its own */
	bool is_known; /* some sample has the function whose neighbours were asked for */
};

int store_query_functions(struct store *s, const struct store_query *q, struct store_functions *ret,
			  struct err *err);
/*
 * Who calls the functions of this name, or whom they call. A sample counts once for each, however
 * often the function is on its stack: of recursive calls the outermost has the caller.
 */
int store_query_neighbours(struct store *s, const struct store_query *q, const char *function,
			   bool callers, struct store_functions *ret, struct err *err);
void store_functions_done(struct store_functions *v);

struct store_summary {
	uint64_t bytes; /* on disk, with WAL */
	uint64_t samples;
	uint64_t from_ns, until_ns; /* of what is kept; 0, 0 when empty */
	uint64_t detail_from_ns; /* full detail from here on, */
	uint64_t seconds_from_ns; /* by the second from here on, before that by the minute */
	uint64_t period_ns;
	uint64_t blocks, damaged_blocks, damaged_rows, missing_blocks;
	uint64_t version;
	bool clean; /* the last writer ended in order, or is running */
	uint64_t last_flush_ns;
	char *counters_json; /* of the last flush; freed by store_summary_done(); may be NULL */
	uint64_t locations, named, nameless;
};

int store_summary(struct store *s, struct store_summary *ret, struct err *err);
void store_summary_done(struct store_summary *s);
