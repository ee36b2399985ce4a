/* A walk over all ways through a function; see derive.h. follow() is one instruction. */
#include "symbolizer/unwind/derive.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORD	  8
#define DWARF_RSP 7
#define WORDS_MAX 4095 /* a frame of 32 KB */
#define CALLED	  1 /* the depth behind a call: its return address */

/* In words below the CFA; all 0: nobody was here. */
struct frame {
	uint16_t depth; /* the stack pointer */
	uint16_t fp, anchor; /* where they are saved; 0: the caller's values are in them */
	uint16_t frame; /* the frame pointer's own value; 0: some number */
};

struct walk {
	const struct derive *hole;
	struct code_steps *steps;
	struct frame *frame; /* before the instruction at each byte */
	uint8_t *length; /* of the instruction that begins there */
	uint32_t *todo; /* where instructions have their frame and are not yet read */
	size_t n_todo;
	uint32_t *visited; /* by the function at hand */
	size_t n_visited;
	bool is_proven; /* the function at hand gives the stack back as it was called with it */
	bool is_torn; /* two ways to one instruction differ: nobody knows which is right */
};

/* Whether a function may go on by itself, or has what it was called with. */
static bool is_as_called(const struct frame *f)
{
	return f->depth == CALLED && !f->fp && !f->anchor;
}

static struct unwind_rule rule_of(const struct frame *f)
{
	unsigned int anchor =
		f->anchor > UNWIND_ANCHOR_WORDS_MAX ? UNWIND_ANCHOR_UNKNOWN : f->anchor;

	return (struct unwind_rule){
		.kind = UNWIND_KIND_CFA,
		.base = DWARF_RSP,
		.fp = f->fp ? UNWIND_AT_CFA : UNWIND_SAME,
		.anchor = anchor & UNWIND_ANCHOR_UNKNOWN,
		.ra = UNWIND_AT_CFA,
		.cfa_offset = WORD * f->depth,
		.fp_offset = (int16_t)(-WORD * f->fp),
		.ra_offset = -WORD,
	};
}

/* ---- one instruction ---- */

static bool move(struct frame *f, const struct code_step *step)
{
	int32_t words = step->amount / WORD;
	int64_t depth = (int64_t)(step->stack == CODE_SP_FROM_FP ? f->frame : f->depth) - words;

	if (step->stack == CODE_SP_LOST || step->amount % WORD != 0 ||
	    (step->stack == CODE_SP_FROM_FP && !f->frame) || depth < CALLED || depth > WORDS_MAX)
		return false;
	f->depth = (uint16_t)depth;
	return true;
}

/* A register that was popped from words below the CFA: its caller's value, or it was saved. */
static bool restore(uint16_t *saved, unsigned int from)
{
	if (!*saved)
		return false;
	if (*saved == from)
		*saved = 0;
	return true;
}

/* What holds behind an instruction. False: not known. */
static bool follow(struct frame *f, const struct code_step *step)
{
	struct frame before = *f;
	unsigned int popped_from;

	if (!move(f, step))
		return false;
	popped_from = f->depth + 1u;
	if (step->pushes == CODE_FP && !f->fp)
		f->fp = f->depth;
	if (step->pushes == CODE_ANCHOR && !f->anchor)
		f->anchor = f->depth;
	if (step->pops == CODE_FP && !restore(&f->fp, popped_from))
		return false;
	if (step->pops == CODE_ANCHOR && !restore(&f->anchor, popped_from))
		return false;
	if (((step->writes & CODE_FP) && !f->fp) || ((step->writes & CODE_ANCHOR) && !f->anchor))
		return false;
	if (step->fp_is_sp)
		f->frame = before.depth;
	else if ((step->writes | step->pops) & CODE_FP)
		f->frame = 0;
	/* What was saved is still there. */
	return f->fp <= f->depth && f->anchor <= f->depth;
}

/* ---- one function ---- */

/* The frame f at an address. False: it does not fit. */
static bool reach(struct walk *w, uint64_t address, const struct frame *f)
{
	uint64_t at = address - w->hole->address;
	struct unwind_rule rule;

	if (at >= w->hole->bytes) {
		rule = rule_of(f);
		if (!w->hole->is_rule(w->hole->ctx, address, &rule))
			return false;
		w->is_proven = true;
		return true;
	}
	if (w->frame[at].depth) {
		w->is_torn |= memcmp(&w->frame[at], f, sizeof(*f)) != 0;
		return !w->is_torn;
	}
	w->frame[at] = *f;
	w->todo[w->n_todo++] = (uint32_t)at;
	return true;
}

