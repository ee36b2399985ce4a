/* Statements: preparing, what is allowed, running; see sql.h. */
#include "storage/sql_private.h"

#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_PER_CHECK 20000 /* about a millisecond */

/* ---- what is allowed ---- */

/* Functions that reach out of the statement. */
static bool is_allowed_function(const char *name)
{
	static const char *const refused[] = {"load_extension", "fts3_tokenizer", "edit",
					      "readfile",	"writefile",	  "eval"};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (!name || !strcasecmp(name, refused[i]))
			return false;
	return true;
}

static int authorize(void *arg, int action, const char *first, const char *second, const char *db,
		     const char *trigger)
{
	struct sql *s = (struct sql *)arg;

	(void)first;
	(void)db;
	(void)trigger;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		if (is_allowed_function(second))
			return SQLITE_OK;
		s->refused = "this function";
		return SQLITE_DENY;
	case SQLITE_ATTACH:
	case SQLITE_DETACH:
		s->refused = "ATTACH";
		return SQLITE_DENY;
	case SQLITE_PRAGMA:
		s->refused = "PRAGMA";
		return SQLITE_DENY;
	case SQLITE_TRANSACTION:
	case SQLITE_SAVEPOINT:
		s->refused = "a transaction";
		return SQLITE_DENY;
	default:
		s->refused = "writing";
		return SQLITE_DENY;
	}
}

static int check_deadline(void *arg)
{
	struct sql *s = (struct sql *)arg;

	return s->ask && s->ask->deadline_ns && quantity_monotonic_ns() > s->ask->deadline_ns;
}

/* ---- preparing ---- */

static void set_limits(sqlite3 *handle)
{
	sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, SQL_VALUE_BYTES);
	sqlite3_limit(handle, SQLITE_LIMIT_SQL_LENGTH, SQL_TEXT_BYTES_MAX);
	sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(handle, SQLITE_LIMIT_WORKER_THREADS, 0);
	sqlite3_limit(handle, SQLITE_LIMIT_TRIGGER_DEPTH, 1);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sqlite3_hard_heap_limit64(SQL_HEAP_BYTES);
}

/* Their declaration writes to SQLite's own schema, which the authorizer would refuse. */
static int connect_tables(struct sql *s)
{
	sqlite3_stmt *all = NULL;
	int result = sqlite3_prepare_v2(s->handle,
					"SELECT 1 FROM samples, stacks, frames, labels, objects",
					-1, &all, NULL);

	sqlite3_finalize(all);
	return result;
}

static int open_memory(struct sql *s)
{
	int result = sqlite3_open_v2(
		":memory:", &s->handle,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL);

	if (result == SQLITE_OK)
		/* Sorting must not look for a folder that it can write. */
		result = sqlite3_exec(s->handle, "PRAGMA temp_store=MEMORY", NULL, NULL, NULL);
	if (result == SQLITE_OK)
		result = sql_samples_register(s);
	if (result == SQLITE_OK)
		result = sql_names_register(s);
	if (result == SQLITE_OK)
		result = connect_tables(s);
	if (result != SQLITE_OK)
		return -ENOMEM;
	set_limits(s->handle);
	sqlite3_set_authorizer(s->handle, authorize, s);
	sqlite3_progress_handler(s->handle, STEPS_PER_CHECK, check_deadline, s);
	return 0;
}

static int wrong(struct sql *s, struct err *err)
{
	if (s->refused)
		return err_set(err, -EPERM, "%s is not allowed: only SELECT is", s->refused);
	if (sqlite3_errcode(s->handle) == SQLITE_NOMEM)
		return err_set(err, -ENOMEM, "no memory for the statement");
	return err_set(err, -EINVAL, "%s", sqlite3_errmsg(s->handle));
}

/* Behind the statement: nothing, or comments. */
static int check_tail(struct sql *s, const char *tail, struct err *err)
{
	sqlite3_stmt *more = NULL;
	int result = SQLITE_OK;

	while (result == SQLITE_OK && !more && *tail)
		result = sqlite3_prepare_v2(s->handle, tail, -1, &more, &tail);
	if (result == SQLITE_OK && !more)
		return 0;
	sqlite3_finalize(more);
	return err_set(err, -EINVAL, "one statement at a time");
}

static void sql_freep(struct sql **s)
{
	sql_free(*s);
}

int sql_prepare(const char *text, struct sql **ret, struct err *err)
{
	_cleanup_(sql_freep) struct sql *s = calloc(1, sizeof(*s));
	const char *tail;
	int r;

	if (!s || open_memory(s) < 0)
		return err_set(err, -ENOMEM, "no memory for SQL");
	if (strlen(text) >= SQL_TEXT_BYTES_MAX)
		return err_set(err, -EINVAL, "a statement of more than %d bytes",
			       SQL_TEXT_BYTES_MAX);
	if (sqlite3_prepare_v2(s->handle, text, -1, &s->statement, &tail) != SQLITE_OK)
		return wrong(s, err);
	if (!s->statement)
		return err_set(err, -EINVAL, "there is no statement");
	r = check_tail(s, tail, err);
	if (r < 0)
		return r;
	if (!sqlite3_stmt_readonly(s->statement) || !sqlite3_column_count(s->statement))
		return err_set(err, -EPERM, "writing is not allowed: only SELECT is");
	if (sqlite3_bind_parameter_count(s->statement))
		return err_set(err, -EINVAL, "a parameter (?) has no value here");
	*ret = steal_ptr(s);
	return 0;
}

