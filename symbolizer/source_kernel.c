/*
 * kallsyms has no sizes, so a symbol reaches to the next one. Data symbols are kept as marks
 * without a name: they end the function before them and name no code themselves. Behind the last
 * symbol of a module lies nothing that we know, so its page is the limit there, and _etext is the
 * core's.
 */
#include "symbolizer/source_kernel.h"

#include "profiler/base/buf.h"
#include "profiler/base/cleanup.h"
#include "profiler/base/hash.h"
#include "symbolizer/kallsyms.h"

#include <errno.h>
#include <string.h>

#define KERNEL_SYMBOLS_MAX    (4u << 20) /* an allyesconfig has 1.5 million */
#define KERNEL_TEXT_BYTES_MAX (128u << 20)
#define KERNEL_OWNERS_MAX     65536
#define PAGE_BYTES	      4096u
#define NAMELESS	      UINT32_MAX

/* A symbol while the table is read. */
struct entry {
	uint64_t address;
	uint32_t name;
	uint32_t owner;
};

struct reader {
	struct kernel_names k;
	struct entry *v;
	size_t n, cap;
	size_t owners_cap;
	struct buf text;
	struct idmap by_owner;
	uint32_t last_owner;
	bool any_address;
};

static bool ends_in(const char *name, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len >= n && memcmp(name + len - n, end, n) == 0;
}

/* Where a section ends: what follows is not that symbol's. */
static bool is_end_mark(const char *name, size_t len)
{
	return ends_in(name, len, "text_end") || (len == 6 && memcmp(name, "_etext", 6) == 0) ||
	       (len == 10 && memcmp(name, "_einittext", 10) == 0);
}

/*
 * Of two names for one place the one that says more: not a section's edge, then fewer
 * underscores.
 */
static int plainness(const char *name)
{
	size_t len = strlen(name);
	int underscores = 0;

	while (underscores < 3 && name[underscores] == '_')
		underscores++;
	if (ends_in(name, len, "_stext") || ends_in(name, len, "text_start") ||
	    strcmp(name, "_text") == 0 || strcmp(name, "_sinittext") == 0)
		underscores += 8;
	return -underscores;
}

static const char *text_at(const struct reader *r, uint32_t offset)
{
	return (const char *)r->text.data + offset;
}

static int add_text(struct reader *r, const char *s, size_t len, uint32_t *ret)
{
	*ret = (uint32_t)r->text.len;
	buf_add(&r->text, s, len);
	return buf_add_char(&r->text, '\0');
}

