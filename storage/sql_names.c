/*
 * The tables `stacks`, `frames`, `labels` and `objects`: what the dictionaries of all epochs hold.
 *
 * One cursor for the four: it goes over the entries of one kind, each epoch's in turn, or looks at
 * the one that is asked for by its id; frames and labels have several rows an entry.
 */
#include "storage/sql_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_WHOLE 1e6 /* of a plan */
#define ROWS_ONE   20

struct names_kind {
	const char *name, *declaration;
	enum chunk_kind kind;
	uint32_t first; /* number of the first entry */
};

enum names_table { STACKS, FRAMES, LABELS, OBJECTS };

static const struct names_kind kinds[] = {
	[STACKS] = {"stacks",
		    "CREATE TABLE x(stack INTEGER, parent INTEGER, depth INTEGER, function TEXT, "
		    "incomplete TEXT)",
		    CHUNK_STACK, 1},
	[FRAMES] = {"frames",
		    "CREATE TABLE x(stack INTEGER, depth INTEGER, function TEXT, file TEXT, "
		    "line INTEGER, kind TEXT, object INTEGER, \"offset\" INTEGER, "
		    "system_name TEXT)",
		    CHUNK_STACK, 1},
	[LABELS] = {"labels", "CREATE TABLE x(labels INTEGER, name TEXT, value)", CHUNK_LABELS, 0},
	[OBJECTS] = {"objects",
		     "CREATE TABLE x(object INTEGER, kind TEXT, path TEXT, build_id TEXT)",
		     CHUNK_OBJECT, 0},
};

struct names_row {
	uint32_t location, depth; /* frames */
	uint32_t part; /* of its inline chain; labels: which label, then the other ones */
};

struct names_cursor {
	sqlite3_vtab_cursor base;
	struct sql *sql;
	enum names_table table;
	uint64_t *epochs;
	size_t n_epochs, epoch; /* epochs[epoch] is the present one */
	uint64_t number;
	bool one; /* only this entry */
	int64_t depth; /* frames: only this one; -1: all */
	bool at_end;
	struct names_row *rows; /* of the entry */
	uint32_t n_rows, cap_rows, row;
	struct profile_labels labels;
	int64_t rowid;
};

struct names_vtab {
	sqlite3_vtab base;
	struct sql *sql;
	enum names_table table;
};

/* A module's client data. */
struct names_client {
	struct sql *sql;
	enum names_table table;
};

/* ---- the tables ---- */

static int table_connect(sqlite3 *handle, void *aux, int argc, const char *const *argv,
			 sqlite3_vtab **ret, char **error)
{
	const struct names_client *client = (const struct names_client *)aux;
	struct names_vtab *t;
	int result = sqlite3_declare_vtab(handle, kinds[client->table].declaration);

	(void)argc;
	(void)argv;
	(void)error;
	if (result != SQLITE_OK)
		return result;
	t = sqlite3_malloc(sizeof(*t));
	if (!t)
		return SQLITE_NOMEM;
	*t = (struct names_vtab){.sql = client->sql, .table = client->table};
	*ret = &t->base;
	return SQLITE_OK;
}

static int table_disconnect(sqlite3_vtab *base)
{
	sqlite3_free(base);
	return SQLITE_OK;
}

/* What is looked up: PLAN_ONE an entry by its id, PLAN_DEPTH one frame of it; as bits of idxNum. */
enum { PLAN_ONE = 1, PLAN_DEPTH = 2 };

static bool is_equality(const sqlite3_index_info *info, int i, int column)
{
	const struct sqlite3_index_constraint *c = &info->aConstraint[i];

	return c->usable && c->iColumn == column && c->op == SQLITE_INDEX_CONSTRAINT_EQ;
}

