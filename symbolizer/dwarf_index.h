/*
 * What is kept of a unit that was asked about: its functions by address, its line checkpoints,
 * and the inline trees of those functions that an address fell into. Each is built on first touch
 * and dropped by the budget.
 *
 * A name may stand entries away, in other units after LTO: it is sought when the first answer needs
 * it, and its number kept.
 */
#pragma once

#include "symbolizer/dwarf_line.h"
#include "symbolizer/dwarf_unit.h"

#define NODE_NONE UINT32_MAX

/* Numbers that are no name's: not sought yet, and sought in vain. */
#define NODE_UNNAMED  UINT32_MAX
#define NODE_NAMELESS (UINT32_MAX - 1)

struct inline_node {
	uint32_t entry; /* from the unit's start */
	/* The node it was inlined into, less than its own number; NODE_NONE for the function. */
	uint32_t parent;
	uint32_t name; /* a number of names_get() */
	uint32_t call_file;
	uint32_t call_line;
	uint16_t call_column;
	bool exact; /* the name is a linkage name */
};

struct inline_tree {
	struct budget_item item;
	struct dwarf_function *owner;
	struct inline_node *nodes; /* [0] is the function */
	size_t n_nodes;
	struct segment *segments; /* ids are nodes */
	size_t n_segments;
	uint32_t epoch; /* of the names */
};

struct dwarf_function {
	uint32_t entry;
	struct inline_tree *tree; /* NULL until needed */
};

struct dwarf_index {
	struct budget_item item;
	struct dwarf_file *file;
	struct dwarf_unit *unit;
	struct dwarf_function *functions;
	size_t n_functions;
	struct segment *segments; /* ids are functions */
	size_t n_segments;
	struct line_index lines; /* n 0: none */
};

/*
 * The index of u, built where it is not there. -EBADMSG: the unit is corrupt, -EFBIG: it would
 * take more than bytes_max, -ENOMEM. It lives until the budget is trimmed.
 */
int dwarf_index_get(struct dwarf_file *f, struct dwarf_unit *u, size_t bytes_max,
		    struct dwarf_index **ret);

/* Drop the index of u, if it has one. */
void dwarf_index_drop(struct dwarf_file *f, struct dwarf_unit *u);

/* The function over an address, or NULL. */
struct dwarf_function *dwarf_index_function(struct dwarf_index *x, uint64_t address);

/* Its inline tree, likewise. */
int dwarf_tree_get(struct dwarf_index *x, struct dwarf_function *function, size_t bytes_max,
		   struct inline_tree **ret);
/* The innermost node over an address: 0 where nothing is inlined there. */
uint32_t dwarf_tree_find(const struct dwarf_index *x, const struct inline_tree *t,
			 uint64_t address);
