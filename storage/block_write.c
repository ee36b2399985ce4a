/* Blocks into bytes: a pass over the sorted samples that feeds the columns; see block_columns.h. */
#include "storage/block_columns.h"

#include "profiler/base/cleanup.h"
#include "storage/column.h"
#include "storage/ranks.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define STACKS_DENSE 16 /* a sample: with smaller numbers, a table by number is small and fast */

struct writer {
	struct block_head head;
	struct ticks ticks;
	struct column columns[COLUMNS];
	struct ranks ranks;
	/*
	 * The distinct ones, sorted, and by their place there: the number in order of first use.
	 * NULL where stacks are dense enough to be their own places.
	 */
	uint32_t *stacks;
	uint32_t *local;
	uint32_t n_stacks;
	uint32_t last_stack, last_class, last_labels;
	uint64_t first_tick;
};

static void writer_done(struct writer *w)
{
	for (int i = 0; i < COLUMNS; i++)
		column_done(&w->columns[i]);
	ranks_done(&w->ranks);
	free(w->stacks);
	free(w->local);
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint32_t stacks_end(const struct block *b)
{
	uint32_t end = 0;

	for (uint32_t i = 0; i < b->n_samples; i++)
		end = b->samples[i].stack >= end ? b->samples[i].stack + 1 : end;
	return end;
}

static int sort_stacks(struct writer *w, const struct block *b)
{
	uint32_t n = 0;

	w->stacks = malloc(((size_t)b->n_samples + 1) * sizeof(*w->stacks));
	if (!w->stacks)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->n_samples; i++)
		if (i == 0 || b->samples[i].stack != b->samples[i - 1].stack)
			w->stacks[n++] = b->samples[i].stack;
	qsort(w->stacks, n, sizeof(*w->stacks), compare_u32);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || w->stacks[i] != w->stacks[i - 1])
			w->stacks[w->n_stacks++] = w->stacks[i];
	return 0;
}

static int writer_init(struct writer *w, const struct block *b, uint64_t tick_ns)
{
	int r = 0;

	for (int i = 0; i < COLUMNS; i++)
		column_init(&w->columns[i]);
	ticks_choose(&w->ticks, b, tick_ns);
	w->head.base_ms = w->ticks.base_ms;
	w->head.tick_ns = w->ticks.tick_ns;
	w->head.n_clocks = w->ticks.n_clocks;
	w->n_stacks = stacks_end(b);
	if (w->n_stacks / STACKS_DENSE > b->n_samples) {
		w->n_stacks = 0;
		r = sort_stacks(w, b);
	}
	if (r < 0)
		return r;
	w->local = malloc(((size_t)w->n_stacks + 1) * sizeof(*w->local));
	if (!w->local)
		return -ENOMEM;
	memset(w->local, 0xff, w->n_stacks * sizeof(*w->local));
	return ranks_init(&w->ranks, w->n_stacks < b->n_samples ? w->n_stacks : b->n_samples);
}

static uint32_t place_of(const struct writer *w, uint32_t stack)
{
	const uint32_t *at;

	if (!w->stacks)
		return stack;
	at = (const uint32_t *)bsearch(&stack, w->stacks, w->n_stacks, sizeof(stack), compare_u32);
	return (uint32_t)(at - w->stacks);
}

/*
 * The number of a stack in order of first use, given now if it has none; *ret_fresh is what the
 * reader needs to know it.
 */
static uint32_t local_stack(struct writer *w, uint32_t stack, uint64_t *ret_fresh)
{
	uint32_t *local = &w->local[place_of(w, stack)];

	*ret_fresh = 0;
	if (*local == UINT32_MAX) {
		*local = (uint32_t)w->head.n_stacks++;
		column_add_signed(&w->columns[COL_STACK], (int64_t)stack - w->last_stack);
		w->last_stack = stack;
	} else {
		*ret_fresh = w->head.n_stacks - *local;
	}
	return *local;
}

static void write_stack(struct writer *w, uint32_t stack)
{
	uint64_t fresh;
	uint32_t local = local_stack(w, stack, &fresh);
	uint32_t rank = ranks_of(&w->ranks, local);

	column_add(&w->columns[COL_RANK], rank);
	if (rank == 0) {
		column_add(&w->columns[COL_FRESH], fresh);
		w->head.n_fresh++;
	}
	ranks_add(&w->ranks, local);
}

