/* Lists of lines, searched by halves; jit_lines.h is the contract. */
#include "symbolizer/jit_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 64

void jit_lines_begin(struct jit_lines_draft *d, uint64_t code)
{
	d->code = code;
	d->n = 0;
	d->garbage = false;
}

int jit_lines_add(struct jit_lines_draft *d, uint64_t address, uint32_t line, uint32_t file)
{
	uint32_t last = d->n ? d->v[d->n - 1].offset : 0;

	if (address < d->code || address - d->code > UINT32_MAX || address - d->code < last) {
		d->garbage = true;
		return 0;
	}
	if (d->n == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : FIRST;
		struct jit_line *more = reallocarray(d->v, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		d->v = more;
		d->cap = cap;
	}
	d->v[d->n++] = (struct jit_line){(uint32_t)(address - d->code), line, file};
	return 0;
}

void jit_lines_done(struct jit_lines_draft *d)
{
	free(d->v);
	*d = (struct jit_lines_draft){};
}

int jit_lines_make(struct jit_lines_draft *d, uint64_t size, struct jit_lines **ret)
{
	struct jit_lines *l;
	size_t n = d->n;

	d->n = 0;
	if (d->garbage || (n && d->v[n - 1].offset > size + JIT_LINES_HEADER_BYTES))
		return -EBADMSG;
	l = malloc(sizeof(*l) + n * sizeof(l->line[0]));
	if (!l)
		return -ENOMEM;
	l->n = n;
	memcpy(l->line, d->v, n * sizeof(l->line[0]));
	*ret = l;
	return 0;
}

size_t jit_lines_bytes(const struct jit_lines *l)
{
	return l ? sizeof(*l) + l->n * sizeof(l->line[0]) : 0;
}

const struct jit_line *jit_lines_find(const struct jit_lines *l, uint64_t offset)
{
	size_t low = 0, high = l ? l->n : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (l->line[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &l->line[low - 1] : NULL;
}
