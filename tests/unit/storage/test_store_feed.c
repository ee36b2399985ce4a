/* Names between live profiles and the store: whose they are, and how long it knows them. */
#include "profiler/base/quantity.h"
#include "storage/store.h"
#include "storage/store_private.h"
#include "tests/unit/storage/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define T0_NS 1700000000000000000ull

static uint32_t string(struct profile *p, const char *s)
{
	return (uint32_t)profile_string(p, s);
}

static uint32_t jit_location(struct profile *p, uint64_t address)
{
	struct profile_object o = {
		.kind = PROFILE_OBJECT_JIT, .path = string(p, "[jit]"), .identity = 7};

	return (uint32_t)profile_location(p, (uint32_t)profile_object(p, &o), address);
}

static void sample(struct profile *p, uint64_t address)
{
	struct profile_labels none = {};
	int64_t labels = profile_labels(p, &none);
	int64_t stack = profile_stack(p, 0, jit_location(p, address));

	assert_int_equal(profile_add_sample(p, T0_NS, (uint32_t)stack, (uint32_t)labels, 1), 0);
}

static void name(struct profile *p, uint64_t address, const char *text)
{
	struct profile_function f = {.name = string(p, text), .system_name = string(p, text)};
	struct profile_line line = {.function = (uint32_t)profile_function(p, &f)};

	assert_int_equal(profile_set_lines(p, jit_location(p, address), &line, 1), 0);
}

static struct profile *begin(struct store *s, struct store_feed **ret)
{
	struct profile *live;

	assert_int_equal(profile_new(false, &live), 0);
	live->period_ns = 10101010;
	assert_int_equal(store_feed_new(s, live, ret), 0);
	return live;
}

static void end(struct store_feed *f, struct profile *live)
{
	struct err err = {};

	if (store_feed_flush(f, "{}", false, &err) < 0)
		fail_msg("%s", err_text(&err));
	store_feed_free(f);
	profile_free(live);
}

static void assert_shown(struct store *s, const char *function)
{
	struct store_query q = {.from_ns = T0_NS, .until_ns = T0_NS + 1000000000};
	char scratch[PROFILE_SCRATCH_BYTES];
	struct profile *p = NULL;
	struct err err = {};

	if (store_query_profile(s, &q, NULL, false, &p, &err) < 0)
		fail_msg("%s", err_text(&err));
	assert_int_equal(p->n_samples, 1);
	assert_string_equal(
		profile_location_frame(p, p->stacks[p->samples[0].stack].location, 0, scratch)
			.function,
		function);
	profile_free(p);
}

/* A map of run-time compiled code may be written long after its samples. */
static void a_name_reaches_what_an_earlier_profile_met(void **state)
{
	struct store *s = place_writer(*state, NULL);
	struct store_feed *f;
	struct profile *live = begin(s, &f);

	sample(live, 0x1000);
	profile_set_lines(live, jit_location(live, 0x1000), NULL, 0);
	end(f, live);
	assert_shown(s, "[jit]");
	live = begin(s, &f);
	name(live, 0x1000, "alpha");
	end(f, live);
	assert_shown(s, "alpha");
	store_close(s);
}

#define LARGE_NAMES 4000 /* of 8 KB each: a dictionary past every limit */

/*
 * A dictionary that grew too large ends its epoch. The next one has what is sampled from then on,
 * and not everything that the live profile ever had a name for, which would be too large again.
 */
static void an_epoch_begins_with_what_is_sampled_in_it(void **state)
{
	struct store *s = place_writer(*state, NULL);
	struct store_feed *f;
	struct profile *live = begin(s, &f);
	struct err err = {};
	char text[8000];
	uint64_t epoch;

	memset(text, 'x', sizeof(text));
	for (uint64_t i = 0; i < LARGE_NAMES; i++) {
		snprintf(text + sizeof(text) - 32, 32, "%020llu", (unsigned long long)i);
		sample(live, 0x1000 + i);
		name(live, 0x1000 + i, text);
	}
	assert_int_equal(store_feed_flush(f, "{}", false, &err), 0);
	sample(live, 0x1000);
	assert_int_equal(store_feed_flush(f, "{}", false, &err), 0);
	epoch = s->state.epoch;
	assert_int_equal(s->growth.dict->tables->n_locations, 1);
	for (int i = 0; i < 3; i++) {
		sample(live, 0x1000);
		name(live, 0x2000, i ? "one" : "two");
		assert_int_equal(store_feed_flush(f, "{}", false, &err), 0);
	}
	assert_int_equal(s->state.epoch, epoch);
	sample(live, 0x1001);
	end(f, live);
	assert_int_equal(s->growth.dict->tables->n_locations, 2);
	assert_int_equal(s->growth.dict->tables->locations[1].naming, PROFILE_NAMED);
	store_close(s);
}

