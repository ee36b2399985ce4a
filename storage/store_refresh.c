/*
 * Names for what lacks them, all over a store: epoch by epoch, object by object, each epoch's new
 * names in a chunk of their own. Samples, stacks and locations stay as they are.
 */
#include "storage/store_private.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MAX	      4096 /* locations in one question */
#define REFRESH_LEVEL 3 /* zstd's */

struct store_refresh {
	struct store *store;
	const struct store_namer *namer;
	struct store_refreshed *counts;
	struct growth *growth; /* of the epoch that is refreshed */
	const uint32_t *locations; /* of the question */
	size_t n;
};

/* ---- what lacks a name, or a source file ---- */

struct poor {
	uint32_t object, location;
};

static bool is_placed(const struct profile *t, const struct profile_location *l)
{
	return l->naming == PROFILE_NAMED && l->n_lines &&
	       t->functions[t->lines[l->first_line].function].file != 0;
}

/* Only a file with a build id can be told from what stands at its path today. */
static bool can_be_asked(const struct profile *t, const struct profile_location *l)
{
	const struct profile_object *o = &t->objects[l->object];

	return o->kind == PROFILE_OBJECT_FILE && o->build_id != 0;
}

static int by_object(const void *pa, const void *pb)
{
	const struct poor *a = pa, *b = pb;

	if (a->object != b->object)
		return a->object < b->object ? -1 : 1;
	return a->location < b->location ? -1 : a->location > b->location;
}

static struct poor *list_poor(const struct profile *t, size_t *ret_n)
{
	struct poor *v = calloc((size_t)t->n_locations + 1, sizeof(*v));
	size_t n = 0;

	for (uint32_t i = 0; v && i < t->n_locations; i++)
		if (!is_placed(t, &t->locations[i]) && can_be_asked(t, &t->locations[i]))
			v[n++] = (struct poor){t->locations[i].object, i};
	if (v)
		qsort(v, n, sizeof(*v), by_object);
	*ret_n = n;
	return v;
}

/* ---- a question, and its answer ---- */

static int intern(struct growth *g, const struct store_line *line, struct profile_line *ret)
{
	int64_t name = growth_string(g, line->function);
	int64_t system_name =
		growth_string(g, line->system_name ? line->system_name : line->function);
	int64_t file = growth_string(g, line->file), id;
	struct profile_function f = {(uint32_t)name, (uint32_t)system_name, (uint32_t)file, 0};

	if (name < 0 || system_name < 0 || file < 0)
		return -ENOMEM;
	id = growth_function(g, &f);
	if (id < 0)
		return (int)id;
	*ret = (struct profile_line){(uint32_t)id, line->line, line->column};
	return 0;
}

int store_refresh_take(struct store_refresh *r, size_t i, const struct store_line *lines,
		       uint32_t n)
{
	const struct profile *t = r->growth->dict->tables;
	uint32_t location = r->locations[i];
	bool was_named = t->locations[location].naming == PROFILE_NAMED;
	_cleanup_free_ struct profile_line *interned = calloc(n + 1, sizeof(*interned));
	int result = interned ? 0 : -ENOMEM;

	if (n == 0 || (was_named && !lines[0].file))
		return 0; /* nothing better than what is there */
	for (uint32_t k = 0; k < n && result == 0; k++)
		result = intern(r->growth, &lines[k], &interned[k]);
	if (result == 0)
		result = growth_name(r->growth, location, interned, n);
	if (result < 0)
		return result;
	r->counts->named += !was_named;
	r->counts->placed += is_placed(t, &t->locations[location]);
	return 0;
}

/* All of v[0, n), which are of one object; at most ASK_MAX. */
static int ask(struct store_refresh *r, const struct poor *v, size_t n)
{
	const struct profile *t = r->growth->dict->tables;
	const struct profile_object *o = &t->objects[v->object];
	uint64_t offsets[ASK_MAX];
	uint32_t locations[ASK_MAX];
	struct store_unnamed what = {.path = profile_str(t, o->path),
				     .build_id = profile_str(t, o->build_id),
				     .domain = o->domain,
				     .offsets = offsets,
				     .n = n};
	_cleanup_free_ char *path = strdup(what.path), *build_id = strdup(what.build_id);

	/* Strings move when some are added. */
	if (!path || !build_id)
		return -ENOMEM;
	what.path = path;
	what.build_id = build_id;
	for (size_t i = 0; i < n; i++) {
		locations[i] = v[i].location;
		offsets[i] = t->locations[v[i].location].offset;
	}
	r->locations = locations;
	r->n = n;
	r->counts->asked += n;
	return r->namer->ask(r->namer->ctx, &what, r);
}

