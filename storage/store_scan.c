/* One pass over the samples of a question; see store_scan.h. */
#include "storage/store_scan.h"

#include "profiler/base/quantity.h"
#include "storage/store_sums.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_PER_CHECK 16384

enum verdict { UNASKED, YES, NO, DAMAGED };

/* ---- limits ---- */

static int check_limits(void *arg)
{
	struct scan *c = (struct scan *)arg;
	const struct store_query *q = c->query;
	uint64_t now_ns;

	if (q->cancel && atomic_load_explicit(q->cancel, memory_order_relaxed))
		return -ECANCELED;
	now_ns = quantity_monotonic_ns();
	if (q->deadline_ns && now_ns > q->deadline_ns)
		return -ETIMEDOUT;
	/* The writer's log can only be emptied when no reader needs what stands in it. */
	c->holds_up = now_ns - c->begin_ns > c->store->hold_ns_max &&
		      db_wal_bytes(c->store->db) > c->store->wal_bytes_max;
	return c->holds_up ? -EBUSY : 0;
}

/* ---- damage ---- */

static int lose(struct scan *c, const char *reason, uint64_t count)
{
	return c->again ? 0 : profile_add_loss(c->losses, reason, count);
}

static bool overlaps(const struct scan *c, uint64_t from_ms, uint64_t until_ms)
{
	return from_ms < c->until_ms && until_ms > c->from_ms;
}

/*
 * A gap in the numbers: nobody knows what was there, but its time lies between that of its
 * neighbours.
 */
static int lose_gap(struct scan *c, size_t i, uint64_t gap)
{
	uint64_t from_ms = i > 0 ? c->list.blocks[i - 1].from_ms : 0;
	uint64_t until_ms = i < c->list.n ? c->list.blocks[i].until_ms : UINT64_MAX;

	if (from_ms > until_ms || overlaps(c, from_ms, until_ms))
		return lose(c, STORE_LOST_MISSING, gap);
	return 0;
}

static int check_numbers(struct scan *c)
{
	uint64_t next = c->state.first_block;
	int r = 0;

	if (!next && c->list.n)
		next = c->list.blocks[0].first; /* the state is not known */

	for (size_t i = 0; i < c->list.n && r >= 0; i++) {
		if (c->list.blocks[i].first > next)
			r = lose_gap(c, i, c->list.blocks[i].first - next);
		if (c->list.blocks[i].last >= next)
			next = c->list.blocks[i].last + 1;
	}
	if (r >= 0 && c->state.next_block > next)
		r = lose_gap(c, c->list.n, c->state.next_block - next);
	return r;
}

/* ---- opening ---- */

static int read_lists(struct scan *c)
{
	int r = db_state_get(c->store->db, &c->state);

	/* store_summary() says so where it is not there; gaps between rows are still seen. */
	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return r;
	if (r < 0)
		c->state = (struct db_state){};
	r = db_block_list(c->store->db, &c->list);
	return r < 0 ? r : check_numbers(c);
}

int scan_open(struct scan *c, struct store *s, const struct store_query *q, const char *doing,
	      struct err *err)
{
	int r;

	*c = (struct scan){
		.store = s, .query = q, .doing = doing, .begin_ns = quantity_monotonic_ns()};
	buf_init(&c->data, BLOCK_BYTES_MAX);
	c->from_ms = q->from_ns / NS_PER_MS;
	c->until_ms = q->until_ns > INT64_MAX ? UINT64_MAX : q->until_ns / NS_PER_MS;
	if (c->from_ms > c->until_ms || q->from_ns > q->until_ns)
		return err_set(err, -EINVAL, "%s: the range ends before it begins", doing);
	r = selector_parse(q->match, &c->selector, err);
	if (r < 0)
		return r == -EINVAL ? r : db_error(s->db, err, r, doing);
	r = profile_new(false, &c->losses);
	if (r >= 0)
		r = check_limits(c);
	db_set_progress(s->db, check_limits, c);
	if (r >= 0)
		r = db_begin(s->db, false);
	if (r < 0)
		return scan_end(c, r, err);
	c->in_transaction = true;
	r = read_lists(c);
	return r < 0 ? scan_end(c, r, err) : 0;
}

