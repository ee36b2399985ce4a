/* Rows in and out, each with its checksum; see backend_sqlite.h. */
#include "storage/backend_private.h"

#include "storage/compress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROW_NUMBERS_MAX 16

/*
 * The checksum of a row is that of its numbers, 64 bits each, and then of its bytes, with a
 * number for its table.
 */
enum row_table { TABLE_BLOCK = 1, TABLE_CHUNK, TABLE_STATE, TABLE_RUN, TABLE_SUMS };

static uint64_t row_sum(enum row_table table, const uint64_t *numbers, size_t n, const void *data,
			size_t len)
{
	uint8_t bytes[8 * ROW_NUMBERS_MAX];

	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < 8; k++)
			bytes[8 * i + (size_t)k] = (uint8_t)(numbers[i] >> (8 * k));
	return compress_checksum(data, len, compress_checksum(bytes, 8 * n, table));
}

static uint64_t get(sqlite3_stmt *s, int column)
{
	return (uint64_t)sqlite3_column_int64(s, column);
}

/* ---- blocks ---- */

static uint64_t block_sum(const struct db_block *b)
{
	const uint64_t numbers[] = {b->first,	      b->last,	    b->epoch,	 (uint64_t)b->level,
				    b->resolution_ms, b->from_ms,   b->until_ms, b->samples,
				    b->entries,	      b->period_ns, b->bytes,	 b->hash};

	return row_sum(TABLE_BLOCK, numbers, sizeof(numbers) / sizeof(numbers[0]), b->type,
		       strlen(b->type));
}

/* False where the row is not what was written. */
static bool read_block(sqlite3_stmt *s, struct db_block *b)
{
	const char *type = (const char *)sqlite3_column_text(s, 2);

	*b = (struct db_block){
		.first = get(s, 0),
		.last = get(s, 1),
		.epoch = get(s, 3),
		.level = sqlite3_column_int64(s, 4),
		.resolution_ms = get(s, 5),
		.from_ms = get(s, 6),
		.until_ms = get(s, 7),
		.samples = get(s, 8),
		.entries = get(s, 9),
		.period_ns = get(s, 10),
		.bytes = get(s, 11),
		.hash = get(s, 12),
	};
	if (!type || strlen(type) >= sizeof(b->type))
		return false;
	memcpy(b->type, type, strlen(type) + 1);
	return get(s, 13) == block_sum(b) && b->last >= b->first;
}

static int list_add(struct db_block_list *l, const struct db_block *b)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 256;
		struct db_block *blocks = realloc(l->blocks, cap * sizeof(*blocks));

		if (!blocks)
			return -ENOMEM;
		l->blocks = blocks;
		l->cap = cap;
	}
	l->blocks[l->n++] = *b;
	return 0;
}

static int compare_blocks(const void *a, const void *b)
{
	uint64_t x = ((const struct db_block *)a)->first, y = ((const struct db_block *)b)->first;

	return (x > y) - (x < y);
}

int db_block_list(struct db *db, struct db_block_list *ret)
{
	sqlite3_stmt *s = db_statement(db, DB_BLOCK_LIST);
	struct db_block_list l = {};
	struct db_block b;
	int result = s ? SQLITE_ROW : sqlite3_errcode(db->handle), r = 0;

	while (s && r >= 0 && (result = sqlite3_step(s)) == SQLITE_ROW) {
		if (read_block(s, &b))
			r = list_add(&l, &b);
		else
			l.damaged++;
	}
	if (r >= 0)
		r = db_translate(db, result);
	sqlite3_reset(s);
	if (r < 0) {
		db_block_list_done(&l);
		return r;
	}
	/* A damaged tree may give its rows in any order. */
	if (l.n)
		qsort(l.blocks, l.n, sizeof(*l.blocks), compare_blocks);
	*ret = l;
	return 0;
}

int db_block_get(struct db *db, uint64_t first, struct db_block *ret)
{
	sqlite3_stmt *s = db_statement(db, DB_BLOCK_GET);
	int result, r;

	if (s)
		sqlite3_bind_int64(s, 1, (int64_t)first);
	result = s ? sqlite3_step(s) : sqlite3_errcode(db->handle);
	r = db_translate(db, result);
	if (result == SQLITE_ROW)
		r = read_block(s, ret) ? 0 : -EBADMSG;
	else if (r >= 0)
		r = -ENOENT;
	sqlite3_reset(s);
	return r;
}

