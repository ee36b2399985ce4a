/*
 * Regions in chunks of a sorted list: a load costs a search and one short move of memory, however
 * many there are. jit_regions_load() does the work.
 */
#include "symbolizer/jit_regions.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_REGIONS 128
#define TEXT_FIRST    4096
#define CHUNKS_FIRST  16
#define INDEX_BYTES   32 /* of by_name a name, at most */
#define LINES_SHARE   2 /* of all memory: what lines may take */

struct jit_chunk {
	size_t n;
	struct jit_region region[CHUNK_REGIONS];
};

/* The place of a region. */
struct place {
	size_t chunk, at;
};

static const char ellipsis[] = "\xe2\x80\xa6";

void jit_regions_init(struct jit_regions *r, size_t bytes_max)
{
	*r = (struct jit_regions){.bytes_max = bytes_max, .first_line = UINT64_MAX};
}

static size_t gone_kept(const struct jit_regions *r)
{
	return r->n_gone < JIT_REGIONS_GONE_MAX ? r->n_gone : JIT_REGIONS_GONE_MAX;
}

static void lines_free(struct jit_regions *r, struct jit_lines *lines)
{
	size_t bytes = jit_lines_bytes(lines);

	r->lines_bytes -= bytes;
	r->bytes -= bytes;
	free(lines);
}

static void forget_gone(struct jit_regions *r)
{
	for (size_t i = 0; i < gone_kept(r); i++)
		lines_free(r, r->gone[i].lines);
	r->n_gone = 0;
}

void jit_regions_clear(struct jit_regions *r)
{
	for (size_t i = 0; i < r->n_chunks; i++) {
		for (size_t j = 0; j < r->chunks[i]->n; j++)
			lines_free(r, r->chunks[i]->region[j].lines);
		free(r->chunks[i]);
	}
	forget_gone(r);
	jit_lines_done(&r->draft);
	free(r->chunks);
	free(r->gone);
	free(r->text);
	idmap_done(&r->by_name);
	jit_regions_init(r, r->bytes_max);
}

static bool has_room(const struct jit_regions *r, size_t bytes)
{
	return bytes <= r->bytes_max && r->bytes <= r->bytes_max - bytes;
}

/* ---- names ---- */

static uint32_t name_find(const struct jit_regions *r, uint64_t hash, const char *name, size_t len)
{
	uint32_t at, id;

	for (id = idmap_first(&r->by_name, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&r->by_name, hash, &at))
		if (strlen(r->text + id) == len && !memcmp(r->text + id, name, len))
			return id;
	return IDMAP_NONE;
}

static int text_reserve(struct jit_regions *r, size_t len)
{
	size_t cap = r->text_cap ? r->text_cap : TEXT_FIRST;
	char *text;

	while (cap - r->text_bytes < len)
		cap *= 2;
	if (cap == r->text_cap)
		return 0;
	if (cap > UINT32_MAX / 2 || !has_room(r, cap - r->text_cap))
		return -ENOMEM;
	text = realloc(r->text, cap);
	if (!text)
		return -ENOMEM;
	r->text = text;
	r->bytes += cap - r->text_cap;
	r->text_cap = cap;
	return 0;
}

static int name_add(struct jit_regions *r, uint64_t hash, const char *name, size_t len,
		    uint32_t *ret)
{
	int result = has_room(r, INDEX_BYTES) ? text_reserve(r, len + 1) : -ENOMEM;

	if (result == 0)
		result = idmap_add(&r->by_name, hash, (uint32_t)r->text_bytes);
	if (result < 0)
		return result;
	*ret = (uint32_t)r->text_bytes;
	memcpy(r->text + r->text_bytes, name, len);
	r->text[r->text_bytes + len] = '\0';
	r->text_bytes += len + 1;
	r->bytes += INDEX_BYTES;
	r->n_names++;
	return 0;
}

static int name_intern(struct jit_regions *r, const char *name, size_t len, uint32_t *ret)
{
	uint64_t hash = hash_bytes(name, len);
	uint32_t id = name_find(r, hash, name, len);

	if (id == IDMAP_NONE)
		return name_add(r, hash, name, len, ret);
	*ret = id;
	return 0;
}

