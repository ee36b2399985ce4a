/* Asking a store for a profile; see question.h. */
#include "profiler/cli/question.h"

#include <errno.h>
#include <stdio.h>

#include "storage/selector.h"
#include "storage/store.h"
#include "web/times.h"

int question_check(const struct question *q, struct err *err)
{
	struct selector *s;
	int r;

	if (q->from_ns && q->until_ns && q->from_ns >= q->until_ns)
		return err_set(err, -EINVAL, "--from is not before --until");
	if (!q->match)
		return 0;
	r = selector_parse(q->match, &s, err);
	if (r < 0)
		return err_set(err, -EINVAL, "--match: %s", err_text(err));
	selector_free(s);
	return 0;
}

/* The open ends of the range become those of what the store holds. */
static int fill_range(struct store *s, const struct question *q, struct store_query *query,
		      struct err *err)
{
	struct store_summary summary;
	int r;

	query->from_ns = q->from_ns;
	query->until_ns = q->until_ns;
	if (q->from_ns && q->until_ns)
		return 0;
	r = store_summary(s, &summary, err);
	if (r < 0)
		return r;
	if (!q->from_ns)
		query->from_ns = summary.from_ns;
	if (!q->until_ns)
		query->until_ns = summary.until_ns;
	store_summary_done(&summary);
	/*
	 * All that is asked for lies before or behind what there is: an empty range, not a wrong
	 * one.
	 */
	if (query->from_ns >= query->until_ns) {
		if (q->from_ns)
			query->until_ns = query->from_ns + 1000000;
		else
			query->from_ns = query->until_ns > 1000000 ? query->until_ns - 1000000 : 0;
	}
	return 0;
}

int question_open(const struct question *q, struct store **ret, struct store_query *ret_query,
		  struct err *err)
{
	struct store_query query = {.match = q->match};
	struct store *s;
	int r = store_open_reader(q->store, &s, err);

	if (r < 0)
		return r;
	r = fill_range(s, q, &query, err);
	if (r < 0) {
		store_close(s);
		return r;
	}
	*ret = s;
	*ret_query = query;
	return 0;
}

int question_ask(const struct question *q, const char *const *by, uint64_t times_ns,
		 struct profile **ret, struct err *err)
{
	struct store_query query;
	struct store *s;
	struct profile *p = NULL;
	bool times;
	int r = question_open(q, &s, &query, err);

	if (r < 0)
		return r;
	times = query.until_ns - query.from_ns <= times_ns;
	r = store_query_profile(s, &query, times ? NULL : by, times, &p, err);
	store_close(s);
	if (r < 0)
		return r;
	if (profile_sample_count(p) == 0)
		question_tell_empty(q);
	*ret = p;
	return 0;
}

int question_times(const struct question *q, struct buf *series, struct buf *heatmap,
		   struct err *err)
{
	struct store_query query;
	struct store *s;
	int r = question_open(q, &s, &query, err);

	if (r < 0)
		return r;
	r = web_times_read(s, &query, series, heatmap, err);
	store_close(s);
	return r;
}

void question_tell_empty(const struct question *q)
{
	fprintf(stderr, "hearth: %s has no samples in that range%s%s\n", q->store,
		q->match ? " that match " : "", q->match ? q->match : "");
}