void db_block_list_done(struct db_block_list *l)
{
	free(l->blocks);
	*l = (struct db_block_list){};
}

static int put_head(struct db *db, const struct db_block *b)
{
	sqlite3_stmt *s = db_statement(db, DB_BLOCK_PUT);
	const uint64_t numbers[] = {b->epoch,	(uint64_t)b->level, b->resolution_ms,
				    b->from_ms, b->until_ms,	    b->samples,
				    b->entries, b->period_ns,	    b->bytes,
				    b->hash,	block_sum(b)};

	if (s) {
		sqlite3_bind_int64(s, 1, (int64_t)b->first);
		sqlite3_bind_int64(s, 2, (int64_t)b->last);
		sqlite3_bind_text(s, 3, b->type, -1, SQLITE_STATIC);
		for (int i = 0; i < (int)(sizeof(numbers) / sizeof(numbers[0])); i++)
			sqlite3_bind_int64(s, 4 + i, (int64_t)numbers[i]);
	}
	return db_run_statement(db, s);
}

int db_block_put(struct db *db, struct db_block *b, const void *data, size_t len)
{
	sqlite3_stmt *s = db_statement(db, DB_BLOCK_DATA_PUT);
	int r;

	b->bytes = len;
	b->hash = compress_checksum(data, len, 0);
	if (s) {
		sqlite3_bind_int64(s, 1, (int64_t)b->first);
		sqlite3_bind_blob64(s, 2, data, len, SQLITE_STATIC);
	}
	r = db_run_statement(db, s);
	return r < 0 ? r : put_head(db, b);
}

static int delete_from(struct db *db, enum db_statement which, uint64_t first)
{
	sqlite3_stmt *s = db_statement(db, which);

	if (s)
		sqlite3_bind_int64(s, 1, (int64_t)first);
	return db_run_statement(db, s);
}

int db_block_delete(struct db *db, uint64_t first)
{
	int r = delete_from(db, DB_BLOCK_DATA_DELETE, first);

	return r < 0 ? r : delete_from(db, DB_BLOCK_DELETE, first);
}

int db_block_move(struct db *db, uint64_t old_first, struct db_block *b)
{
	int r = db_block_delete(db, old_first);

	b->bytes = b->hash = 0;
	return r < 0 ? r : put_head(db, b);
}

/* The blob in column 0 of a statement that is bound; -EBADMSG where there is no row. */
static int take_blob(struct db *db, sqlite3_stmt *s, struct buf *ret, uint64_t *ret_sum)
{
	int result = s ? sqlite3_step(s) : sqlite3_errcode(db->handle);
	int r = db_translate(db, result);

	if (result == SQLITE_ROW) {
		const void *data = sqlite3_column_blob(s, 0);

		r = buf_add(ret, data ? data : "", (size_t)sqlite3_column_bytes(s, 0));
		if (ret_sum)
			*ret_sum = get(s, 1);
	} else if (r >= 0) {
		r = -EBADMSG;
	}
	sqlite3_reset(s);
	return r;
}

int db_block_data(struct db *db, const struct db_block *b, struct buf *ret)
{
	sqlite3_stmt *s = db_statement(db, DB_BLOCK_DATA_GET);
	size_t begin = ret->len;
	int r;

	if (s)
		sqlite3_bind_int64(s, 1, (int64_t)b->first);
	r = take_blob(db, s, ret, NULL);
	if (r < 0)
		return r;
	if (ret->len - begin != b->bytes ||
	    compress_checksum(ret->data + begin, ret->len - begin, 0) != b->hash) {
		ret->len = begin;
		return -EBADMSG;
	}
	return 0;
}

/* ---- chunks ---- */

static const struct pile {
	enum row_table table;
	enum db_statement list, get, put, delete;
} piles[] = {
	[DB_CHUNKS] = {TABLE_CHUNK, DB_CHUNK_LIST, DB_CHUNK_GET, DB_CHUNK_PUT, DB_CHUNK_DELETE},
	[DB_SUMS] = {TABLE_SUMS, DB_SUMS_LIST, DB_SUMS_GET, DB_SUMS_PUT, DB_SUMS_DELETE},
};