static int ask_all(struct store_refresh *r)
{
	size_t n, end;
	_cleanup_free_ struct poor *v = list_poor(r->growth->dict->tables, &n);
	int result = v ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && result == 0; i = end) {
		for (end = i; end < n && end - i < ASK_MAX && v[end].object == v[i].object;)
			end++;
		result = ask(r, v + i, end - i);
	}
	return result;
}

/* ---- epochs ---- */

static int put(struct store *s, struct growth *g, struct db_state *state)
{
	struct db_chunk head = {
		.first = state->next_chunk, .last = state->next_chunk, .epoch = g->dict->epoch};
	struct buf bytes;
	int r;

	buf_init(&bytes, CHUNK_BYTES_MAX);
	r = chunk_write(&g->pending, &s->compress, REFRESH_LEVEL, &bytes);
	if (r >= 0)
		r = db_chunk_put(s->db, DB_CHUNKS, &head, bytes.data, bytes.len);
	buf_done(&bytes);
	state->next_chunk++;
	if (g == &s->growth) {
		state->named = g->named;
		state->nameless = g->nameless;
	}
	return r < 0 ? r : db_state_put(s->db, state);
}

static int commit(struct store *s, struct growth *g)
{
	_cleanup_(chunk_done) struct chunk written = {};
	struct db_state state = s->state;
	int r;

	if (g->torn)
		return -ENOMEM;
	if (chunk_is_empty(&g->pending))
		return 0;
	r = db_begin(s->db, true);
	if (r >= 0)
		r = put(s, g, &state);
	if (r >= 0)
		r = db_commit(s->db, true);
	if (r < 0) {
		db_rollback(s->db);
		return r;
	}
	s->state = state;
	growth_take(g, &written);
	return 0;
}

/* 1: read whole; 0: not all of it is there, and nothing is added to damage. */
static int read_epoch(struct store *s, uint64_t epoch, struct growth *ret)
{
	uint64_t next_chunk = 0, damaged = 0;
	bool whole = false;
	int r = growth_init(ret, epoch);

	if (r >= 0)
		r = store_chunks_are_whole(s, epoch, &whole);
	if (r >= 0)
		r = store_load_chunks(s, ret->dict, &next_chunk, &damaged);
	if (r < 0)
		return r;
	growth_loaded(ret);
	return whole && !damaged && !ret->dict->n_holes && !ret->dict->broken;
}

static int refresh_epoch(struct store_refresh *r, uint64_t epoch)
{
	struct store *s = r->store;
	struct growth old = {};
	int whole = 1, result = 0;

	r->growth = &s->growth;
	if (epoch != s->growth.dict->epoch) {
		r->growth = &old;
		whole = read_epoch(s, epoch, &old);
	}
	r->counts->damaged_epochs += whole == 0;
	if (whole < 0)
		result = whole;
	if (whole > 0)
		result = ask_all(r);
	if (whole > 0 && result == 0)
		result = commit(s, r->growth);
	growth_done(&old);
	return result;
}

int store_refresh(struct store *s, const struct store_namer *namer, struct store_refreshed *ret,
		  struct err *err)
{
	struct store_refresh refresh = {.store = s, .namer = namer, .counts = ret};
	struct db_chunk_list l;
	uint64_t done = 0;
	int r;

	*ret = (struct store_refreshed){};
	if (!s->writer)
		return err_set(err, -EINVAL, "names can be refreshed by a writer only");
	r = db_chunk_list(s->db, DB_CHUNKS, &l);
	if (r < 0)
		return db_error(s->db, err, r, "refresh");
	for (size_t i = 0; i < l.n && r >= 0; i++) {
		/* Epochs begin in their order; chunks of older ones may follow. */
		if (i && l.chunks[i].epoch <= done)
			continue;
		done = l.chunks[i].epoch;
		r = refresh_epoch(&refresh, done);
	}
	db_chunk_list_done(&l);
	return r < 0 ? db_error(s->db, err, r, "refresh") : 0;
}
