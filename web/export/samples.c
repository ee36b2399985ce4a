/*
 * samples: every sample with its millisecond as tab-separated text (DESIGN, formats of our own);
 * stacks are written once, before their first use. A line `#period-ns N` tells the CPU time of a
 * sample, which other readers skip.
 */
#include "web/export/formats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/cleanup.h"
#include "web/export/folded_text.h"

#define NS_PER_MS UINT64_C(1000000)

struct samples {
	const struct profile *p;
	struct buf *out;
	struct export_rows rows;
	struct folded_names names;
	uint32_t *stack_id; /* by stack of p; 0 not written yet */
	uint32_t n_stacks;
	struct buf text; /* scratch */
};

static void samples_done(struct samples *s)
{
	export_rows_done(&s->rows);
	folded_names_done(&s->names);
	free(s->stack_id);
	buf_done(&s->text);
}

static void add_field(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\t')
			buf_add_str(out, "\\t");
		else if (*s == '\n')
			buf_add_str(out, "\\n");
		else if (*s == '\\')
			buf_add_str(out, "\\\\");
		else
			buf_add_char(out, *s);
	}
}

static int stack_id(struct samples *s, uint32_t stack, uint32_t *ret)
{
	int r;

	if (!s->stack_id[stack]) {
		buf_clear(&s->text);
		r = folded_add_stack(&s->names, stack, s->rows.reason[stack], 0, &s->text);
		if (r < 0)
			return r;
		s->stack_id[stack] = ++s->n_stacks;
		buf_printf(s->out, "stack\t%" PRIu32 "\t", s->stack_id[stack]);
		add_field(s->out, buf_str(&s->text));
		buf_add_char(s->out, '\n');
	}
	*ret = s->stack_id[stack];
	return 0;
}

/* A missing one is empty. */
static void add_number(struct buf *out, const struct profile_labels *l, enum profile_label which)
{
	if (l->has & (1u << which))
		buf_printf(out, "%" PRIu64, l->value[which]);
	buf_add_char(out, '\t');
}

static void add_key(struct buf *out, const char *key, const char *value)
{
	if (!*value)
		return;
	buf_add_char(out, '\t');
	add_field(out, key);
	buf_add_char(out, '=');
	add_field(out, value);
}

static bool has_own_field(enum profile_label l)
{
	return l == PROFILE_LABEL_PID || l == PROFILE_LABEL_TID || l == PROFILE_LABEL_COMM ||
	       l == PROFILE_LABEL_THREAD;
}

static int add_sample(struct samples *s, const struct profile_sample *sample)
{
	const struct profile *p = s->p;
	const struct profile_labels *l = &p->labels[sample->labels];
	char scratch[24];
	uint32_t id = 0;
	int r = stack_id(s, sample->stack, &id);

	if (r < 0)
		return r;
	buf_printf(s->out, "sample\t%" PRIu64 "\t", sample->time_ns / NS_PER_MS);
	add_number(s->out, l, PROFILE_LABEL_PID);
	add_number(s->out, l, PROFILE_LABEL_TID);
	add_field(s->out, profile_label_text(p, sample->labels, "comm", scratch));
	buf_add_char(s->out, '\t');
	add_field(s->out, profile_label_text(p, sample->labels, "thread", scratch));
	buf_printf(s->out, "\t%" PRIu32 "\t%" PRIu64, id, sample->count);
	for (int i = 0; i < PROFILE_LABEL_COUNT; i++) {
		const char *name = profile_label_name((enum profile_label)i);

		if (!has_own_field((enum profile_label)i))
			add_key(s->out, name, profile_label_text(p, sample->labels, name, scratch));
	}
	for (uint32_t i = 0; i < l->n_extra; i++)
		add_key(s->out, profile_str(p, l->extra[i].key), profile_str(p, l->extra[i].value));
	buf_add_char(s->out, '\n');
	return s->out->err;
}

static int order_compare(const void *left, const void *right, void *ctx)
{
	const struct profile *p = ctx;
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	if (p->samples[a].time_ns != p->samples[b].time_ns)
		return p->samples[a].time_ns < p->samples[b].time_ns ? -1 : 1;
	return a < b ? -1 : a > b;
}

static int write_all(struct samples *s)
{
	const struct profile *p = s->p;
	_cleanup_free_ uint32_t *order = malloc(((size_t)p->n_samples + 1) * sizeof(*order));
	int r = 0;

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n_samples; i++)
		order[i] = i;
	qsort_r(order, p->n_samples, sizeof(*order), order_compare, (void *)p);
	buf_add_str(s->out, "#hearth-samples 1\n");
	if (p->period_ns)
		buf_printf(s->out, "#period-ns\t%" PRIu64 "\n", p->period_ns);
	for (uint32_t i = 0; i < p->n_samples && r == 0; i++)
		r = add_sample(s, &p->samples[order[i]]);
	return r;
}

int export_samples_write(const struct profile *p, const struct export_options *options,
			 struct buf *out, struct err *err)
{
	_cleanup_(samples_done) struct samples s = {.p = p, .out = out};
	int r;

	(void)options;
	if (p->merge && p->n_samples)
		return err_set(err, -EINVAL, "samples are asked for, but their times are gone");
	buf_init(&s.text, EXPORT_BYTES_MAX);
	s.stack_id = calloc(p->n_stacks, sizeof(*s.stack_id));
	r = s.stack_id ? export_rows_init(&s.rows, p) : -ENOMEM;
	if (r == 0)
		r = folded_names_init(&s.names, p);
	if (r == 0)
		r = write_all(&s);
	if (r == 0)
		r = out->err;
	return r < 0 ? err_set(err, r, "writing samples: %s", strerror(-r)) : 0;
}
