/*
 * Do sums say what their blocks add up to? Blocks are added up again, at each level at once, while
 * the walk goes over them.
 *
 * Sums that no question would use, because their numbers are not exactly those of blocks that are
 * kept and alike, are nobody's answer and not looked at; ageing takes them away.
 */
#include "storage/check_private.h"

#include "profiler/base/cleanup.h"
#include "storage/store_sums.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SORTED_MIN 65536u /* entries: fewer are not worth adding up in between */

struct check_sums {
	struct db_chunk_list list;
	struct check_sums_level {
		size_t next; /* of the list: rows before are judged, or of other levels */
		const struct db_chunk *row; /* whose blocks are met now, NULL: none */
		const struct db_block *first_block;
		uint64_t at; /* the number that has to come next */
		struct block all; /* of its blocks so far */
		uint32_t n_sorted;
	} levels[DB_SUMS_LEVEL_MAX + 1];
};

struct check_sums *check_sums_free(struct check_sums *c)
{
	if (!c)
		return NULL;
	for (int i = 0; i <= DB_SUMS_LEVEL_MAX; i++)
		block_done(&c->levels[i].all);
	db_chunk_list_done(&c->list);
	free(c);
	return NULL;
}

/* Rows that are not what was written; they are empty from here on. */
static int count_damaged(struct walk *w, struct check_sums *c)
{
	int n = 0, r;

	for (size_t i = 0; i < c->list.n; i++) {
		buf_clear(&w->data);
		r = db_chunk_data(w->survey.db, DB_SUMS, &c->list.chunks[i], &w->data);
		if (r == -ENOMEM)
			return r;
		if (r < 0) {
			c->list.chunks[i].bytes = 0;
			n++;
		}
	}
	return n;
}

int check_sums_begin(struct walk *w)
{
	struct check_sums *c = calloc(1, sizeof(*c));
	int r = c ? db_chunk_list(w->survey.db, DB_SUMS, &c->list) : -ENOMEM;

	if (r >= 0)
		r = count_damaged(w, c);
	if (r < 0)
		check_sums_free(c);
	else
		w->sums = c;
	return r;
}

/* ---- what a row says ---- */

static void to_one_moment(struct block *b)
{
	for (uint32_t i = 0; i < b->n_samples; i++)
		b->samples[i].time_ms = 0;
	for (uint32_t i = 0; i < b->n_losses; i++)
		b->losses[i].time_ms = 0;
}

static uint64_t lost(const struct block *b, const char *reason)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < b->n_losses; i++)
		if (!strcmp(b->reasons[b->losses[i].reason], reason))
			count += b->losses[i].count;
	return count;
}

/* Both have one moment and are sorted. */
static bool are_equal(const struct block *a, const struct block *b)
{
	if (a->n_samples != b->n_samples)
		return false;
	for (uint32_t i = 0; i < a->n_samples; i++) {
		const struct block_sample *x = &a->samples[i], *y = &b->samples[i];

		if (x->class != y->class || x->stack != y->stack || x->count != y->count)
			return false;
	}
	for (uint32_t i = 0; i < a->n_reasons; i++)
		if (lost(a, a->reasons[i]) != lost(b, a->reasons[i]))
			return false;
	for (uint32_t i = 0; i < b->n_reasons; i++)
		if (lost(a, b->reasons[i]) != lost(b, b->reasons[i]))
			return false;
	return true;
}

/* 1 it is right, 0 it is not, or a negative errno. */
static int is_right(struct walk *w, const struct db_chunk *row, struct block *all)
{
	_cleanup_(block_done) struct block b = {};
	int r;

	buf_clear(&w->data);
	r = db_chunk_data(w->survey.db, DB_SUMS, row, &w->data);
	if (r >= 0)
		r = block_parse(w->data.data, w->data.len, &w->compress, &b);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return 0;
	to_one_moment(&b);
	r = block_sort(&b);
	if (r >= 0)
		r = block_sort(all);
	return r < 0 ? r : are_equal(&b, all);
}

/* ---- the blocks ---- */

static void begin_row(struct check_sums *c, int level, const struct db_block *head)
{
	struct check_sums_level *l = &c->levels[level];

	for (; l->next < c->list.n && c->list.chunks[l->next].first <= head->first; l->next++) {
		const struct db_chunk *row = &c->list.chunks[l->next];

		if (row->level != level || row->first != head->first || !row->bytes ||
		    row->epoch != head->epoch)
			continue;
		l->row = row;
		l->first_block = head;
		l->at = head->first;
		l->n_sorted = 0;
		block_clear(&l->all);
	}
}

static int add_up(struct check_sums_level *l, const struct block *sums)
{
	int r = block_append(&l->all, sums);

	if (r < 0 || l->all.n_samples < SORTED_MIN || l->all.n_samples < 2 * l->n_sorted)
		return r;
	r = block_sort(&l->all);
	l->n_sorted = l->all.n_samples;
	return r;
}

/* Is this block the next that the row speaks of? */
static bool goes_on(const struct check_sums_level *l, const struct db_block *head)
{
	return head->first == l->at && head->last <= l->row->last && head->epoch == l->row->epoch &&
	       head->period_ns == l->first_block->period_ns &&
	       !strcmp(head->type, l->first_block->type);
}

/* 1 a row that ended here is right, or none did; 0 it is not. */
static int take_level(struct walk *w, int level, const struct db_block *head,
		      const struct block *sums)
{
	struct check_sums_level *l = &w->sums->levels[level];
	const struct db_chunk *row;
	int r;

	begin_row(w->sums, level, head);
	if (l->row && (!sums || !goes_on(l, head)))
		l->row = NULL;
	if (!l->row)
		return 1;
	r = add_up(l, sums);
	if (r < 0)
		return r;
	l->at = head->last + 1;
	if (head->last < l->row->last)
		return 1;
	row = l->row;
	l->row = NULL;
	return is_right(w, row, &l->all);
}

int check_sums_take(struct walk *w, const struct db_block *head, const struct block *b)
{
	_cleanup_(block_done) struct block sums = {};
	bool is_known = b && head->level != DB_DROPPED;
	int r = is_known ? store_sums_of_block(b, 0, &sums) : 0, wrong = 0;

	if (r == -E2BIG)
		is_known = false;
	else if (r < 0)
		return r;
	for (int level = 0; level <= DB_SUMS_LEVEL_MAX; level++) {
		r = take_level(w, level, head, is_known ? &sums : NULL);
		if (r < 0)
			return r;
		wrong += !r;
	}
	return wrong;
}
