/*
 * A store whose answers are known and whose slowness is asked for, for the tests of the server:
 * storage/store.h over build_typical(). What a query does is told by its match:
 *
 *	hang		until it is cancelled
 *	slow		the time limit was reached
 *	corrupt		damaged bytes
 *	anything else	a selector, applied to nothing
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "profiler/base/quantity.h"
#include "storage/selector.h"
#include "storage/store.h"
#include "tests/unit/web/build.h"

struct store {
	int unused;
};

int store_open_reader(const char *path, struct store **ret, struct err *err)
{
	if (!strcmp(path, "missing"))
		return err_set(err, -ENOENT, "missing: no such store");
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

struct store *store_close(struct store *s)
{
	free(s);
	return NULL;
}

static int hang(const struct store_query *q)
{
	struct timespec millisecond = {.tv_nsec = 1000000};

	while (!atomic_load(q->cancel) && quantity_monotonic_ns() < q->deadline_ns)
		nanosleep(&millisecond, NULL);
	return atomic_load(q->cancel) ? -ECANCELED : -ETIMEDOUT;
}

static int obey(const struct store_query *q, struct err *err)
{
	struct selector *selector = NULL;
	uint64_t now_ns = quantity_monotonic_ns();
	int r;

	/* The server gives every query a limit of 10 s from its arrival on. */
	if (q->deadline_ns <= now_ns || q->deadline_ns > now_ns + 10000000000ull)
		abort();
	if (!q->match)
		return 0;
	if (!strcmp(q->match, "hang"))
		return hang(q);
	if (!strcmp(q->match, "slow"))
		return -ETIMEDOUT;
	if (!strcmp(q->match, "corrupt"))
		return err_set(err, -EBADMSG, "block 7 is damaged");
	r = selector_parse(q->match, &selector, err);
	selector_free(selector);
	return r;
}

int store_query_profile(struct store *s, const struct store_query *q, const char *const *by,
			bool keep_samples, struct profile **ret, struct err *err)
{
	struct profile *typical, *p = NULL;
	int r = obey(q, err);

	(void)s;
	(void)by;
	if (r < 0)
		return r;
	typical = build_typical();
	r = profile_new(!keep_samples, &p);
	if (r == 0)
		r = profile_merge(p, typical);
	profile_free(typical);
	if (r < 0) {
		profile_free(p);
		return r;
	}
	p->start_ns = q->from_ns;
	p->end_ns = q->until_ns;
	*ret = p;
	return 0;
}

int store_query_series(struct store *s, const struct store_query *q, uint64_t step_ns,
		       const char *by, struct store_series *ret, struct err *err)
{
	static const uint64_t counts[] = {1, 2, 3};
	int r = obey(q, err);

	(void)s;
	if (r < 0)
		return r;
	*ret = (struct store_series){.start_ns = q->from_ns,
				     .step_ns = step_ns ? step_ns : 12000000000,
				     .period_ns = 10,
				     .n_steps = 3,
				     .n_lines = 1,
				     .more_lines = 2,
				     .more_count = 5};
	ret->lines = calloc(1, sizeof(*ret->lines));
	ret->lines[0].label = strdup(by ? "redis" : "");
	ret->lines[0].count = malloc(sizeof(counts));
	memcpy(ret->lines[0].count, counts, sizeof(counts));
	return 0;
}

void store_series_done(struct store_series *s)
{
	for (size_t i = 0; i < s->n_lines; i++) {
		free(s->lines[i].label);
		free(s->lines[i].count);
	}
	free(s->lines);
}

int store_query_heatmap(struct store *s, const struct store_query *q, struct store_heatmap *ret,
			struct err *err)
{
	int r = obey(q, err);

	(void)s;
	if (r < 0)
		return r;
	if (q->until_ns - q->from_ns > STORE_HEATMAP_COLUMNS_MAX * 1000000000ull)
		return err_set(err, -E2BIG, "at most 7200 seconds");
	*ret = (struct store_heatmap){.start_ns = 100000000000, .n_columns = 1};
	ret->count = calloc(STORE_HEATMAP_SLOTS, sizeof(*ret->count));
	ret->count[1] = 4;
	return 0;
}

void store_heatmap_done(struct store_heatmap *h)
{
	free(h->count);
}

static int one_value(const char *value, struct store_values *ret)
{
	*ret = (struct store_values){.n = 1};
	ret->value = calloc(1, sizeof(*ret->value));
	ret->value[0] = strdup(value);
	return 0;
}

int store_query_labels(struct store *s, const struct store_query *q, struct store_values *ret,
		       struct err *err)
{
	int r = obey(q, err);

	(void)s;
	return r < 0 ? r : one_value("comm", ret);
}

int store_query_label_values(struct store *s, const struct store_query *q, const char *label,
			     struct store_values *ret, struct err *err)
{
	int r = obey(q, err);

	(void)s;
	return r < 0 ? r : one_value(label, ret);
}

void store_values_done(struct store_values *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->value[i]);
	free(v->value);
	free(v->count);
}

int store_summary(struct store *s, struct store_summary *ret, struct err *err)
{
	(void)s;
	(void)err;
	*ret = (struct store_summary){.bytes = 4096, .samples = 29, .clean = true};
	ret->counters_json = strdup("{\"taken\":29}");
	return 0;
}

void store_summary_done(struct store_summary *s)
{
	free(s->counters_json);
}
