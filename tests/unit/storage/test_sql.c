/*
 * SQL over a store: the same counts as a pass over the raw samples, whatever is pushed down; and
 * nothing but SELECT.
 */
#include "storage/sql.h"

#include "profiler/base/buf.h"
#include "profiler/base/quantity.h"
#include "tests/unit/storage/oracle.h"
#include "tests/unit/storage/place.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define T0_MS 1795000000000ull

/* ---- asking ---- */

static int add_row(void *arg, const struct sql_value *values, struct err *err)
{
	struct buf *out = ((void **)arg)[0];
	const struct sql *s = ((void **)arg)[1];

	(void)err;
	for (uint32_t i = 0; i < sql_columns(s); i++) {
		if (i)
			buf_add_char(out, '|');
		if (values[i].type == SQL_INTEGER)
			buf_printf(out, "%" PRId64, values[i].integer);
		else if (values[i].type == SQL_REAL)
			buf_printf(out, "%g", values[i].real);
		else if (values[i].type == SQL_TEXT)
			buf_add(out, values[i].text, values[i].len);
	}
	return buf_add_char(out, '\n');
}

static uint64_t lost;

/* Rows as lines, cells between bars; the caller frees. NULL: err has why. */
static char *ask(const struct place *at, const char *text, uint64_t deadline_ns, struct err *err)
{
	struct buf out;
	struct sql *s;
	void *arg[2] = {&out};
	struct sql_ask a = {
		.store = at->path, .deadline_ns = deadline_ns, .row = add_row, .arg = arg};
	char *answer = NULL;

	if (sql_prepare(text, &s, err) < 0)
		return NULL;
	arg[1] = s;
	buf_init(&out, 64u << 20);
	if (sql_run(s, &a, &lost, err) == 0)
		answer = strdup(buf_str(&out));
	buf_done(&out);
	sql_free(s);
	return answer;
}

static void check(const struct place *at, const char *text, const char *expected)
{
	struct err err = {};
	char *answer = ask(at, text, 0, &err);

	if (!answer)
		fail_msg("%s: %s", text, err_text(&err));
	if (strcmp(answer, expected))
		fail_msg("%s:\n%s\nnot\n%s", text, answer, expected);
	free(answer);
}

static void check_number(const struct place *at, const char *text, uint64_t expected)
{
	char line[32];

	snprintf(line, sizeof(line), "%" PRIu64 "\n", expected);
	check(at, text, line);
}

/* ---- a store whose samples are known ---- */

static uint32_t frame(struct profile *p, enum profile_object_kind kind, const char *path,
		      uint64_t offset, const char *inlined, const char *name)
{
	struct profile_object o = {.kind = kind, .path = (uint32_t)profile_string(p, path)};
	struct profile_line lines[2] = {};
	uint32_t n = 0, location;

	if (kind == PROFILE_OBJECT_FILE)
		o.build_id = (uint32_t)profile_string(p, "c0ffee");
	location = (uint32_t)profile_location(p, (uint32_t)profile_object(p, &o), offset);
	for (int i = 0; i < 2; i++) {
		const char *s = i ? name : inlined;
		struct profile_function f = {.name = s ? (uint32_t)profile_string(p, s) : 0,
					     .file = (uint32_t)profile_string(p, "a.c")};

		f.system_name = f.name;
		if (s)
			lines[n++] = (struct profile_line){(uint32_t)profile_function(p, &f),
							   10 + (uint32_t)i, 0};
	}
	if (n)
		profile_set_lines(p, location, lines, n);
	return location;
}

static uint32_t stack_of(struct profile *p, const uint32_t *locations, size_t n)
{
	uint32_t stack = 0;

	for (size_t i = 0; i < n; i++)
		stack = (uint32_t)profile_stack(p, stack, locations[i]);
	return stack;
}