static uint64_t chunk_sum(enum db_pile pile, const struct db_chunk *c, const void *data, size_t len)
{
	const uint64_t numbers[] = {c->first, c->last, c->epoch, (uint64_t)c->level};

	return row_sum(piles[pile].table, numbers, sizeof(numbers) / sizeof(numbers[0]), data, len);
}

/* A statement that looks for this row. */
static sqlite3_stmt *chunk_statement(struct db *db, enum db_statement which,
				     const struct db_chunk *c)
{
	sqlite3_stmt *s = db_statement(db, which);

	if (s) {
		sqlite3_bind_int64(s, 1, (int64_t)c->first);
		sqlite3_bind_int64(s, 2, c->level);
	}
	return s;
}

static int chunk_list_add(struct db_chunk_list *l, const struct db_chunk *c)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 256;
		struct db_chunk *chunks = realloc(l->chunks, cap * sizeof(*chunks));

		if (!chunks)
			return -ENOMEM;
		l->chunks = chunks;
		l->cap = cap;
	}
	l->chunks[l->n++] = *c;
	return 0;
}

static int compare_chunks(const void *a, const void *b)
{
	const struct db_chunk *x = (const struct db_chunk *)a, *y = (const struct db_chunk *)b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return (x->level > y->level) - (x->level < y->level);
}

int db_chunk_list(struct db *db, enum db_pile pile, struct db_chunk_list *ret)
{
	bool none = pile == DB_SUMS && db->version < DB_VERSION_SUMS;
	sqlite3_stmt *s = none ? NULL : db_statement(db, piles[pile].list);
	struct db_chunk_list l = {};
	int result = s ? SQLITE_ROW : none ? SQLITE_DONE : sqlite3_errcode(db->handle), r = 0;

	while (s && r >= 0 && (result = sqlite3_step(s)) == SQLITE_ROW) {
		struct db_chunk c = {.first = get(s, 0),
				     .last = get(s, 1),
				     .epoch = get(s, 2),
				     .level = sqlite3_column_int64(s, 3),
				     .bytes = get(s, 4)};

		r = chunk_list_add(&l, &c);
	}
	if (r >= 0)
		r = db_translate(db, result);
	sqlite3_reset(s);
	if (r < 0) {
		db_chunk_list_done(&l);
		return r;
	}
	if (l.n)
		qsort(l.chunks, l.n, sizeof(*l.chunks), compare_chunks);
	*ret = l;
	return 0;
}

void db_chunk_list_done(struct db_chunk_list *l)
{
	free(l->chunks);
	*l = (struct db_chunk_list){};
}

int db_chunk_put(struct db *db, enum db_pile pile, const struct db_chunk *c, const void *data,
		 size_t len)
{
	sqlite3_stmt *s = db_statement(db, piles[pile].put);

	if (s) {
		sqlite3_bind_int64(s, 1, (int64_t)c->first);
		sqlite3_bind_int64(s, 2, (int64_t)c->last);
		sqlite3_bind_int64(s, 3, (int64_t)c->epoch);
		sqlite3_bind_int64(s, 4, c->level);
		sqlite3_bind_blob64(s, 5, len ? data : "", len, SQLITE_STATIC);
		sqlite3_bind_int64(s, 6, (int64_t)chunk_sum(pile, c, data, len));
	}
	return db_run_statement(db, s);
}

int db_chunk_delete(struct db *db, enum db_pile pile, const struct db_chunk *c)
{
	return db_run_statement(db, chunk_statement(db, piles[pile].delete, c));
}

int db_chunk_data(struct db *db, enum db_pile pile, const struct db_chunk *c, struct buf *ret)
{
	sqlite3_stmt *s = chunk_statement(db, piles[pile].get, c);
	size_t begin = ret->len;
	uint64_t sum = 0;
	int r = take_blob(db, s, ret, &sum);

	if (r < 0)
		return r;
	if (sum != chunk_sum(pile, c, ret->data + begin, ret->len - begin)) {
		ret->len = begin;
		return -EBADMSG;
	}
	return 0;
}

