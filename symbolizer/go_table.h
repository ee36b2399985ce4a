/*
 * Go's own table of functions, .gopclntab, of Go 1.16 and later: functions by address, files,
 * lines, and what was inlined. Every Go program has it, stripped ones too, for its stack traces.
 * Pure over spans: nothing is copied, every offset is checked where it is followed.
 *
 * (The layout is that of Go's runtime package; it has changed twice since: a magic number tells.)
 */
#pragma once

#include "symbolizer/module.h"

enum go_version {
	GO_1_16, /* functions by address, trees by pointer */
	GO_1_18, /* both by offsets from text and gofunc */
	GO_1_20, /* inlined calls without file and line of their own */
};

struct go_table {
	enum go_version version;
	unsigned int pointer_bytes; /* 4 or 8 */
	unsigned int quantum; /* of instructions */
	uint64_t n_functions;
	uint64_t text; /* what entries are counted from: 0 in GO_1_16 */
	struct span names, units, files, values, functions;
};

/* What stands in the table's head, for go_module.c, which finds the rest by it. */
struct go_header {
	struct go_table table; /* text is not set */
	uint64_t names_at; /* of the function names, from the table's start */
};

/* False: not a table of these versions in this machine's byte order, or one that is cut. */
bool go_header_parse(struct span bytes, struct go_header *ret);

struct go_function {
	uint64_t entry; /* address */
	uint64_t end; /* the next one's entry */
	int32_t name; /* for go_table_name() */
	uint32_t files, lines; /* for go_table_value() */
	uint32_t unit;
	uint32_t inlined; /* likewise, of the node of its tree; 0: nothing is inlined */
	uint64_t tree; /* its inline tree: an address in GO_1_16, else an offset from gofunc */
	bool has_tree;
};

/* The function over an address. False: none. */
bool go_table_find(const struct go_table *t, uint64_t address, struct go_function *ret);

/* The value at an address of f that the list at an offset gives. False: the list ends before. */
bool go_table_value(const struct go_table *t, const struct go_function *f, uint32_t list,
		    uint64_t address, int32_t *ret);

/* Its length, or -1. */
ptrdiff_t go_table_name(const struct go_table *t, int32_t name, const char **ret);
ptrdiff_t go_table_file(const struct go_table *t, const struct go_function *f, int32_t file,
			const char **ret);

/* A node of the inline tree that stands at tree. False: past its end. */
struct go_inlined {
	int32_t name;
	uint32_t call; /* from the function's entry: code that has the place of the call */
};
bool go_table_inlined(const struct go_table *t, struct span tree, int32_t node,
		      struct go_inlined *ret);