static uint32_t labels_of(struct profile *p, uint64_t pid, const char *comm, const char *zone)
{
	struct profile_labels l = {.has = 1u << PROFILE_LABEL_PID};

	l.value[PROFILE_LABEL_PID] = pid;
	if (comm) {
		l.has |= 1u << PROFILE_LABEL_COMM;
		l.value[PROFILE_LABEL_COMM] = (uint64_t)profile_string(p, comm);
	}
	if (zone)
		l.extra[l.n_extra++] = (struct profile_extra_label){
			(uint32_t)profile_string(p, "zone"), (uint32_t)profile_string(p, zone)};
	return (uint32_t)profile_labels(p, &l);
}

static void make_known(const struct place *at)
{
	struct store *s = place_writer(at, NULL);
	struct store_feed *f;
	struct profile *p;
	uint32_t main_, work, kernel, cut, nameless;
	uint32_t labels[3];

	assert_int_equal(profile_new(false, &p), 0);
	p->period_ns = 10101010;
	main_ = frame(p, PROFILE_OBJECT_FILE, "/bin/a", 0x10, NULL, "main");
	work = frame(p, PROFILE_OBJECT_FILE, "/bin/a", 0x20, "inner", "work");
	kernel = frame(p, PROFILE_OBJECT_KERNEL, "[kernel.kallsyms]", 0x30, NULL, "sys");
	cut = frame(p, PROFILE_OBJECT_INCOMPLETE, "no-frame-pointer", 0, NULL, NULL);
	nameless = frame(p, PROFILE_OBJECT_JIT, "[jit]", 0x7fff1234, NULL, NULL);
	labels[0] = labels_of(p, 10, "a\"b\\c\n", "eu");
	labels[1] = labels_of(p, 11, "b", NULL);
	labels[2] = labels_of(p, 12, NULL, "us");
	profile_add_sample(p, T0_MS * 1000000, stack_of(p, (uint32_t[]){main_, work, kernel}, 3),
			   labels[0], 1);
	profile_add_sample(p, (T0_MS + 5) * 1000000, stack_of(p, (uint32_t[]){main_}, 1), labels[1],
			   2);
	profile_add_sample(p, (T0_MS + 10) * 1000000, stack_of(p, (uint32_t[]){cut, nameless}, 2),
			   labels[2], 4);
	profile_add_sample(p, (T0_MS + 1000) * 1000000, 0, labels[1], 8);
	assert_int_equal(store_feed_new(s, p, &f), 0);
	assert_int_equal(store_feed_flush(f, NULL, false, NULL), 0);
	store_feed_free(f);
	profile_free(p);
	store_close(s);
}

static void samples_have_their_labels_and_missing_ones_are_null(void **state)
{
	const struct place *at = *state;

	make_known(at);
	check(at,
	      "SELECT time_ms, count, period_ns, pid, comm, comm IS NULL, host FROM samples "
	      "ORDER BY time_ms",
	      "1795000000000|1|10101010|10|a\"b\\c\n|0|\n"
	      "1795000000005|2|10101010|11|b|0|\n"
	      "1795000000010|4|10101010|12||1|\n"
	      "1795000001000|8|10101010|11|b|0|\n");
	check(at, "SELECT sum(count), min(time_ms), typeof(pid), typeof(comm) FROM samples",
	      "15|1795000000000|integer|text\n");
	check(at, "SELECT count(*) FROM samples WHERE stack % 4294967296 = 0", "1\n");
}

