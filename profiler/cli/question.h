/* What `export` and `diff` ask of a store: which one, which range, which samples. */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/base/err.h"
#include "profiler/cli/options.h"
#include "storage/profile.h"

#include <stdbool.h>
#include <stdint.h>

struct question {
	const char *store;
	const char *match; /* NULL: all */
	uint64_t from_ns; /* 0: the store's beginning */
	uint64_t until_ns; /* 0: the store's end */
};

#define QUESTION_STORE_ROW(q)                                                                \
	{                                                                                    \
		.name = "store", .kind = OPTIONS_TEXT, .argument = "FILE", .to = &(q).store, \
		.help = "the store to read; " CMD_STORE_DEFAULT " unless told"               \
	}

#define QUESTION_FROM_ROW(q)                                                               \
	{                                                                                  \
		.name = "from", .kind = OPTIONS_TIME, .argument = "T", .to = &(q).from_ns, \
		.help = "from this moment on; otherwise from the store's beginning"        \
	}

#define QUESTION_UNTIL_ROW(q)                                                                \
	{                                                                                    \
		.name = "until", .kind = OPTIONS_TIME, .argument = "T", .to = &(q).until_ns, \
		.help = "before this moment; otherwise to the store's end"                   \
	}

#define QUESTION_MATCH_ROW(q)                                                                    \
	{                                                                                        \
		.name = "match", .kind = OPTIONS_TEXT, .argument = "SELECTOR", .to = &(q).match, \
		.help = "samples with these labels only"                                         \
	}

#define QUESTION_NOTES                                                                           \
	"T is 2026-11-20T03:12:00Z, Unix seconds with decimals, now, or -15m (s, m, h, d). "     \
	"Ranges hold their start and not their end.\n\n"                                         \
	"SELECTOR is such as {comm=\"redis-server\", container=~\"web.*\", pid!=\"1\"}; =~ and " \
	"!~ match the whole value. Labels: pid, start, tid, comm, thread, exe, cgroup, "         \
	"container, "                                                                            \
	"unit, uid, host, runtime, pod, import, and those of hearth serve --label.\n\n"          \
	"Exit status: 0 good, 1 failed, 2 wrong usage."

/* Before anything is opened: the selector parses, the range is one. -EINVAL with a sentence. */
int question_check(const struct question *q, struct err *err);

/*
 * Open the store, and the range and selector for it; open ends become those of what it holds. The
 * caller closes.
 */
struct store;
struct store_query;
int question_open(const struct question *q, struct store **ret, struct store_query *ret_query,
		  struct err *err);

/*
 * Ask the store: the merged profile, or where the range is at most times_ns long every sample of
 * its own. by as in store_query_profile(), for the merged one.
 * An empty answer is an answer; it is told on stderr.
 */
int question_ask(const struct question *q, const char *const *by, uint64_t times_ns,
		 struct profile **ret, struct err *err);
/*
 * What stands in an HTML file beside its profile: CPU use over time, and of up to two hours the
 * heat map, as JSON.
 */
int question_times(const struct question *q, struct buf *series, struct buf *heatmap,
		   struct err *err);
/* That there were none, on stderr. */
void question_tell_empty(const struct question *q);