static int text_carry(struct jit_regions *to, const struct jit_regions *from, uint32_t *name)
{
	const char *text = from->text + *name;

	return name_intern(to, text, strlen(text), name);
}

/* Give a region's names to another text. */
static int names_carry(struct jit_regions *to, const struct jit_regions *from,
		       struct jit_region *region)
{
	int result = text_carry(to, from, &region->name);

	for (size_t i = 0; region->lines && i < region->lines->n && result == 0; i++)
		result = text_carry(to, from, &region->lines->line[i].file);
	return result;
}

/*
 * A text of the names that are in use; where that is hardly less, -ENOMEM. Both texts are there
 * for a while.
 */
static int names_compact(struct jit_regions *r)
{
	struct jit_regions old;
	int result = 0;

	forget_gone(r);
	r->has_draft = false;
	old = *r;
	r->text = NULL;
	r->text_bytes = r->text_cap = r->n_names = 0;
	r->bytes -= old.text_cap + old.n_names * INDEX_BYTES;
	r->by_name = (struct idmap){};
	for (size_t i = 0; i < r->n_chunks && result == 0; i++)
		for (size_t j = 0; j < r->chunks[i]->n && result == 0; j++)
			result = names_carry(r, &old, &r->chunks[i]->region[j]);
	free(old.text);
	idmap_done(&old.by_name);
	if (result == 0 && r->text_bytes > old.text_bytes / 4 * 3)
		result = -ENOMEM;
	return result;
}

static int name_take(struct jit_regions *r, const char *name, size_t len, uint32_t *ret)
{
	char cut[JIT_NAME_BYTES_MAX + 1];
	int result;

	if (len > JIT_NAME_BYTES_MAX) {
		size_t keep = JIT_NAME_BYTES_MAX - strlen(ellipsis);

		while (keep > 1 && ((unsigned char)name[keep] & 0xc0) == 0x80)
			keep--;
		memcpy(cut, name, keep);
		memcpy(cut + keep, ellipsis, sizeof(ellipsis));
		return name_take(r, cut, keep + strlen(ellipsis), ret);
	}
	result = name_intern(r, name, len, ret);
	if (result != -ENOMEM || !r->text)
		return result;
	result = names_compact(r);
	return result < 0 ? result : name_intern(r, name, len, ret);
}

/* ---- places ---- */

/* The last region that begins below limit; false: none does. */
static bool last_below(const struct jit_regions *r, uint64_t limit, struct place *ret)
{
	size_t low = 0, high = r->n_chunks;
	const struct jit_chunk *c;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->chunks[middle]->region[0].start < limit)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	ret->chunk = low - 1;
	c = r->chunks[low - 1];
	low = 0;
	high = c->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->region[middle].start < limit)
			low = middle + 1;
		else
			high = middle;
	}
	ret->at = low - 1;
	return true;
}

/* Takes its lines. */
static void remember_gone(struct jit_regions *r, const struct jit_region *region, uint64_t time_ns)
{
	size_t bytes = JIT_REGIONS_GONE_MAX * sizeof(*r->gone);
	struct jit_region *place;

	/* Who has no times asks for no moment either. */
	bool wanted = time_ns && region->since_ns < time_ns;

	if (wanted && !r->gone && has_room(r, bytes)) {
		r->gone = calloc(1, bytes);
		r->bytes += r->gone ? bytes : 0;
	}
	if (!wanted || !r->gone) {
		lines_free(r, region->lines);
		return;
	}
	place = &r->gone[r->n_gone++ % JIT_REGIONS_GONE_MAX];
	if (r->n_gone > JIT_REGIONS_GONE_MAX)
		lines_free(r, place->lines);
	*place = *region;
	place->until_ns = time_ns;
}

