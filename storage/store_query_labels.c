/* Which labels occur in a range, and which values of one. */
#include "storage/store_scan.h"

#include "profiler/base/cleanup.h"
#include "storage/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct census {
	struct scan scan;
	struct tally tally;
	uint64_t *count; /* by label set of the dictionary at hand */
	uint32_t n;
	struct dict *dict;
	const char *label; /* NULL: the names of the labels themselves are counted */
};

static void census_done(struct census *w)
{
	scan_close(&w->scan);
	tally_done(&w->tally);
	free(w->count);
}

static int count_names(struct census *w, uint32_t labels, uint64_t count)
{
	struct profile_labels l;
	int64_t r = dict_unpack_strings(w->dict);

	if (r >= 0)
		r = dict_labels(w->dict, labels, &l);

	for (uint32_t i = 0; i < PROFILE_LABEL_COUNT && r >= 0; i++)
		if (l.has & (1u << i))
			r = tally_add(&w->tally, profile_label_name((enum profile_label)i), count);
	for (uint32_t i = 0; r >= 0 && i < l.n_extra; i++)
		r = tally_add(&w->tally, profile_str(w->dict->tables, l.extra[i].key), count);
	return r < 0 ? (int)r : 0;
}

/* The label sets of a dictionary are looked at once, when all their samples were counted. */
static int settle(void *arg)
{
	struct census *w = (struct census *)arg;

	for (uint32_t i = 0; i < w->n; i++) {
		int64_t r = 0;

		if (!w->count[i])
			continue;
		if (w->label)
			r = tally_label(&w->tally, w->dict, i, w->label);
		else
			r = count_names(w, i, w->count[i]);
		if (r < 0)
			return (int)r;
		if (w->label)
			w->tally.count[r] += w->count[i];
	}
	w->n = 0;
	return 0;
}

static int change_dict(struct census *w)
{
	uint32_t n = dict_count(w->scan.dict, CHUNK_LABELS);

	free(w->count);
	w->count = calloc((size_t)n + 1, sizeof(*w->count));
	if (!w->count)
		return -ENOMEM;
	w->n = n;
	w->dict = w->scan.dict;
	return 0;
}

static int count_all(struct census *w)
{
	struct scan *c = &w->scan;
	int r;

	while ((r = scan_next(c)) > 0) {
		if (c->dict_changed)
			r = change_dict(w);
		for (uint32_t i = 0; i < c->block.n_samples && r >= 0; i++) {
			r = scan_takes(c, &c->block.samples[i]);
			if (r > 0)
				w->count[c->block.samples[i].labels] += c->block.samples[i].count;
		}
		if (r < 0)
			return r;
	}
	return r < 0 ? r : settle(w);
}

static int write_out(const struct tally *t, struct store_values *ret)
{
	_cleanup_(store_values_done) struct store_values v = {};
	_cleanup_free_ uint32_t *order = NULL;
	int r = tally_order(t, &order);

	if (r < 0)
		return r;
	v.value = calloc((size_t)t->n + 1, sizeof(*v.value));
	v.count = calloc((size_t)t->n + 1, sizeof(*v.count));
	if (!v.value || !v.count)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n; i++) {
		/* Missing labels equal the empty string, which is no value. */
		if (!t->count[order[i]] || !*tally_text(t, order[i]))
			continue;
		v.value[v.n] = strdup(tally_text(t, order[i]));
		if (!v.value[v.n])
			return -ENOMEM;
		v.count[v.n++] = t->count[order[i]];
	}
	*ret = v;
	v = (struct store_values){};
	return 0;
}

static int take_census(struct store *s, const struct store_query *q, const char *label,
		       struct store_values *ret, struct err *err)
{
	_cleanup_(census_done) struct census w = {.label = label};
	const char *const by[] = {label, NULL};
	int r = scan_open(&w.scan, s, q, "labels", err);

	if (r < 0)
		return r;
	w.scan.no_stacks = true;
	w.scan.dict_ends = settle;
	w.scan.arg = &w;
	r = tally_init(&w.tally);
	if (r >= 0)
		r = scan_use_sums(&w.scan, label ? by : NULL);
	if (r >= 0)
		r = count_all(&w);
	r = scan_end(&w.scan, r, err);
	if (r >= 0)
		r = write_out(&w.tally, ret);
	return r;
}

int store_query_labels(struct store *s, const struct store_query *q, struct store_values *ret,
		       struct err *err)
{
	return take_census(s, q, NULL, ret, err);
}

int store_query_label_values(struct store *s, const struct store_query *q, const char *label,
			     struct store_values *ret, struct err *err)
{
	return take_census(s, q, label, ret, err);
}

void store_values_done(struct store_values *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->value[i]);
	free(v->value);
	free(v->count);
	*v = (struct store_values){};
}
