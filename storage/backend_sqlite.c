/* Connections and transactions; see backend_sqlite.h. backend_rows.c has the rows. */
#include "storage/backend_private.h"

#include "profiler/base/cleanup.h"
#include "storage/schema_sql.h" /* schema.sql as a string, made by the build */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define APPLICATION_ID	   0x48525448 /* "HRTH" */
#define STEPS_PER_PROGRESS 20000 /* about a millisecond */
#define BUSY_MS		   2000
#define CHECKPOINT_PAGES   128 /* of 4096 bytes: the WAL stays near 0.5 MB */
#define JOURNAL_BYTES_MAX  (512 << 10)
#define CACHE_KIB	   2048

static const char *const statement_text[] = {
#define TEXT(name, sql) [DB_##name] = sql,
	DB_STATEMENT_LIST(TEXT)
#undef TEXT
};

/* ---- errors ---- */

static int translate_io(struct db *db)
{
	int e = sqlite3_system_errno(db->handle);

	return e == ENOSPC || e == EDQUOT || e == EROFS ? -e : -EIO;
}

int db_translate(struct db *db, int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_INTERRUPT:
		return db->stopped ? db->stopped : -ECANCELED;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		return translate_io(db);
	default:
		/*
		 * CORRUPT, NOTADB, and ERROR: our SQL is right, so it is the schema that is
		 * wrong.
		 */
		return -EBADMSG;
	}
}

int db_error(struct db *db, struct err *err, int code, const char *doing)
{
	switch (code) {
	case -ETIMEDOUT:
		return err_set(err, code, "%s: the time limit was reached", doing);
	case -ECANCELED:
		return err_set(err, code, "%s: ended", doing);
	case -ENOSPC:
	case -EDQUOT:
		return err_set(err, code, "%s: the disk is full", doing);
	case -EBADMSG:
		return err_set(err, code, "%s: the store is damaged (%s)", doing,
			       db && db->handle ? sqlite3_errmsg(db->handle) : "bad content");
	case -EIO:
	case -EBUSY:
	case -EROFS:
	case -EACCES:
		return err_set(err, code, "%s: %s", doing,
			       db && db->handle ? sqlite3_errmsg(db->handle) : strerror(-code));
	default:
		return err_set(err, code, "%s: %s", doing, strerror(-code));
	}
}

/* ---- statements ---- */

sqlite3_stmt *db_statement(struct db *db, enum db_statement which)
{
	sqlite3_stmt **s = &db->statements[which];

	if (!*s)
		sqlite3_prepare_v3(db->handle, statement_text[which], -1, SQLITE_PREPARE_PERSISTENT,
				   s, NULL);
	return *s;
}

int db_run_statement(struct db *db, sqlite3_stmt *s)
{
	int result;

	if (!s)
		return db_translate(db, sqlite3_errcode(db->handle));
	do
		result = sqlite3_step(s);
	while (result == SQLITE_ROW);
	/* Before the reset: it may change the system's errno. */
	result = db_translate(db, result);
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return result;
}

static int on_progress(void *arg)
{
	struct db *db = (struct db *)arg;

	db->stopped = db->progress ? db->progress(db->progress_arg) : 0;
	return db->stopped != 0;
}

void db_set_progress(struct db *db, int (*progress)(void *arg), void *arg)
{
	db->progress = progress;
	db->progress_arg = arg;
	db->stopped = 0;
	sqlite3_progress_handler(db->handle, progress ? STEPS_PER_PROGRESS : 0,
				 progress ? on_progress : NULL, db);
}

static int execute(struct db *db, const char *sql)
{
	return db_translate(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

/* ---- transactions ---- */

int db_begin(struct db *db, bool write)
{
	db->stopped = 0;
	return db_run_statement(db, db_statement(db, write ? DB_BEGIN_WRITE : DB_BEGIN_READ));
}

void db_rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(db->handle))
		db_run_statement(db, db_statement(db, DB_ROLLBACK));
}

