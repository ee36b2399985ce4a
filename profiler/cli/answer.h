/*
 * Rows of an answer as a table for people, as CSV (RFC 4180) or as JSON.
 *
 * Cells are added from left to right and leave row by row, so that an answer of any length takes
 * little memory. JSON is {"version": 1, "columns": [NAME...], "rows": [[VALUE...]...]}, and what
 * answer_end() is told of the rest. A table's columns are as wide as its first rows ask for. Not
 * thread-safe.
 */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/base/err.h"
#include "profiler/base/json.h"

#include <stdbool.h>

#define ANSWER_COLUMNS_MAX   256
#define ANSWER_LAID_OUT_ROWS 1000 /* of a table: those that its widths are taken from */

/* X(enum, name) */
#define ANSWER_FORMAT_LIST(X) \
	X(TABLE, "table")     \
	X(CSV, "csv")         \
	X(JSON, "json")

enum answer_format {
#define ANSWER_FORMAT_ENUM(name, text) ANSWER_##name,
	ANSWER_FORMAT_LIST(ANSWER_FORMAT_ENUM)
#undef ANSWER_FORMAT_ENUM
};

/* For options: text to an enum answer_format. */
int answer_format_parse(const char *text, void *to, struct err *err);

#define ANSWER_FORMAT_ROW(f)                                                                \
	{                                                                                   \
		.name = "format", .kind = OPTIONS_PARSED, .argument = "FMT", .to = &(f),    \
		.parse = answer_format_parse, .help = "table, csv or json; otherwise table" \
	}

#define ANSWER_OUTPUT_ROW(o)                                                                  \
	{                                                                                     \
		.name = "output", .letter = 'o', .kind = OPTIONS_TEXT, .argument = "FILE",    \
		.to = &(o), .help = "write there; it is replaced when the answer is complete" \
	}

struct answer {
	enum answer_format format;
	int (*write)(void *arg, const void *data, size_t len, struct err *err);
	void *arg;
	uint32_t n_columns, column; /* that comes next */
	uint64_t rows;
	uint64_t rest_rows, rest_samples; /* what the answer left out; see answer_end() */
	bool right[ANSWER_COLUMNS_MAX]; /* numbers */
	uint32_t width[ANSWER_COLUMNS_MAX];
	struct buf
		cells; /* of a table: texts of rows that were not laid out yet, NUL behind each */
	struct buf out;
	struct json json;
};

/* names: n of them, at most ANSWER_COLUMNS_MAX; borrowed for this call. 0 or negative errno. */
int answer_begin(struct answer *a, enum answer_format format, const char *const *names, uint32_t n,
		 int (*write)(void *arg, const void *data, size_t len, struct err *err), void *arg);
void answer_text(struct answer *a, const char *s, size_t len);
void answer_u64(struct answer *a, uint64_t v);
void answer_i64(struct answer *a, int64_t v);
void answer_double(struct answer *a, double v);
void answer_null(struct answer *a);
/* The row is complete. */
int answer_row(struct answer *a, struct err *err);
/*
 * All rows were added; rest_rows and rest_samples tell how many more there are and what they weigh:
 * JSON has them as "more", where rest_rows is not 0.
 */
int answer_end(struct answer *a, struct err *err);
void answer_done(struct answer *a);
