/* Names that turn up later, for what a store holds already: all epochs, and nothing but names. */
#include "storage/check.h"
#include "storage/store_private.h"
#include "tests/unit/storage/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define T0_NS 1700000000000000000ull
#define S_NS  1000000000ull

static uint32_t string(struct profile *p, const char *s)
{
	return (uint32_t)profile_string(p, s);
}

static uint32_t location(struct profile *p, const char *path, const char *build_id, uint64_t offset)
{
	struct profile_object o = {.kind = PROFILE_OBJECT_FILE,
				   .path = string(p, path),
				   .build_id = string(p, build_id),
				   .domain = 5};

	return (uint32_t)profile_location(p, (uint32_t)profile_object(p, &o), offset);
}

static void name(struct profile *p, uint32_t location, const char *text, const char *file)
{
	struct profile_function f = {
		.name = string(p, text), .system_name = string(p, text), .file = string(p, file)};
	struct profile_line line = {.function = (uint32_t)profile_function(p, &f), .line = 1};

	assert_int_equal(profile_set_lines(p, location, &line, 1), 0);
}

/*
 * A sample of its own second each: of /prog at 16, without a name; at 32, whose name has no file;
 * at 48, whose name has one; and of what cannot be asked for.
 */
static void put_samples(struct store *s, unsigned int second)
{
	struct profile_labels none = {};
	struct store_feed *f;
	struct profile *live;
	uint32_t at[5];

	assert_int_equal(profile_new(false, &live), 0);
	live->period_ns = 10101010;
	assert_int_equal(store_feed_new(s, live, &f), 0);
	at[0] = location(live, "/prog", "abcd", 16);
	at[1] = location(live, "/prog", "abcd", 32);
	at[2] = location(live, "/prog", "abcd", 48);
	at[3] = location(live, "/no-build-id", "", 64);
	at[4] = location(live, "/other", "ef01", 80);
	for (unsigned int i = 0; i < 5; i++)
		assert_true(profile_add_sample(live, T0_NS + (second + i) * S_NS,
					       (uint32_t)profile_stack(live, 0, at[i]),
					       (uint32_t)profile_labels(live, &none), 1) >= 0);
	profile_set_lines(live, at[0], NULL, 0);
	name(live, at[1], "exported", "");
	name(live, at[2], "known", "known.c");
	assert_int_equal(store_feed_flush(f, "{}", false, NULL), 0);
	store_feed_free(f);
	profile_free(live);
}

/* The only frame of the sample of that second: "function file". */
static const char *shown(struct store *s, unsigned int second)
{
	struct store_query q = {.from_ns = T0_NS + second * S_NS,
				.until_ns = T0_NS + (second + 1) * S_NS};
	static char text[2 * PROFILE_SCRATCH_BYTES];
	char scratch[PROFILE_SCRATCH_BYTES];
	struct profile_frame frame;
	struct profile *p = NULL;

	assert_int_equal(store_query_profile(s, &q, NULL, false, &p, NULL), 0);
	assert_int_equal(p->n_samples, 1);
	frame = profile_location_frame(p, p->stacks[p->samples[0].stack].location, 0, scratch);
	snprintf(text, sizeof(text), "%s %s", frame.function, frame.file);
	profile_free(p);
	return text;
}

/* Somebody who knows all of /prog but for offset 32, and counts what is asked. */
static unsigned int asked;

static int know(const struct store_unnamed *what, struct store_refresh *to)
{
	const struct store_line lines[] = {{"inner", NULL, "in.c", 3, 4},
					   {"outer", "_Z5outerv", "out.c", 5, 6}};
	int r = 0;

	asked += (unsigned int)what->n;
	assert_int_equal(what->domain, 5);
	assert_string_not_equal(what->path, "/no-build-id");
	if (strcmp(what->path, "/prog") != 0)
		return 0;
	assert_string_equal(what->build_id, "abcd");
	for (size_t i = 0; i < what->n && r == 0; i++)
		if (what->offsets[i] != 32)
			r = store_refresh_take(to, i, lines, 2);
	return r;
}

