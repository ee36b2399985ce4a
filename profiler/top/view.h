/*
 * What `hearth top` shows and how keys change it: of a range of time a table or a flame graph, with
 * a head that says which samples these are. Pure: it asks for samples, and others get them.
 */
#pragma once

#include "profiler/base/err.h"
#include "profiler/top/flame.h"
#include "profiler/top/page.h"
#include "profiler/top/paths.h"
#include "profiler/top/table.h"

#define TOP_FILTER_BYTES   256
#define TOP_WINDOW_DEFAULT (10 * UINT64_C(1000000000))

/* X(enum, word, head of the column, labels): what rows are told apart by. */
#define TOP_BY_LIST(X)                                         \
	X(ALL, "all", NULL, "comm")                            \
	X(PROGRAM, "program", "PROGRAM", "comm")               \
	X(PROCESS, "process", "PROCESS", "comm", "pid")        \
	X(THREAD, "thread", "THREAD", "comm", "thread", "tid") \
	X(CONTAINER, "container", "CONTAINER", "container")    \
	X(UNIT, "unit", "UNIT", "unit")

enum top_by {
#define TOP_BY_ENUM(name, ...) TOP_BY_##name,
	TOP_BY_LIST(TOP_BY_ENUM)
#undef TOP_BY_ENUM
		TOP_BY_COUNT
};

/* Keys: characters, and these. */
enum top_key {
	TOP_KEY_NONE = -1, /* none came in time */
	TOP_KEY_END = -2, /* a signal, or the terminal has gone */
	TOP_KEY_FIRST = 0x110000, /* behind all characters */
	TOP_KEY_RESIZE,
	TOP_KEY_UP,
	TOP_KEY_DOWN,
	TOP_KEY_LEFT,
	TOP_KEY_RIGHT,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_LAST,
	TOP_KEY_ENTER,
	TOP_KEY_BACKSPACE,
	TOP_KEY_ESCAPE,
};

struct top_view {
	bool flame; /* else the table */
	enum top_sort sort;
	enum top_by by;
	uint64_t window_ns;
	uint64_t until_ns; /* of a range that stands still; 0: it follows now */
	bool filtered;
	regex_t filter;
	char filter_text[TOP_FILTER_BYTES];
	bool typing; /* a filter */
	char typed[TOP_FILTER_BYTES];
	bool help;
	bool no_daemon; /* a range that follows is the store's last one */
	char message[256]; /* until the next key */
	uint32_t lines, columns;
	uint32_t first, row; /* of the table: on the first line, and selected */
	uint32_t level; /* of the flame graph, on the first line */
	struct top_path root, place; /* zoomed to, and selected */
};

void top_view_init(struct top_view *v);
void top_view_done(struct top_view *v);

const char *top_by_word(enum top_by by);
/* For options: text to an enum top_by, an enum top_sort. */
int top_by_parse(const char *text, void *to, struct err *err);
int top_sort_parse(const char *text, void *to, struct err *err);

/*
 * Functions whose name has a match of this extended regular expression (POSIX); case matters only
 * where it has capitals. "": all. -EINVAL with a sentence, and the filter stays as it was.
 */
int top_view_filter(struct top_view *v, const char *text, struct err *err);

/* The labels that samples are to be told apart by, NULL-terminated. */
const char *const *top_view_labels(const struct top_view *v);
/* The profile of what the view asks for, as a model; taken over. 0 or -ENOMEM. */
int top_view_model(const struct top_view *v, struct profile *p, struct top_model *ret);

/* What a key wants done before the view is drawn again. */
enum top_todo {
	TOP_DRAW,
	TOP_COUNT, /* a model of the same profile */
	TOP_ASK, /* another profile: the window, its end or the labels changed */
	TOP_QUIT,
};

/* now_ns: where a range that stands still cannot go past. */
enum top_todo top_view_key(struct top_view *v, struct top_model *m, int key, uint64_t now_ns);

/* page gets the view's size, and is sorted. 0 or -ENOMEM. */
int top_view_draw(struct top_view *v, const struct top_model *m, struct top_page *page);
/* The same for paper: nothing is selected, and the page is as long as what there is to show. */
int top_view_print(const struct top_view *v, const struct top_model *m, struct top_page *page);