static void conditions_are_exact_whether_pushed_down_or_not(void **state)
{
	static const struct {
		const char *where;
		uint64_t count;
	} cases[] = {
		{"time_ms >= 1795000000005", 14},
		{"time_ms > 1795000000005", 12},
		{"time_ms <= 1795000000005", 3},
		{"time_ms < 1795000000005", 1},
		{"time_ms = 1795000000005", 2},
		{"time_ms = 1795000000005.0", 2},
		{"time_ms = 1795000000004.5", 0},
		{"time_ms > 1795000000004.5 AND time_ms < 1795000000005.5", 2},
		{"time_ms >= '1795000000005'", 14},
		{"time_ms BETWEEN 1795000000005 AND 1795000000010", 6},
		{"time_ms IN (1795000000005, 1795000001000)", 10},
		{"time_ms >= 1e300", 0},
		{"time_ms <= 1e300", 15},
		{"time_ms >= -5", 15},
		{"time_ms < -5", 0},
		{"time_ms >= 9223372036854775807", 0},
		{"time_ms = NULL", 0},
		{"time_ms < 5 OR time_ms > 1795000000900", 8},
		{"time_ms >= 1795000000005 AND time_ms < 1795000000005", 0},
		{"pid = 11", 10},
		{"pid = '11'", 10},
		{"pid = 11.0", 10},
		{"pid = 11.5", 0},
		{"pid IN (10, 12)", 5},
		{"pid <> 11", 5},
		{"pid = -1", 0},
		{"comm = 'b'", 10},
		{"comm = 'b' AND pid = 11 AND time_ms < 1795000000900", 2},
		{"comm = 'a\"b\\c\n'", 1},
		{"comm = ''", 0},
		{"comm IS NULL", 4},
		{"comm = NULL", 0},
		{"comm = 'b' COLLATE NOCASE", 10},
		{"comm = 'B' COLLATE NOCASE", 10},
		{"comm LIKE 'a%'", 1},
		{"comm = x'62'", 0},
		{"comm = char(98, 0)", 0},
		{"comm = pid", 0},
		{"match = '{zone=\"eu\"}'", 1},
		{"match = '{zone=\"eu\"}' AND pid = 10", 1},
		{"match = '{zone=\"eu\"}' AND pid = 11", 0},
		{"match = '{}' AND comm = 'b'", 10},
		{"match = ''", 15},
		{"match = NULL", 15},
	};
	const struct place *at = *state;
	char text[256];

	make_known(at);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "SELECT total(count) FROM samples WHERE %s",
			 cases[i].where);
		check_number(at, text, cases[i].count);
	}
	/* The conditions that the scan gets, a letter each. */
	check(at,
	      "EXPLAIN QUERY PLAN SELECT 1 FROM samples WHERE time_ms >= 5 AND time_ms < 9 AND "
	      "pid = 1 AND comm LIKE 'a'",
	      "2|0|0|SCAN samples VIRTUAL TABLE INDEX 0:><A\n");
	check(at, "SELECT sum(count) FROM samples('{pid=~\"1[12]\", zone=\"\"}')", "10\n");
}

static void names_of_stacks_labels_and_objects(void **state)
{
	const struct place *at = *state;

	make_known(at);
	check(at,
	      "SELECT depth, function, file, line, f.kind, o.path, o.build_id, \"offset\", "
	      "system_name FROM samples JOIN frames f USING (stack) JOIN objects o USING (object) "
	      "WHERE time_ms = 1795000000000 ORDER BY depth",
	      "0|sys|a.c|11|kernel|[kernel.kallsyms]||48|sys\n"
	      "1|inner|a.c|10|inlined|/bin/a|c0ffee|32|inner\n"
	      "2|work|a.c|11|native|/bin/a|c0ffee|32|work\n"
	      "3|main|a.c|11|native|/bin/a|c0ffee|16|main\n");
	/* A run-time address stays behind. */
	check(at,
	      "SELECT incomplete, s.depth, s.function, f.function, f.\"offset\", f.kind FROM "
	      "samples JOIN stacks s USING (stack) JOIN frames f USING (stack) WHERE pid = 12",
	      "no-frame-pointer|1|[jit]|[jit]|0|jit\n");
	check(at, "SELECT count(*), count(parent), max(depth) FROM stacks", "5|3|3\n");
	check(at,
	      "SELECT p.function FROM stacks s JOIN stacks p ON p.stack = s.parent WHERE "
	      "s.function = 'sys'",
	      "inner\n");
	check(at,
	      "SELECT pid, name, value, typeof(value) FROM samples JOIN labels USING (labels) "
	      "WHERE pid IN (10, 12) ORDER BY pid, name",
	      "10|comm|a\"b\\c\n|text\n10|pid|10|integer\n10|zone|eu|text\n"
	      "12|pid|12|integer\n12|zone|us|text\n");
	check(at, "SELECT kind, path FROM objects ORDER BY object",
	      "file|/bin/a\nkernel|[kernel.kallsyms]\nincomplete|no-frame-pointer\njit|[jit]\n");
	check(at, "SELECT function FROM frames WHERE depth = 2 ORDER BY 1", "main\nwork\n");
	check(at, "SELECT count(*) FROM frames WHERE stack = -1 OR stack = 'x' OR stack IS NULL",
	      "0\n");
	check(at, "SELECT count(*) FROM frames WHERE stack = NULL", "0\n");
	check(at, "SELECT count(*) FROM stacks WHERE stack = 99999999999", "0\n");
	check(at, "SELECT x'00ff', 1.5, NULL, 'a'", "00ff|1.5||a\n");
}