static int know_a_name_only(const struct store_unnamed *what, struct store_refresh *to)
{
	const struct store_line line = {"nameonly", NULL, NULL, 0, 0};
	int r = 0;

	for (size_t i = 0; i < what->n && r == 0; i++)
		r = store_refresh_take(to, i, &line, 1);
	return r;
}

typedef int (*namer)(const struct store_unnamed *what, struct store_refresh *to);

static struct store_refresh *begun(struct store *s)
{
	struct store_refresh *r;
	struct err err = {};

	asked = 0;
	if (store_refresh_new(s, &r, &err) < 0)
		fail_msg("%s", err.text);
	return r;
}

/* 1 or 0. */
static int next_question(struct store_refresh *r, struct store_unnamed *ret)
{
	int result;

	while ((result = store_refresh_next(r, ret, NULL)) == STORE_REFRESH_WORK)
		assert_int_equal(store_refresh_work(r, NULL), 0);
	assert_in_range(result, 0, 1);
	return result;
}

static struct store_refreshed refresh(struct store *s, namer by)
{
	struct store_refresh *r = begun(s);
	struct store_unnamed what;
	struct store_refreshed done;
	while (next_question(r, &what) > 0)
		assert_int_equal(by(&what, r), 0);
	done = store_refresh_counts(r);
	store_refresh_free(r);
	return done;
}

