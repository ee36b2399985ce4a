/*
 * A page of a terminal: runs of text with a style, each at its place. Pure; what puts it on a
 * screen is screen.h, and without one it is printed as lines.
 *
 * Text is foreign: what could move a cursor or turn text around becomes '?'.
 */
#pragma once

#include "profiler/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define TOP_PAGE_BYTES_MAX (64u << 20) /* a flame graph of 100,000 levels, printed */

/* X(enum): how a run looks. The kinds of frames are in the order of enum profile_frame_kind. */
#define TOP_STYLE_LIST(X) \
	X(NATIVE)         \
	X(KERNEL)         \
	X(INLINED)        \
	X(JIT)            \
	X(INTERPRETED)    \
	X(LABEL)          \
	X(INCOMPLETE)     \
	X(PLAIN)          \
	X(HEAD)           \
	X(STRONG)         \
	X(MATCHED)        \
	X(SELECTED)

enum top_style {
#define TOP_STYLE_ENUM(name) TOP_STYLE_##name,
	TOP_STYLE_LIST(TOP_STYLE_ENUM)
#undef TOP_STYLE_ENUM
		TOP_STYLE_COUNT
};

struct top_run {
	uint32_t line, column;
	enum top_style style;
	size_t at, len; /* in text; UTF-8 */
};

struct top_page {
	uint32_t lines, columns;
	struct buf text;
	struct top_run *run; /* after top_page_sort(): by line, then by column */
	size_t n, cap;
	int err; /* sticky: -ENOMEM */
};

void top_page_init(struct top_page *p);
void top_page_done(struct top_page *p);
/* Empty, and of this size. */
void top_page_clear(struct top_page *p, uint32_t lines, uint32_t columns);

/*
 * Add text, at most columns code points of it, filled up with spaces to them where pad is set. What
 * lies outside of the page is left out. Returns the column behind it.
 */
uint32_t top_page_add(struct top_page *p, uint32_t line, uint32_t column, uint32_t columns,
		      enum top_style style, bool pad, const char *text);

void top_page_sort(struct top_page *p);

/* All of it, sorted, as lines without style and without trailing spaces. 0 or negative errno. */
int top_page_print(const struct top_page *p, struct buf *out);
