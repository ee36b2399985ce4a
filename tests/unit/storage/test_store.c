/* The store end to end: what is flushed is answered, by readers and writers, now and after a reopening. */
#include "storage/store.h"
#include "tests/unit/storage/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MS 1000000ull
#define T0 (1700000000000ull * MS)

static struct profile *live_new(void)
{
	struct profile *p;

	assert_int_equal(profile_new(false, &p), 0);
	p->period_ns = 10101010;
	return p;
}

static uint32_t string(struct profile *p, const char *s)
{
	return (uint32_t)profile_string(p, s);
}

/* comm hits the functions of a path "a;b;c" at time_ms after T0. */
static void hit(struct profile *p, uint64_t time_ms, uint64_t pid, const char *comm,
		const char *path)
{
	struct profile_object o = {.kind = PROFILE_OBJECT_FILE,
				   .path = string(p, "/bin/prog"),
				   .build_id = string(p, "abcd")};
	struct profile_labels l = {.has = 1u << PROFILE_LABEL_PID | 1u << PROFILE_LABEL_COMM};
	uint32_t object = (uint32_t)profile_object(p, &o), stack = 0;

	for (; *path; path += *path == ';') {
		size_t len = strcspn(path, ";");
		uint64_t offset = 0;

		for (size_t i = 0; i < len; i++)
			offset = offset * 256 + (uint8_t)path[i];
		stack = (uint32_t)profile_stack(p, stack,
						(uint32_t)profile_location(p, object, offset));
		path += len;
	}
	l.value[PROFILE_LABEL_PID] = pid;
	l.value[PROFILE_LABEL_COMM] = string(p, comm);
	assert_int_equal(
		profile_add_sample(p, T0 + time_ms * MS, stack, (uint32_t)profile_labels(p, &l), 1),
		0);
}

static void flush(struct store_feed *f)
{
	struct err err = {};

	if (store_feed_flush(f, "{\"taken\":1}", false, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static struct profile *ask(struct store *s, uint64_t from_ms, uint64_t until_ms, const char *match,
			   bool keep)
{
	struct store_query q = {
		.from_ns = T0 + from_ms * MS, .until_ns = T0 + until_ms * MS, .match = match};
	struct profile *p = NULL;
	struct err err = {};

	if (store_query_profile(s, &q, NULL, keep, &p, &err) < 0)
		fail_msg("%s", err_text(&err));
	return p;
}

static uint64_t count(struct store *s, uint64_t from_ms, uint64_t until_ms, const char *match)
{
	struct profile *p = ask(s, from_ms, until_ms, match, false);
	uint64_t n = profile_sample_count(p);

	profile_free(p);
	return n;
}

static void what_was_flushed_is_answered(void **state)
{
	struct place *at = (struct place *)*state;
	struct store *s = place_writer(at, NULL), *r;
	struct profile *live = live_new(), *got;
	struct store_feed *f;
	char scratch[24];
	uint32_t locations[4];

	assert_int_equal(store_feed_new(s, live, &f), 0);
	hit(live, 5, 10, "redis", "a;b;c");
	hit(live, 15, 10, "redis", "a;b;c");
	hit(live, 25, 11, "nginx", "a;d");
	profile_add_loss(live, "ring_full", 3);
	flush(f);
	assert_int_equal(live->n_samples, 0);
	assert_int_equal(live->n_losses, 0);

	r = place_reader(at);
	assert_int_equal(count(r, 0, 1000, NULL), 3);
	assert_int_equal(count(r, 5, 25, NULL), 2); /* [from, until) */
	assert_int_equal(count(r, 6, 1000, NULL), 2);
	assert_int_equal(count(r, 0, 1000, "{comm=\"nginx\"}"), 1);
	assert_int_equal(count(s, 0, 1000, "{pid=\"10\"}"), 2); /* the writer answers too */

	got = ask(r, 0, 1000, "{comm=\"redis\"}", true);
	assert_int_equal(got->n_samples, 2);
	assert_int_equal(got->samples[0].time_ns, T0 + 5 * MS);
	assert_int_equal(got->samples[1].time_ns, T0 + 15 * MS);
	assert_int_equal(profile_stack_locations(got, got->samples[0].stack, locations, 4), 3);
	assert_int_equal(got->locations[locations[0]].offset, 'c');
	assert_int_equal(got->locations[locations[2]].offset, 'a');
	assert_string_equal(profile_label_text(got, got->samples[0].labels, "comm", scratch),
			    "redis");
	assert_string_equal(profile_str(got, got->objects[0].build_id), "abcd");
	assert_int_equal(got->period_ns, 10101010);
	assert_int_equal(got->n_losses, 1);
	assert_string_equal(profile_str(got, got->losses[0].reason), "ring_full");
	assert_int_equal(got->losses[0].count, 3);
	profile_free(got);

	/* A reader sees what comes later. */
	hit(live, 35, 12, "late", "x;y;z");
	flush(f);
	assert_int_equal(count(r, 0, 1000, NULL), 4);
	assert_int_equal(count(r, 0, 1000, "{comm=\"late\"}"), 1);
	store_close(r);
	store_feed_free(f);
	store_close(s);
	profile_free(live);
}

static void a_store_goes_on_where_it_ended(void **state)
{
	struct place *at = (struct place *)*state;
	struct store_summary sum;

	for (uint64_t run = 0; run < 3; run++) {
		struct store *s = place_writer(at, NULL);
		struct profile *live = live_new();
		struct store_feed *f;

		assert_int_equal(store_feed_new(s, live, &f), 0);
		for (uint64_t i = 0; i < 5; i++) {
			hit(live, 100 * run + i, 10, "redis", "a;b;c");
			hit(live, 100 * run + i, 10 + run, "nginx", "a;b;e");
			flush(f);
		}
		store_feed_free(f);
		assert_int_equal(count(s, 0, 10000, NULL), 10 * (run + 1));
		store_close(s);
		profile_free(live);
	}
	struct store *r = place_reader(at);
	struct profile *p = ask(r, 0, 10000, NULL, false);

	assert_int_equal(p->n_samples, 4); /* nginx has three pids */
	profile_free(p);
	assert_int_equal(store_summary(r, &sum, NULL), 0);
	assert_int_equal(sum.samples, 30);
	assert_int_equal(sum.from_ns, T0);
	assert_int_equal(sum.until_ns, T0 + 205 * MS);
	assert_true(sum.clean);
	assert_int_equal(sum.damaged_blocks + sum.damaged_rows + sum.missing_blocks, 0);
	assert_string_equal(sum.counters_json, "{\"taken\":1}");
	assert_int_equal(sum.locations, 4);
	store_summary_done(&sum);
	store_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(what_was_flushed_is_answered),
		PLACE_TEST(a_store_goes_on_where_it_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
