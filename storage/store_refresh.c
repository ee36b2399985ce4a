/*
 * Names for what lacks them, all over a store: epoch by epoch, object by object, each epoch's new
 * names in a chunk of their own. Samples, stacks and locations stay as they are.
 *
 * The writer may go on meanwhile. store_refresh_next() and store_refresh_take() know its growing
 * dictionary, which the feeds' thread has, store_refresh_work() the database. Where the writer
 * begins an epoch while the one before is asked about, that one is read from the store and asked
 * about anew, as all older ones are.
 */
#include "storage/store_private.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MAX	      4096 /* locations in one question */
#define REFRESH_LEVEL 3 /* zstd's */

struct poor {
	uint32_t object, location;
	uint64_t offset;
};

struct store_refresh {
	struct store *store;
	struct store_refreshed counts;
	uint64_t *epochs; /* to be asked about; NULL: not looked for yet */
	size_t n_epochs, next_epoch;
	bool is_done;
	/* for store_refresh_work(): the writer's epoch, which no flush of a feed would write */
	uint64_t present;
	bool commits_present;
	uint64_t epoch; /* that is asked about; 0: none */
	bool is_present; /* it is the writer's own, or was; else a copy: */
	bool again; /* it has to be read: it was */
	struct growth old;
	struct poor *poor; /* of the epoch; NULL: not looked for yet */
	size_t n_poor, at; /* those before are asked */
	/* the question */
	char *path, *build_id;
	uint64_t offsets[ASK_MAX];
	uint32_t locations[ASK_MAX];
};

/* ---- what lacks a name, or a source file ---- */

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
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static int list_poor(struct store_refresh *r, const struct profile *t)
{
	struct poor *v = calloc((size_t)t->n_locations + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n_locations; i++) {
		const struct profile_location *l = &t->locations[i];

		if (!is_placed(t, l) && can_be_asked(t, l))
			v[n++] = (struct poor){l->object, i, l->offset};
	}
	qsort(v, n, sizeof(*v), by_object);
	r->poor = v;
	r->n_poor = n;
	return 0;
}

/* ---- epochs ---- */

/* NULL: there is none, or the writer has gone on to another. */
static struct growth *growth_of(struct store_refresh *r)
{
	struct growth *g = &r->store->growth;

	if (!r->is_present)
		return r->old.dict ? &r->old : NULL;
	return r->epoch == g->dict->epoch ? g : NULL;
}

static void forget_epoch(struct store_refresh *r)
{
	growth_done(&r->old);
	free(steal_ptr(r->poor));
	r->n_poor = r->at = 0;
	r->is_present = false;
}

/* 1: the epoch is read whole; 0: not all of it is there, and nothing is added to damage. */
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

/* Old samples, and with them their epochs, are dropped as time goes by. */
static bool is_still_there(struct store_refresh *r)
{
	bool whole = false;

	return r->is_present || (store_chunks_are_whole(r->store, r->epoch, &whole) >= 0 && whole);
}

/* What was named in g. */
static int commit(struct store_refresh *r, struct growth *g)
{
	_cleanup_(chunk_done) struct chunk written = {};
	struct store *s = r->store;
	struct db_state state = s->state;
	int result;

	if (g->torn)
		return -ENOMEM;
	if (chunk_is_empty(&g->pending) || !is_still_there(r))
		return 0;
	result = db_begin(s->db, true);
	if (result >= 0)
		result = put(s, g, &state);
	if (result >= 0)
		result = db_commit(s->db, true);
	if (result < 0) {
		db_rollback(s->db);
		return result;
	}
	s->state = state;
	growth_take(g, &written);
	return 0;
}

/* Epochs begin in their order; chunks of older ones may follow. */
static int list_epochs(struct store_refresh *r)
{
	struct db_chunk_list l;
	int result = db_chunk_list(r->store->db, DB_CHUNKS, &l);

	if (result < 0)
		return result;
	r->epochs = calloc(l.n + 1, sizeof(*r->epochs));
	for (size_t i = 0; r->epochs && i < l.n; i++)
		if (!r->n_epochs || l.chunks[i].epoch > r->epochs[r->n_epochs - 1])
			r->epochs[r->n_epochs++] = l.chunks[i].epoch;
	db_chunk_list_done(&l);
	return r->epochs ? 0 : -ENOMEM;
}

static int end_epoch(struct store_refresh *r)
{
	int result = 0;

	if (r->old.dict)
		result = commit(r, &r->old);
	else if (r->is_present && r->commits_present)
		result = commit(r, &r->store->growth);
	forget_epoch(r);
	return result;
}

