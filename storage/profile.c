/*
 * The profile model: tables that intern what is added to them; see profile.h.
 *
 * This file grows the tables, profile_samples.c what was counted. profile_merge.c adds one profile
 * to another, profile_read.c is what encoders ask, profile_names.c holds the lists of words.
 */
#include "storage/profile_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ELEMENTS 64
#define PROFILE_TABLE_MAX \
	(1u << 28) /* of tables without a maximum of their own: ids stay far from IDMAP_NONE */

static const char ellipsis[] = "\xe2\x80\xa6";

int profile_grow(void *array, uint32_t *cap, uint32_t n, uint32_t more, size_t size, uint32_t max)
{
	void **at = (void **)array;
	uint64_t want = (uint64_t)n + more;
	uint64_t next = *cap ? *cap : FIRST_ELEMENTS;
	void *bigger;

	if (want <= *cap)
		return 0;
	if (want > max)
		return -E2BIG;
	while (next < want)
		next += next / 2 + 1;
	bigger = realloc(*at, next * size);
	if (!bigger)
		return -ENOMEM;
	*at = bigger;
	*cap = (uint32_t)next;
	return 0;
}

int profile_new(bool merge, struct profile **ret)
{
	struct profile *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->merge = merge;
	if (profile_string(p, "") < 0 || profile_grow(&p->stacks, &p->cap_stacks, 0, 1,
						      sizeof(*p->stacks), PROFILE_STACKS_MAX) < 0) {
		profile_free(p);
		return -ENOMEM;
	}
	p->stacks[p->n_stacks++] = (struct profile_stack){};
	*ret = p;
	return 0;
}

struct profile *profile_free(struct profile *p)
{
	if (!p)
		return NULL;
	free(p->text);
	free(p->string_offset);
	free(p->objects);
	free(p->functions);
	free(p->lines);
	free(p->locations);
	free(p->stacks);
	free(p->labels);
	free(p->samples);
	free(p->losses);
	idmap_done(&p->string_index);
	idmap_done(&p->object_index);
	idmap_done(&p->function_index);
	idmap_done(&p->location_index);
	idmap_done(&p->stack_index);
	idmap_done(&p->labels_index);
	idmap_done(&p->sample_index);
	free(p);
	return NULL;
}

static size_t index_bytes(const struct idmap *m)
{
	return m->slots ? ((size_t)m->mask + 1) * sizeof(*m->slots) : 0;
}

size_t profile_bytes(const struct profile *p)
{
	return sizeof(*p) + p->text_cap + p->cap_strings * sizeof(*p->string_offset) +
	       p->cap_objects * sizeof(*p->objects) + p->cap_functions * sizeof(*p->functions) +
	       p->cap_lines * sizeof(*p->lines) + p->cap_locations * sizeof(*p->locations) +
	       p->cap_stacks * sizeof(*p->stacks) + p->cap_labels * sizeof(*p->labels) +
	       p->cap_samples * sizeof(*p->samples) + p->n_losses * sizeof(*p->losses) +
	       index_bytes(&p->string_index) + index_bytes(&p->object_index) +
	       index_bytes(&p->function_index) + index_bytes(&p->location_index) +
	       index_bytes(&p->stack_index) + index_bytes(&p->labels_index) +
	       index_bytes(&p->sample_index);
}

/* ---- strings ---- */

/* How many of the bytes of a too long string are kept, so that no UTF-8 sequence is torn. */
static size_t cut_at(const char *s)
{
	size_t len = PROFILE_STRING_BYTES_MAX - strlen(ellipsis);

	for (size_t back = 0; back < 3 && len > back; back++)
		if (((unsigned char)s[len - back] & 0xc0) != 0x80)
			return len - back;
	return len;
}

static int text_reserve(struct profile *p, size_t len)
{
	size_t cap = p->text_cap ? p->text_cap : 4096;
	char *text;

	if (p->text_bytes + len <= p->text_cap)
		return 0;
	if (p->text_bytes + len > UINT32_MAX)
		return -E2BIG;
	while (cap < p->text_bytes + len)
		cap += cap / 2;
	text = realloc(p->text, cap);
	if (!text)
		return -ENOMEM;
	p->text = text;
	p->text_cap = cap;
	return 0;
}

static uint32_t string_find(const struct profile *p, uint64_t hash, const char *s, size_t len)
{
	uint32_t at, id;

	for (id = idmap_first(&p->string_index, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&p->string_index, hash, &at)) {
		const char *have = p->text + p->string_offset[id];

		if (strlen(have) == len && !memcmp(have, s, len))
			return id;
	}
	return IDMAP_NONE;
}

