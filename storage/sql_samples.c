/*
 * The table `samples`: a scan of the store's blocks. Conditions on time_ms become its range, those
 * of equality on labels and the argument of samples('{...}') its selector; SQLite checks again.
 */
#include "storage/sql_private.h"

#include "storage/selector.h"
#include "storage/store_scan.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* X(enum, name, type): then come the labels, and last the hidden selector */
#define COLUMN_LIST(X)                    \
	X(TIME, "time_ms", "INTEGER")     \
	X(COUNT, "count", "INTEGER")      \
	X(PERIOD, "period_ns", "INTEGER") \
	X(STACK, "stack", "INTEGER")      \
	X(LABELS, "labels", "INTEGER")

enum column {
#define COLUMN_ENUM(name, text, type) COLUMN_##name,
	COLUMN_LIST(COLUMN_ENUM)
#undef COLUMN_ENUM
		COLUMN_FIRST_LABEL,
	COLUMN_MATCH = COLUMN_FIRST_LABEL + PROFILE_LABEL_COUNT,
};

#define DECLARE_BYTES 1024
#define MATCH_BYTES   (64u << 10)
#define TIME_MS_END   (1ll << 62)
/* Of a plan: what is not known without looking. */
#define ROWS_WHOLE 1e7
#define ROWS_BOUND 4 /* times fewer for each end of a range */
#define ROWS_LABEL 10

struct samples_table {
	sqlite3_vtab base;
	struct sql *sql;
};

struct samples_cursor {
	sqlite3_vtab_cursor base;
	struct sql *sql;
	struct store *store;
	struct store_query query;
	struct buf match;
	struct scan scan;
	bool scanning;
	uint32_t sample; /* of the block */
	bool in_block, at_end;
	int64_t rowid;
	uint32_t labels_of; /* the set that labels is */
	bool labels_known;
	struct profile_labels labels;
};

/* ---- the table ---- */

static int declare(sqlite3 *handle)
{
	char sql[DECLARE_BYTES];
	int n = snprintf(sql, sizeof(sql), "CREATE TABLE x(");

#define COLUMN_DECLARE(name, text, type) \
	n += snprintf(sql + n, sizeof(sql) - (size_t)n, "\"%s\" %s,", text, type);
	COLUMN_LIST(COLUMN_DECLARE)
#undef COLUMN_DECLARE
	for (int i = 0; i < PROFILE_LABEL_COUNT; i++)
		n += snprintf(sql + n, sizeof(sql) - (size_t)n, "\"%s\" %s,",
			      profile_label_name((enum profile_label)i),
			      profile_label_is_number((enum profile_label)i) ? "INTEGER" : "TEXT");
	snprintf(sql + n, sizeof(sql) - (size_t)n, "match TEXT HIDDEN)");
	return sqlite3_declare_vtab(handle, sql);
}

static int table_connect(sqlite3 *handle, void *aux, int argc, const char *const *argv,
			 sqlite3_vtab **ret, char **error)
{
	struct samples_table *t;
	int result = declare(handle);

	(void)argc;
	(void)argv;
	(void)error;
	if (result != SQLITE_OK)
		return result;
	t = sqlite3_malloc(sizeof(*t));
	if (!t)
		return SQLITE_NOMEM;
	*t = (struct samples_table){.sql = (struct sql *)aux};
	*ret = &t->base;
	return SQLITE_OK;
}

static int table_disconnect(sqlite3_vtab *base)
{
	sqlite3_free(base);
	return SQLITE_OK;
}

/* ---- plans ---- */

/* How table_filter() is told of a condition: a letter in idxStr, that of a label from A on. */
static char letter_of(const struct sqlite3_index_constraint *c)
{
	if (c->iColumn == COLUMN_TIME)
		switch (c->op) {
		case SQLITE_INDEX_CONSTRAINT_EQ:
			return '=';
		case SQLITE_INDEX_CONSTRAINT_GE:
		case SQLITE_INDEX_CONSTRAINT_GT:
			return '>';
		case SQLITE_INDEX_CONSTRAINT_LE:
		case SQLITE_INDEX_CONSTRAINT_LT:
			return '<';
		default:
			return 0;
		}
	if (c->op != SQLITE_INDEX_CONSTRAINT_EQ)
		return 0;
	if (c->iColumn == COLUMN_MATCH)
		return 'm';
	if (c->iColumn >= COLUMN_FIRST_LABEL && c->iColumn < COLUMN_MATCH)
		return (char)('A' + c->iColumn - COLUMN_FIRST_LABEL);
	return 0;
}

static double rows_left(char letter, double rows)
{
	if (letter == '=')
		return rows / 1000;
	return letter == '<' || letter == '>' ? rows / ROWS_BOUND : rows / ROWS_LABEL;
}

/*
 * IN would scan anew for each value: one scan, and SQLite chooses. Other orders of text than that
 * of its bytes are SQLite's own.
 */