/* The id is the first column; for its IN SQLite asks for each. */
static int table_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
	enum names_table table = ((struct names_vtab *)base)->table;
	double rows = ROWS_WHOLE;
	int n = 0;

	for (int i = 0; i < info->nConstraint && !(info->idxNum & PLAN_ONE); i++) {
		if (!is_equality(info, i, 0))
			continue;
		info->aConstraintUsage[i].argvIndex = ++n;
		info->idxNum |= PLAN_ONE;
		rows = ROWS_ONE;
	}
	for (int i = 0; i < info->nConstraint && !(info->idxNum & PLAN_DEPTH); i++) {
		if (table != FRAMES || !is_equality(info, i, 1) || sqlite3_vtab_in(info, i, -1))
			continue;
		info->aConstraintUsage[i].argvIndex = ++n;
		info->idxNum |= PLAN_DEPTH;
		rows /= ROWS_ONE;
	}
	info->estimatedRows = (sqlite3_int64)rows;
	info->estimatedCost = rows * (info->idxNum & PLAN_ONE ? 1 : ROWS_ONE);
	return SQLITE_OK;
}

static int table_open(sqlite3_vtab *base, sqlite3_vtab_cursor **ret)
{
	const struct names_vtab *t = (const struct names_vtab *)base;
	struct names_cursor *c = calloc(1, sizeof(*c));

	if (!c)
		return SQLITE_NOMEM;
	c->sql = t->sql;
	c->table = t->table;
	*ret = &c->base;
	return SQLITE_OK;
}

static int table_close(sqlite3_vtab_cursor *base)
{
	struct names_cursor *c = (struct names_cursor *)base;

	free(c->epochs);
	free(c->rows);
	free(c);
	return SQLITE_OK;
}

/* ---- entries ---- */

