/* Names that come when the live profile of their samples has been replaced. */
#include "storage/store.h"
#include "tests/unit/storage/place.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define T0_NS 1700000000000000000ull
#define LARGE 40000 /* names of 200 bytes: an epoch's dictionary is full */

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

static void flush(struct store_feed *f)
{
	struct err err = {};

	if (store_feed_flush(f, "{}", false, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static void end(struct store_feed *f, struct profile *live)
{
	flush(f);
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

/* Else a large live profile would fill each epoch's dictionary at once, and end it. */
static void a_new_epoch_has_the_names_of_its_own_samples(void **state)
{
	struct store *s = place_writer(*state, NULL);
	struct store_feed *f;
	struct profile *live = begin(s, &f);
	char text[256];
	uint64_t first;

	for (uint64_t i = 0; i < LARGE; i++) {
		sample(live, 0x1000 + i);
		snprintf(text, sizeof(text), "%0200llu", (unsigned long long)i);
		name(live, 0x1000 + i, text);
	}
	flush(f);
	first = store_feed_epoch(f);
	for (int i = 0; i < 3; i++) {
		sample(live, 0x1000);
		flush(f);
		assert_int_equal(store_feed_epoch(f), first + 1);
	}
	end(f, live);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(a_name_reaches_what_an_earlier_profile_met),
		PLACE_TEST(a_new_epoch_has_the_names_of_its_own_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