static void tables_join_themselves(void **state)
{
	const struct place *at = *state;

	make_known(at);
	check(at,
	      "SELECT a.pid, b.pid FROM samples a JOIN samples b ON b.time_ms = a.time_ms + 5 "
	      "ORDER BY 1",
	      "10|11\n11|12\n");
	check(at,
	      "SELECT count(*) FROM samples a, samples b, samples c, frames d WHERE "
	      "d.stack = a.stack",
	      "96\n");
	check(at,
	      "SELECT (SELECT sum(count) FROM samples WHERE pid = p.value) FROM labels p "
	      "WHERE name = 'pid' ORDER BY 1",
	      "1\n4\n10\n");
}

/* ---- many samples ---- */

static void counts_are_those_of_the_naive_store(void **state)
{
	static const char *const comms[] = {"comm-0", "comm-1", "comm-2", "nobody"};
	const struct place *at = *state;
	struct oracle o = {.random = 5};
	struct store *s = place_writer(at, NULL);
	struct profile *live;
	struct store_feed *f;
	uint64_t now = ORACLE_T0_MS;

	assert_int_equal(profile_new(false, &live), 0);
	live->period_ns = 10101010;
	assert_int_equal(store_feed_new(s, live, &f), 0);
	for (int i = 0; i < 20; i++, now += 1000) {
		oracle_add_some(&o, live, 200, now, now + 1000, 60, 12);
		assert_int_equal(store_feed_flush(f, "{}", false, NULL), 0);
	}
	for (int i = 0; i < 40; i++) {
		uint64_t from = ORACLE_T0_MS + oracle_random(&o, 20000), until;
		const char *comm = comms[i % 4];
		struct store_query q = {};
		char text[256], match[64];
		struct profile *p;

		until = from + oracle_random(&o, 8000);
		snprintf(match, sizeof(match), "{comm=\"%s\"}", comm);
		snprintf(
			text, sizeof(text),
			"SELECT total(count) FROM samples WHERE comm = '%s' AND time_ms >= %" PRIu64
			" AND time_ms < %" PRIu64,
			comm, from, until);
		q = (struct store_query){
			.from_ns = from * ORACLE_MS, .until_ns = until * ORACLE_MS, .match = match};
		assert_int_equal(store_query_profile(s, &q, NULL, false, &p, NULL), 0);
		check_number(at, text, profile_sample_count(p));
		profile_free(p);
	}
	store_feed_free(f);
	store_close(s);
	profile_free(live);
	oracle_done(&o);
}

/* ---- what is not allowed, and limits ---- */

static void refused(const char *text, int code, const char *sentence)
{
	struct err err = {};
	struct sql *s = NULL;

	if (sql_prepare(text, &s, &err) != code || !strstr(err_text(&err), sentence) || s)
		fail_msg("%s: %d, %s", text, err.code, err_text(&err));
}

