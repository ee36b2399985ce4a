/*
 * The functions of a profile: their own samples and those of all that they call, recursion counted
 * once.
 *
 * A row is a function of an object; its inlined and its own copies are one row.
 */
#pragma once

#include "web/export/rows.h"
#include "web/export/tree.h"

struct top_row {
	uint32_t name, object; /* strings of the tree */
	uint64_t self, total;
	uint32_t active; /* how often it is on the path that is being walked */
};

struct top {
	struct export_rows samples;
	struct tree tree;
	struct top_row *row; /* most of its own first */
	uint32_t n;
	uint32_t *row_of; /* by frame: row + 1; 0 for what is no code */
	uint32_t *path; /* rows + 1 from the root to where the walk is */
};

/* 0 or -ENOMEM; top_done() in either case. p must live as long. */
int top_init(struct top *t, const struct profile *p);
void top_done(struct top *t);

/* Borrowed. */
const char *top_name(const struct top *t, uint32_t row);
const char *top_object(const struct top *t, uint32_t row); /* its path */
