/* The dictionary of an epoch in memory; see dict.h. dict_pieces.c unpacks what waits. */
#include "storage/dict_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_BYTES_MAX	  (1u << 30)
#define LABELS_PACKED_MAX (10 * (2 + PROFILE_LABEL_COUNT + 2 * PROFILE_EXTRA_LABELS_MAX))

int dict_new(uint64_t epoch, bool keep_labels, struct dict **ret)
{
	struct dict *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->epoch = epoch;
	d->keep_labels = keep_labels;
	if (profile_new(false, &d->tables) < 0) {
		free(d);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

struct dict *dict_free(struct dict *d)
{
	if (!d)
		return NULL;
	for (uint32_t i = 0; i < d->n_pieces; i++)
		free(d->pieces[i].data);
	free(d->pieces);
	profile_free(d->tables);
	free(d->label_bytes);
	free(d->label_at);
	free(d);
	return NULL;
}

size_t dict_bytes(const struct dict *d)
{
	return sizeof(*d) + profile_bytes(d->tables) + d->cap_label_bytes +
	       d->cap_labels * sizeof(*d->label_at) + d->piece_bytes +
	       d->cap_pieces * sizeof(*d->pieces);
}

/* Those that are in memory. */
static uint32_t unpacked_count(const struct dict *d, enum chunk_kind kind)
{
	switch (kind) {
	case CHUNK_STRING:
		return d->tables->n_strings;
	case CHUNK_OBJECT:
		return d->tables->n_objects;
	case CHUNK_FUNCTION:
		return d->tables->n_functions;
	case CHUNK_LOCATION:
		return d->tables->n_locations;
	case CHUNK_STACK:
		return d->tables->n_stacks;
	default:
		return d->n_labels;
	}
}

uint32_t dict_count(const struct dict *d, enum chunk_kind kind)
{
	uint32_t n = unpacked_count(d, kind);

	return n > d->end[kind] ? n : d->end[kind];
}

/* ---- label sets, packed ---- */

int dict_grow(void *array, uint32_t *cap, uint64_t want, size_t size)
{
	void **at = (void **)array;
	uint64_t next = *cap ? *cap : 1024;
	void *bigger;

	if (want > LABEL_BYTES_MAX)
		return -E2BIG;
	if (want <= *cap)
		return 0;
	while (next < want)
		next += next / 2;
	bigger = realloc(*at, next * size);
	if (!bigger)
		return -ENOMEM;
	*at = bigger;
	*cap = (uint32_t)next;
	return 0;
}

static uint8_t *put_varint(uint8_t *to, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*to++ = (uint8_t)(v | 0x80);
	*to++ = (uint8_t)v;
	return to;
}

static uint8_t *pack_labels(uint8_t *to, const struct profile_labels *l)
{
	to = put_varint(to, l->has);
	to = put_varint(to, l->n_extra);
	for (uint32_t i = 0; i < PROFILE_LABEL_COUNT; i++)
		if (l->has & (1u << i))
			to = put_varint(to, l->value[i]);
	for (uint32_t i = 0; i < l->n_extra; i++) {
		to = put_varint(to, l->extra[i].key);
		to = put_varint(to, l->extra[i].value);
	}
	return to;
}

/* Room for the numbers below n. */
int dict_widen_labels(struct dict *d, uint64_t n)
{
	int r = d->keep_labels ? dict_grow(&d->label_at, &d->cap_labels, n, sizeof(*d->label_at))
			       : 0;

	if (r < 0)
		return r;
	for (; d->n_labels < n; d->n_labels++)
		if (d->keep_labels)
			d->label_at[d->n_labels] = DICT_NOT_THERE;
	return 0;
}

int dict_set_labels(struct dict *d, uint32_t id, const struct profile_labels *l)
{
	int r = dict_grow(&d->label_bytes, &d->cap_label_bytes,
			  (uint64_t)d->n_label_bytes + LABELS_PACKED_MAX, 1);

	if (r < 0)
		return r;
	d->label_at[id] = d->n_label_bytes;
	d->n_label_bytes =
		(uint32_t)(pack_labels(d->label_bytes + d->n_label_bytes, l) - d->label_bytes);
	return 0;
}

static int add_labels(struct dict *d, const struct profile_labels *l)
{
	int r = dict_widen_labels(d, (uint64_t)d->n_labels + 1);

	if (r >= 0 && d->keep_labels)
		r = dict_set_labels(d, d->n_labels - 1, l);
	return r;
}

static bool strings_are_there(const struct dict *d, const struct profile_labels *l)
{
	if (!d->n_holes && !d->broken)
		return true; /* chunks refer to nothing behind them */
	for (uint32_t i = 0; i < PROFILE_LABEL_COUNT; i++)
		if ((l->has & (1u << i)) && !profile_label_is_number((enum profile_label)i) &&
		    !dict_has(d, CHUNK_STRING, (uint32_t)l->value[i]))
			return false;
	for (uint32_t i = 0; i < l->n_extra; i++)
		if (!dict_has(d, CHUNK_STRING, l->extra[i].key) ||
		    !dict_has(d, CHUNK_STRING, l->extra[i].value))
			return false;
	return true;
}

int dict_labels(struct dict *d, uint32_t labels, struct profile_labels *ret)
{
	struct profile_labels l = {};
	struct cursor c;
	int r;

	if (!d->keep_labels || !dict_has(d, CHUNK_LABELS, labels))
		return -EBADMSG;
	r = d->label_at[labels] == DICT_NOT_THERE ? dict_unpack_labels(d, labels) : 0;
	if (r < 0)
		return r;
	c = cursor_over(d->label_bytes + d->label_at[labels],
			d->n_label_bytes - d->label_at[labels]);
	l.has = (uint32_t)cursor_varint(&c);
	l.n_extra = (uint32_t)cursor_varint(&c);
	for (uint32_t i = 0; i < PROFILE_LABEL_COUNT; i++)
		if (l.has & (1u << i))
			l.value[i] = cursor_varint(&c);
	for (uint32_t i = 0; i < l.n_extra; i++) {
		l.extra[i].key = (uint32_t)cursor_varint(&c);
		l.extra[i].value = (uint32_t)cursor_varint(&c);
	}
	if (!strings_are_there(d, &l))
		return -EBADMSG;
	*ret = l;
	return 0;
}

/* ---- holes ---- */

static bool is_hole(const struct dict *d, enum chunk_kind kind, uint32_t id)
{
	for (uint32_t i = 0; i < d->n_holes; i++)
		if (d->holes[i].kind == kind && id >= d->holes[i].from && id < d->holes[i].until)
			return true;
	return false;
}

void dict_add_hole(struct dict *d, enum chunk_kind kind, uint32_t from, uint32_t until)
{
	if (from >= until || is_hole(d, kind, from))
		return;
	if (d->n_holes == DICT_HOLES_MAX)
		d->broken = true;
	else
		d->holes[d->n_holes++] = (struct dict_hole){kind, from, until};
}

bool dict_has(const struct dict *d, enum chunk_kind kind, uint32_t id)
{
	return !d->broken && id < dict_count(d, kind) && !is_hole(d, kind, id);
}

static bool has_object(const struct dict *d, uint32_t object)
{
	const struct profile_object *o = &d->tables->objects[object];

	return dict_has(d, CHUNK_OBJECT, object) && dict_has(d, CHUNK_STRING, o->path) &&
	       dict_has(d, CHUNK_STRING, o->build_id);
}

static bool has_names(const struct dict *d, const struct profile_location *l)
{
	for (uint32_t i = 0; i < l->n_lines; i++) {
		uint32_t function = d->tables->lines[l->first_line + i].function;
		const struct profile_function *f = &d->tables->functions[function];

		if (!dict_has(d, CHUNK_FUNCTION, function) || !dict_has(d, CHUNK_STRING, f->name) ||
		    !dict_has(d, CHUNK_STRING, f->system_name) ||
		    !dict_has(d, CHUNK_STRING, f->file))
			return false;
	}
	return true;
}

bool dict_has_stack(const struct dict *d, uint32_t stack)
{
	if (!d->n_holes && !d->broken)
		return stack < dict_count(d, CHUNK_STACK);
	if (!dict_has(d, CHUNK_STACK, stack))
		return false;
	for (; stack; stack = d->tables->stacks[stack].parent) {
		uint32_t location = d->tables->stacks[stack].location;

		if (!dict_has(d, CHUNK_STACK, stack) || !dict_has(d, CHUNK_LOCATION, location) ||
		    !has_object(d, d->tables->locations[location].object) ||
		    !has_names(d, &d->tables->locations[location]))
			return false;
	}
	return true;
}

/* An entry that no real one can equal, so that the numbers behind it stay right. */
static int64_t add_filler(struct dict *d, enum chunk_kind kind, uint32_t id)
{
	struct profile_object o = {.kind = PROFILE_OBJECT_INCOMPLETE,
				   .domain = UINT32_MAX,
				   .identity = UINT64_MAX - id};
	struct profile_function f = {.start_line = UINT32_MAX - id};
	struct profile_labels none = {};
	char text[40];

	switch (kind) {
	case CHUNK_STRING:
		snprintf(text, sizeof(text), "\x01missing string %u\x02", id);
		return profile_string(d->tables, text);
	case CHUNK_OBJECT:
		return profile_object(d->tables, &o);
	case CHUNK_FUNCTION:
		return profile_function(d->tables, &f);
	case CHUNK_LOCATION:
		if (!d->tables->n_objects)
			return -EBADMSG;
		return profile_location(d->tables, 0, UINT64_MAX - id);
	case CHUNK_STACK:
		/* Deeper than any real one: a child of the one before, by a location of its own. */
		if (!d->tables->n_locations)
			return -EBADMSG;
		return profile_stack(d->tables, id - 1, d->tables->n_locations - 1);
	default:
		return add_labels(d, &none) < 0 ? -ENOMEM : (int64_t)d->n_labels - 1;
	}
}

int dict_fill_gap(struct dict *d, enum chunk_kind kind, uint32_t until)
{
	uint32_t from = unpacked_count(d, kind);

	if (until <= from)
		return 0;
	if (until - from > DICT_HOLE_ENTRIES_MAX) {
		d->broken = true;
		return -EBADMSG;
	}
	for (uint32_t id = from; id < until; id++) {
		int64_t got = add_filler(d, kind, id);

		if (got != id) {
			d->broken = true;
			return got < 0 ? (int)got : -EBADMSG;
		}
	}
	dict_add_hole(d, kind, from, until);
	return 0;
}

/* ---- applying a chunk ---- */

/* For writers, who look entries up by content, and so see what is there twice. */
static int64_t intern_entry(struct dict *d, const struct chunk *c, enum chunk_kind kind, uint32_t i)
{
	switch (kind) {
	case CHUNK_STRING:
		return profile_string_len(d->tables, c->text + c->strings[i].at, c->strings[i].len);
	case CHUNK_OBJECT:
		return profile_object(d->tables, &c->objects[i]);
	case CHUNK_FUNCTION:
		return profile_function(d->tables, &c->functions[i]);
	case CHUNK_LOCATION:
		return profile_location(d->tables, c->locations[i].object, c->locations[i].offset);
	case CHUNK_STACK:
		return profile_stack(d->tables, c->stacks[i].parent, c->stacks[i].location);
	default:
		return add_labels(d, &c->labels[i]) < 0 ? -ENOMEM : (int64_t)d->n_labels - 1;
	}
}

static int append_strings(struct dict *d, const struct chunk *c, uint32_t from)
{
	int64_t r = 0;

	for (uint32_t i = from; i < c->n[CHUNK_STRING] && r >= 0; i++)
		r = profile_append_string(d->tables, c->text + c->strings[i].at, c->strings[i].len);
	return r < 0 ? (int)r : 0;
}

static int append_locations(struct dict *d, const struct chunk *c, uint32_t from)
{
	int64_t r = 0;

	for (uint32_t i = from; i < c->n[CHUNK_LOCATION] && r >= 0; i++)
		r = profile_append_location(d->tables, c->locations[i].object,
					    c->locations[i].offset);
	return r < 0 ? (int)r : 0;
}

/* For readers, who go by numbers alone: the entries from number `from` of the chunk's on. */
static int append_entries(struct dict *d, const struct chunk *c, enum chunk_kind kind,
			  uint32_t from)
{
	uint32_t n = c->n[kind] - from;
	int64_t r = 0;

	switch (kind) {
	case CHUNK_STRING:
		return append_strings(d, c, from);
	case CHUNK_OBJECT:
		r = profile_append_objects(d->tables, c->objects + from, n);
		break;
	case CHUNK_FUNCTION:
		r = profile_append_functions(d->tables, c->functions + from, n);
		break;
	case CHUNK_LOCATION:
		return append_locations(d, c, from);
	case CHUNK_STACK:
		r = profile_append_stacks(d->tables, c->stacks + from, n);
		break;
	default:
		for (uint32_t i = from; i < c->n[kind] && r >= 0; i++)
			r = add_labels(d, &c->labels[i]);
		break;
	}
	return r < 0 ? (int)r : 0;
}

/*
 * Each entry must get the number that it has in the chunk: another one means that it was there
 * before.
 */
static int intern_entries(struct dict *d, const struct chunk *c, enum chunk_kind kind,
			  uint32_t from)
{
	for (uint32_t i = from; i < c->n[kind]; i++) {
		int64_t id = intern_entry(d, c, kind, i);

		if (id == -ENOMEM)
			return -ENOMEM;
		if (id != c->first[kind] + i)
			return -EBADMSG;
	}
	return 0;
}

int dict_apply_kind(struct dict *d, const struct chunk *c, enum chunk_kind kind)
{
	int r = dict_fill_gap(d, kind, c->first[kind]);
	uint32_t from;

	if (r < 0)
		return r;
	from = unpacked_count(d, kind) - c->first[kind];
	if (from >= c->n[kind])
		return 0;
	r = d->keep_labels ? append_entries(d, c, kind, from) : intern_entries(d, c, kind, from);
	if (r == -ENOMEM)
		return r;
	d->broken |= r < 0;
	return r < 0 ? -EBADMSG : 0;
}

int dict_apply_code(struct dict *d, const struct chunk *c)
{
	int r = d->broken ? -EBADMSG : 0;

	for (int k = CHUNK_OBJECT; k < CHUNK_LABELS && r >= 0; k++)
		r = dict_apply_kind(d, c, (enum chunk_kind)k);
	for (uint32_t i = 0; i < c->n_namings && r >= 0; i++) {
		const struct chunk_naming *m = &c->namings[i];

		r = profile_set_lines(d->tables, m->location, c->lines + m->first_line, m->n_lines);
	}
	return r;
}

int dict_apply(struct dict *d, const struct chunk *c)
{
	int r = d->broken ? -EBADMSG : dict_apply_kind(d, c, CHUNK_STRING);

	if (r >= 0)
		r = dict_apply_code(d, c);
	return r < 0 ? r : dict_apply_kind(d, c, CHUNK_LABELS);
}
