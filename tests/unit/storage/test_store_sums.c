/*
 * Sums: a question that they answer gets what a pass over the raw samples gives, wherever its
 * range is cut, whatever ageing did, and also when the sums are damaged, stale or not there.
 */
#include "storage/check.h"
#include "storage/store_private.h"
#include "tests/unit/storage/place.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MS	 1000000ull
#define DAY_MS	 (24 * 3600 * 1000ull)
#define T0_MS	 1700000000000ull
#define APART_MS (2 * 3600 * 1000ull) /* too far for blocks to be merged */
#define SPAN_MS	 30000 /* of a block's samples */
#define BLOCKS	 23 /* enough for sums of sums of pairs */
#define A_BLOCK	 33000 /* samples; just enough for sums */
#define STACKS	 60
#define COMMS	 4
#define PIDS	 3 /* of each comm */
#define ALL	 (BLOCKS * A_BLOCK)

struct raw {
	uint64_t time_ms;
	uint32_t stack, comm, pid;
};

static struct raw raw[ALL];

static uint64_t next_random(uint64_t below)
{
	static uint64_t state = 12345;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static uint32_t make_stack(struct profile *p, uint32_t number)
{
	struct profile_object o = {.kind = PROFILE_OBJECT_FILE,
				   .path = (uint32_t)profile_string(p, "/lib/one")};
	uint32_t object = (uint32_t)profile_object(p, &o);
	uint32_t root =
		(uint32_t)profile_stack(p, 0, (uint32_t)profile_location(p, object, number % 7));

	return (uint32_t)profile_stack(p, root,
				       (uint32_t)profile_location(p, object, 1000 + number));
}

static uint32_t make_labels(struct profile *p, uint32_t comm, uint32_t pid)
{
	struct profile_labels l = {.has = 1u << PROFILE_LABEL_PID | 1u << PROFILE_LABEL_COMM};
	char text[16];

	snprintf(text, sizeof(text), "comm-%u", comm);
	l.value[PROFILE_LABEL_COMM] = (uint64_t)profile_string(p, text);
	l.value[PROFILE_LABEL_PID] = pid;
	return (uint32_t)profile_labels(p, &l);
}

static void add_block(struct store_feed *f, struct profile *live, uint32_t which)
{
	struct err err = {};

	for (uint32_t i = 0; i < A_BLOCK; i++) {
		struct raw *s = &raw[which * A_BLOCK + i];

		s->time_ms = T0_MS + which * APART_MS + next_random(SPAN_MS);
		s->stack = (uint32_t)next_random(1 + next_random(STACKS));
		s->comm = (uint32_t)next_random(COMMS);
		s->pid = 10 * s->comm + (uint32_t)next_random(PIDS);
		assert_int_equal(profile_add_sample(live, s->time_ms * MS,
						    make_stack(live, s->stack),
						    make_labels(live, s->comm, s->pid), 1),
				 0);
	}
	assert_int_equal(profile_add_loss(live, "ring_full", which + 1), 0);
	if (store_feed_flush(f, "{}", false, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static void age_fully(struct store *s, uint64_t now_ms)
{
	struct err err = {};
	int r, steps = 0;

	while ((r = store_age(s, now_ms * MS, &err)) > 0)
		assert_true(++steps < 10000);
	if (r < 0)
		fail_msg("%s", err_text(&err));
}

static struct store *make_store(const struct place *at)
{
	struct store *s = place_writer(at, NULL);
	struct store_feed *f;
	struct profile *live;

	assert_int_equal(profile_new(false, &live), 0);
	live->period_ns = 10101010;
	assert_int_equal(store_feed_new(s, live, &f), 0);
	for (uint32_t i = 0; i < BLOCKS; i++)
		add_block(f, live, i);
	age_fully(s, T0_MS + 2 * DAY_MS);
	store_feed_free(f);
	profile_free(live);
	return s;
}

static int64_t ask_file(const struct place *at, const char *sql)
{
	sqlite3_stmt *s = NULL;
	int64_t n = -1;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(at->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
	sqlite3_close(db);
	return n;
}

/* ---- what is right ---- */

struct counts {
	uint64_t of[STACKS][COMMS];
};

static bool matches(const struct raw *s, const char *match)
{
	if (!match)
		return true;
	if (!strcmp(match, "{comm!=\"comm-1\"}"))
		return s->comm != 1;
	if (!strcmp(match, "{comm=~\"comm-[02]\", exe=\"\"}"))
		return s->comm == 0 || s->comm == 2;
	return s->pid == 21; /* {pid="21"} */
}

static void count_raw(uint64_t from_ms, uint64_t until_ms, const char *match, struct counts *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (uint32_t i = 0; i < ALL; i++)
		if (raw[i].time_ms >= from_ms && raw[i].time_ms < until_ms &&
		    matches(&raw[i], match))
			ret->of[raw[i].stack][raw[i].comm]++;
}

static void count_profile(const struct profile *p, struct counts *ret)
{
	char scratch[24];
	unsigned int comm;
	uint32_t leaf;

	memset(ret, 0, sizeof(*ret));
	for (uint32_t i = 0; i < p->n_samples; i++) {
		assert_int_equal(profile_stack_locations(p, p->samples[i].stack, &leaf, 1), 2);
		assert_int_equal(
			sscanf(profile_label_text(p, p->samples[i].labels, "comm", scratch),
			       "comm-%u", &comm),
			1);
		assert_string_equal(profile_label_text(p, p->samples[i].labels, "pid", scratch),
				    "");
		ret->of[p->locations[leaf].offset - 1000][comm] += p->samples[i].count;
		assert_true(p->samples[i].count > 0);
	}
}

static void check(struct store *s, uint64_t from_ms, uint64_t until_ms, const char *match)
{
	static const char *const by[] = {"comm", NULL};
	struct store_query q = {.from_ns = from_ms * MS, .until_ns = until_ms * MS, .match = match};
	static struct counts want, got;
	struct err err = {};
	struct profile *p;

	if (store_query_profile(s, &q, by, false, &p, &err) < 0)
		fail_msg("%s", err_text(&err));
	count_raw(from_ms, until_ms, match, &want);
	count_profile(p, &got);
	if (memcmp(&want, &got, sizeof(want)))
		fail_msg("[%llu, %llu) %s differs", (unsigned long long)from_ms,
			 (unsigned long long)until_ms, match ? match : "");
	assert_int_equal(p->period_ns, 10101010);
	profile_free(p);
}

static uint64_t lost(struct store *s, uint64_t from_ms, uint64_t until_ms)
{
	static const char *const nothing[] = {NULL};
	struct store_query q = {.from_ns = from_ms * MS, .until_ns = until_ms * MS};
	struct profile *p;
	uint64_t sum = 0;

	assert_int_equal(store_query_profile(s, &q, nothing, false, &p, NULL), 0);
	for (uint32_t i = 0; i < p->n_losses; i++) {
		assert_string_equal(profile_str(p, p->losses[i].reason), "ring_full");
		sum += p->losses[i].count;
	}
	profile_free(p);
	return sum;
}

static void check_ranges(struct store *s, int rounds)
{
	static const char *const questions[] = {NULL, "{comm!=\"comm-1\"}",
						"{comm=~\"comm-[02]\", exe=\"\"}", "{pid=\"21\"}"};
	uint64_t end_ms = T0_MS + BLOCKS * APART_MS;

	for (int i = 0; i < rounds; i++) {
		const char *match = questions[i % 4];
		/* Into a block's samples, and to the first or last of them. */
		uint64_t from = T0_MS + next_random(BLOCKS / 2) * APART_MS +
				(i % 3 ? next_random(SPAN_MS) : 0);
		uint64_t until = T0_MS + (BLOCKS / 2 + next_random(BLOCKS / 2)) * APART_MS +
				 (i % 5 ? next_random(SPAN_MS) : SPAN_MS);

		check(s, from, until, match);
	}
	check(s, 0, end_ms, NULL);
	check(s, 0, end_ms, questions[2]);
}

/* ---- tests ---- */

static void questions_are_answered_as_from_the_samples(void **state)
{
	struct place *at = (struct place *)*state;
	struct store *s = make_store(at);
	struct store *r = place_reader(at);

	assert_int_equal(ask_file(at, "SELECT max(level) FROM sums"), 2);
	assert_int_equal(ask_file(at, "SELECT count(*) FROM sums WHERE length(data) = 0"), 0);
	check_ranges(r, 40);
	assert_int_equal(lost(r, 0, T0_MS + BLOCKS * APART_MS), BLOCKS * (BLOCKS + 1) / 2);
	assert_int_equal(lost(r, T0_MS + APART_MS, T0_MS + 3 * APART_MS), 2 + 3);
	/* Told with a block's last sample, which this range leaves out of the last block. */
	assert_int_equal(lost(r, 0, T0_MS + (BLOCKS - 1) * APART_MS + SPAN_MS / 2),
			 BLOCKS * (BLOCKS - 1) / 2);
	store_close(r);
	store_close(s);
}

/* So that these tests test something: an answer that only sums can give. */
static void sums_are_what_answers(void **state)
{
	struct place *at = (struct place *)*state;
	struct store *s = make_store(at), *r;

	store_close(s);
	/* Nothing can be read of the first block any more, and the answer is whole. */
	ask_file(at, "UPDATE block_data SET data = zeroblob(length(data)) WHERE first = 1");
	r = place_reader(at);
	check(r, 0, T0_MS + BLOCKS * APART_MS, NULL);
	store_close(r);
}

/* Where the range cuts a block, its samples are needed: then the damage is told. */
static void a_damaged_block_that_is_cut_is_lost(void **state)
{
	static const char *const nothing[] = {NULL};
	struct place *at = (struct place *)*state;
	struct store *s = make_store(at);
	struct store_query q = {.from_ns = (T0_MS + SPAN_MS / 2) * MS,
				.until_ns = (T0_MS + BLOCKS * APART_MS) * MS};
	struct profile *p;

	store_close(s);
	ask_file(at, "UPDATE block_data SET data = zeroblob(length(data)) WHERE first = 1");
	s = place_reader(at);
	assert_int_equal(store_query_profile(s, &q, nothing, false, &p, NULL), 0);
	assert_int_equal(profile_sample_count(p), (BLOCKS - 1) * A_BLOCK);
	assert_int_equal(p->n_losses, 2);
	for (uint32_t i = 0; i < 2; i++)
		if (!strcmp(profile_str(p, p->losses[i].reason), "store_damaged_block"))
			assert_int_equal(p->losses[i].count, A_BLOCK);
	profile_free(p);
	store_close(s);
}

static void damaged_and_missing_sums_cost_time_only(void **state)
{
	static const char *const damage[] = {
		"UPDATE sums SET data = zeroblob(length(data)) WHERE number % 3 = 1",
		"UPDATE sums SET last = last + 1 WHERE level = 1",
		"DELETE FROM sums WHERE level = 2",
		"UPDATE sums SET epoch = epoch + 1",
		"DELETE FROM sums",
	};
	struct place *at = (struct place *)*state;
	struct store *s = make_store(at), *r;

	store_close(s);
	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		ask_file(at, damage[i]);
		r = place_reader(at);
		check_ranges(r, 6);
		store_close(r);
	}
	s = place_writer(at, NULL);
	age_fully(s, T0_MS + 2 * DAY_MS);
	store_close(s);
	assert_int_equal(ask_file(at, "SELECT max(level) FROM sums"), 2);
}

static uint64_t wrong_sums(const struct place *at)
{
	struct check c;
	uint64_t n;

	assert_int_equal(check_store(at->path, &c, NULL), 0);
	n = c.count[CHECK_SUMS];
	for (int k = 0; k < CHECK_ITEM_COUNT; k++)
		if (k != CHECK_SUMS)
			assert_int_equal(c.count[k], 0);
	check_done(&c);
	return n;
}

/* One sample more in a row of sums, and all checksums right: only the blocks know better. */
static void falsify(struct store *s, int64_t level)
{
	struct db_chunk_list l;
	struct block b = {};
	struct buf bytes;

	buf_init(&bytes, BLOCK_BYTES_MAX);
	assert_int_equal(db_chunk_list(s->db, DB_SUMS, &l), 0);
	for (uint32_t i = 0; i < l.n; i++) {
		if (l.chunks[i].level != level)
			continue;
		assert_int_equal(db_chunk_data(s->db, DB_SUMS, &l.chunks[i], &bytes), 0);
		assert_int_equal(block_parse(bytes.data, bytes.len, &s->compress, &b), 0);
		b.samples[b.n_samples / 2].count++;
		buf_clear(&bytes);
		assert_int_equal(block_write(&b, &s->compress, 0, 3, &bytes), 0);
		assert_int_equal(db_chunk_put(s->db, DB_SUMS, &l.chunks[i], bytes.data, bytes.len),
				 0);
		break;
	}
	db_chunk_list_done(&l);
	block_done(&b);
	buf_done(&bytes);
}

static void false_sums_are_found_and_made_again(void **state)
{
	static const char *const damage[] = {
		"UPDATE sums SET data = zeroblob(length(data)) WHERE number = 8 * 3 + 1",
		"UPDATE sums SET last = last + 1 WHERE number = 8 * 3 + 1",
	};
	struct place *at = (struct place *)*state;
	struct store *s = make_store(at);
	int64_t made = ask_file(at, "SELECT count(*) FROM sums");
	struct err err = {};
	struct check c;
	char *aside;

	store_close(s);
	assert_int_equal(wrong_sums(at), 0);
	for (int64_t level = 0; level <= 2; level++) {
		s = place_writer(at, NULL);
		falsify(s, level);
		store_close(s);
		assert_int_equal(wrong_sums(at), level + 1);
	}
	for (size_t i = 0; i < 2; i++)
		ask_file(at, damage[i]);
	assert_int_equal(wrong_sums(at), 4);
	if (check_repair(at->path, &c, &aside, &err) < 0)
		fail_msg("%s", err_text(&err));
	check_done(&c);
	free(aside);
	assert_int_equal(wrong_sums(at), 0);
	assert_int_equal(ask_file(at, "SELECT count(*) FROM sums"), made);
	s = place_reader(at);
	check_ranges(s, 12);
	store_close(s);
}

/* Rolled up they add up to what they did; dropped ones take their sums along. */
static void ageing_keeps_sums_right(void **state)
{
	struct place *at = (struct place *)*state;
	struct store_options few = {.retention_time_ns = DAY_MS * MS};
	struct store *s = make_store(at);
	uint64_t middle = T0_MS + BLOCKS / 2 * APART_MS - APART_MS / 2;

	store_close(s);
	s = place_writer(at, &few);
	age_fully(s, middle + DAY_MS);
	store_close(s);
	assert_int_equal(ask_file(at, "SELECT count(*) FROM sums WHERE first = 1"), 0);
	for (uint32_t i = 0; i < ALL; i++)
		if (raw[i].time_ms < middle)
			raw[i].time_ms = UINT64_MAX; /* dropped */
	s = place_writer(at, NULL);
	check(s, 0, T0_MS + BLOCKS * APART_MS, NULL);
	age_fully(s, T0_MS + 20 * DAY_MS); /* minutes by now, and fewer blocks */
	check(s, 0, T0_MS + BLOCKS * APART_MS, NULL);
	check(s, middle + 3 * APART_MS, T0_MS + BLOCKS * APART_MS, "{comm!=\"comm-1\"}");
	store_close(s);
}

static void the_version_before_is_read_and_then_brought_up(void **state)
{
	struct place *at = (struct place *)*state;
	struct store *s = make_store(at);

	store_close(s);
	ask_file(at, "DROP TABLE sums");
	ask_file(at, "PRAGMA user_version = 1");
	s = place_reader(at);
	check_ranges(s, 4);
	store_close(s);
	assert_int_equal(ask_file(at, "PRAGMA user_version"), 1);
	s = place_writer(at, NULL);
	age_fully(s, T0_MS + 2 * DAY_MS);
	store_close(s);
	assert_int_equal(ask_file(at, "PRAGMA user_version"), 2);
	assert_int_equal(ask_file(at, "SELECT max(level) FROM sums"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(questions_are_answered_as_from_the_samples),
		PLACE_TEST(sums_are_what_answers),
		PLACE_TEST(a_damaged_block_that_is_cut_is_lost),
		PLACE_TEST(damaged_and_missing_sums_cost_time_only),
		PLACE_TEST(false_sums_are_found_and_made_again),
		PLACE_TEST(ageing_keeps_sums_right),
		PLACE_TEST(the_version_before_is_read_and_then_brought_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
