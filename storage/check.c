/* Looking a store over; see check.h. check_repair.c makes a sound one. */
#include "storage/check_private.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *sentence;
} words[CHECK_ITEM_COUNT] = {
#define CHECK_ITEM_WORDS(name, word, sentence) [CHECK_##name] = {word, sentence},
	CHECK_ITEM_LIST(CHECK_ITEM_WORDS)
#undef CHECK_ITEM_WORDS
};

const char *check_item_name(enum check_item_kind k)
{
	return words[k].name;
}

const char *check_item_sentence(enum check_item_kind k)
{
	return words[k].sentence;
}

bool check_is_good(const struct check *c)
{
	for (int k = 0; k < CHECK_ITEM_COUNT; k++)
		if (c->count[k])
			return false;
	return true;
}

void check_done(struct check *c)
{
	free(c->items);
	*c = (struct check){};
}

static int note(struct check *c, const struct check_item *item)
{
	struct check_item *more;

	c->count[item->kind]++;
	c->lost_samples += item->samples;
	if (c->n_items >= CHECK_ITEMS_MAX)
		return 0;
	more = realloc(c->items, (c->n_items + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	c->items = more;
	c->items[c->n_items++] = *item;
	return 0;
}

/* ---- dictionaries ---- */

static bool is_damage(int r)
{
	return r == -EBADMSG || r == -EPROTO || r == -EFBIG || r == -EIO;
}

/* The chunk's content; -EBADMSG: it is damaged. */
static int read_chunk(struct walk *w, const struct db_chunk *head, struct chunk *ret)
{
	int r;

	buf_clear(&w->data);
	r = db_chunk_data(w->survey.db, DB_CHUNKS, head, &w->data);
	if (r >= 0)
		r = chunk_parse(w->data.data, w->data.len, &w->compress, ret);
	return is_damage(r) ? -EBADMSG : r;
}

static int take_chunks(struct walk *w, struct chunk *c)
{
	uint64_t next = w->survey.state.first_chunk;
	int r = 0;

	for (size_t i = 0; i < w->survey.n_chunks && r >= 0; i++) {
		const struct db_chunk *head = &w->survey.chunks[i];

		if (head->first > next)
			r = note(w->check, &(struct check_item){.kind = CHECK_CHUNK_MISSING,
								.first = next,
								.last = head->first - 1});
		if (r >= 0)
			r = read_chunk(w, head, c);
		if (r == -EBADMSG) {
			r = note(w->check, &(struct check_item){.kind = CHECK_CHUNK,
								.first = head->first,
								.last = head->last});
		} else if (r >= 0) {
			w->check->chunks++;
			r = w->on_chunk ? w->on_chunk(w, head) : 0;
		}
		if (head->last >= next)
			next = head->last + 1;
	}
	if (r >= 0 && w->survey.state.next_chunk > next)
		r = note(w->check, &(struct check_item){.kind = CHECK_CHUNK_MISSING,
							.first = next,
							.last = w->survey.state.next_chunk - 1});
	return r;
}

/* w->dict becomes that of the epoch, of the chunks that are good. */
static int use_dict(struct walk *w, uint64_t epoch)
{
	_cleanup_(chunk_done) struct chunk c = {};
	int r;

	if (w->dict && w->dict->epoch == epoch)
		return 0;
	w->dict = dict_free(w->dict);
	r = dict_new(epoch, true, &w->dict);
	for (size_t i = 0; i < w->survey.n_chunks && r >= 0; i++) {
		if (w->survey.chunks[i].epoch != epoch)
			continue;
		r = read_chunk(w, &w->survey.chunks[i], &c);
		if (r >= 0)
			r = dict_apply(w->dict, &c);
		if (r == -EBADMSG)
			r = 0;
	}
	return r;
}

/* ---- blocks ---- */

static bool is_named(const struct walk *w, const struct block_sample *s)
{
	struct profile_labels l;

	if (!w->dict->n_holes && !w->dict->broken)
		return s->stack < dict_count(w->dict, CHUNK_STACK) &&
		       s->labels < dict_count(w->dict, CHUNK_LABELS);
	return dict_has_stack(w->dict, s->stack) && dict_labels(w->dict, s->labels, &l) >= 0;
}

/* Samples without a name leave the block and become a loss of it. 1: there were some. */
static int drop_nameless(struct walk *w, const struct db_block *head, struct block *b)
{
	struct check_item item = {.kind = CHECK_NAMES,
				  .first = head->first,
				  .last = head->last,
				  .from_ms = head->from_ms,
				  .until_ms = head->until_ms};
	uint32_t kept = 0;
	int r;

	for (uint32_t i = 0; i < b->n_samples; i++)
		if (is_named(w, &b->samples[i]))
			b->samples[kept++] = b->samples[i];
		else
			item.samples += b->samples[i].count;
	b->n_samples = kept;
	if (!item.samples)
		return 0;
	r = note(w->check, &item);
	if (r >= 0)
		r = block_add_loss(b, head->from_ms, STORE_LOST_NAMES, item.samples);
	return r < 0 ? r : 1;
}

static int lose_block(struct walk *w, const struct check_item *item, const struct db_block *head)
{
	int r = note(w->check, item);

	return r >= 0 && w->on_lost ? w->on_lost(w, item, head) : r;
}

static int note_sums(struct walk *w, int wrong)
{
	int r = 0;

	for (int i = 0; i < wrong && r >= 0; i++)
		r = note(w->check, &(struct check_item){.kind = CHECK_SUMS});
	return wrong < 0 ? wrong : r;
}

/* b NULL: the block is damaged. */
static int take_sums(struct walk *w, const struct db_block *head, const struct block *b)
{
	return w->sums ? note_sums(w, check_sums_take(w, head, b)) : 0;
}

static int take_block(struct walk *w, const struct db_block *head, struct block *b)
{
	struct check_item item = {.kind = CHECK_BLOCK,
				  .first = head->first,
				  .last = head->last,
				  .from_ms = head->from_ms,
				  .until_ms = head->until_ms,
				  .samples = head->samples};
	int r = 0;

	if (head->level != DB_DROPPED) {
		buf_clear(&w->data);
		block_clear(b);
		r = db_block_data(w->survey.db, head, &w->data);
		if (r >= 0)
			r = block_parse(w->data.data, w->data.len, &w->compress, b);
		if (is_damage(r)) {
			r = take_sums(w, head, NULL);
			return r < 0 ? r : lose_block(w, &item, head);
		}
		if (r >= 0)
			r = take_sums(w, head, b);
		if (r >= 0)
			r = use_dict(w, head->epoch);
		if (r >= 0) {
			r = drop_nameless(w, head, b);
			w->check->samples += block_count(b);
		}
		if (r < 0)
			return r;
	}
	w->check->blocks += head->level != DB_DROPPED;
	return w->on_block ? w->on_block(w, head, b, r > 0) : 0;
}

/* A moment near block i: what is missing before it lies between that of its neighbours. */
static uint64_t time_near(const struct walk *w, size_t i)
{
	const struct db_block *blocks = w->survey.blocks;

	for (size_t k = i; k-- > 0;)
		if (blocks[k].level != DB_DROPPED)
			return blocks[k].until_ms;
	for (size_t k = i; k < w->survey.n_blocks; k++)
		if (blocks[k].level != DB_DROPPED)
			return blocks[k].from_ms;
	return w->survey.state.epoch_started_ns / NS_PER_MS;
}

/* Numbers that no row has, before block i. */
static int lose_gap(struct walk *w, size_t i, uint64_t first, uint64_t last)
{
	struct check_item item = {.kind = CHECK_BLOCK_MISSING,
				  .first = first,
				  .last = last,
				  .from_ms = time_near(w, i)};

	item.until_ms = item.from_ms + 1;
	if (i < w->survey.n_blocks && w->survey.blocks[i].from_ms > item.from_ms)
		item.until_ms = w->survey.blocks[i].from_ms;
	return lose_block(w, &item, NULL);
}

static int take_blocks(struct walk *w, struct block *b)
{
	uint64_t next = w->survey.state.first_block;
	int r = 0;

	for (size_t i = 0; i < w->survey.n_blocks && r >= 0; i++) {
		const struct db_block *head = &w->survey.blocks[i];

		if (head->first > next)
			r = lose_gap(w, i, next, head->first - 1);
		if (r >= 0)
			r = take_block(w, head, b);
		next = head->last + 1;
	}
	if (r >= 0 && w->survey.state.next_block > next)
		r = lose_gap(w, w->survey.n_blocks, next, w->survey.state.next_block - 1);
	return r;
}

/* ---- all of it ---- */

int walk_all(struct walk *w)
{
	_cleanup_(chunk_done) struct chunk c = {};
	_cleanup_(block_done) struct block b = {};
	int r = 0;

	if (w->survey.pages[0])
		r = note(w->check, &(struct check_item){.kind = CHECK_PAGES});
	memcpy(w->check->pages, w->survey.pages, sizeof(w->check->pages));
	if (r >= 0 && !w->survey.state_good)
		r = note(w->check, &(struct check_item){.kind = CHECK_STATE});
	if (r >= 0 && !w->survey.run_good)
		r = note(w->check, &(struct check_item){.kind = CHECK_RUN});
	w->check->count[CHECK_BLOCK_HEAD] += w->survey.bad_blocks;
	w->check->count[CHECK_CHUNK] += w->survey.bad_chunks;
	if (r >= 0)
		r = take_chunks(w, &c);
	if (r >= 0)
		r = take_blocks(w, &b);
	return r;
}

void walk_done(struct walk *w)
{
	survey_close(&w->survey);
	dict_free(w->dict);
	check_sums_free(w->sums);
	compress_done(&w->compress);
	buf_done(&w->data);
}

static int walk_with_sums(struct walk *w)
{
	int r = check_sums_begin(w);

	r = note_sums(w, is_damage(r) ? 1 : r);
	return r < 0 ? r : walk_all(w);
}

int check_store(const char *path, struct check *ret, struct err *err)
{
	_cleanup_(walk_done) struct walk w = {};
	struct check c = {};
	int r = survey_open(path, &w.survey, err);

	if (r < 0)
		return r;
	w.check = &c;
	buf_init(&w.data, BLOCK_BYTES_MAX);
	r = walk_with_sums(&w);
	if (r < 0) {
		check_done(&c);
		return err_set(err, r, "%s: %s", path, strerror(-r));
	}
	*ret = c;
	return 0;
}