static int add_row(struct names_cursor *c, uint32_t location, uint32_t depth, uint32_t part)
{
	if (c->n_rows == c->cap_rows) {
		uint32_t cap = c->cap_rows ? 2 * c->cap_rows : 64;
		struct names_row *more = realloc(c->rows, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		c->rows = more;
		c->cap_rows = cap;
	}
	c->rows[c->n_rows++] = (struct names_row){location, depth, part};
	return 0;
}

/* Leaf first; of a location its innermost function first. */
static int read_frames(struct names_cursor *c)
{
	const struct profile *p = c->sql->dict->tables;
	uint32_t depth = 0;
	int r = 0;

	for (uint32_t s = (uint32_t)c->number; s && r >= 0; s = p->stacks[s].parent) {
		uint32_t location = p->stacks[s].location;
		uint32_t n = profile_location_frames(p, location);

		if (p->objects[p->locations[location].object].kind == PROFILE_OBJECT_INCOMPLETE)
			continue;
		for (uint32_t i = 0; i < n && r >= 0; i++, depth++)
			if (c->depth < 0 || c->depth == depth)
				r = add_row(c, location, depth, i);
		if (c->depth >= 0 && depth > c->depth)
			break;
	}
	return r;
}

static int read_labels(struct names_cursor *c)
{
	int r = 0;

	if (dict_labels(c->sql->dict, (uint32_t)c->number, &c->labels) < 0)
		return 0;
	for (uint32_t i = 0; i < PROFILE_LABEL_COUNT && r >= 0; i++)
		if (c->labels.has & (1u << i))
			r = add_row(c, 0, 0, i);
	for (uint32_t i = 0; i < c->labels.n_extra && r >= 0; i++)
		r = add_row(c, 0, 0, PROFILE_LABEL_COUNT + i);
	return r;
}

/* The rows of c->number, none where it is not there. */
static int read_entry(struct names_cursor *c)
{
	const struct dict *d = c->sql->dict;
	uint32_t number = (uint32_t)c->number;

	c->n_rows = c->row = 0;
	switch (c->table) {
	case FRAMES:
		return dict_has_stack(d, number) ? read_frames(c) : 0;
	case STACKS:
		return number && dict_has_stack(d, number) ? add_row(c, 0, 0, 0) : 0;
	case LABELS:
		return read_labels(c);
	case OBJECTS:
		return dict_has(d, CHUNK_OBJECT, number) ? add_row(c, 0, 0, 0) : 0;
	}
	return 0;
}

/* From the present entry on to the next that has rows. */
static int find_entry(struct names_cursor *c)
{
	enum chunk_kind kind = kinds[c->table].kind;
	int r = 0;

	for (; c->epoch < c->n_epochs && r >= 0; c->epoch++, c->number = kinds[c->table].first) {
		r = sql_use_dict(c->sql, c->epochs[c->epoch], kind, c->number);
		for (; r >= 0 && c->number < dict_count(c->sql->dict, kind); c->number++) {
			r = read_entry(c);
			if (c->n_rows || r < 0)
				return r;
			if (c->one)
				break;
		}
		if (c->one)
			break;
	}
	c->at_end = true;
	return r;
}

static int go_on(struct names_cursor *c)
{
	int r = find_entry(c);

	c->rowid++;
	return r < 0 ? sql_failed(c->sql, r, NULL) : SQLITE_OK;
}

/* Another cursor may have asked for another epoch meanwhile. */
static int keep_dict(struct names_cursor *c)
{
	int r = sql_use_dict(c->sql, c->epochs[c->epoch], kinds[c->table].kind, c->number);

	return r < 0 ? sql_failed(c->sql, r, NULL) : SQLITE_OK;
}

/* ---- the scan ---- */

static int list_epochs(struct names_cursor *c)
{
	struct db_chunk_list l;
	int r = db_chunk_list(c->sql->names->db, DB_CHUNKS, &l);

	if (r < 0)
		return r;
	free(c->epochs);
	c->n_epochs = 0;
	c->epochs = malloc((l.n + 1) * sizeof(*c->epochs));
	for (size_t i = 0; c->epochs && i < l.n; i++)
		if (!c->n_epochs || c->epochs[c->n_epochs - 1] != l.chunks[i].epoch)
			c->epochs[c->n_epochs++] = l.chunks[i].epoch;
	db_chunk_list_done(&l);
	return c->epochs ? 0 : -ENOMEM;
}

static int one_epoch(struct names_cursor *c, uint64_t epoch)
{
	if (!c->epochs)
		c->epochs = malloc(sizeof(*c->epochs));
	if (!c->epochs)
		return -ENOMEM;
	c->epochs[0] = epoch;
	c->n_epochs = 1;
	return 0;
}

/* The depth that is asked for, in value; what is no whole number is left to SQLite. */
static int64_t depth_asked(sqlite3_value *value)
{
	int64_t depth = sqlite3_value_int64(value);

	return sqlite3_value_type(value) == SQLITE_INTEGER && depth >= 0 ? depth : -1;
}

/* Whatever compares equal to a whole number: text and 1.0 too. */
static int begin_one(struct names_cursor *c, sqlite3_value *value)
{
	int type = sqlite3_value_numeric_type(value);
	int64_t id = sqlite3_value_int64(value);

	c->number = (uint32_t)id;
	c->at_end = type != SQLITE_INTEGER &&
		    (type != SQLITE_FLOAT || (double)id != sqlite3_value_double(value));
	return one_epoch(c, (uint64_t)id >> 32);
}

static int table_filter(sqlite3_vtab_cursor *base, int plan, const char *text, int argc,
			sqlite3_value **values)
{
	struct names_cursor *c = (struct names_cursor *)base;
	int r;

	(void)text;
	c->epoch = 0;
	c->one = plan & PLAN_ONE;
	c->at_end = false;
	c->depth = plan & PLAN_DEPTH ? depth_asked(values[argc - 1]) : -1;
	if (c->one) {
		r = begin_one(c, values[0]);
	} else {
		c->number = kinds[c->table].first;
		r = list_epochs(c);
	}
	if (r < 0)
		return sql_failed(c->sql, r, NULL);
	return c->at_end ? SQLITE_OK : go_on(c);
}

static int table_next(sqlite3_vtab_cursor *base)
{
	struct names_cursor *c = (struct names_cursor *)base;

	c->rowid++;
	if (++c->row < c->n_rows)
		return SQLITE_OK;
	if (c->one) {
		c->at_end = true;
		return SQLITE_OK;
	}
	c->number++;
	return go_on(c);
}

static int table_eof(sqlite3_vtab_cursor *base)
{
	return ((struct names_cursor *)base)->at_end;
}

static int table_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret)
{
	*ret = ((struct names_cursor *)base)->rowid;
	return SQLITE_OK;
}

/* ---- columns ---- */

static void result_text(sqlite3_context *context, const char *s)
{
	if (*s)
		sqlite3_result_text(context, s, -1, SQLITE_TRANSIENT);
}

