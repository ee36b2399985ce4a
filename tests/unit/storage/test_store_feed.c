/* Names that come when the live profile of their samples has been replaced. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(a_name_reaches_what_an_earlier_profile_met),
		PLACE_TEST(an_epoch_begins_with_what_is_sampled_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
