/* FDEs sorted by their start; see cfi_index.h. The order is an array of numbers beside them. */
#include "symbolizer/unwind/cfi_index.h"

#include "symbolizer/unwind/entry.h"

#include <errno.h>
#include <stdlib.h>

/* Overlaps deeper than this are corrupt; looking through them all would take time. */
#define LOOK_BACK 8

static int by_start(const void *pa, const void *pb, void *arg)
{
	const struct cfi_fde *fdes = arg;
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	if (fdes[a].start != fdes[b].start)
		return fdes[a].start < fdes[b].start ? -1 : 1;
	/* The one that stands first is looked at first, which is backwards. */
	return a > b ? -1 : a < b;
}

static int read_all(const struct elf_image *image, struct cfi_index *x)
{
	int r = unwind_find_cfi(image, NULL, &x->sections);

	for (size_t i = 0; r == 0 && i < x->sections.n; i++)
		r = cfi_entries_read(&x->sections.v[i], &x->entries);
	return r;
}

static int order(struct cfi_index *x)
{
	x->by_start = malloc((x->entries.n_fdes + 1) * sizeof(*x->by_start));
	if (!x->by_start)
		return -ENOMEM;
	for (size_t i = 0; i < x->entries.n_fdes; i++)
		if (x->entries.fdes[i].start < x->entries.fdes[i].end)
			x->by_start[x->n++] = (uint32_t)i;
	qsort_r(x->by_start, x->n, sizeof(*x->by_start), by_start, x->entries.fdes);
	return 0;
}

int cfi_index_build(const struct elf_image *image, struct cfi_index *ret)
{
	int r;

	*ret = (struct cfi_index){};
	r = read_all(image, ret);
	if (r == 0)
		r = order(ret);
	if (r < 0) {
		cfi_index_done(ret);
		return r;
	}
	if (!unwind_entry_find(image, &ret->entries, &ret->entry_start, &ret->entry_end))
		ret->entry_start = ret->entry_end = 0;
	return 0;
}

void cfi_index_done(struct cfi_index *x)
{
	free(x->by_start);
	cfi_entries_done(&x->entries);
	unwind_find_done(&x->sections);
	*x = (struct cfi_index){};
}

const struct cfi_fde *cfi_index_find(const struct cfi_index *x, uint64_t address)
{
	size_t low = 0, high = x->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (x->entries.fdes[x->by_start[middle]].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i > 0 && low - i < LOOK_BACK; i--) {
		const struct cfi_fde *fde = &x->entries.fdes[x->by_start[i - 1]];

		if (address < fde->end)
			return fde;
	}
	return NULL;
}

bool cfi_index_is_entry(const struct cfi_index *x, uint64_t address)
{
	return address >= x->entry_start && address < x->entry_end;
}
