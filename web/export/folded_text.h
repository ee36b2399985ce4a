/*
 * Frames and labels as the folded format writes them (DESIGN, formats of our own), shared with
 * `samples`.
 *
 * The text of a location (its inline chain, outermost first) is made once and kept for the life of
 * the names.
 */
#pragma once

#include "profiler/base/buf.h"
#include "web/export/rows.h"

struct folded_slice {
	size_t at, len; /* len 0: not made yet (a frame is never empty) */
};

struct folded_names {
	const struct profile *p;
	struct folded_slice *slice; /* by location */
	struct buf text;
	struct export_path path;
};

int folded_names_init(struct folded_names *n, const struct profile *p);
void folded_names_done(struct folded_names *n);

/* `;` becomes `:`, a control character or a line separator `?`, what is not UTF-8 U+FFFD. */
void folded_add_name(struct buf *out, const char *name);

/* As a name, and a space becomes `_`; a missing label is `-`. */
void folded_add_label(struct buf *out, const char *value);

/*
 * The frames of a stack, root first, joined by `;`, with `[incomplete: REASON]` first where reason
 * (a string of the profile) is not EXPORT_COMPLETE. A separator is put before them if out is not at
 * `begin`. 0 or negative errno.
 */
int folded_add_stack(struct folded_names *n, uint32_t stack, uint32_t reason, size_t begin,
		     struct buf *out);
