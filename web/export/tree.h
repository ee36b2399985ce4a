/*
 * The call tree of one profile, or of two over each other: root, labels (comm where nothing else
 * is asked for), frames from the outermost to the innermost.
 *
 * Nodes are made while profiles are added and put into preorder once. Nothing recurses: a stack may
 * be as deep as it likes.
 */
#pragma once

#include "web/export/frames.h"
#include "web/export/rows.h"

enum tree_side { TREE_NOW, TREE_BASE, TREE_SIDES };

struct tree_node {
	uint32_t parent; /* smaller than its own number; the root's is 0 */
	uint32_t frame;
	uint32_t first_child, next; /* private to tree.c: its first children as a list */
	uint32_t n_children;
	uint64_t self[TREE_SIDES];
	uint64_t total[TREE_SIDES]; /* after tree_order() */
};

struct tree {
	struct frames frames;
	struct tree_node *node; /* [0] is the root, frame 0, "all" */
	uint32_t n, cap;
	struct idmap index; /* of the children that are in no list */
	/*
	 * after tree_order(): nodes in preorder, children by total, largest first; and their depths
	 */
	uint32_t *order;
	uint32_t *depth;
	uint32_t n_ordered; /* in both: n, or less after tree_prune() */
	uint64_t *own; /* by frame, after tree_prune(): its samples; NULL: every node is there */
};

int tree_init(struct tree *t);
void tree_done(struct tree *t);

/*
 * Add the samples of p to one side, below the values of the labels by (NULL-terminated names; NULL
 * or none: comm). 0 or negative errno.
 */
int tree_add(struct tree *t, const struct profile *p, const struct export_rows *rows,
	     const char *const *by, enum tree_side side);

/* Totals and preorder; ties go by the base's total, then by name. */
int tree_order(struct tree *t);

/*
 * Leave in the order what a screen can show that tells `parts` positions apart: of siblings with
 * less than 1/parts of all samples the first stands for all of them and for what is below. Nodes
 * keep their totals. Where any is left out the frames become those that are used, with name, object
 * and kind alone; those that are not, and have samples, become one without a name for each object
 * and kind. After tree_order(), of a tree with one side. 0 or -ENOMEM.
 */
int tree_prune(struct tree *t, uint64_t parts);
