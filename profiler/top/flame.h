/*
 * A call tree as a flame graph of text: the root above, a line a level, each frame as wide as its
 * share. Pure.
 *
 * A frame narrower than a column is not drawn, and nothing that it calls; how many these are is
 * told, and every one of them can be walked to and zoomed into.
 */
#pragma once

#include "profiler/top/model.h"
#include "profiler/top/page.h"

/* What is shown: the subtree of root, from so many levels below it on. */
struct top_flame {
	uint32_t root; /* place in the preorder */
	uint32_t level;
	uint32_t selected; /* place */
};

/* On lines [line, line + lines). *ret_thin: the frames that are too narrow. 0 or -ENOMEM. */
int top_flame_draw(const struct top_model *m, const struct top_flame *flame, struct top_page *page,
		   uint32_t line, uint32_t lines, uint32_t *ret_thin);

/*
 * The next place from one within the subtree of root, or the same where there is none: its caller,
 * what it calls most, and its neighbours to the left and the right below the same caller.
 */
uint32_t top_flame_caller(const struct top_model *m, uint32_t root, uint32_t place);
uint32_t top_flame_callee(const struct top_model *m, uint32_t place);
uint32_t top_flame_left(const struct top_model *m, uint32_t root, uint32_t place);
uint32_t top_flame_right(const struct top_model *m, uint32_t root, uint32_t place);
