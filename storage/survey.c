/*
 * Rows found one by one; see survey.h.
 *
 * A table is gone over from its beginning and, where SQLite gives up, from its end; what lies
 * between is asked for number by number.
 */
#include "storage/survey.h"

#include "storage/backend_private.h"
#include "storage/chunk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PROBES_MAX 4000000 /* numbers asked for one by one; about 10 s */

/* ---- keys ---- */

struct keys {
	int64_t *key;
	size_t n, cap;
};

static int keys_add(struct keys *k, int64_t key)
{
	if (k->n == k->cap) {
		size_t cap = k->cap ? 2 * k->cap : 256;
		int64_t *more = realloc(k->key, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		k->key = more;
		k->cap = cap;
	}
	k->key[k->n++] = key;
	return 0;
}

/* All keys that the statement gives. 1 to the end, 0 SQLite gave up, -ENOMEM. */
static int keys_read(struct keys *k, sqlite3 *handle, const char *sql, int64_t bound)
{
	sqlite3_stmt *s = NULL;
	int result = sqlite3_prepare_v2(handle, sql, -1, &s, NULL), r = 0;

	if (result == SQLITE_OK) {
		sqlite3_bind_int64(s, 1, bound);
		while (r >= 0 && (result = sqlite3_step(s)) == SQLITE_ROW)
			r = keys_add(k, sqlite3_column_int64(s, 0));
	}
	sqlite3_finalize(s);
	if (r < 0 || result == SQLITE_NOMEM)
		return -ENOMEM;
	return result == SQLITE_DONE;
}

static int keys_probe(struct keys *k, sqlite3 *handle, const char *sql, int64_t from, int64_t until)
{
	sqlite3_stmt *s = NULL;
	int r = 0;

	if (until - from > PROBES_MAX)
		until = from + PROBES_MAX;
	if (sqlite3_prepare_v2(handle, sql, -1, &s, NULL) != SQLITE_OK)
		until = from;
	for (int64_t i = from; i < until && r >= 0; i++) {
		sqlite3_bind_int64(s, 1, i);
		if (sqlite3_step(s) == SQLITE_ROW)
			r = keys_add(k, i);
		sqlite3_reset(s);
	}
	sqlite3_finalize(s);
	return r;
}

static int compare_keys(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

struct table {
	const char *up, *down, *one;
};

static const struct table block_table = {
	"SELECT first FROM block WHERE first > ?1 ORDER BY first",
	"SELECT first FROM block WHERE first > ?1 ORDER BY first DESC",
	"SELECT first FROM block WHERE first = ?1",
};

static const struct table chunk_table = {
	"SELECT first FROM chunk WHERE first > ?1 ORDER BY first",
	"SELECT first FROM chunk WHERE first > ?1 ORDER BY first DESC",
	"SELECT first FROM chunk WHERE first = ?1",
};

static int keys_find(struct keys *k, sqlite3 *handle, const struct table *t, int64_t end)
{
	int r = keys_read(k, handle, t->up, 0);
	int64_t low = k->n ? k->key[k->n - 1] : 0, high = end;
	size_t below = k->n;

	if (r)
		return r < 0 ? r : 0;
	r = keys_read(k, handle, t->down, low);
	if (k->n > below)
		high = k->key[k->n - 1];
	if (r == 0)
		r = keys_probe(k, handle, t->one, low + 1, high);
	if (k->n)
		qsort(k->key, k->n, sizeof(*k->key), compare_keys);
	return r < 0 ? r : 0;
}

/* ---- rows ---- */

static void *grow(void *rows, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap ? 2 * *cap : 256;

	if (n < *cap)
		return rows;
	rows = realloc(rows, more * size);
	if (rows)
		*cap = more;
	return rows;
}

static int add_block(struct survey *s, int64_t key)
{
	struct db_block b, *rows;
	int r = db_block_get(s->db, (uint64_t)key, &b);

	if (r == -ENOMEM)
		return r;
	/* Sound rows never overlap. */
	if (r < 0 || (s->n_blocks && b.first <= s->blocks[s->n_blocks - 1].last)) {
		s->bad_blocks++;
		return 0;
	}
	rows = grow(s->blocks, s->n_blocks, &s->cap_blocks, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	s->blocks = rows;
	rows[s->n_blocks++] = b;
	return 0;
}

static int read_chunk_head(struct survey *s, int64_t key, struct db_chunk *ret)
{
	static const char text[] =
		"SELECT first, last, epoch, level, length(data) FROM chunk WHERE first = ?1";
	sqlite3_stmt *q = NULL;
	int result = sqlite3_prepare_v2(s->db->handle, text, -1, &q, NULL);

	if (result == SQLITE_OK) {
		sqlite3_bind_int64(q, 1, key);
		result = sqlite3_step(q);
	}
	if (result == SQLITE_ROW)
		*ret = (struct db_chunk){.first = (uint64_t)sqlite3_column_int64(q, 0),
					 .last = (uint64_t)sqlite3_column_int64(q, 1),
					 .epoch = (uint64_t)sqlite3_column_int64(q, 2),
					 .level = sqlite3_column_int64(q, 3),
					 .bytes = (uint64_t)sqlite3_column_int64(q, 4)};
	sqlite3_finalize(q);
	return result == SQLITE_ROW ? 0 : result == SQLITE_NOMEM ? -ENOMEM : -EBADMSG;
}

static int add_chunk(struct survey *s, int64_t key)
{
	struct db_chunk c, *rows;
	struct buf data;
	int r = read_chunk_head(s, key, &c);

	buf_init(&data, CHUNK_BYTES_MAX);
	if (r >= 0)
		r = db_chunk_data(s->db, DB_CHUNKS, &c, &data);
	buf_done(&data);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || (s->n_chunks && c.first <= s->chunks[s->n_chunks - 1].last)) {
		s->bad_chunks++;
		return 0;
	}
	rows = grow(s->chunks, s->n_chunks, &s->cap_chunks, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	s->chunks = rows;
	rows[s->n_chunks++] = c;
	return 0;
}

static int read_rows(struct survey *s, const struct table *t, uint64_t end,
		     int (*add)(struct survey *s, int64_t key))
{
	struct keys k = {};
	int r = keys_find(&k, s->db->handle, t,
			  end && end < PROBES_MAX ? (int64_t)end : PROBES_MAX);

	for (size_t i = 0; i < k.n && r >= 0; i++)
		r = add(s, k.key[i]);
	free(k.key);
	return r;
}

/* ---- the state, the run and the pages ---- */

/* Numbers from the rows, where the row that has them is gone. */
static void make_state(struct survey *s)
{
	s->state = (struct db_state){
		.first_block = 1, .next_block = 1, .first_chunk = 1, .next_chunk = 1};
	if (s->n_blocks) {
		s->state.first_block = s->blocks[0].first;
		s->state.next_block = s->blocks[s->n_blocks - 1].last + 1;
	}
	if (s->n_chunks) {
		s->state.first_chunk = s->chunks[0].first;
		s->state.next_chunk = s->chunks[s->n_chunks - 1].last + 1;
	}
	for (size_t i = 0; i < s->n_blocks; i++) {
		const struct db_block *b = &s->blocks[i];

		s->state.epoch = b->epoch > s->state.epoch ? b->epoch : s->state.epoch;
		s->state.period_ns = b->period_ns ? b->period_ns : s->state.period_ns;
	}
}

static bool has_nothing(const struct survey *s)
{
	return !s->n_blocks && !s->n_chunks;
}

static int read_state(struct survey *s)
{
	int r = db_state_get(s->db, &s->state);

	s->state_good = r == 0;
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		s->state = (struct db_state){};
	return r == -ENOENT ? 0 : r == 0;
}

static int read_run(struct survey *s)
{
	int r = db_run_last(s->db, &s->run);

	if (r == -ENOMEM)
		return r;
	s->run_good = r == 0 ? s->run.number >= s->state.run : r == -ENOENT && s->state.run == 0;
	if (r < 0)
		s->run = (struct db_run){};
	return 0;
}

static void complain(struct survey *s, const char *text)
{
	if (!s->pages[0])
		snprintf(s->pages, sizeof(s->pages), "%s", text);
}

static void look_at_pages(struct survey *s)
{
	sqlite3_stmt *q = NULL;
	int result = sqlite3_prepare_v2(s->db->handle, "PRAGMA quick_check(1)", -1, &q, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_step(q);
	if (result != SQLITE_ROW)
		complain(s, sqlite3_errmsg(s->db->handle));
	else if (strcmp((const char *)sqlite3_column_text(q, 0), "ok") != 0)
		complain(s, (const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
}

int survey_open(const char *path, struct survey *ret, struct err *err)
{
	struct survey s = {};
	struct stat st;
	int has_state, r;

	if (stat(path, &st) < 0)
		return err_set(err, -errno, "%s: %s", path,
			       errno == ENOENT ? "no such store" : strerror(errno));
	r = db_open_survey(path, &s.db, err);
	if (r < 0)
		return r;
	/* One moment of it, whatever a daemon writes meanwhile. */
	sqlite3_exec(s.db->handle, "BEGIN", NULL, NULL, NULL);
	look_at_pages(&s);
	has_state = r = read_state(&s);
	if (r >= 0)
		r = read_rows(&s, &block_table, s.state.next_block, add_block);
	if (r >= 0)
		r = read_rows(&s, &chunk_table, s.state.next_chunk, add_chunk);
	if (r >= 0 && !s.state_good)
		make_state(&s);
	/* A store that nobody wrote to yet has none. */
	if (r >= 0 && has_state == 0 && has_nothing(&s))
		s.state_good = true;
	if (r >= 0)
		r = read_run(&s);
	if (r < 0) {
		survey_close(&s);
		return err_set(err, r, "%s: %s", path, strerror(-r));
	}
	*ret = s;
	return 0;
}

void survey_close(struct survey *s)
{
	db_close(s->db);
	free(s->blocks);
	free(s->chunks);
	free(s->run.counters);
	*s = (struct survey){};
}
