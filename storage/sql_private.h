/* What sql.c (statements), sql_samples.c and sql_names.c (the virtual tables) share. */
#pragma once

#include "storage/sql.h"
#include "storage/store_private.h"

#include <sqlite3.h>

#define SQL_READERS_MAX 16 /* scans of samples at the same time: a join of it with itself */

/* A dictionary's number with its epoch: unique in the store. */
#define SQL_ID(epoch, number) ((int64_t)((uint64_t)(epoch) << 32 | (uint32_t)(number)))

/*
 * The methods of a table, which its file calls table_*(). Without xCreate: it is there by itself
 * and cannot be made again.
 */
#define SQL_MODULE                                                                   \
	{                                                                            \
		.xConnect = table_connect, .xBestIndex = table_best_index,           \
		.xDisconnect = table_disconnect, .xDestroy = table_disconnect,       \
		.xOpen = table_open, .xClose = table_close, .xFilter = table_filter, \
		.xNext = table_next, .xEof = table_eof, .xColumn = table_column,     \
		.xRowid = table_rowid,                                               \
	}

struct sql {
	sqlite3 *handle;
	sqlite3_stmt *statement;
	const char *refused; /* what the authorizer refused; static text */
	/* of the run */
	const struct sql_ask *ask;
	struct store *names; /* for dictionaries */
	struct store *idle[SQL_READERS_MAX]; /* for scans */
	uint32_t n_idle;
	struct dict *dict; /* of dict_epoch; NULL: none is read */
	uint64_t dict_epoch;
	uint64_t lost;
	struct err err; /* the first failure inside a table */
};

/* The tables, with sql as their client data. An SQLite result. */
int sql_samples_register(struct sql *s);
int sql_names_register(struct sql *s);

/* Notes the failure and makes it an SQLite result. */
int sql_failed(struct sql *s, int r, const struct err *err);
/* 0 or negative errno: s->dict becomes that of the epoch, holding `number` where it is known. */
int sql_use_dict(struct sql *s, uint64_t epoch, enum chunk_kind kind, uint64_t number);
/* A label's value as a result; NULL where the set has none. */
void sql_result_label(sqlite3_context *context, const struct profile *strings,
		      const struct profile_labels *l, enum profile_label which);