static bool is_plain(sqlite3_index_info *info, int i)
{
	return !sqlite3_vtab_in(info, i, -1) && !strcmp(sqlite3_vtab_collation(info, i), "BINARY");
}

static int table_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
	char *letters = sqlite3_malloc(info->nConstraint + 1);
	double rows = ROWS_WHOLE;
	int n = 0;

	(void)base;
	if (!letters)
		return SQLITE_NOMEM;
	for (int i = 0; i < info->nConstraint; i++) {
		const struct sqlite3_index_constraint *c = &info->aConstraint[i];
		char letter = letter_of(c);

		if (letter == 'm' && !c->usable) {
			sqlite3_free(letters);
			return SQLITE_CONSTRAINT;
		}
		if (!letter || !c->usable || (letter != 'm' && !is_plain(info, i)))
			continue;
		letters[n++] = letter;
		info->aConstraintUsage[i].argvIndex = n;
		info->aConstraintUsage[i].omit = letter == 'm';
		rows = rows_left(letter, rows);
	}
	letters[n] = '\0';
	info->idxStr = letters;
	info->needToFreeIdxStr = 1;
	info->estimatedRows = (sqlite3_int64)rows + 1;
	info->estimatedCost = rows + 1000;
	return SQLITE_OK;
}

/* ---- cursors ---- */

static int table_open(sqlite3_vtab *base, sqlite3_vtab_cursor **ret)
{
	struct sql *s = ((struct samples_table *)base)->sql;
	struct samples_cursor *c = calloc(1, sizeof(*c));
	struct err err = {};
	int r = 0;

	if (!c)
		return SQLITE_NOMEM;
	c->sql = s;
	buf_init(&c->match, MATCH_BYTES);
	if (s->n_idle)
		c->store = s->idle[--s->n_idle];
	else
		r = store_open_reader(s->ask->store, &c->store, &err);
	if (r < 0) {
		free(c);
		return sql_failed(s, r, &err);
	}
	*ret = &c->base;
	return SQLITE_OK;
}

static void end_scan(struct samples_cursor *c)
{
	uint64_t lost = 0;

	if (!c->scanning)
		return;
	for (uint32_t i = 0; i < c->scan.losses->n_losses; i++)
		lost += c->scan.losses->losses[i].count;
	if (lost > c->sql->lost)
		c->sql->lost = lost;
	scan_close(&c->scan);
	c->scanning = false;
}

static int table_close(sqlite3_vtab_cursor *base)
{
	struct samples_cursor *c = (struct samples_cursor *)base;

	end_scan(c);
	if (c->sql->n_idle < SQL_READERS_MAX)
		c->sql->idle[c->sql->n_idle++] = c->store;
	else
		store_close(c->store);
	buf_done(&c->match);
	free(c);
	return SQLITE_OK;
}

/* ---- conditions ---- */

struct range {
	int64_t from_ms, until_ms;
};

/* Numbers alone are pushed down; a fraction takes in both milliseconds beside it. */
static void narrow(struct range *r, char letter, sqlite3_value *value)
{
	int type = sqlite3_value_type(value);
	double v = sqlite3_value_double(value);
	int64_t low, high;

	if ((type != SQLITE_INTEGER && type != SQLITE_FLOAT) || isnan(v))
		return;
	if (v < -1 || v > 0x1p52) {
		low = high = v < 0 ? -1 : TIME_MS_END;
	} else {
		low = (int64_t)floor(v);
		high = (int64_t)ceil(v);
	}
	if (letter != '<' && low > r->from_ms)
		r->from_ms = low;
	if (letter != '>' && high < r->until_ms - 1)
		r->until_ms = high + 1;
}

/* `NAME="VALUE", ` with the selector's escapes. */
static void add_equality(struct buf *b, enum profile_label which, sqlite3_value *value)
{
	int type = sqlite3_value_type(value);
	const char *s;
	size_t len;

	/* A missing label equals the empty string there, and nothing here: SQLite looks again. */
	if (type != (profile_label_is_number(which) ? SQLITE_INTEGER : SQLITE_TEXT))
		return;
	s = (const char *)sqlite3_value_text(value);
	len = (size_t)sqlite3_value_bytes(value);
	if (!s || strlen(s) != len || len > PROFILE_STRING_BYTES_MAX)
		return;
	buf_printf(b, "%s%s=\"", b->len ? ", " : "", profile_label_name(which));
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_add_char(b, '\\');
		if (*s == '\n')
			buf_add_str(b, "\\n");
		else
			buf_add_char(b, *s);
	}
	buf_add_char(b, '"');
}

static int read_conditions(struct samples_cursor *c, const char *letters, sqlite3_value **values,
			   struct range *r)
{
	const char *match = NULL;

