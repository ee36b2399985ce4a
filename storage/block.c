/*
 * The samples of a time range in memory: adding, sorting, coarsening; see block.h. block_code.c
 * has the bytes.
 */
#include "storage/block.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ELEMENTS 256

void block_done(struct block *b)
{
	free(b->samples);
	free(b->losses);
	free(b->reasons);
	*b = (struct block){};
}

void block_clear(struct block *b)
{
	b->n_samples = 0;
	b->n_losses = 0;
	b->n_reasons = 0;
}

static int reserve(void *array, uint32_t *cap, uint64_t want, size_t size, uint32_t max)
{
	void **at = (void **)array;
	uint64_t next = *cap ? *cap : FIRST_ELEMENTS;
	void *bigger;

	if (want > max)
		return -E2BIG;
	if (want <= *cap)
		return 0;
	while (next < want)
		next *= 2;
	bigger = realloc(*at, next * size);
	if (!bigger)
		return -ENOMEM;
	*at = bigger;
	*cap = (uint32_t)next;
	return 0;
}

int block_reserve(struct block *b, uint64_t n_samples, uint64_t n_losses)
{
	int r = reserve(&b->samples, &b->cap_samples, n_samples, sizeof(*b->samples),
			BLOCK_SAMPLES_MAX);

	if (r < 0)
		return r;
	return reserve(&b->losses, &b->cap_losses, n_losses, sizeof(*b->losses), BLOCK_LOSSES_MAX);
}

int block_add(struct block *b, const struct block_sample *s)
{
	int r = block_reserve(b, (uint64_t)b->n_samples + 1, 0);

	if (r < 0)
		return r;
	b->samples[b->n_samples++] = *s;
	return 0;
}

static int find_reason(struct block *b, const char *reason, uint32_t *ret)
{
	char(*more)[BLOCK_REASON_BYTES_MAX];

	for (uint32_t i = 0; i < b->n_reasons; i++) {
		if (!strncmp(b->reasons[i], reason, BLOCK_REASON_BYTES_MAX - 1)) {
			*ret = i;
			return 0;
		}
	}
	if (b->n_reasons >= BLOCK_REASONS_MAX)
		return -E2BIG;
	more = realloc(b->reasons, (b->n_reasons + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	b->reasons = more;
	memset(more[b->n_reasons], 0, sizeof(*more));
	memcpy(more[b->n_reasons], reason, strnlen(reason, BLOCK_REASON_BYTES_MAX - 1));
	*ret = b->n_reasons++;
	return 0;
}

int block_add_loss(struct block *b, uint64_t time_ms, const char *reason, uint64_t count)
{
	uint32_t which;
	int r = block_reserve(b, 0, (uint64_t)b->n_losses + 1);

	if (r < 0)
		return r;
	r = find_reason(b, reason, &which);
	if (r < 0)
		return r;
	b->losses[b->n_losses++] =
		(struct block_loss){.time_ms = time_ms, .count = count, .reason = which};
	return 0;
}

int block_append(struct block *into, const struct block *from)
{
	uint32_t n_samples = into->n_samples, n_losses = into->n_losses;
	int r = block_reserve(into, (uint64_t)n_samples + from->n_samples,
			      (uint64_t)n_losses + from->n_losses);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < from->n_losses; i++) {
		const struct block_loss *l = &from->losses[i];

		r = block_add_loss(into, l->time_ms, from->reasons[l->reason], l->count);
		if (r < 0) {
			into->n_losses = n_losses;
			return r;
		}
	}
	if (from->n_samples)
		memcpy(into->samples + n_samples, from->samples,
		       from->n_samples * sizeof(*from->samples));
	into->n_samples += from->n_samples;
	return 0;
}

void block_coarsen(struct block *b, uint64_t resolution_ms)
{
	for (uint32_t i = 0; i < b->n_samples; i++)
		b->samples[i].time_ms -= b->samples[i].time_ms % resolution_ms;
	for (uint32_t i = 0; i < b->n_losses; i++)
		b->losses[i].time_ms -= b->losses[i].time_ms % resolution_ms;
}

void block_span(const struct block *b, uint64_t *ret_from_ms, uint64_t *ret_until_ms)
{
	uint64_t from = UINT64_MAX, until = 0;

	for (uint32_t i = 0; i < b->n_samples; i++) {
		from = b->samples[i].time_ms < from ? b->samples[i].time_ms : from;
		until = b->samples[i].time_ms >= until ? b->samples[i].time_ms + 1 : until;
	}
	for (uint32_t i = 0; i < b->n_losses; i++) {
		from = b->losses[i].time_ms < from ? b->losses[i].time_ms : from;
		until = b->losses[i].time_ms >= until ? b->losses[i].time_ms + 1 : until;
	}
	*ret_from_ms = until ? from : 0;
	*ret_until_ms = until;
}

uint64_t block_count(const struct block *b)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < b->n_samples; i++)
		sum += b->samples[i].count;
	return sum;
}