/*
 * To the next instruction. No way leads out of a hole so, nor from a call into padding: there it
 * does not come back, and says nothing about the stack.
 */
static bool reach_next(struct walk *w, const struct code_step *step, uint64_t address,
		       const struct frame *f)
{
	const struct derive *hole = w->hole;
	size_t at = address - hole->address;
	struct code_step next;

	if (at >= hole->bytes)
		return false;
	if (step->is_call &&
	    (hole->code[at] == 0 ||
	     !code_steps_read(w->steps, hole->code + at, hole->bytes - at, address, &next) ||
	     next.is_padding))
		return false;
	return reach(w, address, f);
}

static bool leave(struct walk *w, const struct code_step *step, uint64_t next,
		  const struct frame *before, const struct frame *after)
{
	switch (step->flow) {
	case CODE_NEXT:
		return reach_next(w, step, next, after);
	case CODE_BRANCH:
		return reach_next(w, step, next, after) && reach(w, step->target, after);
	case CODE_JUMP:
		return reach(w, step->target, after);
	case CODE_JUMP_AWAY:
	case CODE_RETURN:
		w->is_proven |= is_as_called(before);
		return is_as_called(before);
	case CODE_STOP:
		return true;
	}
	return false;
}

static bool visit(struct walk *w, uint32_t at)
{
	const struct derive *hole = w->hole;
	struct frame after = w->frame[at];
	struct code_step step;

	if (!code_steps_read(w->steps, hole->code + at, hole->bytes - at, hole->address + at,
			     &step))
		return false;
	w->length[at] = step.bytes;
	w->visited[w->n_visited++] = at;
	return follow(&after, &step) &&
	       leave(w, &step, hole->address + at + step.bytes, &w->frame[at], &after);
}

static bool walk_function(struct walk *w, size_t start)
{
	const struct frame called = {.depth = CALLED};
	bool fits = reach(w, w->hole->address + start, &called);

	w->n_visited = 0;
	w->is_proven = false;
	while (fits && w->n_todo)
		fits = visit(w, w->todo[--w->n_todo]);
	return fits && w->is_proven;
}

/* Where all functions that fit are: up to the end, or to the first that does not. */
static void walk_hole(struct walk *w)
{
	const struct derive *hole = w->hole;
	size_t at = 0;

	while (at < hole->bytes) {
		struct code_step step;

		if (w->length[at]) {
			at += w->length[at];
		} else if (hole->code[at] == 0) {
			at++;
		} else if (!code_steps_read(w->steps, hole->code + at, hole->bytes - at,
					    hole->address + at, &step)) {
			return;
		} else if (step.is_padding) {
			at += step.bytes;
		} else if (!walk_function(w, at)) {
			for (size_t i = 0; i < w->n_visited; i++)
				w->length[w->visited[i]] = 0;
			if (w->is_torn)
				memset(w->length, 0, hole->bytes);
			return;
		}
	}
}

/* ---- all of them ---- */

static int tell(const struct walk *w)
{
	struct unwind_rule last = {}; /* a hole */
	size_t covered = 0;
	int r = 0;

	for (size_t at = 0; at < w->hole->bytes && r == 0; at++) {
		struct unwind_rule rule;

		if (!w->length[at])
			continue;
		if (at > covered && last.kind != UNWIND_KIND_HOLE) {
			last = (struct unwind_rule){};
			r = w->hole->take(w->hole->ctx, covered, NULL);
		}
		rule = rule_of(&w->frame[at]);
		if (r == 0 && memcmp(&rule, &last, sizeof(rule)) != 0)
			r = w->hole->take(w->hole->ctx, at, &rule);
		last = rule;
		if (at + w->length[at] > covered)
			covered = at + w->length[at];
	}
	if (r == 0 && covered < w->hole->bytes && last.kind != UNWIND_KIND_HOLE)
		r = w->hole->take(w->hole->ctx, covered, NULL);
	return r;
}

int derive_rules(const struct derive *hole, struct code_steps *steps)
{
	_cleanup_free_ struct frame *frame = calloc(hole->bytes, sizeof(*frame));
	_cleanup_free_ uint8_t *length = calloc(hole->bytes, sizeof(*length));
	/* Each byte is waited for once, and visited once. */
	_cleanup_free_ uint32_t *todo = calloc(hole->bytes, sizeof(*todo));
	_cleanup_free_ uint32_t *visited = calloc(hole->bytes, sizeof(*visited));
	struct walk w = {.hole = hole,
			 .steps = steps,
			 .frame = frame,
			 .length = length,
			 .todo = todo,
			 .visited = visited};

	if (!frame || !length || !todo || !visited)
		return -ENOMEM;
	walk_hole(&w);
	return tell(&w);
}