/* ---- the state ---- */

int db_state_get(struct db *db, struct db_state *ret)
{
	sqlite3_stmt *s = db_statement(db, DB_STATE_GET);
	int result = s ? sqlite3_step(s) : sqlite3_errcode(db->handle);
	int r = db_translate(db, result);
	struct db_state state;

	if (result == SQLITE_ROW) {
		const void *data = sqlite3_column_blob(s, 0);
		size_t len = (size_t)sqlite3_column_bytes(s, 0);
		struct cursor c = cursor_over(data, len);

		if (row_sum(TABLE_STATE, (uint64_t[]){1}, 1, data, len) != get(s, 1))
			c.err = -EBADMSG;
#define READ_FIELD(name) state.name = cursor_u64(&c);
		DB_STATE_LIST(READ_FIELD)
#undef READ_FIELD
		r = c.err;
	} else if (r >= 0) {
		r = -ENOENT;
	}
	sqlite3_reset(s);
	if (r >= 0)
		*ret = state;
	return r;
}

int db_state_put(struct db *db, const struct db_state *state)
{
	sqlite3_stmt *s = db_statement(db, DB_STATE_PUT);
	struct buf data;
	int r;

	buf_init(&data, 4096);
#define WRITE_FIELD(name) buf_add_u64(&data, state->name);
	DB_STATE_LIST(WRITE_FIELD)
#undef WRITE_FIELD
	r = data.err;
	if (r >= 0 && s) {
		sqlite3_bind_blob64(s, 1, data.data, data.len, SQLITE_STATIC);
		sqlite3_bind_int64(
			s, 2,
			(int64_t)row_sum(TABLE_STATE, (uint64_t[]){1}, 1, data.data, data.len));
	}
	if (r >= 0)
		r = db_run_statement(db, s);
	buf_done(&data);
	return r;
}

/* ---- runs ---- */

static uint64_t run_sum(const struct db_run *r)
{
	const uint64_t numbers[] = {r->number, r->started_ns, r->last_flush_ns, r->clean};

	return row_sum(TABLE_RUN, numbers, sizeof(numbers) / sizeof(numbers[0]), r->counters,
		       strlen(r->counters));
}

static int read_run(sqlite3_stmt *s, struct db_run *ret)
{
	struct db_run run = {
		.number = get(s, 0),
		.started_ns = get(s, 1),
		.last_flush_ns = get(s, 2),
		.clean = get(s, 3) != 0,
		.counters = (char *)sqlite3_column_text(s, 4),
	};

	if (!run.counters || get(s, 3) > 1 || run_sum(&run) != get(s, 5))
		return -EBADMSG;
	run.counters = strdup(run.counters);
	if (!run.counters)
		return -ENOMEM;
	*ret = run;
	return 0;
}

int db_run_last(struct db *db, struct db_run *ret)
{
	sqlite3_stmt *s = db_statement(db, DB_RUN_LAST);
	int result = s ? sqlite3_step(s) : sqlite3_errcode(db->handle);
	int r = db_translate(db, result);

	if (result == SQLITE_ROW)
		r = read_run(s, ret);
	else if (r >= 0)
		r = -ENOENT;
	sqlite3_reset(s);
	return r;
}

int db_run_put(struct db *db, const struct db_run *run)
{
	sqlite3_stmt *s = db_statement(db, DB_RUN_PUT);

	if (strlen(run->counters) > DB_COUNTERS_BYTES)
		return -E2BIG;
	if (s) {
		sqlite3_bind_int64(s, 1, (int64_t)run->number);
		sqlite3_bind_int64(s, 2, (int64_t)run->started_ns);
		sqlite3_bind_int64(s, 3, (int64_t)run->last_flush_ns);
		sqlite3_bind_int64(s, 4, run->clean);
		sqlite3_bind_text(s, 5, run->counters, -1, SQLITE_STATIC);
		sqlite3_bind_int64(s, 6, (int64_t)run_sum(run));
	}
	return db_run_statement(db, s);
}

int db_run_trim(struct db *db, uint64_t below)
{
	return delete_from(db, DB_RUN_TRIM, below);
}