/* ---- order ---- */

static int compare_samples(const struct block_sample *a, const struct block_sample *b)
{
	if (a->class != b->class)
		return a->class < b->class ? -1 : 1;
	if (a->labels != b->labels)
		return a->labels < b->labels ? -1 : 1;
	if (a->time_ms != b->time_ms)
		return a->time_ms < b->time_ms ? -1 : 1;
	if (a->stack != b->stack)
		return a->stack < b->stack ? -1 : 1;
	return 0;
}

/* The end of the ascending run that begins at i. */
static uint32_t run_end(const struct block_sample *s, uint32_t i, uint32_t n)
{
	while (++i < n && compare_samples(&s[i - 1], &s[i]) <= 0)
		;
	return i;
}

static void merge_runs(const struct block_sample *from, uint32_t a, uint32_t middle, uint32_t end,
		       struct block_sample *to)
{
	uint32_t b = middle;

	while (a < middle && b < end)
		*to++ = compare_samples(&from[a], &from[b]) <= 0 ? from[a++] : from[b++];
	while (a < middle)
		*to++ = from[a++];
	while (b < end)
		*to++ = from[b++];
}

/* One pass of a natural merge sort: pairs of runs become one. Returns the number of runs left. */
static uint32_t merge_pass(const struct block_sample *from, uint32_t n, struct block_sample *to)
{
	uint32_t runs = 0, end;

	for (uint32_t at = 0; at < n; at = end, runs++) {
		uint32_t middle = run_end(from, at, n);

		end = middle < n ? run_end(from, middle, n) : n;
		merge_runs(from, at, middle, end, to + at);
	}
	return runs;
}

static void add_up_equals(struct block *b)
{
	uint32_t kept = 0;

	for (uint32_t i = 1; i < b->n_samples; i++) {
		if (compare_samples(&b->samples[kept], &b->samples[i]) == 0)
			b->samples[kept].count += b->samples[i].count;
		else
			b->samples[++kept] = b->samples[i];
	}
	b->n_samples = kept + 1;
}

static int compare_losses(const void *a, const void *b)
{
	const struct block_loss *x = (const struct block_loss *)a,
				*y = (const struct block_loss *)b;

	if (x->reason != y->reason)
		return x->reason < y->reason ? -1 : 1;
	return (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms);
}

static void sort_losses(struct block *b)
{
	uint32_t kept = 0;

	if (!b->n_losses)
		return;
	qsort(b->losses, b->n_losses, sizeof(*b->losses), compare_losses);
	for (uint32_t i = 1; i < b->n_losses; i++) {
		if (compare_losses(&b->losses[kept], &b->losses[i]) == 0)
			b->losses[kept].count += b->losses[i].count;
		else
			b->losses[++kept] = b->losses[i];
	}
	b->n_losses = kept + 1;
}

int block_sort(struct block *b)
{
	_cleanup_free_ struct block_sample *other = NULL;

	sort_losses(b);
	if (!b->n_samples)
		return 0;
	if (run_end(b->samples, 0, b->n_samples) < b->n_samples) {
		uint32_t runs;

		other = malloc(b->cap_samples * sizeof(*other));
		if (!other)
			return -ENOMEM;
		do {
			struct block_sample *sorted = other;

			runs = merge_pass(b->samples, b->n_samples, other);
			other = b->samples;
			b->samples = sorted;
		} while (runs > 1);
	}
	add_up_equals(b);
	return 0;
}