static int add_owner(struct reader *r, const char *name, size_t len, uint64_t hash, uint32_t *ret)
{
	uint32_t id = (uint32_t)r->k.n_owners;
	int e;

	if (id >= KERNEL_OWNERS_MAX)
		return -EFBIG;
	if (r->k.n_owners == r->owners_cap) {
		size_t cap = r->owners_cap ? r->owners_cap * 2 : 64;
		struct kernel_owner *bigger = reallocarray(r->k.owners, cap, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		r->k.owners = bigger;
		r->owners_cap = cap;
	}
	r->k.owners[id] = (struct kernel_owner){};
	e = add_text(r, name, len, &r->k.owners[id].name);
	if (e < 0 || (e = idmap_add(&r->by_owner, hash, id)) < 0)
		return e;
	r->k.n_owners++;
	*ret = id;
	return 0;
}

static bool owner_is(const struct reader *r, uint32_t id, const char *name, size_t len)
{
	const char *have = text_at(r, r->k.owners[id].name);

	return strlen(have) == len && memcmp(have, name, len) == 0;
}

static int find_owner(struct reader *r, const char *name, size_t len, uint32_t *ret)
{
	uint64_t hash;
	uint32_t at;

	/* Symbols of one module stand together. */
	if (r->k.n_owners && owner_is(r, r->last_owner, name, len)) {
		*ret = r->last_owner;
		return 0;
	}
	hash = hash_bytes(name, len);
	for (uint32_t id = idmap_first(&r->by_owner, hash, &at); id != IDMAP_NONE;
	     id = idmap_next(&r->by_owner, hash, &at)) {
		if (owner_is(r, id, name, len)) {
			*ret = id;
			return 0;
		}
	}
	return add_owner(r, name, len, hash, ret);
}

static void note_edges(struct reader *r, const struct kallsyms_line *line)
{
	if (line->module)
		return;
	if (line->name_len == 5 && memcmp(line->name, "_text", 5) == 0)
		r->k.base = line->address;
	if (line->name_len == 6 && memcmp(line->name, "_etext", 6) == 0)
		r->k.end = line->address;
}

static int take_line(void *context, const struct kallsyms_line *line)
{
	struct reader *r = context;
	struct entry symbol = {.address = line->address, .name = NAMELESS};
	int e;

	if (line->address == 0 || line->type == 'a' || line->type == 'A')
		return 0; /* hidden, or absolute: offsets of per-CPU data */
	r->any_address = true;
	note_edges(r, line);
	e = find_owner(r, line->module ? line->module : "", line->module_len, &symbol.owner);
	if (e < 0)
		return e;
	r->last_owner = symbol.owner;
	if (strchr("tTwW", line->type) && !is_end_mark(line->name, line->name_len)) {
		e = add_text(r, line->name, line->name_len, &symbol.name);
		if (e < 0)
			return e;
	}
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 4096;
		struct entry *bigger;

		if (cap > KERNEL_SYMBOLS_MAX)
			return -EFBIG;
		bigger = reallocarray(r->v, cap, sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		r->v = bigger;
		r->cap = cap;
	}
	r->v[r->n++] = symbol;
	return 0;
}

static int by_place(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;

	if (a->owner != b->owner)
		return a->owner < b->owner ? -1 : 1;
	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return (a->name > b->name) -
	       (a->name < b->name); /* in the file's order, the nameless last */
}

/* Is b the better name for the place of a? */
static bool better(const struct reader *r, const struct entry *a, const struct entry *b)
{
	if (b->name == NAMELESS)
		return false;
	return a->name == NAMELESS ||
	       plainness(text_at(r, b->name)) > plainness(text_at(r, a->name));
}

static void arrange(struct reader *r)
{
	struct entry *v = r->v;
	size_t kept = 0;

	if (!r->n)
		return;
	qsort(v, r->n, sizeof(*v), by_place);
	for (size_t i = 1; i < r->n; i++) {
		if (v[i].owner != v[kept].owner || v[i].address != v[kept].address)
			v[++kept] = v[i];
		else if (better(r, &v[kept], &v[i]))
			v[kept] = v[i];
	}
	r->n = kept + 1;
}

/*
 * Half as large: places from the first code of each owner. Marks before that end nothing, and what
 * is farther away than 4 GiB stays nameless.
 */
static int pack(struct reader *r)
{
	struct kernel_names *k = &r->k;
	uint32_t n = 0;

	k->symbols = calloc(r->n, sizeof(*k->symbols));
	if (!k->symbols && r->n)
		return -ENOMEM;
	for (size_t i = 0; i < r->n; i++) {
		const struct entry *e = &r->v[i];
		struct kernel_owner *owner = &k->owners[e->owner];

		if (!owner->n && e->name == NAMELESS)
			continue;
		if (!owner->n) {
			owner->base = e->address;
			owner->first = n;
		}
		if (e->address - owner->base > UINT32_MAX)
			continue;
		owner->n++;
		k->symbols[n++] = (struct kernel_symbol){.at = (uint32_t)(e->address - owner->base),
							 .name = e->name};
	}
	return 0;
}

int kernel_names_read(int kallsyms_fd, struct kernel_names *ret)
{
	struct reader r = {};
	uint32_t core;
	int e;

	buf_init(&r.text, KERNEL_TEXT_BYTES_MAX);
	e = find_owner(&r, "", 0, &core);
	if (e == 0)
		e = kallsyms_each(kallsyms_fd, take_line, &r);
	idmap_done(&r.by_owner);
	if (e == 0 && !r.k.base)
		e = r.any_address ? -EBADMSG : -EPERM;
	if (e == 0) {
		arrange(&r);
		e = pack(&r);
	}
	free(r.v);
	if (e < 0) {
		buf_done(&r.text);
		kernel_names_done(&r.k);
		return e;
	}
	r.k.text = (char *)buf_steal(&r.text, &r.k.text_bytes);
	*ret = r.k;
	return 0;
}

void kernel_names_done(struct kernel_names *k)
{
	free(k->symbols);
	free(k->text);
	free(k->owners);
	*k = (struct kernel_names){};
}

int kernel_names_owner(const struct kernel_names *k, const char *name, uint32_t *ret_owner)
{
	for (size_t i = 0; i < k->n_owners; i++) {
		if (strcmp(k->text + k->owners[i].name, name) == 0) {
			*ret_owner = (uint32_t)i;
			return 0;
		}
	}
	return -ENOENT;
}

const char *kernel_names_find(const struct kernel_names *k, uint32_t owner, uint64_t address)
{
	const struct kernel_owner *o;
	const struct kernel_symbol *v;
	uint32_t low = 0, high;
	uint64_t last;

	if (owner >= k->n_owners)
		return NULL;
	o = &k->owners[owner];
	if (address < o->base || address - o->base > UINT32_MAX)
		return NULL;
	v = k->symbols + o->first;
	high = o->n;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (v[middle].at <= address - o->base)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || v[low - 1].name == NAMELESS)
		return NULL;
	/* Nothing of this owner follows: not farther than the page. */
	last = o->base + v[low - 1].at;
	if (low == o->n && address / PAGE_BYTES != last / PAGE_BYTES)
		return NULL;
	return k->text + v[low - 1].name;
}
