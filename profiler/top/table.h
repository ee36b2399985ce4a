/* The functions of a range as a table. Pure. */
#pragma once

#include "profiler/top/model.h"
#include "profiler/top/page.h"

/* X(enum, word) */
#define TOP_SORT_LIST(X)  \
	X(SELF, "self")   \
	X(TOTAL, "total") \
	X(NAME, "name")

enum top_sort {
#define TOP_SORT_ENUM(name, word) TOP_SORT_##name,
	TOP_SORT_LIST(TOP_SORT_ENUM)
#undef TOP_SORT_ENUM
		TOP_SORT_COUNT
};

#define TOP_TABLE_HEAD_LINES 1

/* The model's functions in that order; ties go by the other number, then by name. */
void top_table_sort(struct top_model *m, enum top_sort sort);

/*
 * On lines [line, line + lines): the head, and functions from first on; what is selected
 * (UINT32_MAX: nothing) stands out. group: the head of the column of groups, NULL for none.
 */
void top_table_draw(const struct top_model *m, struct top_page *page, uint32_t line, uint32_t lines,
		    uint32_t first, uint32_t selected, const char *group);
