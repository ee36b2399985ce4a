/* Imported samples: part of every answer, and no age takes them, but the size of the store does. */
#include "tests/unit/storage/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define NS_PER_S 1000000000ull
#define DAY_NS	 (24 * 3600 * NS_PER_S)
#define NOW_NS	 (1795000000 * NS_PER_S)

static void age_fully(struct store *s)
{
	struct err err = {};
	int r;

	while ((r = store_age(s, NOW_NS, &err)) > 0)
		;
	if (r < 0)
		fail_msg("%s", err_text(&err));
}

/* n samples from that moment on, of some of 4096 stacks, some milliseconds apart. */
static void add(struct store *s, bool imported, const char *comm, uint64_t from_ns, uint32_t n)
{
	static uint32_t random;
	struct profile *live;
	struct store_feed *f;
	struct profile_labels l = {.has = 1u << PROFILE_LABEL_COMM};
	struct profile_object o = {.kind = PROFILE_OBJECT_SYMBOL};
	uint32_t object;

	assert_int_equal(profile_new(false, &live), 0);
	live->period_ns = 10101010;
	l.value[PROFILE_LABEL_COMM] = (uint64_t)profile_string(live, comm);
	object = (uint32_t)profile_object(live, &o);
	for (uint32_t i = 0; i < n; i++) {
		int64_t location, stack;

		random = random * 1664525 + 1013904223;
		location = profile_location(live, object, random >> 20);
		stack = profile_stack(live, 0, (uint32_t)location);
		from_ns += (random >> 18) % 13 * 1000000ull;
		assert_int_equal(profile_add_sample(live, from_ns, (uint32_t)stack,
						    (uint32_t)profile_labels(live, &l), 1),
				 0);
	}
	assert_int_equal(store_feed_new(s, live, &f), 0);
	if (imported)
		store_feed_set_imported(f);
	assert_int_equal(store_feed_flush(f, NULL, false, NULL), 0);
	store_feed_free(f);
	profile_free(live);
}

/* Samples that match, and how many of them lie on no whole second. */
static uint64_t count(struct store *s, const char *match, uint64_t *ret_detailed)
{
	struct store_query q = {.until_ns = INT64_MAX, .match = match};
	struct profile *p;
	struct err err = {};
	uint64_t n;

	if (store_query_profile(s, &q, NULL, true, &p, &err) < 0)
		fail_msg("%s", err_text(&err));
	assert_int_equal(p->n_losses, 0);
	n = profile_sample_count(p);
	*ret_detailed = 0;
	for (uint32_t i = 0; i < p->n_samples; i++)
		*ret_detailed += p->samples[i].time_ns % NS_PER_S != 0;
	profile_free(p);
	return n;
}

static void time_takes_what_was_sampled_and_not_what_was_imported(void **state)
{
	struct store *s = place_writer((struct place *)*state, NULL);
	uint64_t detailed;

	add(s, true, "imported", NOW_NS - 4000 * DAY_NS, 500);
	add(s, false, "old", NOW_NS - 40 * DAY_NS, 500);
	add(s, true, "imported", NOW_NS - 5 * DAY_NS, 500);
	add(s, false, "blurred", NOW_NS - 5 * DAY_NS, 500);
	assert_int_equal(count(s, NULL, &detailed), 2000);
	age_fully(s);
	assert_int_equal(count(s, "{comm=\"imported\"}", &detailed), 1000);
	assert_true(detailed > 900);
	assert_int_equal(count(s, "{comm=\"old\"}", &detailed), 0);
	assert_int_equal(count(s, "{comm=\"blurred\"}", &detailed), 500);
	assert_int_equal(detailed, 0);
	store_close(s);
}

static void imported_blocks_merge_with_their_own_kind(void **state)
{
	struct store *s = place_writer((struct place *)*state, NULL);
	struct store_summary sum;
	uint64_t detailed;

	for (int i = 0; i < 40; i++)
		add(s, true, "imported", NOW_NS - 400 * DAY_NS + (uint64_t)i * NS_PER_S, 50);
	add(s, false, "sampled", NOW_NS, 50);
	age_fully(s);
	assert_int_equal(store_summary(s, &sum, NULL), 0);
	assert_true(sum.blocks < 20);
	assert_int_equal(sum.damaged_blocks + sum.damaged_rows + sum.missing_blocks, 0);
	store_summary_done(&sum);
	assert_int_equal(count(s, "{comm=\"imported\"}", &detailed), 2000);
	assert_int_equal(count(s, "{comm=\"sampled\"}", &detailed), 50);
	store_close(s);
}

static void the_size_takes_the_first_that_were_written(void **state)
{
	struct store_options o = {.retention_bytes = 250000};
	struct store *s = place_writer((struct place *)*state, &o);
	uint64_t detailed, imported;

	for (int i = 0; i < 40; i++)
		add(s, true, i < 20 ? "first" : "second", NOW_NS - 10 * DAY_NS, 10000);
	age_fully(s);
	imported = count(s, "{comm=\"first\"}", &detailed);
	assert_true(imported < 200000);
	assert_true(count(s, "{comm=\"second\"}", &detailed) > imported);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(time_takes_what_was_sampled_and_not_what_was_imported),
		PLACE_TEST(imported_blocks_merge_with_their_own_kind),
		PLACE_TEST(the_size_takes_the_first_that_were_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
