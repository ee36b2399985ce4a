/*
 * Bytes into blocks. Everything here is foreign: no number is believed before it is checked; see
 * block_columns.h.
 */
#include "storage/block_columns.h"

#include "profiler/base/cleanup.h"
#include "storage/column.h"
#include "storage/ranks.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct group {
	uint32_t labels, n_samples;
	bool wanted;
};

struct parser {
	const struct block_want *want;
	struct block_head head;
	struct ticks ticks;
	struct column_reader columns[COLUMNS];
	struct ranks ranks;
	uint32_t *stacks; /* by order of first use */
	uint32_t n_used;
	struct group *groups;
	uint64_t n_wanted; /* samples of groups that are wanted and not parsed yet */
	uint64_t last_class, first_tick;
	uint64_t *sums; /* by index of stacks, for want->summed; 0 between classes */
};

static void parser_done(struct parser *p)
{
	for (int i = 0; i < COLUMNS; i++)
		column_close(&p->columns[i]);
	ranks_done(&p->ranks);
	free(p->stacks);
	free(p->groups);
	free(p->sums);
}

static int parse_head(struct cursor *c, struct block_head *h)
{
	const uint8_t *magic = cursor_bytes(c, strlen(BLOCK_MAGIC));

	if (!magic || memcmp(magic, BLOCK_MAGIC, strlen(BLOCK_MAGIC)))
		return -EBADMSG;
	if (cursor_u8(c) != BLOCK_VERSION || cursor_u8(c) != BLOCK_CAPS)
		return c->err ? c->err : -EPROTO;
#define HEAD_READ(name, max)           \
	h->name = cursor_varint(c);    \
	if (c->err || h->name > (max)) \
		return -EBADMSG;
	BLOCK_HEAD_LIST(HEAD_READ)
#undef HEAD_READ
	/*
	 * Each class has a group and each group a sample, so no loop below runs longer than the
	 * samples.
	 */
	if (h->n_classes > h->n_groups || h->n_groups > h->n_stretches ||
	    h->n_stretches > h->n_samples || h->n_stacks > h->n_samples ||
	    h->n_fresh > h->n_samples || (h->n_counts && h->n_counts != h->n_samples))
		return -EBADMSG;
	return 0;
}

static int parse_clocks(struct cursor *c, const struct block_head *h, struct ticks *t)
{
	if (h->tick_ns < TICKS_NS_PER_MS || !h->n_clocks)
		return -EBADMSG;
	*t = (struct ticks){
		.base_ms = h->base_ms, .tick_ns = h->tick_ns, .n_clocks = (uint32_t)h->n_clocks};
	for (uint32_t i = 0; i < t->n_clocks; i++) {
		t->phase_ns[i] = cursor_varint(c);
		if (c->err || t->phase_ns[i] >= t->tick_ns)
			return -EBADMSG;
	}
	return 0;
}

static int parse_reasons(struct cursor *c, uint64_t n, struct block *b)
{
	char(*reasons)[BLOCK_REASON_BYTES_MAX] = realloc(b->reasons, (n + 1) * sizeof(*reasons));

	if (!reasons)
		return -ENOMEM;
	b->reasons = reasons;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t len = cursor_varint(c);
		const uint8_t *text = cursor_bytes(c, len);

		if (!text || len >= BLOCK_REASON_BYTES_MAX || memchr(text, '\0', len))
			return -EBADMSG;
		memset(b->reasons[i], 0, sizeof(b->reasons[i]));
		memcpy(b->reasons[i], text, len);
	}
	b->n_reasons = (uint32_t)n;
	return 0;
}

static bool is_unwanted(const struct parser *p)
{
	return p->want->labels && !p->n_wanted;
}