int db_commit(struct db *db, bool sync)
{
	int r = db_run_statement(db, db_statement(db, DB_COMMIT));

	if (r < 0) {
		db_rollback(db);
		return r;
	}
	/* The WAL is one file as long as the connection lives: earlier commits are synced too. */
	if (!sync || db->wal_fd < 0 || fdatasync(db->wal_fd) == 0)
		return 0;
	/*
	 * A disk that failed may say yes the next time without having written. What the WAL holds
	 * goes into the file instead: other writes, with a sync of their own.
	 */
	return db_empty_wal(db) < 0 ? DB_UNSYNCED : 0;
}

/* ---- opening ---- */

static struct db *db_new(void)
{
	struct db *db = calloc(1, sizeof(*db));

	if (db)
		db->wal_fd = -1;
	return db;
}

struct db *db_close(struct db *db)
{
	if (!db)
		return NULL;
	for (int i = 0; i < DB_STATEMENTS; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->handle);
	if (db->wal_fd >= 0)
		close(db->wal_fd);
	free(db);
	return NULL;
}

static void db_closep(struct db **db)
{
	db_close(*db);
}

static int connect_to(struct db *db, const char *path, int flags)
{
	int persist = 1, result;

	result = sqlite3_open_v2(path, &db->handle,
				 flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
					 SQLITE_OPEN_PRIVATECACHE,
				 NULL);
	if (result != SQLITE_OK)
		return db->handle ? db_translate(db, result) : -ENOMEM;
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
	return execute(db,
		       "PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;");
}

static int get_number(struct db *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *s = NULL;
	int result = sqlite3_prepare_v2(db->handle, sql, -1, &s, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_step(s);
	if (result == SQLITE_ROW)
		*ret = sqlite3_column_int64(s, 0);
	result = db_translate(db, result);
	sqlite3_finalize(s);
	return result;
}

/* 1 a store of ours, 0 an empty file, -EPROTO a newer version, -EBADMSG something else. */
static int identify(struct db *db, const char *path, struct err *err)
{
	int64_t id = 0, tables = 0, version = 0;
	int r = get_number(db, "PRAGMA application_id", &id);

	if (r >= 0)
		r = get_number(db, "PRAGMA user_version", &version);
	if (r >= 0)
		r = get_number(db, "SELECT count(*) FROM sqlite_master", &tables);
	if (r == -EBADMSG)
		return err_set(err, r, "%s: not a store of Hearth, or its head is damaged: %s",
			       path, sqlite3_errmsg(db->handle));
	if (r < 0)
		return db_error(db, err, r, path);
	if (tables == 0 && id == 0 && version == 0)
		return 0;
	if (id != APPLICATION_ID)
		return err_set(err, -EBADMSG, "%s: an SQLite file, but not a store of Hearth",
			       path);
	if (version > DB_VERSION)
		return err_set(
			err, -EPROTO,
			"%s: version %lld of the store, this program knows %d; use a newer hearth",
			path, (long long)version, DB_VERSION);
	db->version = version;
	return 1;
}

/* Also for a file of an older version, which has some of them and keeps its content. */
static int make_tables(struct db *db)
{
	char sql[96];
	int r;

	/* Before the first table: they shape the file. */
	r = execute(db, "PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL;"
			"PRAGMA journal_mode=WAL; BEGIN IMMEDIATE;");
	if (r >= 0)
		r = execute(db, schema_sql);
	snprintf(sql, sizeof(sql), "PRAGMA application_id=%d; PRAGMA user_version=%d;",
		 APPLICATION_ID, DB_VERSION);
	if (r >= 0)
		r = execute(db, sql);
	if (r >= 0)
		r = execute(db, "COMMIT");
	if (r < 0)
		db_rollback(db);
	else
		db->version = DB_VERSION;
	return r;
}

static int open_wal(struct db *db, const char *path)
{
	_cleanup_free_ char *wal = NULL;

	if (asprintf(&wal, "%s-wal", path) < 0)
		return -ENOMEM;
	db->wal_fd = open(wal, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	return 0; /* without it only the size of the WAL is not known */
}

/* So that database, WAL and shm are open from here on. */
static int touch(struct db *db)
{
	int64_t n;
	int r = get_number(db, "SELECT count(*) FROM state", &n);

	for (int i = 0; i < DB_STATEMENTS && r >= 0; i++) {
		if (db->version < DB_VERSION_SUMS && i >= DB_SUMS_LIST && i <= DB_SUMS_DELETE)
			continue;
		if (!db_statement(db, (enum db_statement)i))
			r = db_translate(db, sqlite3_errcode(db->handle));
	}
	return r;
}

static int set_up_writer(struct db *db)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=OFF;"
		 "PRAGMA wal_autocheckpoint=%d; PRAGMA journal_size_limit=%d; PRAGMA "
		 "cache_size=-%d;",
		 CHECKPOINT_PAGES, JOURNAL_BYTES_MAX, CACHE_KIB);
	return execute(db, sql);
}