static void remove_at(struct jit_regions *r, const struct place *p)
{
	struct jit_chunk *c = r->chunks[p->chunk];

	c->n--;
	r->n--;
	memmove(&c->region[p->at], &c->region[p->at + 1], (c->n - p->at) * sizeof(c->region[0]));
	if (c->n)
		return;
	free(c);
	r->bytes -= sizeof(*c);
	r->n_chunks--;
	memmove(&r->chunks[p->chunk], &r->chunks[p->chunk + 1],
		(r->n_chunks - p->chunk) * sizeof(struct jit_chunk *));
}

static void remove_range(struct jit_regions *r, uint64_t start, uint64_t end, uint64_t time_ns)
{
	struct place p;

	while (last_below(r, end, &p)) {
		const struct jit_region *region = &r->chunks[p.chunk]->region[p.at];

		if (region->end <= start)
			return;
		remember_gone(r, region, time_ns);
		remove_at(r, &p);
	}
}

/* ---- adding ---- */

static int chunk_add(struct jit_regions *r, size_t at)
{
	struct jit_chunk *c;

	if (!has_room(r, sizeof(*c)))
		return -ENOMEM;
	if (r->n_chunks == r->cap_chunks) {
		size_t cap = r->cap_chunks ? r->cap_chunks * 2 : CHUNKS_FIRST;
		size_t more_bytes = (cap - r->cap_chunks) * sizeof(c);
		struct jit_chunk **more;

		if (!has_room(r, sizeof(*c) + more_bytes))
			return -ENOMEM;
		more = realloc(r->chunks, cap * sizeof(struct jit_chunk *));
		if (!more)
			return -ENOMEM;
		r->chunks = more;
		r->cap_chunks = cap;
		r->bytes += more_bytes;
	}
	c = malloc(sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->n = 0;
	memmove(&r->chunks[at + 1], &r->chunks[at],
		(r->n_chunks - at) * sizeof(struct jit_chunk *));
	r->chunks[at] = c;
	r->n_chunks++;
	r->bytes += sizeof(*c);
	return 0;
}

/* Make room behind p, which is where the upper half may move away. */
static int chunk_split(struct jit_regions *r, struct place *p)
{
	struct jit_chunk *low, *high;
	int result = chunk_add(r, p->chunk + 1);

	if (result < 0)
		return result;
	low = r->chunks[p->chunk];
	high = r->chunks[p->chunk + 1];
	high->n = low->n / 2;
	low->n -= high->n;
	memcpy(high->region, low->region + low->n, high->n * sizeof(high->region[0]));
	if (p->at >= low->n) {
		p->at -= low->n;
		p->chunk++;
	}
	return 0;
}

/* No region overlaps this one. */
static int insert(struct jit_regions *r, const struct jit_region *region)
{
	struct place p = {};
	struct jit_chunk *c;
	size_t at = 0;
	int result = 0;

	if (last_below(r, region->start, &p)) {
		if (r->chunks[p.chunk]->n == CHUNK_REGIONS)
			result = chunk_split(r, &p);
		at = p.at + 1;
	} else if (!r->n_chunks || r->chunks[0]->n == CHUNK_REGIONS) {
		result = chunk_add(r, 0);
	}
	if (result < 0)
		return result;
	c = r->chunks[p.chunk];
	memmove(&c->region[at + 1], &c->region[at], (c->n - at) * sizeof(c->region[0]));
	c->region[at] = *region;
	c->n++;
	r->n++;
	return 0;
}

/* ---- lines ---- */

void jit_regions_begin_lines(struct jit_regions *r, uint64_t code)
{
	jit_lines_begin(&r->draft, code);
	r->has_draft = true;
}

void jit_regions_add_line(struct jit_regions *r, uint64_t address, uint32_t line, const char *file,
			  size_t file_len)
{
	uint32_t name;

	if (!r->has_draft)
		return;
	if (name_intern(r, file, file_len, &name) < 0 ||
	    jit_lines_add(&r->draft, address, line, name) < 0) {
		r->has_draft = false;
		r->lines_left_out = true;
	}
}

static struct jit_lines *copy_lines(struct jit_regions *r, const struct jit_lines *of)
{
	size_t bytes = jit_lines_bytes(of);
	struct jit_lines *copy = NULL;

	if (!of)
		return NULL;
	if (has_room(r, bytes))
		copy = malloc(bytes);
	if (!copy) {
		r->lines_left_out = true;
		return NULL;
	}
	memcpy(copy, of, bytes);
	r->bytes += bytes;
	r->lines_bytes += bytes;
	return copy;
}

/* The lines of the code at start become the region's. -EBADMSG: they are garbage. */
static int take_lines(struct jit_regions *r, uint64_t start, uint64_t end,
		      struct jit_region *region)
{
	size_t bytes = sizeof(struct jit_lines) + r->draft.n * sizeof(struct jit_line);
	int result;

	if (!r->has_draft || r->draft.code != start)
		return 0;
	r->has_draft = false;
	if (!has_room(r, bytes) || r->lines_bytes + bytes > r->bytes_max / LINES_SHARE) {
		r->lines_left_out = true;
		return 0;
	}
	result = jit_lines_make(&r->draft, end - start, &region->lines);
	if (result < 0)
		return result == -ENOMEM ? 0 : result;
	r->bytes += bytes;
	r->lines_bytes += bytes;
	if (region->lines->n && region->lines->line[0].offset < r->first_line)
		r->first_line = region->lines->line[0].offset;
	return 0;
}

/* ---- what happens to code ---- */

int jit_regions_load(struct jit_regions *r, uint64_t start, uint64_t end, const char *name,
		     size_t name_len, uint64_t time_ns)
{
	struct jit_region region = {.start = start, .end = end, .since_ns = time_ns};
	int result, garbage;

	if (start >= end)
		return 0;
	remove_range(r, start, end, time_ns);
	if (!name_len)
		return 0;
	result = name_take(r, name, name_len, &region.name);
	if (result < 0)
		return result;
	garbage = take_lines(r, start, end, &region);
	result = insert(r, &region);
	if (result < 0)
		lines_free(r, region.lines);
	return result < 0 ? result : garbage;
}

int jit_regions_move(struct jit_regions *r, uint64_t from, uint64_t to, uint64_t size,
		     uint64_t time_ns)
{
	struct jit_region region = {.start = to, .end = to + size, .since_ns = time_ns};
	struct place p;
	bool known = last_below(r, from + 1, &p) && r->chunks[p.chunk]->region[p.at].start == from;
	int result;

	if (!size)
		return 0;
	if (known) {
		region.name = r->chunks[p.chunk]->region[p.at].name;
		region.lines = copy_lines(r, r->chunks[p.chunk]->region[p.at].lines);
	}
	remove_range(r, from, from + size, time_ns);
	remove_range(r, to, to + size, time_ns);
	result = known ? insert(r, &region) : 0;
	if (!known || result < 0)
		lines_free(r, region.lines);
	return result;
}

/* ---- finding ---- */

static struct jit_place place_in(const struct jit_regions *r, const struct jit_region *region,
				 uint64_t address)
{
	/* Where no code has a line below, all are counted from in front of an ELF header. */
	uint64_t from = r->first_line == JIT_LINES_HEADER_BYTES ? JIT_LINES_HEADER_BYTES : 0;
	const struct jit_line *line = jit_lines_find(region->lines, address - region->start + from);
	struct jit_place found = {.name = r->text + region->name};

	if (line) {
		found.file = r->text + line->file;
		found.line = line->line;
	}
	return found;
}

struct jit_place jit_regions_find(const struct jit_regions *r, uint64_t address, uint64_t time_ns)
{
	struct place p;

	if (address < UINT64_MAX && last_below(r, address + 1, &p)) {
		const struct jit_region *region = &r->chunks[p.chunk]->region[p.at];

		if (address < region->end && region->since_ns <= time_ns)
			return place_in(r, region, address);
	}
	for (size_t i = 0; i < gone_kept(r); i++) {
		const struct jit_region *g = &r->gone[(r->n_gone - 1 - i) % JIT_REGIONS_GONE_MAX];

		if (address >= g->start && address < g->end && g->since_ns <= time_ns &&
		    time_ns < g->until_ns)
			return place_in(r, g, address);
	}
	return (struct jit_place){};
}
