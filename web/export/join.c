/* Two profiles in the tables of one; see join.h. */
#include "web/export/join.h"

#include <errno.h>

/* The samples of tables from first on, of the profile like. */
static struct profile side(const struct profile *tables, uint32_t first, uint32_t n,
			   const struct profile *like)
{
	struct profile p = *tables;

	p.samples += first;
	p.n_samples = n;
	p.start_ns = like->start_ns;
	p.end_ns = like->end_ns;
	p.period_ns = like->period_ns;
	p.merge = like->merge;
	return p;
}

int export_join_init(struct export_join *j, const struct profile *now, const struct profile *base)
{
	struct profile any_period = base ? *base : (struct profile){};
	uint32_t n;
	int r;

	*j = (struct export_join){};
	r = profile_new(false, &j->tables);
	if (r == 0)
		r = profile_merge(j->tables, now);
	if (r < 0)
		return r;
	n = j->tables->n_samples;
	any_period.period_ns = 0; /* each side has its own */
	if (base)
		r = profile_merge(j->tables, &any_period);
	if (r < 0)
		return r;
	j->now = side(j->tables, 0, n, now);
	j->base = side(j->tables, n, j->tables->n_samples - n, &any_period);
	j->base.period_ns = base ? base->period_ns : 0;
	return 0;
}

void export_join_done(struct export_join *j)
{
	profile_free(j->tables);
}