int scan_end(struct scan *c, int code, struct err *err)
{
	if (code == -E2BIG)
		err_set(err, code,
			"%s: the selector's pattern needs too many steps, or the answer is too "
			"large",
			c->doing);
	else if (code == -EBUSY && c->holds_up)
		err_set(err, code,
			"%s: ended after %llu s, because the store's log cannot be emptied "
			"meanwhile and grew to %llu MB; ask for a shorter range",
			c->doing,
			(unsigned long long)((quantity_monotonic_ns() - c->begin_ns) / NS_PER_S),
			(unsigned long long)(db_wal_bytes(c->store->db) >> 20));
	else if (code < 0)
		db_error(c->store->db, err, code, c->doing);
	if (c->in_transaction) {
		db_set_progress(c->store->db, NULL, NULL);
		db_rollback(c->store->db);
	}
	c->in_transaction = false;
	return code;
}

void scan_close(struct scan *c)
{
	if (!c->store)
		return;
	db_set_progress(c->store->db, NULL, NULL);
	if (c->in_transaction)
		db_rollback(c->store->db);
	selector_free(c->selector);
	profile_free(c->losses);
	db_block_list_done(&c->list);
	db_chunk_list_done(&c->sums);
	free(c->summed);
	block_done(&c->block);
	block_done(&c->outside);
	buf_done(&c->data);
	free(c->verdict);
	free(c->stack_verdict);
	*c = (struct scan){};
}

/* ---- blocks ---- */

static bool is_asked_for(const struct scan *c, const struct db_block *b)
{
	const char *type = c->query->type ? c->query->type : STORE_TYPE_CPU;

	return b->level != DB_DROPPED && store_is_of_type(b, type) &&
	       overlaps(c, b->from_ms, b->until_ms);
}

static int new_verdicts(int8_t **verdict, uint32_t *ret_n, uint32_t n)
{
	free(*verdict);
	*verdict = calloc((size_t)n + 1, 1);
	*ret_n = *verdict ? n : 0;
	return *verdict ? 0 : -ENOMEM;
}

static int use_dict(struct scan *c)
{
	int r;

	if (c->dict && c->dict_epoch == c->head.epoch)
		return 0;
	r = c->handed_out && c->dict_ends ? c->dict_ends(c->arg) : 0;
	if (r < 0)
		return r;
	c->handed_out = false;
	r = store_read_dict(c->store, c->head.epoch, &c->dict);
	if (r < 0)
		return r;
	c->dict_epoch = c->head.epoch;
	r = c->no_stacks && !c->dict->n_holes && !c->dict->broken ? 0 : dict_unpack(c->dict);
	if (r < 0)
		return r;
	r = new_verdicts(&c->verdict, &c->n_verdict, dict_count(c->dict, CHUNK_LABELS));
	return r < 0 ? r
		     : new_verdicts(&c->stack_verdict, &c->n_stack_verdict,
				    dict_count(c->dict, CHUNK_STACK));
}

static bool is_in_range(const struct scan *c, uint64_t time_ms)
{
	return time_ms >= c->from_ms && time_ms < c->until_ms;
}

static int lose_by_time(struct scan *c)
{
	int r = 0;

	for (uint32_t i = 0; i < c->block.n_losses && r >= 0; i++) {
		const struct block_loss *l = &c->block.losses[i];

		if (c->is_outside && !is_in_range(c, l->time_ms))
			r = lose(c, c->block.reasons[l->reason], -l->count);
		else if (!c->is_outside && (c->all_in_range || is_in_range(c, l->time_ms)))
			r = lose(c, c->block.reasons[l->reason], l->count);
	}
	return r;
}