static void result_id(const struct names_cursor *c, sqlite3_context *context, uint32_t number)
{
	sqlite3_result_int64(context, SQL_ID(c->epochs[c->epoch], number));
}

static uint32_t depth_of(const struct profile *p, uint32_t stack)
{
	return profile_stack_locations(p, stack, NULL, 0);
}

static void stack_column(const struct names_cursor *c, sqlite3_context *context, int column)
{
	const struct profile *p = c->sql->dict->tables;
	uint32_t stack = (uint32_t)c->number;
	char scratch[PROFILE_SCRATCH_BYTES];
	const char *reason;

	switch (column) {
	case 1:
		if (p->stacks[stack].parent)
			result_id(c, context, p->stacks[stack].parent);
		break;
	case 2:
		sqlite3_result_int64(context, depth_of(p, stack));
		break;
	case 3:
		result_text(
			context,
			profile_location_frame(p, p->stacks[stack].location, 0, scratch).function);
		break;
	case 4:
		reason = profile_stack_incomplete(p, stack);
		if (reason)
			sqlite3_result_text(context, reason, -1, SQLITE_TRANSIENT);
		break;
	default:
		break;
	}
}

static void frame_column(const struct names_cursor *c, sqlite3_context *context, int column)
{
	const struct profile *p = c->sql->dict->tables;
	const struct names_row *row = &c->rows[c->row];
	char scratch[PROFILE_SCRATCH_BYTES];
	struct profile_frame f = profile_location_frame(p, row->location, row->part, scratch);

	switch (column) {
	case 1:
		sqlite3_result_int64(context, row->depth);
		break;
	case 2:
		result_text(context, f.function);
		break;
	case 3:
		result_text(context, f.file);
		break;
	case 4:
		if (f.line)
			sqlite3_result_int64(context, f.line);
		break;
	case 5:
		result_text(context, profile_frame_kind_name(f.kind));
		break;
	case 6:
		result_id(c, context, p->locations[row->location].object);
		break;
	case 7:
		sqlite3_result_int64(context, (int64_t)f.offset);
		break;
	case 8:
		result_text(context, f.system_name);
		break;
	default:
		break;
	}
}

static void label_column(const struct names_cursor *c, sqlite3_context *context, int column)
{
	const struct profile *p = c->sql->dict->tables;
	uint32_t which = c->rows[c->row].part;
	const struct profile_extra_label *extra = NULL;

	if (which >= PROFILE_LABEL_COUNT)
		extra = &c->labels.extra[which - PROFILE_LABEL_COUNT];
	if (column == 1)
		result_text(context, extra ? profile_str(p, extra->key)
					   : profile_label_name((enum profile_label)which));
	else if (extra)
		result_text(context, profile_str(p, extra->value));
	else
		sql_result_label(context, p, &c->labels, (enum profile_label)which);
}

static void object_column(const struct names_cursor *c, sqlite3_context *context, int column)
{
	const struct profile *p = c->sql->dict->tables;
	const struct profile_object *o = &p->objects[c->number];

	if (column == 1)
		result_text(context, profile_object_kind_name(o->kind));
	else
		result_text(context, profile_str(p, column == 2 ? o->path : o->build_id));
}

static int table_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
	struct names_cursor *c = (struct names_cursor *)base;
	static void (*const columns[])(const struct names_cursor *c, sqlite3_context *context,
				       int column) = {
		[STACKS] = stack_column,
		[FRAMES] = frame_column,
		[LABELS] = label_column,
		[OBJECTS] = object_column,
	};
	int result = keep_dict(c);

	if (result != SQLITE_OK)
		return result;
	if (column == 0)
		result_id(c, context, (uint32_t)c->number);
	else
		columns[c->table](c, context, column);
	return SQLITE_OK;
}

int sql_names_register(struct sql *s)
{
	static const sqlite3_module module = SQL_MODULE;
	int result = SQLITE_OK;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && result == SQLITE_OK; i++) {
		struct names_client *client = malloc(sizeof(*client));

		if (!client)
			return SQLITE_NOMEM;
		*client = (struct names_client){s, (enum names_table)i};
		result = sqlite3_create_module_v2(s->handle, kinds[i].name, &module, client, free);
	}
	return result;
}
