/* Additions to a dictionary in memory; see chunk.h. chunk_code.c has the bytes. */
#include "storage/chunk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ELEMENTS 64

void chunk_done(struct chunk *c)
{
	free(c->strings);
	free(c->objects);
	free(c->functions);
	free(c->locations);
	free(c->stacks);
	free(c->labels);
	free(c->namings);
	free(c->lines);
	free(c->text);
	*c = (struct chunk){};
}

void chunk_clear(struct chunk *c)
{
	memset(c->first, 0, sizeof(c->first));
	memset(c->n, 0, sizeof(c->n));
	c->n_namings = c->n_lines = c->n_text = 0;
}

bool chunk_is_empty(const struct chunk *c)
{
	for (int k = 0; k < CHUNK_KINDS; k++)
		if (c->n[k])
			return false;
	return c->n_namings == 0;
}

static int reserve(void *array, uint32_t *cap, uint64_t want, size_t size, uint32_t max)
{
	void **at = (void **)array;
	uint64_t next = *cap ? *cap : FIRST_ELEMENTS;
	void *bigger;

	if (want > max)
		return -E2BIG;
	if (want <= *cap)
		return 0;
	while (next < want)
		next *= 2;
	bigger = realloc(*at, next * size);
	if (!bigger)
		return -ENOMEM;
	*at = bigger;
	*cap = (uint32_t)next;
	return 0;
}

/* Where a kind's array is, and how large one entry. */
static void *array_of(struct chunk *c, enum chunk_kind kind, size_t *ret_size)
{
	switch (kind) {
	case CHUNK_STRING:
		*ret_size = sizeof(*c->strings);
		return &c->strings;
	case CHUNK_OBJECT:
		*ret_size = sizeof(*c->objects);
		return &c->objects;
	case CHUNK_FUNCTION:
		*ret_size = sizeof(*c->functions);
		return &c->functions;
	case CHUNK_LOCATION:
		*ret_size = sizeof(*c->locations);
		return &c->locations;
	case CHUNK_STACK:
		*ret_size = sizeof(*c->stacks);
		return &c->stacks;
	default:
		*ret_size = sizeof(*c->labels);
		return &c->labels;
	}
}

int chunk_reserve(struct chunk *c, enum chunk_kind kind, uint32_t n)
{
	size_t size;
	void *array = array_of(c, kind, &size);

	return reserve(array, &c->cap[kind], (uint64_t)c->n[kind] + n, size, CHUNK_ENTRIES_MAX);
}

int chunk_add_string(struct chunk *c, const char *s, size_t len)
{
	int r = chunk_reserve(c, CHUNK_STRING, 1);

	if (r < 0)
		return r;
	if (len > PROFILE_STRING_BYTES_MAX)
		return -E2BIG;
	r = reserve(&c->text, &c->cap_text, c->n_text + len, 1, CHUNK_TEXT_MAX);
	if (r < 0)
		return r;
	memcpy(c->text + c->n_text, s, len);
	c->strings[c->n[CHUNK_STRING]++] =
		(struct chunk_string){.at = c->n_text, .len = (uint32_t)len};
	c->n_text += (uint32_t)len;
	return 0;
}

int chunk_reserve_names(struct chunk *c, uint32_t n_namings, uint32_t n_lines)
{
	int r = reserve(&c->namings, &c->cap_namings, (uint64_t)c->n_namings + n_namings,
			sizeof(*c->namings), CHUNK_ENTRIES_MAX);

	return r < 0 ? r
		     : reserve(&c->lines, &c->cap_lines, (uint64_t)c->n_lines + n_lines,
			       sizeof(*c->lines), 4 * CHUNK_ENTRIES_MAX);
}

int chunk_add_naming(struct chunk *c, uint32_t location, const struct profile_line *lines,
		     uint32_t n)
{
	int r;

	if (n > CHUNK_LINES_MAX)
		n = CHUNK_LINES_MAX;
	r = chunk_reserve_names(c, 1, n);
	if (r < 0)
		return r;
	if (n)
		memcpy(c->lines + c->n_lines, lines, n * sizeof(*lines));
	c->namings[c->n_namings++] = (struct chunk_naming){location, c->n_lines, n};
	c->n_lines += n;
	return 0;
}

/* The kinds that are copied as they stand. */
static int append_rows(struct chunk *into, const struct chunk *from, enum chunk_kind kind)
{
	size_t size;
	void **to = (void **)array_of(into, kind, &size);
	void *const *rows = (void *const *)array_of((struct chunk *)from, kind, &size);
	int r = chunk_reserve(into, kind, from->n[kind]);

	if (r < 0)
		return r;
	if (from->n[kind])
		memcpy((char *)*to + into->n[kind] * size, *rows, from->n[kind] * size);
	into->n[kind] += from->n[kind];
	return 0;
}

static int append_others(struct chunk *into, const struct chunk *from)
{
	int r = 0;

	for (uint32_t i = 0; i < from->n[CHUNK_STRING] && r >= 0; i++)
		r = chunk_add_string(into, from->text + from->strings[i].at, from->strings[i].len);
	for (uint32_t i = 0; i < from->n_namings && r >= 0; i++) {
		const struct chunk_naming *m = &from->namings[i];

		r = chunk_add_naming(into, m->location, from->lines + m->first_line, m->n_lines);
	}
	return r;
}

int chunk_append(struct chunk *into, const struct chunk *from)
{
	int r = 0;

	if (chunk_is_empty(into))
		memcpy(into->first, from->first, sizeof(into->first));
	for (int k = 0; k < CHUNK_KINDS; k++)
		if (into->first[k] + into->n[k] != from->first[k])
			return -EINVAL;
	for (int k = CHUNK_OBJECT; k < CHUNK_KINDS && r >= 0; k++)
		r = append_rows(into, from, (enum chunk_kind)k);
	return r < 0 ? r : append_others(into, from);
}
