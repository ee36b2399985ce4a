/* Pages in and out of the pool; see tables.h. load_pages() and make_room() do the work. */
#include "profiler/collector/tables.h"

#include "profiler/base/cleanup.h"
#include "profiler/collector/rule_book.h"
#include "profiler/collector/table_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS_FIRST 256
/* Pages used this lately are in use, and not evicted: a pool too small would only turn. */
#define IN_USE_UNITS (2 + UNWIND_RECENT_UNITS)
/* The index of an object without pages: no entry is ever looked at. */
#define NO_PAGES_AT   1
#define RULE_UNMAPPED UINT32_MAX

struct loaded {
	struct tables_object object; /* number 0: none */
	uint32_t pages_at; /* 0: no table */
	uint32_t first_page, n_pages;
	uint32_t n_loaded; /* pages with rows in the pool */
	uint32_t words; /* in the pool, index included */
	uint64_t asked_ns; /* when its table was asked for last; 0: never */
	uint64_t wait_ns; /* from then to the next time, at least */
	uint64_t wanted; /* bits of the pages that were missed since, modulo 64 */
};

/* Rows that left the kernel's sight, to be given back once nobody can be reading them. */
struct parting {
	uint32_t place, words;
};

struct tables {
	struct tables_kernel kernel;
	struct table_pool *pool;
	struct rule_book *rules;
	struct loaded *object; /* by number */
	uint32_t cap;
	struct parting *parting;
	size_t n_parting, cap_parting;
	uint32_t units; /* now, as pages have it */
	uint32_t loading; /* the object whose pages are coming: it is not dropped as empty */
	uint64_t share_used; /* words of its domain */
	uint64_t rows, pages, objects;
	uint64_t loaded, evicted, refused;
};

