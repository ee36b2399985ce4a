/*
 * The store's rows in SQLite: blocks, chunks, the state, the runs. The only room that knows
 * sqlite3.
 *
 * Rows come out with their checksum verified, or not at all: a row whose checksum is wrong is
 * counted and skipped. What the content of a block or a chunk means is none of its business.
 * Functions return 0 or a negative errno: -ENOSPC and -EDQUOT full, -EBADMSG the file is damaged,
 * -EBUSY, -ETIMEDOUT and -ECANCELED as the progress callback said.
 */
#pragma once

#include "profiler/base/buf.h"
#include "profiler/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define DB_TYPE_BYTES	  16
#define DB_VERSION	  2
#define DB_COUNTERS_BYTES (1u << 20)
#define DB_DROPPED	  (-1) /* the level of a block whose samples were dropped */
#define DB_SUMS_LEVEL_MAX 7

struct db;

struct db_block {
	uint64_t first, last; /* numbers, both included */
	char type[DB_TYPE_BYTES];
	uint64_t epoch;
	int64_t level;
	uint64_t resolution_ms;
	uint64_t from_ms, until_ms;
	uint64_t samples; /* sum of counts */
	uint64_t entries; /* rows of the block */
	uint64_t period_ns;
	uint64_t bytes, hash; /* of the data */
};

/*
 * Rows that are bytes under numbers: additions to dictionaries, known by first; and sums over
 * blocks, known by first and level. A file of version 1 has no sums: none are listed.
 */
enum db_pile { DB_CHUNKS, DB_SUMS };

struct db_chunk {
	uint64_t first, last, epoch;
	int64_t level;
	uint64_t bytes;
};

/* X(name): what the state row holds, 64 bits each, in the order of the bytes */
#define DB_STATE_LIST(X)                                     \
	X(first_block) /* kept; those before were dropped */ \
	X(next_block)                                        \
	X(first_chunk)                                       \
	X(next_chunk)                                        \
	X(epoch)                                             \
	X(epoch_started_ns)                                  \
	X(epoch_samples)                                     \
	X(reserved) /* 0 */                                  \
	X(run)                                               \
	X(period_ns)                                         \
	X(locations) /* of the epoch */                      \
	X(named)                                             \
	X(nameless)                                          \
	X(lost_rows) /* damage that was found and left behind by earlier writers */

struct db_state {
#define DB_STATE_FIELD(name) uint64_t name;
	DB_STATE_LIST(DB_STATE_FIELD)
#undef DB_STATE_FIELD
};

struct db_run {
	uint64_t number, started_ns, last_flush_ns;
	bool clean;
	char *counters; /* the caller's, on reading */
};

/*
 * path is absolute and its directory checked. A writer makes the tables that are not there, and
 * so an older version this one.
 */
int db_open_writer(const char *path, struct db **ret, struct err *err);
int db_open_reader(const char *path, struct db **ret, struct err *err);
/* As db_open_reader(), of a file whose pages may be damaged: nothing but its head is looked at. */
int db_open_survey(const char *path, struct db **ret, struct err *err);
struct db *db_close(struct db *db);

/*
 * Called now and then inside long operations; not 0 (a negative errno) ends them with that. NULL:
 * none.
 */
void db_set_progress(struct db *db, int (*progress)(void *arg), void *arg);

int db_begin(struct db *db, bool write);
/*
 * On failure everything is rolled back. DB_UNSYNCED: it is committed, but the disk did not take
 * it when it should have.
 */
#define DB_UNSYNCED 1
int db_commit(struct db *db, bool sync);
void db_rollback(struct db *db);

/* The sentence for the last failure, with what was being done. Returns code. */
int db_error(struct db *db, struct err *err, int code, const char *doing);

/* ---- rows; put replaces a row of the same number ---- */

struct db_block_list {
	struct db_block *blocks; /* by first */
	size_t n, cap;
	uint64_t damaged; /* rows whose checksum is wrong */
};

int db_block_list(struct db *db, struct db_block_list *ret);
/* One of them; -ENOENT, or -EBADMSG where its checksum is wrong (*ret is what it says). */
int db_block_get(struct db *db, uint64_t first, struct db_block *ret);
void db_block_list_done(struct db_block_list *l);
/* fills bytes and hash */
int db_block_put(struct db *db, struct db_block *b, const void *data, size_t len);
/* head alone; for dropped ones */
int db_block_move(struct db *db, uint64_t old_first, struct db_block *b);
int db_block_delete(struct db *db, uint64_t first);
/* -EBADMSG: missing, or not what the head says. ret is appended to. */
int db_block_data(struct db *db, const struct db_block *b, struct buf *ret);

struct db_chunk_list {
	struct db_chunk *chunks; /* by first, then level */
	size_t n, cap;
};

int db_chunk_list(struct db *db, enum db_pile pile, struct db_chunk_list *ret);
void db_chunk_list_done(struct db_chunk_list *l);
int db_chunk_put(struct db *db, enum db_pile pile, const struct db_chunk *c, const void *data,
		 size_t len);
int db_chunk_delete(struct db *db, enum db_pile pile, const struct db_chunk *c);
/* -EBADMSG: missing, or not what was written. ret is appended to. */
int db_chunk_data(struct db *db, enum db_pile pile, const struct db_chunk *c, struct buf *ret);

int db_state_get(struct db *db, struct db_state *ret); /* -ENOENT none yet, -EBADMSG damaged */
int db_state_put(struct db *db, const struct db_state *s);

int db_run_last(struct db *db, struct db_run *ret); /* -ENOENT none yet */
int db_run_put(struct db *db, const struct db_run *r);
int db_run_trim(struct db *db, uint64_t below); /* drop runs with smaller numbers */

/* ---- space ---- */

struct db_space {
	uint64_t file_bytes, wal_bytes, free_bytes;
};

int db_space(struct db *db, struct db_space *ret);
uint64_t db_wal_bytes(const struct db *db); /* 0 where it is not known */
/* at most that many free pages to the file system */
int db_give_back(struct db *db, unsigned int pages);
/* All of the WAL into the file, and cut it to nothing; -EBUSY when a reader needs it. */
int db_empty_wal(struct db *db);