int db_open_writer(const char *path, struct db **ret, struct err *err)
{
	_cleanup_(db_closep) struct db *db = db_new();
	int r;

	if (!db)
		return -ENOMEM;
	r = connect_to(db, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
	if (r < 0)
		return db_error(db, err, r, path);
	r = identify(db, path, err);
	if (r < 0)
		return r;
	r = db->version < DB_VERSION ? make_tables(db) : 0;
	if (r >= 0)
		r = set_up_writer(db);
	if (r >= 0)
		r = touch(db);
	if (r >= 0)
		r = open_wal(db, path);
	if (r < 0)
		return db_error(db, err, r, path);
	*ret = steal_ptr(db);
	return 0;
}

int db_open_survey(const char *path, struct db **ret, struct err *err)
{
	_cleanup_(db_closep) struct db *db = db_new();
	int r;

	if (!db)
		return -ENOMEM;
	r = connect_to(db, path, SQLITE_OPEN_READONLY);
	if (r < 0)
		return db_error(db, err, r, path);
	r = identify(db, path, err);
	if (r == 0)
		return err_set(err, -EBADMSG, "%s: an empty file, not a store of Hearth", path);
	if (r < 0)
		return r;
	*ret = steal_ptr(db);
	return 0;
}

int db_open_reader(const char *path, struct db **ret, struct err *err)
{
	_cleanup_(db_closep) struct db *db = NULL;
	int r = db_open_survey(path, &db, err);

	if (r < 0)
		return r;
	r = touch(db);
	if (r >= 0)
		r = open_wal(db, path);
	if (r < 0)
		return db_error(db, err, r, path);
	*ret = steal_ptr(db);
	return 0;
}

/* ---- space ---- */

uint64_t db_wal_bytes(const struct db *db)
{
	struct stat st;

	return db->wal_fd >= 0 && fstat(db->wal_fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

int db_space(struct db *db, struct db_space *ret)
{
	int64_t pages = 0, page_bytes = 0, free_pages = 0;
	int r = get_number(db, "PRAGMA page_count", &pages);

	if (r >= 0)
		r = get_number(db, "PRAGMA page_size", &page_bytes);
	if (r >= 0)
		r = get_number(db, "PRAGMA freelist_count", &free_pages);
	if (r < 0)
		return r;
	*ret = (struct db_space){
		.file_bytes = (uint64_t)(pages * page_bytes),
		.wal_bytes = db_wal_bytes(db),
		.free_bytes = (uint64_t)(free_pages * page_bytes),
	};
	return 0;
}

int db_give_back(struct db *db, unsigned int pages)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%u)", pages);
	return execute(db, sql);
}

int db_empty_wal(struct db *db)
{
	int r;

	sqlite3_busy_timeout(db->handle, 0);
	r = db_translate(db, sqlite3_wal_checkpoint_v2(db->handle, "main",
						       SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	return r;
}
