/*
 * A damaged store: whatever byte is flipped and whatever row is missing, a question fails with a
 * sentence, or it is answered by a part of the truth with what is missing counted as lost. Never
 * anything else, and never by a crash.
 */
#include "tests/unit/storage/oracle.h"
#include "tests/unit/storage/place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PAGE 4096

/* A few dozen small blocks and chunks, all in the file itself: the WAL is emptied. */
static void make_store(const struct place *at, struct oracle *o)
{
	struct store *s = place_writer(at, NULL);
	struct store_feed *f;
	struct profile *live;
	uint64_t now = ORACLE_T0_MS;
	sqlite3 *db;

	assert_int_equal(profile_new(false, &live), 0);
	live->period_ns = 10101010;
	assert_int_equal(store_feed_new(s, live, &f), 0);
	for (int i = 0; i < 40; i++, now += 1000) {
		oracle_add_some(o, live, 15, now, now + 1000, 5 + 3 * (uint32_t)i,
				3 + (uint32_t)i / 2);
		assert_int_equal(store_feed_flush(f, "{}", false, NULL), 0);
		if (i == 30)
			while (store_age(s, now * ORACLE_MS, NULL) > 0)
				;
	}
	store_feed_free(f);
	store_close(s);
	profile_free(live);
	assert_int_equal(sqlite3_open(at->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
}

static uint8_t *read_file(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long len;

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	len = ftell(f);
	rewind(f);
	data = malloc((size_t)len);
	assert_int_equal(fread(data, 1, (size_t)len, f), len);
	fclose(f);
	*ret_len = (size_t)len;
	return data;
}

static void write_file(const struct place *at, const uint8_t *data, size_t len)
{
	static const char *const others[] = {"-wal", "-shm"};
	char path[128];
	int fd = open(at->path, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s%s", at->path, others[i]);
		unlink(path);
	}
}

static bool has_store_loss(const struct profile *p)
{
	for (uint32_t i = 0; i < p->n_losses; i++)
		if (!strncmp(profile_str(p, p->losses[i].reason), "store_", 6))
			return true;
	return false;
}

struct tally_of_outcomes {
	unsigned int whole, partial, refused;
};

/*
 * Questions that need no stacks, of a reader that has unpacked nothing of its dictionaries yet:
 * never more than there is.
 */
static void check_counts(const struct oracle *o, struct store *s)
{
	struct store_query q = {.from_ns = ORACLE_T0_MS * ORACLE_MS,
				.until_ns = (ORACLE_T0_MS + 100000) * ORACLE_MS};
	uint64_t all = oracle_count(o, 0, UINT64_MAX, NULL), sum = 0;
	struct store_heatmap h;
	struct store_series v;

	if (store_query_heatmap(s, &q, &h, NULL) >= 0) {
		for (uint32_t i = 0; i < h.n_columns * STORE_HEATMAP_SLOTS; i++)
			sum += h.count[i];
		assert_true(sum <= all);
		store_heatmap_done(&h);
	}
	if (store_query_series(s, &q, 0, NULL, &v, NULL) >= 0) {
		assert_true(!v.n_lines || v.lines[0].total <= all);
		store_series_done(&v);
	}
}

/* One reader's answer about everything. */
static void check_answer(const struct oracle *o, struct store *s, size_t where,
			 struct tally_of_outcomes *t)
{
	struct store_query q = {.until_ns = UINT64_MAX};
	struct store_summary sum;
	struct err err = {};
	struct profile *p;
	uint64_t missing;
	int r;

	check_counts(o, s);
	r = store_query_profile(s, &q, NULL, true, &p, &err);
	if (r < 0) {
		assert_true(err.text[0] && err.code == r);
		t->refused++;
		return;
	}
	if (!oracle_is_part(o, p, &missing))
		fail_msg("byte %zu flipped: a wrong answer", where);
	if (!missing && where == 0 && has_store_loss(p))
		fail_msg("nothing is missing, but a loss is told");
	if (missing && !has_store_loss(p))
		fail_msg("byte %zu flipped: %" PRIu64 " samples missing without a word", where,
			 missing);
	if (missing && store_summary(s, &sum, NULL) == 0) {
		if (!sum.damaged_blocks && !sum.damaged_rows && !sum.missing_blocks)
			fail_msg("byte %zu flipped: the summary does not say it", where);
		store_summary_done(&sum);
	}
	*(missing ? &t->partial : &t->whole) += 1;
	profile_free(p);
}

static void check_reader(const struct place *at, const struct oracle *o, size_t where,
			 struct tally_of_outcomes *t)
{
	struct err err = {};
	struct store *s;

	if (store_open_reader(at->path, &s, &err) < 0) {
		assert_true(err.text[0] != '\0');
		t->refused++;
		return;
	}
	check_answer(o, s, where, t);
	store_close(s);
}

/* A writer goes on: it adds, ages and ends; the answers of before are still a part of the truth. */
static void check_writer(const struct place *at, struct oracle *o, size_t where,
			 struct tally_of_outcomes *t)
{
	size_t n = o->n;
	struct store_feed *f = NULL;
	struct profile *live;
	struct err err = {};
	struct store *s;

	if (store_open_writer(at->path, NULL, &s, &err) < 0) {
		assert_true(err.text[0] != '\0');
		t->refused++;
		return;
	}
	assert_int_equal(profile_new(false, &live), 0);
	live->period_ns = 10101010;
	assert_int_equal(store_feed_new(s, live, &f), 0);
	oracle_add_some(o, live, 10, ORACLE_T0_MS + 90000, ORACLE_T0_MS + 91000, 200, 30);
	if (store_feed_flush(f, "{}", false, NULL) < 0)
		o->n = n;
	for (int i = 0; i < 20 && store_age(s, ORACLE_T0_MS * ORACLE_MS, NULL) > 0; i++)
		;
	check_answer(o, s, where, t);
	store_feed_free(f);
	profile_free(live);
	store_close(s);
	o->n = n;
}

static void a_flipped_byte_is_never_answered(void **state)
{
	struct place *at = (struct place *)*state;
	struct oracle o = {.random = 7};
	struct tally_of_outcomes reading = {}, writing = {};
	size_t len;
	uint8_t *data;

	make_store(at, &o);
	data = read_file(at->path, &len);
	check_reader(at, &o, 0, &reading);
	assert_int_equal(reading.whole, 1);
	/* Every page at many places, its head and the ends of its cells among them. */
	for (size_t page = 0; page < len / PAGE; page++) {
		for (size_t i = 0; i < 24; i++) {
			size_t where = page * PAGE + (i < 10 ? i : (size_t)oracle_random(&o, PAGE));
			uint8_t bit = (uint8_t)(1u << oracle_random(&o, 8));

			data[where] ^= bit;
			write_file(at, data, len);
			check_reader(at, &o, where, &reading);
			if (i % 6 == 0)
				check_writer(at, &o, where, &writing);
			data[where] ^= bit;
		}
	}
	print_message("reading: %u whole, %u partial, %u refused; writing: %u, %u, %u\n",
		      reading.whole, reading.partial, reading.refused, writing.whole,
		      writing.partial, writing.refused);
	assert_true(reading.partial > 0 && reading.refused > 0);
	free(data);
	oracle_done(&o);
}

static void execute(const struct place *at, const char *sql)
{
	char *why = NULL;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(at->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	assert_true(sqlite3_changes(db) > 0);
	sqlite3_close(db);
}

static void missing_and_changed_rows_are_noticed(void **state)
{
	static const struct {
		const char *sql;
		bool all_there; /* nothing that samples need is gone */
	} cases[] = {
		{"DELETE FROM block WHERE first = (SELECT max(first) FROM block)", false},
		{"DELETE FROM block WHERE first = (SELECT min(first) FROM block)", false},
		{"DELETE FROM block WHERE first = (SELECT first FROM block LIMIT 1 OFFSET 3)",
		 false},
		{"DELETE FROM block_data WHERE first = (SELECT max(first) FROM block)", false},
		{"DELETE FROM chunk WHERE first = (SELECT min(first) FROM chunk)", false},
		{"DELETE FROM chunk WHERE first = (SELECT max(first) FROM chunk)", false},
		{"UPDATE block SET samples = samples + 1 WHERE first = (SELECT max(first) FROM "
		 "block)",
		 false},
		{"UPDATE block SET until_ms = until_ms - 500 WHERE first = (SELECT max(first) FROM "
		 "block)",
		 false},
		{"UPDATE block SET first = first + 100 WHERE first = (SELECT max(first) FROM "
		 "block)",
		 false},
		{"UPDATE block_data SET data = (SELECT data FROM block_data ORDER BY first LIMIT "
		 "1)",
		 false},
		{"UPDATE chunk SET epoch = epoch + 1 WHERE first = (SELECT max(first) FROM chunk)",
		 false},
		{"UPDATE state SET data = zeroblob(length(data))", true},
		{"UPDATE run SET clean = 1 - clean", true},
		{"DELETE FROM state", true},
		{"DELETE FROM run", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tally_of_outcomes t = {};
		struct oracle o = {.random = 70 + i};
		struct store_summary sum;
		struct store *s;

		make_store((struct place *)*state, &o);
		execute((struct place *)*state, cases[i].sql);
		check_reader((struct place *)*state, &o, i, &t);
		if (cases[i].all_there ? t.whole != 1 : t.partial != 1)
			fail_msg("%s: %u whole, %u partial, %u refused", cases[i].sql, t.whole,
				 t.partial, t.refused);
		s = place_reader((struct place *)*state);
		assert_int_equal(store_summary(s, &sum, NULL), 0);
		if (!sum.damaged_blocks && !sum.damaged_rows && !sum.missing_blocks)
			fail_msg("%s: the summary says nothing", cases[i].sql);
		store_summary_done(&sum);
		store_close(s);
		check_writer((struct place *)*state, &o, i, &t);
		oracle_done(&o);
		place_empty((struct place *)*state);
	}
}

static void one_bad_block_costs_that_block_alone(void **state)
{
	struct place *at = (struct place *)*state;
	struct store_query q = {.until_ns = UINT64_MAX};
	struct store_summary before, after;
	struct oracle o = {.random = 9};
	struct profile *p;
	struct store *s;

	make_store(at, &o);
	s = place_reader(at);
	assert_int_equal(store_summary(s, &before, NULL), 0);
	store_close(s);
	execute(at, "UPDATE block_data SET data = zeroblob(length(data)) "
		    "WHERE first = (SELECT max(first) FROM block)");
	s = place_reader(at);
	assert_int_equal(store_query_profile(s, &q, NULL, true, &p, NULL), 0);
	assert_int_equal(p->n_losses, 1);
	assert_string_equal(profile_str(p, p->losses[0].reason), "store_damaged_block");
	/* The head still tells how many there were. */
	assert_int_equal(profile_sample_count(p) + p->losses[0].count, before.samples);
	assert_int_equal(store_summary(s, &after, NULL), 0);
	assert_int_equal(after.damaged_blocks, 1);
	assert_int_equal(after.missing_blocks + after.damaged_rows, 0);
	profile_free(p);

	/* Outside of its time nothing is lost. */
	q.until_ns = (ORACLE_T0_MS + 1000) * ORACLE_MS;
	assert_int_equal(store_query_profile(s, &q, NULL, true, &p, NULL), 0);
	assert_int_equal(p->n_losses, 0);
	profile_free(p);
	store_summary_done(&before);
	store_summary_done(&after);
	store_close(s);
	oracle_done(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(a_flipped_byte_is_never_answered),
		PLACE_TEST(missing_and_changed_rows_are_noticed),
		PLACE_TEST(one_bad_block_costs_that_block_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