int tables_new(const struct tables_kernel *kernel, uint64_t budget_bytes, struct tables **ret)
{
	struct tables *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->kernel = *kernel;
	r = table_pool_new(budget_bytes, kernel->map_chunk, kernel->ctx, &t->pool);
	if (r == 0)
		r = rule_book_new(kernel->dictionary, &t->rules);
	if (r < 0) {
		tables_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

struct tables *tables_free(struct tables *t)
{
	if (!t)
		return NULL;
	table_pool_free(t->pool);
	rule_book_free(t->rules);
	free(t->object);
	free(t->parting);
	free(t);
	return NULL;
}

static struct loaded *object_of(struct tables *t, uint32_t number)
{
	if (number >= t->cap) {
		uint32_t cap = t->cap ? t->cap : OBJECTS_FIRST;
		struct loaded *more;

		while (cap <= number)
			cap *= 2;
		more = realloc(t->object, cap * sizeof(*more));
		if (!more)
			return NULL;
		memset(more + t->cap, 0, (cap - t->cap) * sizeof(*more));
		t->object = more;
		t->cap = cap;
	}
	return &t->object[number];
}

/* The index of o, which has pages; it lies in one piece. NULL without memory. */
static struct unwind_page_ref *index_of(struct tables *t, const struct loaded *o)
{
	return (void *)table_pool_words(t->pool, o->pages_at);
}

/* ---- out of the pool ---- */

static void part(struct tables *t, uint32_t place, uint32_t words)
{
	if (t->n_parting == t->cap_parting) {
		size_t cap = t->cap_parting ? t->cap_parting * 2 : 64;
		struct parting *more = realloc(t->parting, cap * sizeof(*more));

		if (!more)
			return; /* these words are lost */
		t->parting = more;
		t->cap_parting = cap;
	}
	t->parting[t->n_parting++] = (struct parting){place, words};
}

/* All that was unloaded may be used again. */
static void settle(struct tables *t)
{
	if (t->n_parting == 0)
		return;
	t->kernel.settle(t->kernel.ctx);
	for (size_t i = 0; i < t->n_parting; i++)
		table_pool_give(t->pool, t->parting[i].place, t->parting[i].words);
	t->n_parting = 0;
	rule_book_release(t->rules);
}

static void unload_page(struct tables *t, struct loaded *o, struct unwind_page_ref *ref)
{
	uint64_t rows = ref->rows;
	uint32_t n = UNWIND_REF_N(rows), at = UNWIND_REF_AT(rows);
	const struct unwind_row *row;

	__atomic_store_n(&ref->rows, 0, __ATOMIC_RELEASE);
	if (!(rows & UNWIND_REF_LOADED) || n == 0)
		return;
	/* Without memory its rules stay for ever, and are harmless. */
	row = (const void *)table_pool_words(t->pool, at);
	for (uint32_t i = 0; row && i < n; i++)
		rule_book_drop(t->rules, row[i].rule, 1);
	part(t, at, n);
	o->words -= n;
	o->n_loaded--;
	t->rows -= n;
	t->pages--;
}

/*
 * The object is as if it had never had a table; the kernel no longer looks at its index. -ENOMEM:
 * it has it still.
 */
static int unload_object(struct tables *t, struct loaded *o)
{
	struct unwind_page_ref *index;

	if (!o->pages_at)
		return 0;
	if (o->n_pages) {
		index = index_of(t, o);
		if (!index)
			return -ENOMEM;
		for (uint32_t i = 0; i < o->n_pages; i++)
			unload_page(t, o, &index[i]);
		part(t, o->pages_at, o->n_pages * (uint32_t)UNWIND_REF_WORDS);
	}
	o->pages_at = o->first_page = o->n_pages = o->words = 0;
	t->objects--;
	return 0;
}

static int tell(struct tables *t, const struct loaded *o)
{
	struct abi_object_info info = {
		.number = o->object.number,
		.pages_at = o->pages_at,
		.first_page = o->first_page,
		.n_pages = o->n_pages,
	};

	return t->kernel.tell(t->kernel.ctx, &o->object.key, &info);
}

/* A page that may go. */
struct candidate {
	uint32_t used, number, page;
};

static int by_use(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return x->used < y->used ? -1 : x->used > y->used;
}

/* The loaded pages that are not in use: of one domain, or of all. How many; -ENOMEM. */
static int64_t candidates(struct tables *t, const uint32_t *domain, struct candidate **ret)
{
	struct candidate *v = calloc(t->pages + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return -ENOMEM;
	for (uint32_t i = 1; i < t->cap; i++) {
		const struct loaded *o = &t->object[i];
		const struct unwind_page_ref *index;

		if (o->n_loaded == 0 || (domain && o->object.domain != *domain))
			continue;
		index = index_of(t, o);
		for (uint32_t page = 0; index && page < o->n_pages; page++) {
			const struct unwind_page_ref *ref = &index[page];

			if (UNWIND_REF_N(ref->rows) && ref->used + IN_USE_UNITS < t->units)
				v[n++] = (struct candidate){ref->used, i, page};
		}
	}
	qsort(v, n, sizeof(*v), by_use);
	*ret = v;
	return (int64_t)n;
}

/* An index whose pages have all gone is of no use to anybody. */
static void drop_empty(struct tables *t)
{
	for (uint32_t i = 1; i < t->cap; i++) {
		struct loaded *o = &t->object[i];

		if (o->n_pages == 0 || o->n_loaded || i == t->loading)
			continue;
		if (unload_object(t, o) == 0)
			tell(t, o);
	}
}

/* Make at least words free, of one domain's pages or of all. False when nothing could go. */
static bool make_room(struct tables *t, uint32_t words, const uint32_t *domain)
{
	_cleanup_free_ struct candidate *v = NULL;
	int64_t n = candidates(t, domain, &v);
	uint64_t want = words + UNWIND_CHUNK_WORDS / 16, freed = 0;
	int64_t i;

	for (i = 0; i < n && freed < want; i++) {
		struct loaded *o = &t->object[v[i].number];
		uint32_t before = o->words;

		unload_page(t, o, &index_of(t, o)[v[i].page]);
		freed += before - o->words;
		t->evicted++;
	}
	if (i > 0)
		drop_empty(t);
	settle(t);
	return i > 0;
}

static uint64_t words_of_domain(const struct tables *t, uint32_t domain)
{
	uint64_t words = 0;

	for (uint32_t i = 1; i < t->cap; i++)
		if (t->object[i].object.domain == domain)
			words += t->object[i].words;
	return words;
}

static uint64_t share_words(const struct tables *t, uint32_t domain)
{
	uint64_t all = table_pool_max_bytes(t->pool) / 4;

	return domain == 0 ? all : all / TABLES_SHARE;
}

/* ---- into the pool ---- */

/* Make room in the share of o's domain by its own pages. False where that is not enough. */
static bool fit_share(struct tables *t, const struct loaded *o, uint32_t words)
{
	uint32_t domain = o->object.domain;

	while (domain && t->share_used + words > share_words(t, domain)) {
		if (!make_room(t, words, &domain))
			return false;
		t->share_used = words_of_domain(t, domain);
	}
	return true;
}

/* A place for words of o: what its domain has too much of goes first, then what nobody uses. */
static int64_t take(struct tables *t, struct loaded *o, uint32_t words, uint32_t align)
{
	int64_t place;

	if (!fit_share(t, o, words))
		return -ENOSPC;
	for (;;) {
		place = table_pool_take(t->pool, words, align);
		if (place != -ENOSPC || !make_room(t, words, NULL))
			break;
		t->share_used = words_of_domain(t, o->object.domain);
	}
	if (place >= 0) {
		o->words += words;
		t->share_used += words;
	}
	return place;
}

struct loading {
	struct tables *t;
	struct loaded *o;
	const struct unwind_table *table;
	struct unwind_page_ref *index; /* of o */
	uint32_t *number; /* of each of the table's rules in the dictionary */
	uint32_t max_rules;
};

static uint32_t rule_number(struct loading *l, uint32_t rule)
{
	if (l->number[rule] == RULE_UNMAPPED) {
		int number = rule_book_add(l->t->rules, &l->table->rules[rule], l->max_rules);

		l->number[rule] = number < 0 ? RULE_BOOK_FULL : (uint32_t)number;
	}
	return l->number[rule];
}

static uint32_t log2_of(uint32_t n)
{
	return 31 - (uint32_t)__builtin_clz(n);
}

static int load_page(struct loading *l, const struct unwind_page *page)
{
	struct tables *t = l->t;
	struct unwind_page_ref *ref = &l->index[page->number - l->o->first_page];
	const struct unwind_row *from = &l->table->rows[page->first_row];
	struct unwind_row *to;
	int64_t place;

	if (ref->rows & UNWIND_REF_LOADED)
		return 0;
	place = take(t, l->o, page->n_rows, 1);
	if (place < 0) {
		t->refused++;
		return (int)place;
	}
	to = (void *)table_pool_words(t->pool, (uint32_t)place);
	if (!to) {
		table_pool_give(t->pool, (uint32_t)place, page->n_rows);
		l->o->words -= page->n_rows;
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < page->n_rows; i++) {
		uint32_t number = rule_number(l, from[i].rule);

		rule_book_hold(t->rules, number, 1);
		to[i] = (struct unwind_row){.low = from[i].low, .rule = (uint16_t)number};
	}
	ref->used = t->units;
	__atomic_store_n(&ref->rows,
			 UNWIND_REF((uint32_t)place, page->n_rows, log2_of(page->n_rows)),
			 __ATOMIC_RELEASE);
	l->o->n_loaded++;
	t->rows += page->n_rows;
	t->pages++;
	t->loaded++;
	return 0;
}

/* Whether the whole table is loaded: while most of the pool, or of the owner's share, is free. */
static bool fits_whole(const struct tables *t, const struct loaded *o,
		       const struct unwind_table *table)
{
	uint64_t share = share_words(t, o->object.domain);
	uint64_t used = o->object.domain ? t->share_used : table_pool_used_bytes(t->pool) / 4;

	return used + table->n_rows < share - share / 4;
}

static bool is_wanted(const struct loaded *o, const struct unwind_page *page)
{
	return o->wanted >> (page->number % 64) & 1;
}

static int load_pages(struct tables *t, struct loaded *o, const struct unwind_table *table)
{
	_cleanup_free_ uint32_t *number = malloc((table->n_rules + 1) * sizeof(*number));
	struct loading l = {.t = t,
			    .o = o,
			    .table = table,
			    .number = number,
			    .max_rules = o->object.domain ? UNWIND_RULES_MAX / TABLES_SHARE
							  : UNWIND_RULES_MAX};
	bool whole = fits_whole(t, o, table);
	int r = 0;

	if (table->n_pages == 0)
		return 0;
	l.index = index_of(t, o);
	if (!number || !l.index)
		return -ENOMEM;
	memset(number, 0xff, (table->n_rules + 1) * sizeof(*number));
	/* Where one page found no room, looking for more of it would take long. */
	for (uint32_t i = 0; i < table->n_pages && r == 0; i++)
		if (whole || is_wanted(o, &table->pages[i]))
			r = load_page(&l, &table->pages[i]);
	return r == -ENOSPC ? 0 : r; /* what found no room is missed again */
}

/* Pages between the first and the last that have no rows are holes. */
static void mark_holes(struct unwind_page_ref *index, uint32_t n, const struct unwind_table *table)
{
	uint32_t at = 0;

	for (uint32_t page = 0; page < n; page++) {
		bool has_rows = table->pages[at].number == table->pages[0].number + page;

		index[page] = (struct unwind_page_ref){.rows = has_rows ? 0 : UNWIND_REF(0, 0, 0)};
		at += has_rows;
	}
}

static int add_index(struct tables *t, struct loaded *o, const struct unwind_table *table)
{
	uint32_t first = table->n_pages ? table->pages[0].number : 0;
	uint32_t n = table->n_pages ? table->pages[table->n_pages - 1].number - first + 1 : 0;
	uint32_t words = n * (uint32_t)UNWIND_REF_WORDS;
	int64_t place = NO_PAGES_AT;
	struct unwind_page_ref *index;

	if (n)
		place = take(t, o, words, UNWIND_REF_WORDS);
	if (place < 0)
		return (int)place;
	if (n) {
		index = (void *)table_pool_words(t->pool, (uint32_t)place);
		if (!index) {
			table_pool_give(t->pool, (uint32_t)place, words);
			o->words -= words;
			return -ENOMEM;
		}
		mark_holes(index, n, table);
	}
	o->pages_at = (uint32_t)place;
	o->first_page = first;
	o->n_pages = n;
	t->objects++;
	return 0;
}

/* Whether the index is that of this table: a file that has changed has another key. */
static bool has_index(const struct loaded *o, const struct unwind_table *table)
{
	return o->pages_at && table->n_pages && o->first_page == table->pages[0].number &&
	       o->n_pages == table->pages[table->n_pages - 1].number - o->first_page + 1;
}

/* What found no room is missed again, and asked for less and less often. */
static void wait_longer(struct loaded *o, bool brought_nothing)
{
	if (!brought_nothing)
		o->wait_ns = TABLES_ASK_NS;
	else if (o->wait_ns < TABLES_ASK_MAX_NS)
		o->wait_ns *= 2;
}

int tables_add(struct tables *t, const struct tables_object *object,
	       const struct unwind_table *table, uint64_t now_ns)
{
	struct loaded *o = object_of(t, object->number);
	uint64_t loaded = t->loaded;
	int r = 0, told = 0;

	if (!o)
		return -ENOMEM;
	t->units = (uint32_t)(now_ns >> UNWIND_USED_SHIFT);
	if (o->pages_at && !has_index(o, table)) {
		if (unload_object(t, o) < 0)
			return -ENOMEM;
		tell(t, o);
		settle(t);
	}
	o->object = *object;
	t->loading = object->number;
	t->share_used = words_of_domain(t, object->domain);
	if (!o->pages_at)
		r = add_index(t, o, table);
	if (r == 0) {
		r = load_pages(t, o, table);
		told = tell(t, o);
	}
	wait_longer(o, t->loaded == loaded);
	o->wanted = 0;
	t->loading = 0;
	return r < 0 ? r : told;
}

int tables_none(struct tables *t, const struct tables_object *object)
{
	static const struct unwind_table none;

	return tables_add(t, object, &none, (uint64_t)t->units << UNWIND_USED_SHIFT);
}

void tables_later(struct tables *t, uint32_t number)
{
	struct loaded *o = object_of(t, number);

	if (o)
		wait_longer(o, true);
}

bool tables_miss(struct tables *t, uint32_t number, uint64_t offset, uint64_t now_ns)
{
	struct loaded *o = object_of(t, number);

	if (!o)
		return false;
	o->wanted |= 1ull << (offset >> UNWIND_PAGE_BITS) % 64;
	if (o->asked_ns && now_ns < o->asked_ns + o->wait_ns)
		return false;
	if (!o->wait_ns)
		o->wait_ns = TABLES_ASK_NS;
	o->asked_ns = now_ns;
	return true;
}

void tables_forget(struct tables *t, uint32_t number)
{
	if (number >= t->cap)
		return;
	if (t->object[number].pages_at) {
		/* Without memory its pages stay until the number has another table. */
		if (unload_object(t, &t->object[number]) < 0)
			return;
		settle(t);
	}
	t->object[number] = (struct loaded){};
}

void tables_rest(struct tables *t)
{
	if (t->kernel.unmap_chunks && table_pool_rest(t->pool))
		t->kernel.unmap_chunks(t->kernel.ctx);
}

void tables_count(const struct tables *t, struct tables_counts *ret)
{
	*ret = (struct tables_counts){
		.pool_bytes = table_pool_used_bytes(t->pool),
		.chunk_bytes = table_pool_bytes(t->pool),
		.rows = t->rows,
		.pages = t->pages,
		.objects = t->objects,
		.rules = rule_book_used(t->rules),
		.loaded = t->loaded,
		.evicted = t->evicted,
		.refused = t->refused,
	};
}
