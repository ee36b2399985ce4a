/* A range's samples as one profile, merged or each with its time. */
#include "storage/store_scan.h"

#include "profiler/base/cleanup.h"
#include "storage/profile_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNSEEN UINT32_MAX

struct answer {
	struct profile *profile;
	const char *const *by; /* NULL: whole label sets */
	bool keep_samples;
	struct profile_map map; /* from the dictionary of the block at hand */
	uint32_t *labels; /* by label set of that dictionary */
	/*
	 * By stack of that dictionary: the row of the answer that its last sample went to. Most
	 * stacks have one label set of the answer, and need not be looked for again.
	 */
	struct last_row {
		uint32_t labels, row; /* labels of the answer; UNSEEN: none */
	} * last;
};

static void answer_done(struct answer *a)
{
	profile_free(a->profile);
	profile_map_done(&a->map);
	free(a->labels);
	free(a->last);
}

static int change_dict(struct answer *a, const struct dict *d)
{
	uint32_t n = dict_count(d, CHUNK_LABELS);
	uint32_t *labels = realloc(a->labels, ((size_t)n + 1) * sizeof(*labels));
	struct last_row *last;

	if (!labels)
		return -ENOMEM;
	a->labels = labels;
	last = realloc(a->last, d->tables->n_stacks * sizeof(*last));
	if (!last)
		return -ENOMEM;
	a->last = last;
	memset(last, 0xff, d->tables->n_stacks * sizeof(*last));
	memset(labels, 0xff, ((size_t)n + 1) * sizeof(*labels));
	profile_map_done(&a->map);
	return profile_map_init(&a->map, a->profile, d->tables);
}

static bool is_listed(const char *const *by, const char *name)
{
	for (; *by; by++)
		if (!strcmp(*by, name))
			return true;
	return false;
}

/* What is not asked for leaves the set, so that sets that differ in it alone become one. */
static void keep_listed(const struct profile *strings, const char *const *by,
			struct profile_labels *l)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < PROFILE_LABEL_COUNT; i++)
		if (!is_listed(by, profile_label_name((enum profile_label)i)))
			l->has &= ~(1u << i);
	for (uint32_t i = 0; i < l->n_extra; i++)
		if (is_listed(by, profile_str(strings, l->extra[i].key)))
			l->extra[kept++] = l->extra[i];
	l->n_extra = kept;
}

static bool is_by_nothing(const struct answer *a)
{
	return a->by && !*a->by;
}

static int map_labels(struct answer *a, struct dict *d, uint32_t labels)
{
	struct profile_labels l = {};
	int64_t id;
	int r;

	if (a->labels[labels] != UNSEEN)
		return 0;
	r = is_by_nothing(a) ? 0 : dict_labels(d, labels, &l);
	if (r < 0)
		return r;
	if (a->by)
		keep_listed(d->tables, a->by, &l);
	r = profile_map_label_strings(&a->map, &l);
	if (r < 0)
		return r;
	id = profile_labels(a->profile, &l);
	if (id < 0)
		return (int)id;
	a->labels[labels] = (uint32_t)id;
	return 0;
}

static int add_sample(struct answer *a, struct scan *c, const struct block_sample *s)
{
	struct last_row *last = &a->last[s->stack];
	uint32_t stack;
	int64_t row;
	int r = map_labels(a, c->dict, s->labels);

	if (r < 0)
		return r;
	if (!a->keep_samples && last->labels == a->labels[s->labels]) {
		a->profile->samples[last->row].count += s->count;
		return 0;
	}
	r = profile_map_stack(&a->map, s->stack, &stack);
	if (r < 0)
		return r;
	row = profile_add_sample_row(a->profile, s->time_ms * NS_PER_MS, stack,
				     a->labels[s->labels], s->count);
	if (row < 0)
		return (int)row;
	*last = (struct last_row){a->labels[s->labels], (uint32_t)row};
	return 0;
}

static int add_block(struct answer *a, struct scan *c)
{
	for (uint32_t i = 0; i < c->block.n_samples; i++) {
		int r = scan_takes(c, &c->block.samples[i]);

		if (r > 0)
			r = add_sample(a, c, &c->block.samples[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int compare_samples(const void *a, const void *b)
{
	const struct profile_sample *x = (const struct profile_sample *)a;
	const struct profile_sample *y = (const struct profile_sample *)b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	if (x->labels != y->labels)
		return x->labels < y->labels ? -1 : 1;
	return (x->stack > y->stack) - (x->stack < y->stack);
}

/* The range that was asked for; for "everything" the range that there is. */
static void set_range(struct profile *p, const struct scan *c)
{
	uint64_t from_ms, until_ms;

	scan_extent(c, &from_ms, &until_ms);
	p->start_ns = c->query->from_ns ? c->query->from_ns : from_ms * NS_PER_MS;
	p->end_ns = c->query->until_ns <= INT64_MAX ? c->query->until_ns : until_ms * NS_PER_MS;
	if (p->end_ns < p->start_ns)
		p->end_ns = p->start_ns;
}

static int finish(struct answer *a, const struct scan *c)
{
	struct profile *p = a->profile;
	int r = profile_drop_empty(p);

	for (uint32_t i = 0; i < c->losses->n_losses && r >= 0; i++)
		if (c->losses->losses[i].count)
			r = profile_add_loss(p, profile_str(c->losses, c->losses->losses[i].reason),
					     c->losses->losses[i].count);
	if (r < 0)
		return r;
	p->period_ns = scan_period_ns(c);
	set_range(p, c);
	if (a->keep_samples && p->n_samples)
		qsort(p->samples, p->n_samples, sizeof(*p->samples), compare_samples);
	return 0;
}

int store_query_profile(struct store *s, const struct store_query *q, const char *const *by,
			bool keep_samples, struct profile **ret, struct err *err)
{
	_cleanup_(scan_close) struct scan c = {};
	_cleanup_(answer_done) struct answer a = {.by = by, .keep_samples = keep_samples};
	int r = scan_open(&c, s, q, "profile", err);

	if (r < 0)
		return r;
	c.no_labels = is_by_nothing(&a);
	r = profile_new(!keep_samples, &a.profile);
	if (r >= 0 && !keep_samples)
		r = scan_use_sums(&c, by);
	while (r >= 0 && (r = scan_next(&c)) > 0) {
		if (c.dict_changed)
			r = change_dict(&a, c.dict);
		if (r >= 0)
			r = add_block(&a, &c);
	}
	if (r >= 0)
		r = finish(&a, &c);
	r = scan_end(&c, r, err);
	if (r < 0)
		return r;
	*ret = steal_ptr(a.profile);
	return 0;
}