/* What was appended without being looked for is put into the index now. */
static int index_strings(struct profile *p)
{
	int r = 0;

	while (p->string_index.used < p->n_strings && r >= 0) {
		const char *s = p->text + p->string_offset[p->string_index.used];

		r = idmap_add(&p->string_index, hash_bytes(s, strlen(s)), p->string_index.used);
	}
	return r;
}

int64_t profile_find_string(struct profile *p, const char *s)
{
	size_t len = strlen(s);
	int r = index_strings(p);
	uint32_t id;

	if (r < 0)
		return r;
	id = string_find(p, hash_bytes(s, len), s, len);
	return id != IDMAP_NONE ? (int64_t)id : -ENOENT;
}

/* s has no NUL in its len bytes and is not too long. */
static int64_t string_intern(struct profile *p, const char *s, size_t len)
{
	uint64_t hash = hash_bytes(s, len);
	int r = index_strings(p);
	uint32_t id;

	if (r < 0)
		return r;
	id = string_find(p, hash, s, len);
	if (id != IDMAP_NONE)
		return id;
	id = p->n_strings;
	r = (int)profile_append_string(p, s, len);
	if (r < 0)
		return r;
	r = idmap_add(&p->string_index, hash, id);
	if (r < 0)
		p->n_strings--;
	return r < 0 ? r : (int64_t)id;
}

int64_t profile_append_string(struct profile *p, const char *s, size_t len)
{
	int r = text_reserve(p, len + 1);

	assert(len <= PROFILE_STRING_BYTES_MAX);
	if (r < 0)
		return r;
	r = profile_grow(&p->string_offset, &p->cap_strings, p->n_strings, 1,
			 sizeof(*p->string_offset), PROFILE_STRINGS_MAX);
	if (r < 0)
		return r;
	p->string_offset[p->n_strings] = (uint32_t)p->text_bytes;
	memcpy(p->text + p->text_bytes, s, len);
	p->text[p->text_bytes + len] = '\0';
	p->text_bytes += len + 1;
	return p->n_strings++;
}

int64_t profile_string_len(struct profile *p, const char *s, size_t len)
{
	char copy[PROFILE_STRING_BYTES_MAX + 1];
	size_t keep = len;

	if (len <= PROFILE_STRING_BYTES_MAX && (!len || !memchr(s, '\0', len)))
		return string_intern(p, len ? s : "", len);
	if (len > PROFILE_STRING_BYTES_MAX) {
		keep = cut_at(s);
		memcpy(copy, s, keep);
		memcpy(copy + keep, ellipsis, strlen(ellipsis));
		keep += strlen(ellipsis);
	} else {
		memcpy(copy, s, len);
	}
	for (size_t i = 0; i < keep; i++)
		if (copy[i] == '\0')
			copy[i] = '?';
	return string_intern(p, copy, keep);
}

int64_t profile_string(struct profile *p, const char *s)
{
	return profile_string_len(p, s, s ? strlen(s) : 0);
}

const char *profile_str(const struct profile *p, uint32_t id)
{
	assert(id < p->n_strings);
	return p->text + p->string_offset[id];
}

/* Strings stand one behind the other, each with its NUL. */
size_t profile_str_len(const struct profile *p, uint32_t id)
{
	size_t end = id + 1 < p->n_strings ? p->string_offset[id + 1] : p->text_bytes;

	assert(id < p->n_strings);
	return end - p->string_offset[id] - 1;
}

/* ---- tables whose rows are keys as they stand: no padding, or zeroed ---- */

struct table {
	void *rows; /* address of the array pointer */
	uint32_t *n, *cap;
	struct idmap *index;
	size_t row_bytes, key_bytes; /* the key is the row's beginning */
	uint32_t max, unindexed;
};

static int64_t table_append(const struct table *t, const void *rows, uint32_t n)
{
	int r = profile_grow(t->rows, t->cap, *t->n, n, t->row_bytes, t->max);

	if (r < 0)
		return r;
	memcpy(*(char **)t->rows + *t->n * t->row_bytes, rows, n * t->row_bytes);
	*t->n += n;
	return *t->n - n;
}

/* As index_strings(). The first rows, t->unindexed of them, are never looked for. */
static int table_index(const struct table *t)
{
	const char *rows = *(char **)t->rows;
	int r = 0;

	while (t->index->used + t->unindexed < *t->n && r >= 0) {
		uint32_t id = t->index->used + t->unindexed;

		r = idmap_add(t->index, hash_bytes(rows + id * t->row_bytes, t->key_bytes), id);
	}
	return r;
}

