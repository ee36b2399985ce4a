/*
 * The terminal: pages onto it, keys from it, and its state as it was when all is over, whatever
 * ends the program but SIGKILL. The only includer of curses. One at a time, one thread.
 */
#pragma once

#include "profiler/base/err.h"
#include "profiler/top/page.h"
#include "profiler/top/view.h"

/*
 * Whether stdin and stdout are a terminal that a page can be drawn on: not where TERM is dumb or
 * unknown.
 */
bool top_screen_is_possible(void);

/*
 * Take the terminal: SIGINT, SIGTERM, SIGHUP and SIGQUIT are blocked, and become TOP_KEY_END.
 * Colours where it has them and NO_COLOR is not set. -ENOTTY with a sentence.
 */
int top_screen_open(struct err *err);
void top_screen_close(void);

void top_screen_size(uint32_t *ret_lines, uint32_t *ret_columns);
void top_screen_draw(struct top_page *page);
/* A character or an enum top_key; TOP_KEY_NONE when none came within timeout_ms. */
int top_screen_key(int timeout_ms);
/* The signal that TOP_KEY_END was, 0 where the terminal has gone. */
int top_screen_signal(void);
