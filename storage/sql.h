/*
 * Read-only SQL over a store: virtual tables that decode its blocks and dictionaries.
 *
 * Statements run in a connection of their own, in memory, that holds nothing but these tables: what
 * the store's file has as tables is out of reach. An authorizer lets SELECT through and nothing
 * else (no ATTACH, PRAGMA, write, temporary table or extension). Conditions on the time, on labels
 * and the selector of samples('{...}') are pushed down into the scan. Memory is bounded by
 * SQL_HEAP_BYTES. Not thread-safe.
 *
 *   samples   a row for each sample, its labels as columns; missing ones are NULL
 *   stacks    the prefix tree: each stack, its parent, its leaf's function
 *   frames    each frame of a stack, leaf first
 *   labels    each label of a set, also those without a column in samples
 *   objects   the files, or what stands for them, that frames lie in
 */
#pragma once

#include "profiler/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define SQL_TEXT_BYTES_MAX 1000000
#define SQL_HEAP_BYTES	   (1u << 30) /* of SQLite, for sorting and grouping */
#define SQL_VALUE_BYTES	   (64 << 20) /* of one value */

struct sql;

/*
 * One statement, checked without any store. -EINVAL: not SQL, or more than one statement; -EPERM:
 * not allowed; each with its sentence.
 */
int sql_prepare(const char *text, struct sql **ret, struct err *err);
struct sql *sql_free(struct sql *s);

/* Names of its columns, borrowed. */
uint32_t sql_columns(const struct sql *s);
const char *sql_column_name(const struct sql *s, uint32_t column);

enum sql_type { SQL_NULL, SQL_INTEGER, SQL_REAL, SQL_TEXT };

struct sql_value {
	enum sql_type type;
	int64_t integer;
	double real;
	const char *text; /* borrowed until the next row; blobs as hexadecimal digits */
	size_t len;
};

struct sql_ask {
	const char *store; /* path */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: none */
	/* 0, or a negative errno that ends it */
	int (*row)(void *arg, const struct sql_value *values, struct err *err);
	void *arg;
};

/*
 * What the rows it read could not tell: *ret_lost counts samples that were dropped or are damaged,
 * in the scan that lost most. 0, -ETIMEDOUT, -ENOMEM, or as store_open_reader() says.
 */
int sql_run(struct sql *s, const struct sql_ask *ask, uint64_t *ret_lost, struct err *err);