static int64_t table_find(const struct table *t, const void *row, uint64_t hash)
{
	const char *rows = *(char **)t->rows;
	int r = table_index(t);
	uint32_t at, id;

	if (r < 0)
		return r;
	for (id = idmap_first(t->index, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(t->index, hash, &at))
		if (!memcmp(rows + id * t->row_bytes, row, t->key_bytes))
			return id;
	return -ENOENT;
}

static int64_t table_intern(const struct table *t, const void *row)
{
	uint64_t hash = hash_bytes(row, t->key_bytes);
	int64_t found = table_find(t, row, hash);
	uint32_t id = *t->n;
	int r;

	if (found != -ENOENT)
		return found;
	r = (int)table_append(t, row, 1);
	if (r < 0)
		return r;
	r = idmap_add(t->index, hash, id);
	if (r < 0)
		--*t->n;
	return r < 0 ? r : (int64_t)id;
}

static struct table objects(struct profile *p)
{
	_Static_assert(sizeof(*p->objects) == 4 * 4 + 8, "an object is its own key: no padding");
	return (struct table){.rows = &p->objects,
			      .n = &p->n_objects,
			      .cap = &p->cap_objects,
			      .index = &p->object_index,
			      .row_bytes = sizeof(*p->objects),
			      .key_bytes = sizeof(*p->objects),
			      .max = PROFILE_TABLE_MAX};
}

int64_t profile_object(struct profile *p, const struct profile_object *o)
{
	struct table t = objects(p);

	assert(o->kind < PROFILE_OBJECT_COUNT && o->path < p->n_strings);
	return table_intern(&t, o);
}

int64_t profile_find_object(struct profile *p, const struct profile_object *o)
{
	struct table t = objects(p);

	return table_find(&t, o, hash_bytes(o, sizeof(*o)));
}

int64_t profile_append_objects(struct profile *p, const struct profile_object *o, uint32_t n)
{
	struct table t = objects(p);

	return table_append(&t, o, n);
}

static struct table functions(struct profile *p)
{
	_Static_assert(sizeof(*p->functions) == 4 * 4, "a function is its own key: no padding");
	return (struct table){.rows = &p->functions,
			      .n = &p->n_functions,
			      .cap = &p->cap_functions,
			      .index = &p->function_index,
			      .row_bytes = sizeof(*p->functions),
			      .key_bytes = sizeof(*p->functions),
			      .max = PROFILE_TABLE_MAX};
}

int64_t profile_function(struct profile *p, const struct profile_function *f)
{
	struct table t = functions(p);

	assert(f->name < p->n_strings && f->system_name < p->n_strings);
	return table_intern(&t, f);
}

int64_t profile_append_functions(struct profile *p, const struct profile_function *f, uint32_t n)
{
	struct table t = functions(p);

	return table_append(&t, f, n);
}

static uint64_t location_hash(uint32_t object, uint64_t offset)
{
	uint64_t key[2] = {object, offset};

	return hash_bytes(key, sizeof(key));
}

static int index_locations(struct profile *p)
{
	int r = 0;

	while (p->location_index.used < p->n_locations && r >= 0) {
		const struct profile_location *l = &p->locations[p->location_index.used];

		r = idmap_add(&p->location_index, location_hash(l->object, l->offset),
			      p->location_index.used);
	}
	return r;
}

static int64_t location_find(struct profile *p, uint32_t object, uint64_t offset, uint64_t hash)
{
	int r = index_locations(p);
	uint32_t at, id;

	if (r < 0)
		return r;
	for (id = idmap_first(&p->location_index, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&p->location_index, hash, &at))
		if (p->locations[id].object == object && p->locations[id].offset == offset)
			return id;
	return -ENOENT;
}

int64_t profile_find_location(struct profile *p, uint32_t object, uint64_t offset)
{
	return location_find(p, object, offset, location_hash(object, offset));
}

int64_t profile_location(struct profile *p, uint32_t object, uint64_t offset)
{
	uint64_t hash = location_hash(object, offset);
	int64_t found = location_find(p, object, offset, hash);
	uint32_t id = p->n_locations;
	int r;

	if (found != -ENOENT)
		return found;
	r = (int)profile_append_location(p, object, offset);
	if (r < 0)
		return r;
	r = idmap_add(&p->location_index, hash, id);
	if (r < 0)
		p->n_locations--;
	return r < 0 ? r : (int64_t)id;
}

int64_t profile_append_location(struct profile *p, uint32_t object, uint64_t offset)
{
	int r;

	assert(object < p->n_objects);
	r = profile_grow(&p->locations, &p->cap_locations, p->n_locations, 1, sizeof(*p->locations),
			 PROFILE_TABLE_MAX);
	if (r < 0)
		return r;
	p->locations[p->n_locations] =
		(struct profile_location){.object = object, .offset = offset};
	return p->n_locations++;
}

static struct table stacks(struct profile *p)
{
	return (struct table){.rows = &p->stacks,
			      .n = &p->n_stacks,
			      .cap = &p->cap_stacks,
			      .index = &p->stack_index,
			      .row_bytes = sizeof(*p->stacks),
			      .key_bytes = sizeof(*p->stacks),
			      .max = PROFILE_STACKS_MAX,
			      .unindexed = 1}; /* the empty stack */
}

int64_t profile_stack(struct profile *p, uint32_t parent, uint32_t location)
{
	struct profile_stack s = {.parent = parent, .location = location};
	struct table t = stacks(p);

	assert(parent < p->n_stacks && location < p->n_locations);
	return table_intern(&t, &s);
}

int64_t profile_append_stacks(struct profile *p, const struct profile_stack *s, uint32_t n)
{
	struct table t = stacks(p);

	return table_append(&t, s, n);
}

int profile_reserve(struct profile *p, size_t text_bytes, uint32_t n_strings, uint32_t n_functions,
		    uint32_t n_locations, uint32_t n_stacks, uint32_t n_lines)
{
	int r = text_reserve(p, text_bytes + n_strings);

	if (r >= 0)
		r = profile_grow(&p->string_offset, &p->cap_strings, p->n_strings, n_strings,
				 sizeof(*p->string_offset), PROFILE_STRINGS_MAX);
	if (r >= 0)
		r = profile_grow(&p->functions, &p->cap_functions, p->n_functions, n_functions,
				 sizeof(*p->functions), PROFILE_TABLE_MAX);
	if (r >= 0)
		r = profile_grow(&p->locations, &p->cap_locations, p->n_locations, n_locations,
				 sizeof(*p->locations), PROFILE_TABLE_MAX);
	if (r >= 0)
		r = profile_grow(&p->stacks, &p->cap_stacks, p->n_stacks, n_stacks,
				 sizeof(*p->stacks), PROFILE_STACKS_MAX);
	if (r >= 0)
		r = profile_grow(&p->lines, &p->cap_lines, p->n_lines, n_lines, sizeof(*p->lines),
				 PROFILE_TABLE_MAX);
	return r;
}

/* ---- label sets ---- */

static void extra_insert(const struct profile *p, struct profile_labels *to,
			 struct profile_extra_label e)
{
	const char *key = profile_str(p, e.key);
	uint32_t at = to->n_extra;

	while (at > 0) {
		int order = strcmp(profile_str(p, to->extra[at - 1].key), key);

		if (order == 0)
			return;
		if (order < 0)
			break;
		at--;
	}
	memmove(&to->extra[at + 1], &to->extra[at], (to->n_extra - at) * sizeof(e));
	to->extra[at] = e;
	to->n_extra++;
}

/*
 * One form for equal sets: what is missing is zero, an empty string is missing, extras go by
 * their key's bytes.
 */
static void labels_canonical(const struct profile *p, const struct profile_labels *l,
			     struct profile_labels *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (uint32_t i = 0; i < PROFILE_LABEL_COUNT; i++) {
		if (!(l->has & (1u << i)))
			continue;
		if (!profile_label_is_number((enum profile_label)i) && l->value[i] == 0)
			continue;
		ret->has |= 1u << i;
		ret->value[i] = l->value[i];
	}
	for (uint32_t i = 0; i < l->n_extra && i < PROFILE_EXTRA_LABELS_MAX; i++)
		if (l->extra[i].value)
			extra_insert(p, ret, l->extra[i]);
}

int64_t profile_labels(struct profile *p, const struct profile_labels *l)
{
	struct profile_labels row;
	struct table t = {.rows = &p->labels,
			  .n = &p->n_labels,
			  .cap = &p->cap_labels,
			  .index = &p->labels_index,
			  .row_bytes = sizeof(row),
			  .key_bytes = sizeof(row),
			  .max = PROFILE_TABLE_MAX};

	labels_canonical(p, l, &row);
	return table_intern(&t, &row);
}

/* ---- names ---- */

int profile_set_lines(struct profile *p, uint32_t location, const struct profile_line *lines,
		      uint32_t n)
{
	struct profile_location *l = &p->locations[location];
	enum profile_naming naming = n ? PROFILE_NAMED : PROFILE_NAMELESS;
	int r;

	assert(location < p->n_locations);
	if (l->naming == naming && l->n_lines == n &&
	    (!n || !memcmp(&p->lines[l->first_line], lines, n * sizeof(*lines))))
		return 0;
	/*
	 * Always behind the others, never in place: who keeps a copy sees by first_line that the
	 * name is a new one.
	 */
	r = profile_grow(&p->lines, &p->cap_lines, p->n_lines, n, sizeof(*p->lines),
			 PROFILE_TABLE_MAX);
	if (r < 0)
		return r;
	if (n)
		memcpy(&p->lines[p->n_lines], lines, n * sizeof(*lines));
	l->first_line = p->n_lines;
	l->n_lines = n;
	l->naming = naming;
	if (location < p->named_from)
		p->named_from = location;
	p->n_lines += n;
	return 0;
}