/* ---- who is meant ---- */

/*
 * The selector on a label set whose strings stand in the dictionary: a profile of one set lends
 * it its shape.
 */
static int ask_selector(struct scan *c, struct profile_labels *l)
{
	struct profile view = {.labels = l, .n_labels = 1};
	int r = dict_unpack_strings(c->dict);

	if (r < 0)
		return r;
	view.text = c->dict->tables->text;
	view.string_offset = c->dict->tables->string_offset;
	view.n_strings = c->dict->tables->n_strings;
	return selector_matches(c->selector, &view, 0);
}

/* Whoever is meant is known without a look at the label sets, and none of them is missing. */
static bool labels_do_not_matter(const struct scan *c)
{
	return c->no_labels && selector_is_all(c->selector) && !c->dict->n_holes &&
	       !c->dict->broken;
}

/* A verdict, or a negative errno. */
static int judge_labels(struct scan *c, uint32_t labels)
{
	struct profile_labels l;
	int r;

	if (labels_do_not_matter(c))
		return YES;
	r = dict_labels(c->dict, labels, &l);
	if (r < 0)
		return r == -EBADMSG ? DAMAGED : r;
	r = ask_selector(c, &l);
	if (r < 0)
		return r;
	return r ? YES : NO;
}

/* The same, asked once for each set. */
static int verdict_on(struct scan *c, uint32_t labels)
{
	int r;

	if (labels >= c->n_verdict)
		return DAMAGED;
	if (c->verdict[labels] == UNASKED) {
		r = judge_labels(c, labels);
		if (r < 0)
			return r;
		c->verdict[labels] = (int8_t)r;
	}
	return c->verdict[labels];
}

/* For block_parse_some(): damage is handed out, since it is counted as lost. */
static int is_wanted(void *arg, uint32_t labels)
{
	int r = verdict_on((struct scan *)arg, labels);

	return r < 0 ? r : r != NO;
}

static int judge(struct scan *c, const struct block_sample *s)
{
	int r = verdict_on(c, s->labels);

	if (r != YES)
		return r;
	if (s->stack >= c->n_stack_verdict)
		return DAMAGED;
	if (c->stack_verdict[s->stack] == UNASKED)
		c->stack_verdict[s->stack] = dict_has_stack(c->dict, s->stack) ? YES : DAMAGED;
	return c->stack_verdict[s->stack];
}

/* ---- sums ---- */

static bool is_inside(const struct scan *c, const struct db_block *b)
{
	return b->from_ms >= c->from_ms && b->until_ms <= c->until_ms;
}

static bool is_in_one_step(const struct scan *c, uint64_t from_ms, uint64_t until_ms)
{
	uint64_t first = from_ms - c->start_ms, last = until_ms - 1 - c->start_ms;

	return !c->step_ms || first / c->step_ms == last / c->step_ms;
}

/*
 * Are these sums of blocks that are all asked for and not told yet, to their last sample, but for
 * one among several that the range may cut?
 */
static bool is_useful(const struct scan *c, size_t from, size_t until)
{
	uint64_t from_ms = UINT64_MAX, until_ms = 0;
	size_t n_cut = 0;

	for (size_t i = from; i < until; i++) {
		const struct db_block *b = &c->list.blocks[i];

		if (c->summed[i] || !is_asked_for(c, b))
			return false;
		n_cut += !is_inside(c, b);
		from_ms = b->from_ms < from_ms ? b->from_ms : from_ms;
		until_ms = b->until_ms > until_ms ? b->until_ms : until_ms;
	}
	if (c->step_ms)
		return n_cut == 0 && is_in_one_step(c, from_ms, until_ms);
	return n_cut == 0 || (n_cut == 1 && until - from > 1);
}

