/*
 * A small .gopclntab as Go's linker makes it, in each of its versions, and the inline tree beside
 * it: for the tests of what reads it, and for the corpus of its fuzzer.
 *
 * main.outer is at [MAKE_GO_TEXT, +0x40): line 10 of /src/a.go; line 3 of /src/b.go from +0x10 on,
 * which is main.cold inlined; line 12 of /src/a.go from +0x20 on, where the call is. main.after is
 * at [+0x60, +0x70), line 20. Between them is nothing.
 */
#pragma once

#include "profiler/base/buf.h"
#include "symbolizer/go_table.h"

#define MAKE_GO_TEXT	0x401000u
#define MAKE_GO_TREE_AT 0x500000u /* in GO_1_16, which has pointers */

struct make_go {
	struct buf table;
	struct buf tree;
};

void make_go(enum go_version version, struct make_go *ret);
void make_go_done(struct make_go *m);