	buf_clear(&c->match);
	for (int i = 0; letters[i]; i++) {
		if (letters[i] == 'm')
			match = (const char *)sqlite3_value_text(values[i]);
		else if (letters[i] >= 'A' && letters[i] < 'A' + PROFILE_LABEL_COUNT)
			add_equality(&c->match, (enum profile_label)(letters[i] - 'A'), values[i]);
		else
			narrow(r, letters[i], values[i]);
	}
	if (c->match.err && c->match.err != -EFBIG)
		return c->match.err;
	/* One or the other: SQLite checks equalities in any case. */
	if (match || c->match.err)
		buf_clear(&c->match);
	if (match)
		buf_add_str(&c->match, match);
	return c->match.err;
}

/* ---- the scan ---- */

/* To the first sample from c->sample on that is meant; the blocks behind this one. */
static int find_sample(struct samples_cursor *c)
{
	int r = 1;

	for (;;) {
		for (; c->in_block && c->sample < c->scan.block.n_samples; c->sample++) {
			r = scan_takes(&c->scan, &c->scan.block.samples[c->sample]);
			if (r)
				return r;
		}
		r = scan_next(&c->scan);
		if (r <= 0)
			return r;
		c->in_block = true;
		c->sample = 0;
		c->labels_known = false;
	}
}

static int go_on(struct samples_cursor *c)
{
	struct err err = {};
	int r = find_sample(c);

	c->rowid++;
	c->at_end = r <= 0;
	if (r < 0) {
		scan_end(&c->scan, r, &err);
		return sql_failed(c->sql, r, &err);
	}
	if (r == 0)
		end_scan(c);
	return SQLITE_OK;
}

static int table_filter(sqlite3_vtab_cursor *base, int number, const char *letters, int argc,
			sqlite3_value **values)
{
	struct samples_cursor *c = (struct samples_cursor *)base;
	struct range range = {0, TIME_MS_END};
	struct err err = {};
	int r;

	(void)number;
	(void)argc;
	end_scan(c);
	r = read_conditions(c, letters, values, &range);
	if (r < 0)
		return sql_failed(c->sql, r, NULL);
	c->at_end = range.from_ms >= range.until_ms || range.from_ms >= TIME_MS_END;
	if (c->at_end)
		return SQLITE_OK;
	c->query = (struct store_query){
		.from_ns = (uint64_t)range.from_ms * NS_PER_MS,
		.until_ns = range.until_ms > INT64_MAX / (int64_t)NS_PER_MS
				    ? INT64_MAX
				    : (uint64_t)range.until_ms * NS_PER_MS,
		.match = buf_str(&c->match),
		.deadline_ns = c->sql->ask->deadline_ns,
	};
	r = scan_open(&c->scan, c->store, &c->query, "samples", &err);
	c->in_block = false;
	c->labels_known = false;
	if (r < 0) {
		scan_close(&c->scan);
		return sql_failed(c->sql, r, &err);
	}
	c->scanning = true;
	return go_on(c);
}

static int table_next(sqlite3_vtab_cursor *base)
{
	struct samples_cursor *c = (struct samples_cursor *)base;

	c->sample++;
	return go_on(c);
}

static int table_eof(sqlite3_vtab_cursor *base)
{
	return ((struct samples_cursor *)base)->at_end;
}

static int table_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret)
{
	*ret = ((struct samples_cursor *)base)->rowid;
	return SQLITE_OK;
}

static void result_label(struct samples_cursor *c, sqlite3_context *context, uint32_t labels,
			 enum profile_label which)
{
	if (!c->labels_known || c->labels_of != labels) {
		if (dict_unpack(c->scan.dict) < 0 ||
		    dict_labels(c->scan.dict, labels, &c->labels) < 0)
			c->labels = (struct profile_labels){};
		c->labels_of = labels;
		c->labels_known = true;
	}
	sql_result_label(context, c->scan.dict->tables, &c->labels, which);
}

static int table_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
	struct samples_cursor *c = (struct samples_cursor *)base;
	const struct block_sample *s = &c->scan.block.samples[c->sample];

	switch (column) {
	case COLUMN_TIME:
		sqlite3_result_int64(context, (int64_t)s->time_ms);
		break;
	case COLUMN_COUNT:
		sqlite3_result_int64(context, (int64_t)s->count);
		break;
	case COLUMN_PERIOD:
		if (c->scan.head.period_ns)
			sqlite3_result_int64(context, (int64_t)c->scan.head.period_ns);
		break;
	case COLUMN_STACK:
		sqlite3_result_int64(context, SQL_ID(c->scan.head.epoch, s->stack));
		break;
	case COLUMN_LABELS:
		sqlite3_result_int64(context, SQL_ID(c->scan.head.epoch, s->labels));
		break;
	case COLUMN_MATCH:
		sqlite3_result_text(context, buf_str(&c->match), -1, SQLITE_TRANSIENT);
		break;
	default:
		result_label(c, context, s->labels,
			     (enum profile_label)(column - COLUMN_FIRST_LABEL));
	}
	return SQLITE_OK;
}

int sql_samples_register(struct sql *s)
{
	static const sqlite3_module module = SQL_MODULE;

	return sqlite3_create_module(s->handle, "samples", &module, s);
}