int scan_use_sums(struct scan *c, const char *const *by)
{
	int r;

	c->no_times = true;
	if (!store_sums_know(by) || !selector_is_about(c->selector, store_sums_labels))
		return 0;
	r = db_chunk_list(c->store->db, DB_SUMS, &c->sums);
	if (r < 0)
		return r;
	c->summed = calloc(c->list.n + 1, sizeof(*c->summed));
	if (!c->summed)
		return -ENOMEM;
	for (int64_t level = DB_SUMS_LEVEL_MAX; level >= 0; level--) {
		for (uint32_t k = 0; k < c->sums.n; k++) {
			const struct db_chunk *sums = &c->sums.chunks[k];
			size_t from, until;

			if (sums->level != level || !sums->bytes ||
			    !store_sums_cover(&c->list, sums, &from, &until) ||
			    !is_useful(c, from, until))
				continue;
			for (size_t i = from; i < until; i++)
				c->summed[i] = k + 1;
		}
	}
	return 0;
}

/* ---- handing out ---- */

static int parse_wanted(struct scan *c)
{
	bool summed = c->summed && (!c->step_ms || c->all_in_range);
	struct block_want want = {
		.labels = selector_is_all(c->selector) ? NULL : is_wanted,
		.arg = c,
		.no_stacks = c->no_stacks && !summed && !c->dict->n_holes && !c->dict->broken,
		.no_times = c->all_in_range,
		.summed = summed,
		.from_ms = c->from_ms,
		.until_ms = c->until_ms,
	};
	int r = block_parse_some(c->data.data, c->data.len, &c->store->compress, &want, &c->block);

	/* Some stacks are not there: it matters which samples have them. */
	if (r < 0 || !want.no_stacks || c->block.end_stack <= c->n_stack_verdict)
		return r;
	want.no_stacks = false;
	return block_parse_some(c->data.data, c->data.len, &c->store->compress, &want, &c->block);
}

static bool is_damage(int r)
{
	return r == -EBADMSG || r == -EPROTO || r == -EFBIG;
}

/* 1 it is there, 0 it is damaged and was counted. */
static int read_block(struct scan *c)
{
	int r;

	c->all_in_range = c->no_times && is_inside(c, &c->head) &&
			  is_in_one_step(c, c->head.from_ms, c->head.until_ms);
	c->no_sample_times = c->all_in_range || (c->summed && !c->step_ms);
	buf_clear(&c->data);
	r = db_block_data(c->store->db, &c->head, &c->data);
	if (r >= 0)
		r = parse_wanted(c);
	if (is_damage(r)) {
		r = store_note_bad_block(c->store, c->head.first);
		if (r >= 0)
			r = lose(c, STORE_LOST_BLOCK, c->head.samples ? c->head.samples : 1);
		return r;
	}
	return r < 0 ? r : 1;
}

/* What of block i the range leaves out, if anything. 0 or a negative errno. */
static int read_outside(struct scan *c, size_t i)
{
	struct block_want want = {
		.labels = selector_is_all(c->selector) ? NULL : is_wanted,
		.arg = c,
		.summed = true,
		.outside = true,
		.from_ms = c->from_ms,
		.until_ms = c->until_ms,
	};
	int r;

	/* Of a damaged dictionary it is not known what is to be taken away. */
	if (c->dict->n_holes || c->dict->broken)
		return -EBADMSG;
	buf_clear(&c->data);
	r = db_block_data(c->store->db, &c->list.blocks[i], &c->data);
	if (r >= 0)
		r = block_parse_some(c->data.data, c->data.len, &c->store->compress, &want,
				     &c->outside);
	for (uint32_t k = 0; r >= 0 && k < c->outside.n_samples; k++)
		c->outside.samples[k].count = -c->outside.samples[k].count;
	c->outside_due = r >= 0;
	return r;
}

static int read_sums_data(struct scan *c, uint32_t which)
{
	int r = 0;

	for (size_t i = c->next - 1; r >= 0 && i < c->list.n && c->summed[i] == which + 1; i++)
		if (!is_inside(c, &c->list.blocks[i]))
			r = read_outside(c, i);
	c->all_in_range = c->no_sample_times = true;
	buf_clear(&c->data);
	if (r >= 0)
		r = db_chunk_data(c->store->db, DB_SUMS, &c->sums.chunks[which], &c->data);
	return r < 0 ? r : parse_wanted(c);
}

