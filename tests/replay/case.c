/* Cases in memory; their text is in case_text.c. */
#include "tests/replay/case.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void replay_case_init(struct replay_case *c)
{
	*c = (struct replay_case){.end = -1};
}

void replay_case_done(struct replay_case *c)
{
	for (size_t i = 0; i < c->n_memory; i++)
		free(c->memory[i].data);
	for (size_t i = 0; i < c->n_tables; i++)
		free(c->table[i].rows);
	free(c->memory);
	free(c->mapping);
	free(c->table);
	free(c->frame);
	replay_case_init(c);
}

/* The piece that holds address, or n_memory. */
static size_t piece_of(const struct replay_case *c, uint64_t address)
{
	size_t low = 0, high = c->n_memory;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct replay_memory *m = &c->memory[middle];

		if (address - m->address < m->bytes)
			return middle;
		if (m->address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return c->n_memory;
}

int replay_case_read(const struct replay_case *c, void *to, size_t bytes, uint64_t address)
{
	size_t i = piece_of(c, address);
	const struct replay_memory *m;
	uint64_t at;

	if (i == c->n_memory)
		return -EFAULT;
	m = &c->memory[i];
	at = address - m->address;
	if (bytes > m->bytes - at)
		return -EFAULT;
	memcpy(to, m->data + at, bytes);
	return 0;
}

const struct replay_mapping *replay_case_mapping(const struct replay_case *c, uint64_t address)
{
	for (size_t i = 0; i < c->n_mappings; i++)
		if (address >= c->mapping[i].start && address < c->mapping[i].end)
			return &c->mapping[i];
	return NULL;
}

static int append(struct replay_memory *m, const void *data, size_t bytes)
{
	uint8_t *more = realloc(m->data, m->bytes + bytes);

	if (!more)
		return -ENOMEM;
	memcpy(more + m->bytes, data, bytes);
	m->data = more;
	m->bytes += bytes;
	return 0;
}

/* Piece i + 1 into piece i, where they touch. */
static int join(struct replay_case *c, size_t i)
{
	struct replay_memory *a = &c->memory[i], *b = a + 1;
	int r;

	if (i + 1 >= c->n_memory || a->address + a->bytes != b->address)
		return 0;
	r = append(a, b->data, b->bytes);
	if (r < 0)
		return r;
	free(b->data);
	c->n_memory--;
	memmove(b, b + 1, (c->n_memory - i - 1) * sizeof(*b));
	return 0;
}

int replay_case_add_memory(struct replay_case *c, uint64_t address, const void *data, size_t bytes)
{
	struct replay_memory *v = c->memory, piece = {.address = address};
	size_t at = 0;
	int r;

	if (c->n_memory == c->cap_memory) {
		c->cap_memory = c->cap_memory ? 2 * c->cap_memory : 16;
		v = realloc(v, c->cap_memory * sizeof(*v));
		if (!v)
			return -ENOMEM;
		c->memory = v;
	}
	r = append(&piece, data, bytes);
	if (r < 0)
		return r;
	while (at < c->n_memory && v[at].address < address)
		at++;
	memmove(&v[at + 1], &v[at], (c->n_memory - at) * sizeof(*v));
	v[at] = piece;
	c->n_memory++;
	r = join(c, at);
	return r == 0 && at > 0 ? join(c, at - 1) : r;
}

int replay_case_add_mapping(struct replay_case *c, const struct replay_mapping *m)
{
	if (c->n_mappings == c->cap_mappings) {
		size_t cap = c->cap_mappings ? 2 * c->cap_mappings : 16;
		struct replay_mapping *v = realloc(c->mapping, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		c->mapping = v;
		c->cap_mappings = cap;
	}
	c->mapping[c->n_mappings++] = *m;
	return 0;
}