struct sql *sql_free(struct sql *s)
{
	if (!s)
		return NULL;
	sqlite3_finalize(s->statement);
	sqlite3_close(s->handle);
	free(s);
	return NULL;
}

uint32_t sql_columns(const struct sql *s)
{
	return (uint32_t)sqlite3_column_count(s->statement);
}

const char *sql_column_name(const struct sql *s, uint32_t column)
{
	const char *name = sqlite3_column_name(s->statement, (int)column);

	return name ? name : "";
}

/* ---- running ---- */

int sql_failed(struct sql *s, int r, const struct err *err)
{
	if (!s->err.code)
		err_set(&s->err, r, "%s", err && err->code ? err_text(err) : strerror(-r));
	return r == -ENOMEM ? SQLITE_NOMEM : SQLITE_ERROR;
}

int sql_use_dict(struct sql *s, uint64_t epoch, enum chunk_kind kind, uint64_t number)
{
	int r;

	if (s->dict && s->dict_epoch == epoch && number < dict_count(s->dict, kind))
		return 0;
	s->dict = NULL;
	r = store_read_dict(s->names, epoch, &s->dict);
	if (r >= 0)
		r = dict_unpack(s->dict);
	if (r >= 0)
		s->dict_epoch = epoch;
	return r;
}

void sql_result_label(sqlite3_context *context, const struct profile *strings,
		      const struct profile_labels *l, enum profile_label which)
{
	if (!(l->has & (1u << which)))
		sqlite3_result_null(context);
	else if (profile_label_is_number(which))
		sqlite3_result_int64(context, (int64_t)l->value[which]);
	else
		sqlite3_result_text(context, profile_str(strings, (uint32_t)l->value[which]), -1,
				    SQLITE_TRANSIENT);
}

/* A blob as digits, in memory that the caller frees with sqlite3_free(). */
static char *hex_of(const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = sqlite3_malloc64(2 * len + 1);

	if (!hex)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = digits[data[i] >> 4];
		hex[2 * i + 1] = digits[data[i] & 15];
	}
	hex[2 * len] = '\0';
	return hex;
}

static int read_value(sqlite3_stmt *s, int column, struct sql_value *v, char **hex)
{
	*v = (struct sql_value){.type = SQL_NULL, .text = ""};
	switch (sqlite3_column_type(s, column)) {
	case SQLITE_NULL:
		return 0;
	case SQLITE_INTEGER:
		v->type = SQL_INTEGER;
		v->integer = sqlite3_column_int64(s, column);
		return 0;
	case SQLITE_FLOAT:
		v->type = SQL_REAL;
		v->real = sqlite3_column_double(s, column);
		return 0;
	case SQLITE_BLOB:
		v->type = SQL_TEXT;
		v->text = *hex = hex_of(sqlite3_column_blob(s, column),
					(size_t)sqlite3_column_bytes(s, column));
		v->len = 2 * (size_t)sqlite3_column_bytes(s, column);
		return v->text ? 0 : -ENOMEM;
	default:
		v->type = SQL_TEXT;
		v->text = (const char *)sqlite3_column_text(s, column);
		v->len = (size_t)sqlite3_column_bytes(s, column);
		return v->text ? 0 : -ENOMEM;
	}
}

static int hand_out(struct sql *s, struct sql_value *values, char **hex, uint32_t n,
		    struct err *err)
{
	int r = 0;

	for (uint32_t i = 0; i < n && r >= 0; i++)
		r = read_value(s->statement, (int)i, &values[i], &hex[i]);
	if (r >= 0)
		r = s->ask->row(s->ask->arg, values, err);
	for (uint32_t i = 0; i < n; i++) {
		sqlite3_free(hex[i]);
		hex[i] = NULL;
	}
	return r;
}

static int step_all(struct sql *s, struct err *err)
{
	uint32_t n = sql_columns(s);
	_cleanup_free_ struct sql_value *values = calloc(n, sizeof(*values));
	_cleanup_free_ char **hex = calloc(n, sizeof(*hex));
	int result, r = values && hex ? 0 : -ENOMEM;

	while (r >= 0 && (result = sqlite3_step(s->statement)) == SQLITE_ROW)
		r = hand_out(s, values, hex, n, err);
	if (r < 0)
		return err && err->code ? r : err_set(err, r, "%s", strerror(-r));
	if (result == SQLITE_DONE)
		return 0;
	if (s->err.code)
		return err_set(err, s->err.code, "%s", s->err.text);
	if (result == SQLITE_INTERRUPT)
		return err_set(err, -ETIMEDOUT, "the time limit was reached");
	if (result == SQLITE_NOMEM)
		return err_set(err, -ENOMEM, "it needs more memory than %u bytes", SQL_HEAP_BYTES);
	return err_set(err, -EINVAL, "%s", sqlite3_errmsg(s->handle));
}

int sql_run(struct sql *s, const struct sql_ask *ask, uint64_t *ret_lost, struct err *err)
{
	int r = store_open_reader(ask->store, &s->names, err);

	if (r < 0)
		return r;
	s->ask = ask;
	r = step_all(s, err);
	sqlite3_reset(s->statement);
	while (s->n_idle)
		store_close(s->idle[--s->n_idle]);
	s->names = store_close(s->names);
	s->dict = NULL;
	s->ask = NULL;
	*ret_lost = s->lost;
	return r;
}
