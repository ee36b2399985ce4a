/* Free pieces of the pool; see table_pool.h. */
#include "profiler/collector/table_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PIECES_FIRST 64
#define CHUNK_BYTES  (UNWIND_CHUNK_WORDS * 4ull)
/* Place 0 stands for nothing: the first words are never given. */
#define FIRST_PLACE UNWIND_REF_WORDS

struct piece {
	uint32_t place;
	uint32_t words;
};

struct table_pool {
	table_pool_grow_fn grow;
	void *ctx;
	struct unwind_chunk *chunk[UNWIND_CHUNKS_MAX];
	uint32_t n_chunks, max_chunks;
	struct piece *piece; /* free, sorted by place, none reaching over its chunk */
	uint32_t n, cap;
	uint64_t used_words;
};

int table_pool_new(uint64_t max_bytes, table_pool_grow_fn grow, void *ctx, struct table_pool **ret)
{
	struct table_pool *p = calloc(1, sizeof(*p));
	uint64_t chunks = max_bytes / CHUNK_BYTES;

	if (!p)
		return -ENOMEM;
	p->grow = grow;
	p->ctx = ctx;
	p->max_chunks = chunks == 0		     ? 1
			: chunks > UNWIND_CHUNKS_MAX ? UNWIND_CHUNKS_MAX
						     : (uint32_t)chunks;
	*ret = p;
	return 0;
}

struct table_pool *table_pool_free(struct table_pool *p)
{
	if (!p)
		return NULL;
	free(p->piece);
	free(p);
	return NULL;
}

static int insert(struct table_pool *p, uint32_t at, struct piece piece)
{
	if (p->n == p->cap) {
		uint32_t cap = p->cap ? p->cap * 2 : PIECES_FIRST;
		struct piece *more = realloc(p->piece, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		p->piece = more;
		p->cap = cap;
	}
	memmove(&p->piece[at + 1], &p->piece[at], (p->n - at) * sizeof(*p->piece));
	p->piece[at] = piece;
	p->n++;
	return 0;
}

static void remove_piece(struct table_pool *p, uint32_t at)
{
	p->n--;
	memmove(&p->piece[at], &p->piece[at + 1], (p->n - at) * sizeof(*p->piece));
}

static int grow(struct table_pool *p)
{
	uint32_t skipped = p->n_chunks ? 0 : FIRST_PLACE;
	struct piece piece = {p->n_chunks * UNWIND_CHUNK_WORDS + skipped,
			      UNWIND_CHUNK_WORDS - skipped};
	int r;

	if (p->n_chunks == p->max_chunks)
		return -ENOSPC;
	r = p->grow(p->ctx, p->n_chunks, &p->chunk[p->n_chunks]);
	if (r == 0)
		r = insert(p, p->n, piece);
	if (r == 0)
		p->n_chunks++;
	return r;
}

static uint32_t padding(uint32_t place, uint32_t align)
{
	return (align - place % align) % align;
}

/* The smallest piece that holds it; p->n: none. */
static uint32_t best(const struct table_pool *p, uint32_t words, uint32_t align)
{
	uint32_t found = p->n;

	for (uint32_t i = 0; i < p->n; i++) {
		const struct piece *piece = &p->piece[i];

		if (piece->words < words + padding(piece->place, align))
			continue;
		if (found == p->n || piece->words < p->piece[found].words)
			found = i;
	}
	return found;
}

/* Take [place, place + words) out of piece at. A piece in front and one behind may stay. */
static int cut(struct table_pool *p, uint32_t at, uint32_t place, uint32_t words)
{
	struct piece *piece = &p->piece[at];
	uint32_t front = place - piece->place, behind = piece->words - front - words;

	if (front && behind) {
		struct piece rest = {place + words, behind};
		int r = insert(p, at + 1, rest);

		if (r < 0)
			return r;
		p->piece[at].words = front;
	} else if (front) {
		piece->words = front;
	} else if (behind) {
		piece->place += words;
		piece->words = behind;
	} else {
		remove_piece(p, at);
	}
	return 0;
}

int64_t table_pool_take(struct table_pool *p, uint32_t words, uint32_t align)
{
	uint32_t at, place;
	int r;

	if (words > UNWIND_CHUNK_WORDS - FIRST_PLACE)
		return -E2BIG;
	at = best(p, words, align);
	if (at == p->n) {
		r = grow(p);
		if (r < 0)
			return r;
		at = best(p, words, align);
		if (at == p->n)
			return -ENOSPC;
	}
	place = p->piece[at].place + padding(p->piece[at].place, align);
	r = cut(p, at, place, words);
	if (r < 0)
		return r;
	p->used_words += words;
	return place;
}

static int same_chunk(uint32_t a, uint32_t b)
{
	return a / UNWIND_CHUNK_WORDS == b / UNWIND_CHUNK_WORDS;
}

void table_pool_give(struct table_pool *p, uint32_t place, uint32_t words)
{
	struct piece *piece = p->piece;
	uint32_t at = 0, end = place + words, high = p->n;
	int joins_front, joins_behind;

	while (at < high) {
		uint32_t middle = at + (high - at) / 2;

		if (piece[middle].place < place)
			at = middle + 1;
		else
			high = middle;
	}
	joins_front = at > 0 && piece[at - 1].place + piece[at - 1].words == place &&
		      same_chunk(piece[at - 1].place, place);
	joins_behind = at < p->n && piece[at].place == end && same_chunk(place, end);
	p->used_words -= words;
	if (joins_front && joins_behind) {
		piece[at - 1].words += words + piece[at].words;
		remove_piece(p, at);
	} else if (joins_front) {
		piece[at - 1].words += words;
	} else if (joins_behind) {
		piece[at].place = place;
		piece[at].words += words;
	} else {
		/* Without memory for the list the words are lost, and stay harmless. */
		(void)insert(p, at, (struct piece){place, words});
	}
}

bool table_pool_rest(struct table_pool *p)
{
	bool was_used = false;

	for (uint32_t i = 0; i < p->n_chunks; i++) {
		was_used |= p->chunk[i] != NULL;
		p->chunk[i] = NULL;
	}
	return was_used;
}

uint32_t *table_pool_words(struct table_pool *p, uint32_t place)
{
	uint32_t number = place >> UNWIND_CHUNK_BITS;

	if (!p->chunk[number] && p->grow(p->ctx, number, &p->chunk[number]) < 0)
		return NULL;
	return &p->chunk[number]->word[place & (UNWIND_CHUNK_WORDS - 1)];
}

uint64_t table_pool_used_bytes(const struct table_pool *p)
{
	return p->used_words * 4;
}

uint64_t table_pool_bytes(const struct table_pool *p)
{
	return p->n_chunks * CHUNK_BYTES;
}

uint64_t table_pool_max_bytes(const struct table_pool *p)
{
	return p->max_chunks * CHUNK_BYTES;
}