static void assert_sound(const struct place *at)
{
	struct check c = {};
	struct err err = {};

	if (check_store(at->path, &c, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(c.n_items, 0);
	check_done(&c);
}

static void names_reach_the_samples_of_all_epochs(void **state)
{
	struct place *at = *state;
	struct store *s = place_writer(at, NULL);
	struct store_refreshed done;

	put_samples(s, 0);
	assert_int_equal(store_new_epoch(s, T0_NS), 0);
	put_samples(s, 10);
	done = refresh(s, know);
	assert_int_equal(done.asked, 6); /* at 16, 32 and 80, of two epochs */
	assert_int_equal(asked, 6);
	assert_int_equal(done.named, 2);
	assert_int_equal(done.placed, 2);
	assert_int_equal(done.damaged_epochs, 0);
	for (unsigned int second = 0; second <= 10; second += 10) {
		assert_string_equal(shown(s, second), "inner in.c");
		assert_string_equal(shown(s, second + 1), "exported ");
		assert_string_equal(shown(s, second + 2), "known known.c");
		assert_string_equal(shown(s, second + 4), "other+0x50 ");
	}
	store_close(s);
	assert_sound(at);
}

/* The writer after it goes on in the epoch that it finds, and readers see all. */
static void the_next_writer_goes_on_as_if_nothing_had_been(void **state)
{
	struct place *at = *state;
	struct store *s = place_writer(at, NULL);
	uint64_t epoch;

	put_samples(s, 0);
	assert_int_equal(store_new_epoch(s, T0_NS), 0);
	put_samples(s, 10);
	refresh(s, know);
	epoch = s->state.epoch;
	store_close(s);
	s = place_writer(at, NULL);
	assert_int_equal(s->state.epoch, epoch);
	put_samples(s, 20);
	assert_string_equal(shown(s, 0), "inner in.c");
	assert_string_equal(shown(s, 10), "inner in.c");
	assert_string_equal(shown(s, 20), "inner in.c"); /* its location had it */
	assert_int_equal(refresh(s, know).named, 0);
	store_close(s);
	assert_sound(at);
}

static void a_name_without_a_file_is_for_what_has_none(void **state)
{
	struct store *s = place_writer(*state, NULL);
	struct store_refreshed done;

	put_samples(s, 0);
	done = refresh(s, know_a_name_only);
	assert_int_equal(done.named, 2);
	assert_int_equal(done.placed, 0);
	assert_string_equal(shown(s, 0), "nameonly ");
	assert_string_equal(shown(s, 1), "exported ");
	assert_string_equal(shown(s, 2), "known known.c");
	store_close(s);
}

static void what_is_given_up_leaves_the_store_as_it_was(void **state)
{
	struct place *at = *state;
	struct store *s = place_writer(at, NULL);
	struct store_refresh *r;
	struct store_unnamed what;
	uint64_t next_chunk;

	put_samples(s, 0);
	next_chunk = s->state.next_chunk;
	r = begun(s);
	assert_int_equal(next_question(r, &what), 1);
	store_refresh_free(r);
	assert_int_equal(s->state.next_chunk, next_chunk);
	assert_string_equal(shown(s, 0), "prog+0x10 ");
	store_close(s);
	assert_sound(at);
}

/* A daemon's writer: it flushes, and begins an epoch, between question and answer. */
static void the_writer_goes_on_meanwhile(void **state)
{
	struct place *at = *state;
	struct store *s = place_writer(at, NULL);
	struct store_unnamed what;
	struct store_refresh *r;
	unsigned int step = 0;

	put_samples(s, 0);
	assert_int_equal(store_new_epoch(s, T0_NS), 0);
	put_samples(s, 10);
	r = begun(s);
	for (; next_question(r, &what) > 0; step++) {
		if (step == 1)
			put_samples(s, 20);
		if (step == 3) /* the writer's own epoch is asked about by now */
			assert_int_equal(store_new_epoch(s, T0_NS), 0);
		if (step == 4)
			put_samples(s, 30);
		assert_int_equal(know(&what, r), 0);
	}
	assert_int_equal(store_refresh_counts(r).damaged_epochs, 0);
	store_refresh_free(r);
	for (unsigned int second = 0; second <= 20; second += 10) {
		assert_string_equal(shown(s, second), "inner in.c");
		assert_string_equal(shown(s, second + 2), "known known.c");
	}
	assert_int_equal(refresh(s, know).named, 1); /* what came after it had begun */
	assert_string_equal(shown(s, 30), "inner in.c");
	store_close(s);
	assert_sound(at);
}

static void an_epoch_that_ages_away_meanwhile_is_not_written_to(void **state)
{
	struct place *at = *state;
	struct store *s = place_writer(at, NULL);
	struct store_unnamed what;
	struct store_refresh *r;
	struct db_chunk_list l;

	put_samples(s, 0);
	assert_int_equal(store_new_epoch(s, T0_NS), 0);
	put_samples(s, 10);
	r = begun(s);
	assert_int_equal(next_question(r, &what), 1);
	assert_int_equal(know(&what, r), 0);
	assert_int_equal(db_chunk_list(s->db, DB_CHUNKS, &l), 0);
	assert_int_equal(db_chunk_delete(s->db, DB_CHUNKS, &l.chunks[0]), 0);
	db_chunk_list_done(&l);
	while (next_question(r, &what) > 0)
		assert_int_equal(know(&what, r), 0);
	store_refresh_free(r);
	assert_int_equal(db_chunk_list(s->db, DB_CHUNKS, &l), 0);
	for (size_t i = 0; i < l.n; i++)
		assert_int_equal(l.chunks[i].epoch, s->growth.dict->epoch);
	db_chunk_list_done(&l);
	store_close(s);
}

static void nothing_is_added_to_an_epoch_that_lost_a_chunk(void **state)
{
	struct place *at = *state;
	struct store *s = place_writer(at, NULL);
	struct db_chunk_list l;
	struct store_refreshed done;

	put_samples(s, 0);
	put_samples(s, 5);
	assert_int_equal(store_new_epoch(s, T0_NS), 0);
	put_samples(s, 10);
	assert_int_equal(db_chunk_list(s->db, DB_CHUNKS, &l), 0);
	assert_int_equal(l.n, 3); /* the second is the last of its epoch */
	assert_int_equal(db_chunk_delete(s->db, DB_CHUNKS, &l.chunks[1]), 0);
	db_chunk_list_done(&l);
	done = refresh(s, know);
	assert_int_equal(done.damaged_epochs, 1);
	assert_string_equal(shown(s, 0), "prog+0x10 ");
	assert_string_equal(shown(s, 10), "inner in.c");
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(names_reach_the_samples_of_all_epochs),
		PLACE_TEST(the_next_writer_goes_on_as_if_nothing_had_been),
		PLACE_TEST(a_name_without_a_file_is_for_what_has_none),
		PLACE_TEST(what_is_given_up_leaves_the_store_as_it_was),
		PLACE_TEST(the_writer_goes_on_meanwhile),
		PLACE_TEST(an_epoch_that_ages_away_meanwhile_is_not_written_to),
		PLACE_TEST(nothing_is_added_to_an_epoch_that_lost_a_chunk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
