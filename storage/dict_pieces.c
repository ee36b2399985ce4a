/* Chunks of a dictionary whose bytes wait until they are needed; see dict.h. */
#include "storage/dict_private.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_damage(int r)
{
	return r == -EBADMSG || r == -EPROTO;
}

static int add_piece(struct dict *d, const struct chunk_head *head, const void *data, size_t len)
{
	struct dict_piece *p;
	int r = dict_grow(&d->pieces, &d->cap_pieces, (uint64_t)d->n_pieces + 1, sizeof(*p));

	if (r < 0)
		return r;
	p = &d->pieces[d->n_pieces];
	*p = (struct dict_piece){
		.head = *head, .data = malloc(len), .len = len, .labels = !head->n[CHUNK_LABELS]};
	if (!p->data)
		return -ENOMEM;
	memcpy(p->data, data, len);
	d->piece_bytes += len;
	d->n_pieces++;
	return 0;
}

int dict_add_bytes(struct dict *d, const void *data, size_t len, struct compress *z)
{
	struct chunk_head h;
	int r = d->broken ? -EBADMSG : chunk_parse_head(data, len, &h);

	for (int k = 0; k < CHUNK_KINDS && r >= 0; k++) {
		uint32_t have = dict_count(d, (enum chunk_kind)k);

		if (h.first[k] > have && h.first[k] - have > DICT_HOLE_ENTRIES_MAX) {
			d->broken = true;
			r = -EBADMSG;
		}
	}
	if (r >= 0)
		r = dict_widen_labels(d, (uint64_t)h.first[CHUNK_LABELS] + h.n[CHUNK_LABELS]);
	if (r >= 0)
		r = add_piece(d, &h, data, len);
	for (int k = 0; k < CHUNK_KINDS && r >= 0; k++) {
		uint32_t end = h.first[k] + h.n[k];

		dict_add_hole(d, (enum chunk_kind)k, dict_count(d, (enum chunk_kind)k), h.first[k]);
		if (end > d->end[k])
			d->end[k] = end;
	}
	d->unpacker = z;
	return r;
}

static void let_go(struct dict *d, struct dict_piece *p)
{
	if (!p->strings || !p->code || !p->labels)
		return;
	free(p->data);
	p->data = NULL;
	d->piece_bytes -= p->len;
}

/* What of a piece is damaged is filled with holes: kinds [from, until). 0 or -ENOMEM. */
static int fill_holes(struct dict *d, const struct dict_piece *p, int from, int until)
{
	int r = 0;

	for (int k = from; k < until && r >= 0; k++)
		r = dict_fill_gap(d, (enum chunk_kind)k, p->head.first[k] + p->head.n[k]);
	return is_damage(r) ? 0 : r;
}

static int unpack_strings(struct dict *d, struct dict_piece *p, struct chunk *c)
{
	int r = chunk_parse_part(p->data, p->len, d->unpacker, CHUNK_STRINGS, c);

	if (r >= 0)
		r = d->broken ? -EBADMSG : dict_apply_kind(d, c, CHUNK_STRING);
	if (is_damage(r))
		r = fill_holes(d, p, CHUNK_STRING, CHUNK_OBJECT);
	if (r < 0)
		return r;
	p->strings = true;
	let_go(d, p);
	return 0;
}

static int unpack_code(struct dict *d, struct dict_piece *p, struct chunk *c)
{
	int r = chunk_parse_part(p->data, p->len, d->unpacker, CHUNK_CODE, c);

	if (r >= 0)
		r = dict_apply_code(d, c);
	if (is_damage(r)) {
		/* Nothing of such a piece is believed any more. */
		dict_add_hole(d, CHUNK_STRING, p->head.first[CHUNK_STRING],
			      p->head.first[CHUNK_STRING] + p->head.n[CHUNK_STRING]);
		r = fill_holes(d, p, CHUNK_OBJECT, CHUNK_LABELS);
	}
	if (r < 0)
		return r;
	p->code = true;
	let_go(d, p);
	return 0;
}

/* So that tables do not move while they grow; they may, where there is no such room. */
static void reserve_strings(struct dict *d)
{
	size_t text_bytes = 0;
	uint32_t n = 0;

	for (uint32_t i = d->n_strings; i < d->n_pieces; i++) {
		text_bytes += d->pieces[i].head.text_bytes;
		n += d->pieces[i].head.n[CHUNK_STRING];
	}
	(void)profile_reserve(d->tables, text_bytes, n, 0, 0, 0, 0);
}

static void reserve_code(struct dict *d)
{
	uint32_t n[CHUNK_KINDS] = {}, n_lines = 0;

	for (uint32_t i = d->n_code; i < d->n_pieces; i++) {
		const struct chunk_head *h = &d->pieces[i].head;

		n_lines += h->n_lines;
		for (int k = 0; k < CHUNK_KINDS; k++)
			n[k] += h->n[k];
	}
	(void)profile_reserve(d->tables, 0, 0, n[CHUNK_FUNCTION], n[CHUNK_LOCATION], n[CHUNK_STACK],
			      n_lines);
}

int dict_unpack_strings(struct dict *d)
{
	_cleanup_(chunk_done) struct chunk c = {};
	int r = 0;

	if (d->n_strings < d->n_pieces)
		reserve_strings(d);
	for (; d->n_strings < d->n_pieces && r >= 0; d->n_strings += r >= 0)
		r = unpack_strings(d, &d->pieces[d->n_strings], &c);
	return r;
}

int dict_unpack(struct dict *d)
{
	_cleanup_(chunk_done) struct chunk c = {};
	int r = dict_unpack_strings(d);

	if (d->n_code < d->n_pieces)
		reserve_code(d);
	for (; d->n_code < d->n_pieces && r >= 0; d->n_code += r >= 0)
		r = unpack_code(d, &d->pieces[d->n_code], &c);
	return r;
}

/* NULL: no chunk has this label set. After merges several may have it, and say the same. */
static struct dict_piece *piece_of(struct dict *d, uint32_t labels)
{
	for (uint32_t i = d->n_pieces; i-- > 0;) {
		const struct chunk_head *h = &d->pieces[i].head;

		if (labels >= h->first[CHUNK_LABELS] &&
		    labels - h->first[CHUNK_LABELS] < h->n[CHUNK_LABELS])
			return &d->pieces[i];
	}
	return NULL;
}

/* All of the chunk that has it. */
int dict_unpack_labels(struct dict *d, uint32_t labels)
{
	_cleanup_(chunk_done) struct chunk c = {};
	struct dict_piece *p = piece_of(d, labels);
	uint32_t first, n;
	int r;

	if (!p || p->labels)
		return -EBADMSG;
	first = p->head.first[CHUNK_LABELS];
	n = p->head.n[CHUNK_LABELS];
	r = chunk_parse_part(p->data, p->len, d->unpacker, CHUNK_LABEL_SETS, &c);
	for (uint32_t i = 0; i < n && r >= 0; i++)
		if (d->label_at[first + i] == DICT_NOT_THERE)
			r = dict_set_labels(d, first + i, &c.labels[i]);
	if (r < 0 && !is_damage(r))
		return r;
	p->labels = true;
	let_go(d, p);
	if (r < 0)
		dict_add_hole(d, CHUNK_LABELS, first, first + n);
	return r;
}
