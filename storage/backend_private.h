/* What backend_sqlite.c (connections, transactions) and backend_rows.c (rows) share. */
#pragma once

#include "storage/backend_sqlite.h"

#include <sqlite3.h>

#define DB_VERSION_SUMS 2 /* the first that has them */

/* X(name, SQL): every statement, prepared once */
#define DB_STATEMENT_LIST(X)                                                                       \
	X(BEGIN_READ, "BEGIN")                                                                     \
	X(BEGIN_WRITE, "BEGIN IMMEDIATE")                                                          \
	X(COMMIT, "COMMIT")                                                                        \
	X(ROLLBACK, "ROLLBACK")                                                                    \
	X(BLOCK_LIST, "SELECT first, last, type, epoch, level, resolution_ms, from_ms, until_ms, " \
		      "samples, entries, period_ns, bytes, hash, sum FROM block ORDER BY first")   \
	X(BLOCK_GET, "SELECT first, last, type, epoch, level, resolution_ms, from_ms, until_ms, "  \
		     "samples, entries, period_ns, bytes, hash, sum FROM block WHERE first = ?1")  \
	X(BLOCK_PUT, "INSERT OR REPLACE INTO block VALUES "                                        \
		     "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)")              \
	X(BLOCK_DELETE, "DELETE FROM block WHERE first = ?1")                                      \
	X(BLOCK_DATA_GET, "SELECT data FROM block_data WHERE first = ?1")                          \
	X(BLOCK_DATA_PUT, "INSERT OR REPLACE INTO block_data VALUES (?1, ?2)")                     \
	X(BLOCK_DATA_DELETE, "DELETE FROM block_data WHERE first = ?1")                            \
	X(CHUNK_LIST, "SELECT first, last, epoch, level, length(data) FROM chunk ORDER BY first")  \
	X(CHUNK_GET, "SELECT data, sum FROM chunk WHERE first = ?1 AND level = ?2")                \
	X(CHUNK_PUT, "INSERT OR REPLACE INTO chunk VALUES (?1, ?2, ?3, ?4, ?5, ?6)")               \
	X(CHUNK_DELETE, "DELETE FROM chunk WHERE first = ?1 AND level = ?2")                       \
	X(SUMS_LIST, "SELECT first, last, epoch, level, length(data) FROM sums ORDER BY number")   \
	X(SUMS_GET, "SELECT data, sum FROM sums WHERE number = ?1 * 8 + ?2")                       \
	X(SUMS_PUT, "INSERT OR REPLACE INTO sums VALUES (?1 * 8 + ?4, ?1, ?2, ?3, ?4, ?5, ?6)")    \
	X(SUMS_DELETE, "DELETE FROM sums WHERE number = ?1 * 8 + ?2")                              \
	X(STATE_GET, "SELECT data, sum FROM state WHERE id = 1")                                   \
	X(STATE_PUT, "INSERT OR REPLACE INTO state VALUES (1, ?1, ?2)")                            \
	X(RUN_LAST, "SELECT number, started_ns, last_flush_ns, clean, counters, sum FROM run "     \
		    "ORDER BY number DESC LIMIT 1")                                                \
	X(RUN_PUT, "INSERT OR REPLACE INTO run VALUES (?1, ?2, ?3, ?4, ?5, ?6)")                   \
	X(RUN_TRIM, "DELETE FROM run WHERE number < ?1")

enum db_statement {
#define DB_STATEMENT_ENUM(name, sql) DB_##name,
	DB_STATEMENT_LIST(DB_STATEMENT_ENUM)
#undef DB_STATEMENT_ENUM
		DB_STATEMENTS
};

struct db {
	sqlite3 *handle;
	sqlite3_stmt *statements[DB_STATEMENTS];
	int (*progress)(void *arg);
	void *progress_arg;
	int stopped; /* what progress said */
	int wal_fd; /* for its size and for syncing it */
	int64_t version; /* of the file; sums are from 2 on */
};

/* The errno of an SQLite result. 0 for OK, ROW and DONE. */
int db_translate(struct db *db, int result);

/* A statement ready for binding, or NULL (see sqlite3_errcode). */
sqlite3_stmt *db_statement(struct db *db, enum db_statement which);

/* Step to the end, reset. */
int db_run_statement(struct db *db, sqlite3_stmt *s);