static int begin_epoch(struct store_refresh *r)
{
	int whole;

	r->is_done = !r->again && r->next_epoch == r->n_epochs;
	if (r->is_done)
		return 0;
	if (!r->again)
		r->epoch = r->epochs[r->next_epoch++];
	r->again = false;
	r->is_present = r->epoch == r->present;
	if (r->is_present)
		return 0;
	whole = read_epoch(r->store, r->epoch, &r->old);
	if (whole > 0)
		return list_poor(r, r->old.dict->tables);
	r->counts.damaged_epochs += whole == 0;
	forget_epoch(r);
	return whole;
}

int store_refresh_work(struct store_refresh *r, struct err *err)
{
	int result = r->epochs ? end_epoch(r) : list_epochs(r);

	if (result >= 0)
		result = begin_epoch(r);
	return result < 0 ? db_error(r->store->db, err, result, "refresh") : 0;
}

/* ---- questions and answers ---- */

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
	struct growth *g = growth_of(r);
	uint32_t location = r->locations[i];
	_cleanup_free_ struct profile_line *interned = calloc(n + 1, sizeof(*interned));
	const struct profile *t;
	bool was_named;
	int result = interned ? 0 : -ENOMEM;

	if (!g || n == 0)
		return 0;
	t = g->dict->tables;
	was_named = t->locations[location].naming == PROFILE_NAMED;
	/* Nothing better than what is there, which the writer may have named meanwhile. */
	if (is_placed(t, &t->locations[location]) || (was_named && !lines[0].file))
		return 0;
	for (uint32_t k = 0; k < n && result == 0; k++)
		result = intern(g, &lines[k], &interned[k]);
	if (result == 0)
		result = growth_name(g, location, interned, n);
	if (result < 0)
		return result;
	r->counts.named += !was_named;
	r->counts.placed += is_placed(t, &t->locations[location]);
	return 0;
}

/*
 * As many as are of the same object, at most ASK_MAX. Strings are copied, for they move when some
 * are added.
 */
static int ask(struct store_refresh *r, const struct profile *t, struct store_unnamed *ret)
{
	uint32_t object = r->poor[r->at].object;
	const struct profile_object *o = &t->objects[object];
	size_t n = 0;

	free(r->path);
	free(r->build_id);
	r->path = strdup(profile_str(t, o->path));
	r->build_id = strdup(profile_str(t, o->build_id));
	if (!r->path || !r->build_id)
		return -ENOMEM;
	for (; r->at < r->n_poor && n < ASK_MAX && r->poor[r->at].object == object; r->at++, n++) {
		r->locations[n] = r->poor[r->at].location;
		r->offsets[n] = r->poor[r->at].offset;
	}
	r->counts.asked += n;
	*ret = (struct store_unnamed){.path = r->path,
				      .build_id = r->build_id,
				      .domain = o->domain,
				      .offsets = r->offsets,
				      .n = n};
	return 1;
}

int store_refresh_next(struct store_refresh *r, struct store_unnamed *ret, struct err *err)
{
	struct growth *g = growth_of(r);
	int result = 0;

	if (r->is_present && !g) {
		forget_epoch(r);
		r->again = true;
	}
	if (r->is_present && !r->poor)
		result = list_poor(r, g->dict->tables);
	if (result == 0 && r->at < r->n_poor)
		result = ask(r, g->dict->tables, ret);
	if (result != 0)
		return result < 0 ? err_set(err, result, "no memory to refresh names") : result;
	r->present = r->store->growth.dict->epoch;
	r->commits_present = !r->store->feeds;
	return r->is_done ? 0 : STORE_REFRESH_WORK;
}

struct store_refreshed store_refresh_counts(const struct store_refresh *r)
{
	return r->counts;
}

/* ---- beginning and end ---- */

int store_refresh_new(struct store *s, struct store_refresh **ret, struct err *err)
{
	struct store_refresh *r;

	if (!s->writer)
		return err_set(err, -EINVAL, "names can be refreshed by a writer only");
	r = calloc(1, sizeof(*r));
	if (!r)
		return err_set(err, -ENOMEM, "no memory to refresh names");
	r->store = s;
	*ret = r;
	return 0;
}

struct store_refresh *store_refresh_free(struct store_refresh *r)
{
	if (!r)
		return NULL;
	forget_epoch(r);
	free(r->epochs);
	free(r->path);
	free(r->build_id);
	free(r);
	return NULL;
}
