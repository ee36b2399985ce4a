/* Holes between marks, and before and behind them in executable segments; see holes.h. */
#include "symbolizer/unwind/holes.h"

#include "profiler/base/cleanup.h"
#include "symbolizer/unwind/derive.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FOUND_FIRST 64

struct filling {
	const struct holes *holes;
	const struct unwind_mark *marks;
	size_t n_marks;
	struct unwind_mark *found;
	size_t n_found, cap_found;
	size_t bytes_left; /* of what is read at all */
	const struct elf_segment *segment; /* of the hole at hand */
	uint32_t start; /* its offset in the file */
};

/* The rule that marks have at an offset of the file. */
static const struct unwind_rule *rule_at(const struct filling *f, uint64_t offset)
{
	size_t low = 0, high = f->n_marks;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (f->marks[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return &f->holes->rules->v[low ? f->marks[low - 1].rule : UNWIND_RULE_HOLE];
}

static bool is_rule(void *ctx, uint64_t address, const struct unwind_rule *rule)
{
	const struct filling *f = ctx;
	const struct elf_segment *s = f->segment;
	const struct unwind_rule *there;

	if (address < s->address || address - s->address >= s->file_bytes)
		return false;
	there = rule_at(f, s->offset + (address - s->address));
	if (there->kind == UNWIND_KIND_PLT)
		return rule->cfa_offset == 8 && !rule->anchor && rule->fp == UNWIND_SAME &&
		       (address & 15) < (uint64_t)there->cfa_offset;
	return memcmp(there, rule, sizeof(*rule)) == 0;
}

static int take(void *ctx, size_t at, const struct unwind_rule *rule)
{
	struct filling *f = ctx;
	int number = rule ? unwind_rules_add(f->holes->rules, rule) : UNWIND_RULE_HOLE;

	if (number < 0)
		return number;
	if (f->n_found == f->cap_found) {
		size_t cap = f->cap_found ? f->cap_found * 2 : FOUND_FIRST;
		struct unwind_mark *more = realloc(f->found, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		f->found = more;
		f->cap_found = cap;
	}
	f->found[f->n_found++] =
		(struct unwind_mark){.offset = f->start + (uint32_t)at, .rule = (uint32_t)number};
	*f->holes->n_derived += number != UNWIND_RULE_HOLE;
	return 0;
}

/* [start, end) of the file, in one segment. */
static int fill(struct filling *f, struct code_steps *steps, uint64_t start, uint64_t end)
{
	struct derive hole = {
		.code = f->holes->image->data + start,
		.bytes = end - start,
		.address = f->segment->address + (start - f->segment->offset),
		.is_rule = is_rule,
		.take = take,
		.ctx = f,
	};

	if (hole.bytes < HOLES_BYTES_MIN || hole.bytes > DERIVE_BYTES_MAX ||
	    hole.bytes > f->bytes_left)
		return 0;
	f->bytes_left -= hole.bytes;
	f->start = (uint32_t)start;
	return derive_rules(&hole, steps);
}

/* The holes of one segment. *at is the first mark that may lie in it. */
static int fill_segment(struct filling *f, struct code_steps *steps, size_t *at)
{
	const struct elf_segment *s = f->segment;
	uint64_t end = s->offset + s->file_bytes, hole = s->offset;
	size_t i = *at;
	int r = 0;

	while (i < f->n_marks && f->marks[i].offset < s->offset)
		i++;
	for (; i < f->n_marks && f->marks[i].offset < end && r == 0; i++) {
		bool begins = f->marks[i].rule == UNWIND_RULE_HOLE;

		if (!begins && hole < f->marks[i].offset)
			r = fill(f, steps, hole, f->marks[i].offset);
		hole = begins ? f->marks[i].offset : end;
	}
	*at = i;
	return r == 0 && hole < end ? fill(f, steps, hole, end) : r;
}

static int fill_all(struct filling *f, struct code_steps *steps)
{
	const struct elf_image *image = f->holes->image;
	size_t at = 0;
	int r = 0;

	for (size_t i = 0; i < image->n_segments && r == 0; i++) {
		f->segment = &image->segments[i];
		/* In the order of the file, as linkers write them; offsets of marks are 32 bits. */
		if (f->segment->type == PT_LOAD && (f->segment->flags & PF_X) &&
		    f->segment->offset + f->segment->file_bytes <= UINT32_MAX)
			r = fill_segment(f, steps, &at);
	}
	return r;
}

/* Both are sorted; of marks at one offset the found one is behind the other, and counts. */
static void merge(const struct filling *f, struct unwind_mark *to)
{
	size_t a = 0, b = 0;

	while (a < f->n_marks || b < f->n_found) {
		bool is_mark = b == f->n_found ||
			       (a < f->n_marks && f->marks[a].offset <= f->found[b].offset);

		*to++ = is_mark ? f->marks[a++] : f->found[b++];
	}
}

int unwind_holes_fill(const struct holes *holes, struct unwind_mark *v, size_t n,
		      struct unwind_mark **ret_v, size_t *ret_n)
{
	struct filling f = {
		.holes = holes, .marks = v, .n_marks = n, .bytes_left = HOLES_BYTES_MAX};
	struct unwind_mark *merged = NULL;
	struct code_steps *steps;
	int r = code_steps_open(holes->disassembler, &steps);

	if (r < 0)
		return r;
	r = fill_all(&f, steps);
	code_steps_close(steps);
	if (r == 0 && f.n_found) {
		merged = malloc((n + f.n_found) * sizeof(*merged));
		r = merged ? 0 : -ENOMEM;
	}
	if (merged) {
		merge(&f, merged);
		free(v);
		*ret_v = merged;
		*ret_n = unwind_reduce(merged, n + f.n_found);
	}
	free(f.found);
	return r;
}