/* A function of libc, or of a file that is like it. */
static uint32_t libc_location(struct profile *p, const char *build_id, uint32_t domain,
			      uint64_t identity)
{
	struct profile_object o = {.kind = PROFILE_OBJECT_FILE,
				   .path = string(p, "/lib/libc.so.6"),
				   .build_id = string(p, build_id),
				   .domain = domain,
				   .identity = identity};

	return (uint32_t)profile_location(p, (uint32_t)profile_object(p, &o), 0x1000);
}

static void sample_of(struct profile *p, uint32_t location)
{
	struct profile_labels none = {};
	int64_t labels = profile_labels(p, &none);
	int64_t stack = profile_stack(p, 0, location);

	assert_int_equal(profile_add_sample(p, T0_NS, (uint32_t)stack, (uint32_t)labels, 1), 0);
}

static void name_location(struct profile *p, uint32_t location, const char *text)
{
	struct profile_function f = {.name = string(p, text), .system_name = string(p, text)};
	struct profile_line line = {.function = (uint32_t)profile_function(p, &f)};

	assert_int_equal(profile_set_lines(p, location, &line, 1), 0);
}

/* What the store calls a location that is new to a live profile; NULL: it has no name for it. */
static void assert_known(struct store *s, const char *build_id, uint32_t domain, uint64_t identity,
			 const char *function)
{
	char scratch[PROFILE_SCRATCH_BYTES];
	struct store_feed *f;
	struct profile *live = begin(s, &f);
	uint32_t location = libc_location(live, build_id, domain, identity);

	sample_of(live, location);
	assert_int_equal(store_feed_flush(f, "{}", false, NULL), 0);
	assert_int_equal(live->locations[location].naming,
			 function ? PROFILE_NAMED : PROFILE_UNNAMED);
	if (function)
		assert_string_equal(profile_location_frame(live, location, 0, scratch).function,
				    function);
	store_feed_free(f);
	profile_free(live);
}

static void begin_with_a_name(struct store *s, const char *build_id, uint32_t domain,
			      uint64_t identity, const char *text)
{
	struct store_feed *f;
	struct profile *live = begin(s, &f);
	uint32_t location = libc_location(live, build_id, domain, identity);

	sample_of(live, location);
	name_location(live, location, text);
	end(f, live);
}

static void a_name_is_of_one_build_of_one_owner(void **state)
{
	struct store *s = place_writer(*state, NULL);

	begin_with_a_name(s, "aa11", 0, 0, "malloc");
	assert_known(s, "aa11", 0, 0, "malloc");
	/* Another build at the same path. */
	assert_known(s, "bb22", 0, 0, NULL);
	/* A user's file with the same path and build id takes no name and gives none. */
	assert_known(s, "aa11", 1001, 0, NULL);
	begin_with_a_name(s, "aa11", 1001, 0, "evil");
	assert_known(s, "aa11", 0, 0, "malloc");
	assert_known(s, "aa11", 1001, 0, "evil");
	/* Without a build id it is the file itself that was named. */
	begin_with_a_name(s, "", 0, 7, "old");
	assert_known(s, "", 0, 8, NULL);
	assert_known(s, "", 0, 7, "old");
	store_close(s);
}

static void a_restart_right_behind_a_new_epoch_knows_the_names_before(void **state)
{
	struct store *s = place_writer(*state, NULL);

	begin_with_a_name(s, "aa11", 0, 0, "malloc");
	assert_int_equal(store_new_epoch(s, quantity_now_ns()), 0);
	begin_with_a_name(s, "bb22", 0, 0, "other");
	store_close(s);
	s = place_writer(*state, NULL);
	assert_known(s, "aa11", 0, 0, "malloc");
	store_close(s);
}

static void what_is_kept_of_the_epoch_before_goes_after_a_while(void **state)
{
	struct store *s = place_writer(*state, NULL);

	begin_with_a_name(s, "aa11", 0, 0, "malloc");
	assert_int_equal(store_new_epoch(s, quantity_now_ns() - 2 * STORE_PREVIOUS_NS), 0);
	begin_with_a_name(s, "bb22", 0, 0, "other");
	assert_null(s->previous.dict);
	store_close(s);
	s = place_writer(*state, NULL);
	assert_null(s->previous.dict);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(a_name_reaches_what_an_earlier_profile_met),
		PLACE_TEST(an_epoch_begins_with_what_is_sampled_in_it),
		PLACE_TEST(a_name_is_of_one_build_of_one_owner),
		PLACE_TEST(a_restart_right_behind_a_new_epoch_knows_the_names_before),
		PLACE_TEST(what_is_kept_of_the_epoch_before_goes_after_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