/* 1 they are there, 0 something is damaged and their blocks are read instead. */
static int read_sums(struct scan *c, uint32_t which)
{
	int r = read_sums_data(c, which);

	if (r >= 0)
		return 1;
	c->outside_due = false;
	for (size_t i = c->next - 1; i < c->list.n && c->summed[i] == which + 1; i++)
		c->summed[i] = 0;
	return is_damage(r) ? 0 : r;
}

/* After the sums of several blocks: what of one of them lies outside of the range. */
static int hand_out_outside(struct scan *c)
{
	struct block sums = c->block;
	int r;

	c->block = c->outside;
	c->outside = sums;
	c->outside_due = c->dict_changed = false;
	c->is_outside = true;
	r = lose_by_time(c);
	return r < 0 ? r : 1;
}

/* The block before c->next, or the sums that begin with it. */
static int read_next(struct scan *c)
{
	uint32_t which = c->summed ? c->summed[c->next - 1] : 0;
	int r = which ? read_sums(c, which - 1) : 0;

	return r ? r : read_block(c);
}

/* The block before c->next was in the sums that were handed out with an earlier one. */
static bool is_told(const struct scan *c)
{
	size_t i = c->next - 1;

	return i > 0 && c->summed && c->summed[i] && c->summed[i] == c->summed[i - 1];
}

static void add_period(struct scan *c)
{
	int64_t taken = c->head.period_ns && !c->again ? (int64_t)c->taken : 0;

	c->period_samples += (uint64_t)taken;
	c->period_sum += (long double)taken * (long double)c->head.period_ns;
	c->taken = 0;
}

int scan_next(struct scan *c)
{
	add_period(c);
	if (c->outside_due)
		return hand_out_outside(c);
	c->is_outside = false;
	while (c->next < c->list.n) {
		int r;

		c->head = c->list.blocks[c->next++];
		if (!is_asked_for(c, &c->head) || is_told(c))
			continue;
		r = check_limits(c);
		if (r >= 0)
			r = use_dict(c);
		if (r >= 0)
			r = read_next(c);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		c->dict_changed = !c->handed_out;
		c->handed_out = true;
		r = lose_by_time(c);
		return r < 0 ? r : 1;
	}
	return 0;
}

void scan_rewind(struct scan *c)
{
	c->next = 0;
	c->again = true;
	c->handed_out = false;
}

/* ---- samples ---- */

int scan_takes(struct scan *c, const struct block_sample *s)
{
	int r;

	if (++c->steps % STEPS_PER_CHECK == 0) {
		r = check_limits(c);
		if (r < 0)
			return r;
	}
	if (!c->no_sample_times && !is_in_range(c, s->time_ms))
		return 0;
	r = judge(c, s);
	if (r == DAMAGED)
		return lose(c, STORE_LOST_NAMES, s->count);
	if (r == YES)
		c->taken += s->count;
	return r < 0 ? r : r == YES;
}

uint64_t scan_period_ns(const struct scan *c)
{
	if (!c->period_samples)
		return c->state.period_ns;
	return (uint64_t)(c->period_sum / (long double)c->period_samples + 0.5L);
}

void scan_extent(const struct scan *c, uint64_t *ret_from_ms, uint64_t *ret_until_ms)
{
	uint64_t from = UINT64_MAX, until = 0;

	for (size_t i = 0; i < c->list.n; i++) {
		const struct db_block *b = &c->list.blocks[i];

		if (b->level == DB_DROPPED)
			continue;
		from = b->from_ms < from ? b->from_ms : from;
		until = b->until_ms > until ? b->until_ms : until;
	}
	*ret_from_ms = until ? from : 0;
	*ret_until_ms = until;
}