static bool is_left_out(const struct parser *p, int column)
{
	if (column >= COL_STACK && column <= COL_COUNT && is_unwanted(p))
		return true;
	switch (column) {
	case COL_RANK:
	case COL_FRESH:
		return p->want->no_stacks;
	case COL_START:
	case COL_GAP:
	case COL_RUN:
	case COL_CLOCK:
	case COL_OFF:
		return p->want->no_times;
	default:
		return false;
	}
}

/* Those of [from, until). */
static int open_columns(struct parser *p, struct compress *z, struct cursor *c, int from, int until)
{
	const struct block_head *h = &p->head;
	const uint64_t n[COLUMNS] = {
		[COL_CLASS] = h->n_classes,
		[COL_CLASS_GROUPS] = h->n_classes,
		[COL_LABELS] = h->n_groups,
		[COL_GROUP_SAMPLES] = h->n_groups,
		[COL_STACK] = h->n_stacks,
		[COL_RANK] = h->n_samples,
		[COL_FRESH] = h->n_fresh,
		[COL_START] = h->n_groups,
		[COL_GAP] = h->n_stretches - h->n_groups,
		[COL_RUN] = h->n_stretches,
		[COL_CLOCK] = h->n_stretches,
		[COL_OFF] = h->n_samples,
		[COL_COUNT] = h->n_counts,
		[COL_LOSS_REASON] = h->n_losses,
		[COL_LOSS_TIME] = h->n_losses,
		[COL_LOSS_COUNT] = h->n_losses,
	};

	for (int i = from; i < until; i++) {
		int r = is_left_out(p, i) ? column_pass(&p->columns[i], c, n[i])
					  : column_open(&p->columns[i], z, c, n[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_stacks(struct parser *p, struct block *b)
{
	int64_t stack = 0;

	p->stacks = malloc((p->head.n_stacks + 1) * sizeof(*p->stacks));
	if (!p->stacks)
		return -ENOMEM;
	for (uint64_t i = 0; i < p->head.n_stacks; i++) {
		if (__builtin_add_overflow(stack, column_next_signed(&p->columns[COL_STACK]),
					   &stack))
			return -EBADMSG;
		if (stack < 0 || stack >= UINT32_MAX)
			return -EBADMSG;
		p->stacks[i] = (uint32_t)stack;
		if (p->stacks[i] >= b->end_stack)
			b->end_stack = p->stacks[i] + 1;
	}
	p->sums = p->want->summed ? calloc(p->head.n_stacks + 1, sizeof(*p->sums)) : NULL;
	if (p->want->summed && !p->sums)
		return -ENOMEM;
	return ranks_init(&p->ranks, (uint32_t)p->head.n_stacks);
}

/* Groups first: from them follows what of the other columns is needed. */
static int parse_groups(struct parser *p, struct block *b)
{
	uint64_t labels = 0, n_samples = 0;
	int wanted = 1;

	p->groups = malloc((p->head.n_groups + 1) * sizeof(*p->groups));
	if (!p->groups)
		return -ENOMEM;
	for (uint64_t i = 0; i < p->head.n_groups; i++) {
		uint64_t n = column_next(&p->columns[COL_GROUP_SAMPLES]);

		labels += (uint64_t)column_next_signed(&p->columns[COL_LABELS]);
		if (labels >= UINT32_MAX || n >= p->head.n_samples - n_samples)
			return -EBADMSG;
		if (p->want->labels)
			wanted = p->want->labels(p->want->arg, (uint32_t)labels);
		if (wanted < 0)
			return wanted;
		p->groups[i] = (struct group){(uint32_t)labels, (uint32_t)n + 1, wanted > 0};
		n_samples += n + 1;
		p->n_wanted += wanted > 0 ? n + 1 : 0;
	}
	if (n_samples != p->head.n_samples)
		return -EBADMSG;
	return block_reserve(b, p->n_wanted, p->head.n_losses);
}

/* ---- stacks of a class ---- */

/* What a rank of 0 stands for, as an index of stacks. */
static int next_fresh(struct parser *p, uint32_t *ret)
{
	uint64_t back = column_next(&p->columns[COL_FRESH]);

	if (back > p->n_used || (back == 0 && p->n_used >= p->head.n_stacks))
		return -EBADMSG;
	*ret = back ? p->n_used - (uint32_t)back : p->n_used++;
	return 0;
}

/* The stack of the next sample, as an index of stacks. */
static int next_stack(struct parser *p, uint32_t *ret)
{
	uint64_t rank = column_next(&p->columns[COL_RANK]);
	int r;

	if (rank > p->ranks.n_seen)
		return -EBADMSG;
	if (rank > 0) {
		*ret = ranks_at(&p->ranks, (uint32_t)rank);
	} else {
		r = next_fresh(p, ret);
		if (r < 0)
			return r;
		if (ranks_of(&p->ranks, *ret))
			return -EBADMSG;
	}
	ranks_add(&p->ranks, *ret);
	return 0;
}

/* Into the samples from s on, where the group is wanted. */
static int parse_group_stacks(struct parser *p, const struct group *g, struct block_sample *s)
{
	for (uint32_t i = 0; i < g->n_samples; i++) {
		uint32_t local;
		int r = next_stack(p, &local);

		if (r < 0)
			return r;
		if (g->wanted)
			s[i].stack = p->want->summed ? local : p->stacks[local];
	}
	return p->ranks.err;
}

static int parse_class_stacks(struct parser *p, const struct group *groups, uint64_t n,
			      struct block_sample *s)
{
	ranks_reset(&p->ranks);
	for (uint64_t i = 0; i < n; i++) {
		int r = parse_group_stacks(p, &groups[i], s);

		if (r < 0)
			return r;
		s += groups[i].wanted ? groups[i].n_samples : 0;
	}
	return 0;
}

/* ---- sums of a class ---- */

static void add_sum(struct parser *p, uint32_t local, uint64_t count, struct block *b)
{
	if (count)
		b->samples[b->n_samples++] = (struct block_sample){
			.count = count,
			.stack = p->stacks[local],
			.labels = (uint32_t)p->last_class,
			.class = (uint32_t)p->last_class,
		};
}

static bool is_in_range(const struct block_want *want, uint64_t time_ms)
{
	return (time_ms >= want->from_ms && time_ms < want->until_ms) != want->outside;
}

/* Its samples, from begin on, become their sums; their stacks are still indexes. */
static void sum_up_class(struct parser *p, uint32_t begin, struct block *b)
{
	uint32_t end = b->n_samples;

	for (uint32_t i = begin; i < end; i++) {
		const struct block_sample *s = &b->samples[i];

		if (p->want->no_times || is_in_range(p->want, s->time_ms))
			p->sums[s->stack] += s->count;
	}
	b->n_samples = begin;
	for (uint32_t i = 0; i < p->ranks.n_seen; i++) {
		uint32_t local = ranks_at(&p->ranks, i + 1);

		add_sum(p, local, p->sums[local], b);
		p->sums[local] = 0;
	}
}

/* All of it is wanted, and each sample counts one: the ranks are the sums. */
static int parse_class_sums(struct parser *p, uint64_t n_samples, struct block *b)
{
	ranks_reset(&p->ranks);
	for (uint64_t i = 0; i < n_samples; i++) {
		uint32_t local;
		int r = next_stack(p, &local);

		if (r < 0)
			return r;
	}
	for (uint32_t i = 0; i < p->ranks.n_seen; i++)
		add_sum(p, p->ranks.seen[i].number, p->ranks.seen[i].count, b);
	return p->ranks.err;
}

/* Nobody wants this class: only which stacks are used by now matters to those behind. */
static int skip_class_stacks(struct parser *p, uint64_t n_samples)
{
	uint64_t n_fresh = column_skip(&p->columns[COL_RANK], n_samples);
	uint32_t local;
	int r = 0;

	for (uint64_t i = 0; i < n_fresh && r >= 0; i++)
		r = next_fresh(p, &local);
	return r;
}

/* ---- times of a group ---- */

static int parse_stretch(struct parser *p, struct ticks_place *at, uint64_t n, uint32_t labels,
			 struct block *b)
{
	struct block_sample *s = &b->samples[b->n_samples];

	for (uint64_t i = 0; i < n; i++, at->tick++) {
		int r;

		s[i] = (struct block_sample){
			.count = 1, .class = (uint32_t)p->last_class, .labels = labels};
		at->off_ms = column_next_signed(&p->columns[COL_OFF]);
		r = ticks_time(&p->ticks, at, &s[i].time_ms);
		if (r < 0)
			return r;
		if (p->head.n_counts)
			s[i].count = column_next(&p->columns[COL_COUNT]) + 1;
	}
	b->n_samples += (uint32_t)n;
	return 0;
}

/* The samples of one label set, but for their stacks. */
static int parse_group(struct parser *p, const struct group *g, struct block *b)
{
	struct ticks_place at = {.tick = p->first_tick};
	uint64_t left = g->n_samples;

	for (;;) {
		uint64_t run = column_next(&p->columns[COL_RUN]);
		uint64_t clock = column_next(&p->columns[COL_CLOCK]);
		int r;

		if (run >= left || clock >= p->ticks.n_clocks)
			return -EBADMSG;
		at.clock = (uint32_t)clock;
		r = parse_stretch(p, &at, run + 1, g->labels, b);
		if (r < 0)
			return r;
		left -= run + 1;
		if (!left)
			return 0;
		at.tick += (uint64_t)column_next_signed(&p->columns[COL_GAP]) - 1;
	}
}

/* Nobody wants it: where the next one begins is all that matters. */
static int skip_group(struct parser *p, const struct group *g)
{
	uint64_t left = g->n_samples, n = 0;

	for (; left; n++) {
		uint64_t run = column_next(&p->columns[COL_RUN]);

		if (run >= left)
			return -EBADMSG;
		left -= run + 1;
	}
	column_skip(&p->columns[COL_CLOCK], n);
	column_skip(&p->columns[COL_GAP], n - 1);
	column_skip(&p->columns[COL_OFF], g->n_samples);
	column_skip(&p->columns[COL_COUNT], p->head.n_counts ? g->n_samples : 0);
	return 0;
}

static void fill_group(struct parser *p, const struct group *g, struct block *b)
{
	struct column_reader *counts = &p->columns[COL_COUNT];

	if (!g->wanted) {
		column_skip(counts, p->head.n_counts ? g->n_samples : 0);
		return;
	}
	for (uint32_t i = 0; i < g->n_samples; i++)
		b->samples[b->n_samples++] = (struct block_sample){
			.count = p->head.n_counts ? column_next(counts) + 1 : 1,
			.class = (uint32_t)p->last_class,
			.labels = g->labels};
}

static int parse_class(struct parser *p, uint64_t *at, struct block *b)
{
	uint64_t n = column_next(&p->columns[COL_CLASS_GROUPS]), n_samples = 0;
	const struct group *groups = p->groups + *at;
	uint32_t begin = b->n_samples;
	bool all_wanted = true;
	int r;

	if (n >= p->head.n_groups - *at)
		return -EBADMSG;
	n++;
	*at += n;
	p->last_class += column_next(&p->columns[COL_CLASS]);
	if (p->last_class >= UINT32_MAX)
		return -EBADMSG;
	for (uint64_t i = 0; i < n; i++) {
		n_samples += groups[i].n_samples;
		p->n_wanted -= groups[i].wanted ? groups[i].n_samples : 0;
		all_wanted &= groups[i].wanted;
	}
	if (p->want->summed && p->want->no_times && !p->head.n_counts && all_wanted)
		return parse_class_sums(p, n_samples, b);
	for (uint64_t i = 0; i < n; i++) {
		if (p->want->no_times) {
			fill_group(p, &groups[i], b);
			continue;
		}
		p->first_tick += (uint64_t)column_next_signed(&p->columns[COL_START]);
		r = groups[i].wanted ? parse_group(p, &groups[i], b) : skip_group(p, &groups[i]);
		if (r < 0)
			return r;
	}
	if (p->want->no_stacks)
		return 0;
	if (b->n_samples == begin)
		return skip_class_stacks(p, n_samples);
	r = parse_class_stacks(p, groups, n, b->samples + begin);
	if (r >= 0 && p->want->summed)
		sum_up_class(p, begin, b);
	return r;
}

static int parse_losses(struct parser *p, struct block *b)
{
	uint64_t last = p->head.base_ms;

	for (uint64_t i = 0; i < p->head.n_losses; i++) {
		uint64_t reason = column_next(&p->columns[COL_LOSS_REASON]);

		last += (uint64_t)column_next_signed(&p->columns[COL_LOSS_TIME]);
		if (reason >= p->head.n_reasons || last > BLOCK_TIME_MS_MAX)
			return -EBADMSG;
		b->losses[i] = (struct block_loss){
			.time_ms = last,
			.count = column_next(&p->columns[COL_LOSS_COUNT]),
			.reason = (uint32_t)reason,
		};
		b->n_losses++;
	}
	return 0;
}

/* Nothing may be left over: every byte has a meaning. */
static int all_used(const struct parser *p)
{
	for (int i = 0; i < COLUMNS; i++)
		if (!column_is_used_up(&p->columns[i]))
			return -EBADMSG;
	return p->want->no_stacks || p->n_used == p->head.n_stacks ? 0 : -EBADMSG;
}

/* Up to the last that is wanted. */
static int parse_classes(struct parser *p, struct block *b)
{
	uint64_t at = 0, i = 0;
	int r = parse_stacks(p, b);

	for (; i < p->head.n_classes && !is_unwanted(p) && r >= 0; i++)
		r = parse_class(p, &at, b);
	if (r < 0 || i < p->head.n_classes)
		return r;
	return at == p->head.n_groups ? all_used(p) : -EBADMSG;
}

static int parse_content(struct cursor *c, struct compress *z, const struct block_want *want,
			 struct block *b)
{
	_cleanup_(parser_done) struct parser p = {.want = want};
	int r = parse_head(c, &p.head);

	b->end_stack = 0;
	if (r < 0)
		return r;
	r = parse_clocks(c, &p.head, &p.ticks);
	if (r < 0)
		return r;
	r = parse_reasons(c, p.head.n_reasons, b);
	if (r < 0)
		return r;
	r = open_columns(&p, z, c, 0, COL_STACK);
	if (r >= 0)
		r = parse_groups(&p, b);
	if (r >= 0)
		r = open_columns(&p, z, c, COL_STACK, COLUMNS);
	if (r < 0 || cursor_left(c))
		return r < 0 ? r : -EBADMSG;
	r = parse_losses(&p, b);
	return r < 0 || is_unwanted(&p) ? r : parse_classes(&p, b);
}

int block_parse_some(const void *data, size_t len, struct compress *z,
		     const struct block_want *want, struct block *ret)
{
	struct cursor c, sum;
	int r;

	if (len < BLOCK_CHECKSUM_BYTES || len > BLOCK_BYTES_MAX)
		return -EBADMSG;
	c = cursor_over(data, len - BLOCK_CHECKSUM_BYTES);
	sum = cursor_over(c.end, BLOCK_CHECKSUM_BYTES);
	if (cursor_u64(&sum) != compress_checksum(data, len - BLOCK_CHECKSUM_BYTES, 0))
		return -EBADMSG;
	block_clear(ret);
	r = parse_content(&c, z, want, ret);
	if (r < 0)
		block_done(ret);
	return r;
}

int block_parse(const void *data, size_t len, struct compress *z, struct block *ret)
{
	return block_parse_some(data, len, z, &(struct block_want){}, ret);
}