static void nothing_but_select_is_allowed(void **state)
{
	static const char *const writes[] = {
		"INSERT INTO samples(count) VALUES (1)",
		"DELETE FROM samples",
		"UPDATE samples SET count = 2",
		"CREATE TABLE a(b)",
		"CREATE TEMP TABLE a AS SELECT * FROM samples",
		"CREATE VIEW v AS SELECT 1",
		"CREATE TEMP TRIGGER t AFTER INSERT ON samples BEGIN SELECT 1; END",
		"CREATE VIRTUAL TABLE t USING samples",
		"DROP TABLE samples",
		"ALTER TABLE samples RENAME TO t",
		"ANALYZE",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		struct err err = {};
		struct sql *s = NULL;
		int r = sql_prepare(writes[i], &s, &err);

		if ((r != -EPERM && r != -EINVAL) || s)
			fail_msg("%s: %d", writes[i], r);
	}
	refused("ATTACH '/tmp/x' AS y", -EPERM, "ATTACH is not allowed");
	refused("DETACH main", -EPERM, "ATTACH is not allowed");
	refused("PRAGMA user_version", -EPERM, "PRAGMA is not allowed");
	refused("PRAGMA user_version = 5", -EPERM, "PRAGMA is not allowed");
	refused("SELECT * FROM pragma_user_version", -EPERM, "is not allowed");
	refused("SELECT load_extension('x')", -EPERM, "function is not allowed");
	refused("SELECT fts3_tokenizer('x')", -EPERM, "function is not allowed");
	refused("BEGIN", -EPERM, "a transaction is not allowed");
	refused("SAVEPOINT x", -EPERM, "a transaction is not allowed");
	refused("VACUUM INTO '/tmp/x'", -EPERM, "is not allowed");
	refused("REINDEX", -EPERM, "is not allowed");
}

static void wrong_sql_is_told(void **state)
{
	char *endless = malloc(SQL_TEXT_BYTES_MAX + 2);

	(void)state;
	refused("SELEC 1", -EINVAL, "syntax error");
	refused("SELECT missing FROM samples", -EINVAL, "no such column: missing");
	refused("SELECT * FROM block", -EINVAL, "no such table: block");
	refused("", -EINVAL, "no statement");
	refused("-- nothing", -EINVAL, "no statement");
	refused("SELECT 1; SELECT 2", -EINVAL, "one statement at a time");
	refused("SELECT 1; garbage", -EINVAL, "one statement at a time");
	refused("SELECT ?", -EINVAL, "a parameter");
	memset(endless, ' ', SQL_TEXT_BYTES_MAX + 1);
	endless[SQL_TEXT_BYTES_MAX + 1] = '\0';
	refused(endless, -EINVAL, "more than 1000000 bytes");
	free(endless);
}

static void fails(const struct place *at, const char *text, uint64_t deadline_ns, int code,
		  const char *sentence)
{
	struct err err = {};
	char *answer = ask(at, text, deadline_ns, &err);

	if (answer || err.code != code || !strstr(err_text(&err), sentence))
		fail_msg("%s: %d, %s", text, err.code, err_text(&err));
}

static void time_and_memory_have_limits(void **state)
{
	const struct place *at = *state;
	const char *endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
			      "SELECT count(*) FROM c";

	make_known(at);
	fails(at, endless, quantity_monotonic_ns() + 20000000, -ETIMEDOUT, "time limit");
	fails(at, "SELECT * FROM samples", 1, -ETIMEDOUT, "time limit");
	fails(at, "SELECT length(zeroblob(70000000))", 0, -EINVAL, "too big");
	fails(at, "SELECT * FROM samples('{comm')", 0, -EINVAL, "selector");
	check(at, "SELECT 1; -- and a comment", "1\n");
}

static void no_store_is_told_and_damage_is_counted(void **state)
{
	const struct place *at = *state;
	sqlite3 *db;

	fails(at, "SELECT 1 FROM samples", 0, -ENOENT, "no such store");
	make_known(at);
	check(at, "SELECT sum(count) FROM samples", "15\n");
	assert_int_equal(lost, 0);
	assert_int_equal(sqlite3_open(at->path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "UPDATE block_data SET data = zeroblob(50)", NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	check(at, "SELECT total(count) FROM samples", "0\n");
	assert_int_equal(lost, 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(samples_have_their_labels_and_missing_ones_are_null),
		PLACE_TEST(conditions_are_exact_whether_pushed_down_or_not),
		PLACE_TEST(names_of_stacks_labels_and_objects),
		PLACE_TEST(tables_join_themselves),
		PLACE_TEST(counts_are_those_of_the_naive_store),
		PLACE_TEST(nothing_but_select_is_allowed),
		PLACE_TEST(wrong_sql_is_told),
		PLACE_TEST(time_and_memory_have_limits),
		PLACE_TEST(no_store_is_told_and_damage_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
