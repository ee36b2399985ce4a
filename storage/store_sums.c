/* Sums over blocks; see store_sums.h. */
#include "storage/store_sums.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STACKS_MAX (1u << 24) /* of a block that is added up: its counts are 128 MB at most */

/* ---- which blocks ---- */

static size_t find_first(const struct db_block_list *l, uint64_t first)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (l->blocks[middle].first < first)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool are_alike(const struct db_block *a, const struct db_block *b)
{
	return a->period_ns == b->period_ns && !strcmp(a->type, b->type);
}

bool store_sums_cover(const struct db_block_list *l, const struct db_chunk *sums, size_t *ret_from,
		      size_t *ret_until)
{
	size_t from = find_first(l, sums->first), at = from;
	uint64_t next = sums->first;

	for (; at < l->n && next <= sums->last; at++) {
		const struct db_block *b = &l->blocks[at];

		if (b->first != next || b->level == DB_DROPPED || b->epoch != sums->epoch ||
		    !are_alike(b, &l->blocks[from]))
			return false;
		next = b->last + 1;
	}
	if (next != sums->last + 1)
		return false;
	*ret_from = from;
	*ret_until = at;
	return true;
}

/* ---- adding up ---- */

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* One class: counts of its stacks, and out with them in their order; count is all 0 again. */
static int add_up_class(const struct block_sample *s, uint32_t n, uint64_t time_ms, uint64_t *count,
			uint32_t *touched, struct block *ret)
{
	uint32_t n_touched = 0;
	int r = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (!count[s[i].stack])
			touched[n_touched++] = s[i].stack;
		count[s[i].stack] += s[i].count;
	}
	qsort(touched, n_touched, sizeof(*touched), compare_u32);
	for (uint32_t i = 0; i < n_touched; i++) {
		struct block_sample sum = {.time_ms = time_ms,
					   .count = count[touched[i]],
					   .stack = touched[i],
					   .labels = s->class,
					   .class = s->class};

		count[touched[i]] = 0;
		if (r >= 0)
			r = block_add(ret, &sum);
	}
	return r;
}

static uint32_t stacks_end(const struct block *b)
{
	uint32_t end = 0;

	for (uint32_t i = 0; i < b->n_samples; i++)
		end = b->samples[i].stack >= end ? b->samples[i].stack + 1 : end;
	return end;
}

static int add_up_losses(const struct block *b, uint64_t time_ms, struct block *ret)
{
	uint64_t count[BLOCK_REASONS_MAX] = {};
	int r = 0;

	for (uint32_t i = 0; i < b->n_losses; i++)
		count[b->losses[i].reason] += b->losses[i].count;
	for (uint32_t i = 0; i < b->n_reasons && r >= 0; i++)
		if (count[i])
			r = block_add_loss(ret, time_ms, b->reasons[i], count[i]);
	return r;
}

int store_sums_of_block(const struct block *b, uint64_t time_ms, struct block *ret)
{
	const struct block_sample *s = b->samples;
	uint32_t end = stacks_end(b), until;
	_cleanup_free_ uint64_t *count = NULL;
	_cleanup_free_ uint32_t *touched = NULL;
	int r = 0;

	if (end > STACKS_MAX)
		return -E2BIG;
	count = calloc((size_t)end + 1, sizeof(*count));
	touched = malloc(((size_t)end + 1) * sizeof(*touched));
	if (!count || !touched)
		return -ENOMEM;
	for (uint32_t from = 0; from < b->n_samples && r >= 0; from = until) {
		for (until = from; until < b->n_samples && s[until].class == s[from].class; until++)
			;
		r = add_up_class(s + from, until - from, time_ms, count, touched, ret);
	}
	return r < 0 ? r : add_up_losses(b, time_ms, ret);
}

/* ---- what they know ---- */

const char *const store_sums_labels[] = {"comm", "exe", NULL};

bool store_sums_know(const char *const *by)
{
	for (; by && *by; by++) {
		const char *const *name = store_sums_labels;

		while (*name && strcmp(*name, *by))
			name++;
		if (!*name)
			return false;
	}
	return by != NULL;
}