/* The times of a group, as stretches of samples that are one tick apart. */
static void write_times(struct writer *w, const struct block_sample *s, uint32_t n)
{
	struct ticks_place last = ticks_place(&w->ticks, s[0].time_ms, NULL), at;
	uint64_t run = 0;

	column_add_signed(&w->columns[COL_START], (int64_t)(last.tick - w->first_tick));
	column_add(&w->columns[COL_CLOCK], last.clock);
	column_add_signed(&w->columns[COL_OFF], last.off_ms);
	w->first_tick = last.tick;
	w->head.n_stretches++;
	for (uint32_t i = 1; i < n; i++, last = at) {
		at = ticks_place(&w->ticks, s[i].time_ms, &last);
		column_add_signed(&w->columns[COL_OFF], at.off_ms);
		if (at.clock == last.clock && at.tick == last.tick + 1) {
			run++;
			continue;
		}
		column_add(&w->columns[COL_RUN], run);
		column_add_signed(&w->columns[COL_GAP], (int64_t)(at.tick - last.tick));
		column_add(&w->columns[COL_CLOCK], at.clock);
		w->head.n_stretches++;
		run = 0;
	}
	column_add(&w->columns[COL_RUN], run);
}

static void write_group(struct writer *w, const struct block_sample *s, uint32_t n)
{
	column_add_signed(&w->columns[COL_LABELS], (int64_t)s->labels - w->last_labels);
	column_add(&w->columns[COL_GROUP_SAMPLES], n - 1);
	w->last_labels = s->labels;
	w->head.n_groups++;
	write_times(w, s, n);
	for (uint32_t i = 0; i < n; i++)
		write_stack(w, s[i].stack);
}

static void write_class(struct writer *w, const struct block_sample *s, uint32_t n)
{
	uint64_t groups = w->head.n_groups;
	uint32_t end;

	column_add(&w->columns[COL_CLASS], s->class - w->last_class);
	w->last_class = s->class;
	w->head.n_classes++;
	ranks_reset(&w->ranks);
	for (uint32_t begin = 0; begin < n; begin = end) {
		for (end = begin; end < n && s[end].labels == s[begin].labels; end++)
			;
		write_group(w, s + begin, end - begin);
	}
	column_add(&w->columns[COL_CLASS_GROUPS], w->head.n_groups - groups - 1);
}

static void write_samples(struct writer *w, const struct block *b)
{
	const struct block_sample *s = b->samples;
	uint32_t end;

	for (uint32_t begin = 0; begin < b->n_samples; begin = end) {
		for (end = begin; end < b->n_samples && s[end].class == s[begin].class; end++)
			;
		write_class(w, s + begin, end - begin);
	}
	w->head.n_samples = b->n_samples;
}

static void write_counts(struct writer *w, const struct block *b)
{
	bool ones = true;

	for (uint32_t i = 0; i < b->n_samples && ones; i++)
		ones = b->samples[i].count == 1;
	if (ones)
		return;
	for (uint32_t i = 0; i < b->n_samples; i++)
		column_add(&w->columns[COL_COUNT], b->samples[i].count - 1);
	w->head.n_counts = b->n_samples;
}

static void write_losses(struct writer *w, const struct block *b)
{
	uint64_t last = w->head.base_ms;

	for (uint32_t i = 0; i < b->n_losses; i++) {
		column_add(&w->columns[COL_LOSS_REASON], b->losses[i].reason);
		column_add_signed(&w->columns[COL_LOSS_TIME],
				  (int64_t)(b->losses[i].time_ms - last));
		column_add(&w->columns[COL_LOSS_COUNT], b->losses[i].count);
		last = b->losses[i].time_ms;
	}
	w->head.n_losses = b->n_losses;
	w->head.n_reasons = b->n_reasons;
}

static void write_head(const struct writer *w, const struct block *b, struct buf *out)
{
	const struct block_head *h = &w->head;

	buf_add_str(out, BLOCK_MAGIC);
	buf_add_u8(out, BLOCK_VERSION);
	buf_add_u8(out, BLOCK_CAPS);
#define HEAD_WRITE(name, max) buf_add_varint(out, h->name);
	BLOCK_HEAD_LIST(HEAD_WRITE)
#undef HEAD_WRITE
	for (uint32_t i = 0; i < w->ticks.n_clocks; i++)
		buf_add_varint(out, w->ticks.phase_ns[i]);
	for (uint32_t i = 0; i < b->n_reasons; i++) {
		buf_add_varint(out, strlen(b->reasons[i]));
		buf_add_str(out, b->reasons[i]);
	}
}

int block_write(struct block *b, struct compress *z, uint64_t tick_ns, int level, struct buf *out)
{
	_cleanup_(writer_done) struct writer w = {};
	size_t begin = out->len;
	int r = block_sort(b);

	if (r < 0)
		return r;
	r = writer_init(&w, b, tick_ns);
	if (r < 0)
		return r;
	write_samples(&w, b);
	write_counts(&w, b);
	write_losses(&w, b);
	if (w.ranks.err)
		return w.ranks.err;
	write_head(&w, b, out);
	for (int i = 0; i < COLUMNS; i++) {
		r = column_write(&w.columns[i], z, level, out);
		if (r < 0)
			return r;
	}
	if (out->err)
		return out->err;
	return buf_add_u64(out, compress_checksum(out->data + begin, out->len - begin, 0));
}
