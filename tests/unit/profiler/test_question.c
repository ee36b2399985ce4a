/* What is asked of a store: which questions are none, and what the open ends of a range become. */
#include "profiler/cli/question.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/storage/place.h"

#define SECOND 1000000000ull
#define MS     1000000ull
#define FIRST  1700000000000000000ull /* the first sample, the last stands 10 s behind it */
#define END    (FIRST + 10 * SECOND + MS)

static void wrong_questions_are_refused_before_anything_is_opened(void **state)
{
	static const struct {
		struct question q;
		const char *sentence; /* NULL: it is right */
	} cases[] = {
		{{.store = "/nowhere"}, NULL},
		{{.from_ns = 5, .until_ns = 6}, NULL},
		{{.from_ns = 6}, NULL},
		{{.until_ns = 6}, NULL},
		{{.from_ns = 6, .until_ns = 6}, "--from is not before --until"},
		{{.from_ns = 7, .until_ns = 6}, "--from is not before --until"},
		{{.match = "{comm=\"x\"}"}, NULL},
		{{.match = "{}"}, NULL},
		{{.match = ""}, NULL},
		{{.match = "{comm=x}"}, "--match: "},
		{{.match = "{comm=~\"(\"}"}, "--match: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {};
		int r = question_check(&cases[i].q, &err);

		assert_int_equal(r, cases[i].sentence ? -EINVAL : 0);
		if (cases[i].sentence)
			assert_ptr_equal(strstr(err_text(&err), cases[i].sentence), err_text(&err));
	}
}

/* One sample at FIRST, two 10 s later. */
static void fill(const struct place *at)
{
	struct store *s = place_writer(at, NULL);
	struct store_feed *feed;
	struct profile *live;
	struct err err = {};
	uint32_t labels;

	assert_int_equal(profile_new(false, &live), 0);
	live->period_ns = 10101010;
	labels = (uint32_t)profile_labels(live, &(struct profile_labels){});
	assert_int_equal(store_feed_new(s, live, &feed), 0);
	assert_int_equal(profile_add_sample(live, FIRST, 0, labels, 1), 0);
	assert_int_equal(profile_add_sample(live, FIRST + 10 * SECOND, 0, labels, 2), 0);
	assert_int_equal(store_feed_flush(feed, "{}", false, &err), 0);
	store_feed_free(feed);
	profile_free(live);
	store_close(s);
}

static void open_ends_are_those_of_the_store(void **state)
{
	static const struct {
		uint64_t from_ns, until_ns; /* as asked */
		uint64_t range_from_ns, range_until_ns;
		uint64_t samples;
	} cases[] = {
		{0, 0, FIRST, END, 3},
		{FIRST + 5 * SECOND, 0, FIRST + 5 * SECOND, END, 2},
		{0, FIRST + 5 * SECOND, FIRST, FIRST + 5 * SECOND, 1},
		{1, UINT64_MAX / 2, 1, UINT64_MAX / 2, 3},
		/* All of it lies before or behind: a millisecond of nothing. */
		{END, 0, END, END + MS, 0},
		{END + 3 * SECOND, 0, END + 3 * SECOND, END + 3 * SECOND + MS, 0},
		{0, FIRST, FIRST - MS, FIRST, 0},
		{0, SECOND, SECOND - MS, SECOND, 0},
		{0, 1, 0, 1, 0},
	};
	struct place *at = *state;

	fill(at);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct question q = {.store = at->path,
					   .from_ns = cases[i].from_ns,
					   .until_ns = cases[i].until_ns};
		struct store_query query;
		struct err err = {};
		struct profile *p;
		struct store *s;

		assert_int_equal(question_open(&q, &s, &query, &err), 0);
		store_close(s);
		if (query.from_ns != cases[i].range_from_ns ||
		    query.until_ns != cases[i].range_until_ns)
			fail_msg("case %zu: [%llu, %llu)", i, (unsigned long long)query.from_ns,
				 (unsigned long long)query.until_ns);
		if (question_ask(&q, NULL, 0, &p, &err) < 0)
			fail_msg("case %zu: %s", i, err_text(&err));
		assert_int_equal(profile_sample_count(p), cases[i].samples);
		profile_free(p);
	}
}

static void an_empty_store_has_an_empty_answer(void **state)
{
	struct place *at = *state;
	const struct question q = {.store = at->path};
	struct err err = {};
	struct profile *p;

	store_close(place_writer(at, NULL));
	if (question_ask(&q, NULL, 0, &p, &err) < 0)
		fail_msg("%s", err_text(&err));
	assert_int_equal(profile_sample_count(p), 0);
	profile_free(p);
}

/* Ranges up to so long keep every sample and its time, also equal ones; longer ones add up. */
static void short_ranges_keep_their_times(void **state)
{
	struct place *at = *state;
	const struct question q = {.store = at->path};
	struct err err = {};
	struct profile *p;

	fill(at);
	assert_int_equal(question_ask(&q, NULL, END - FIRST, &p, &err), 0);
	assert_int_equal(p->n_samples, 2);
	assert_int_equal(p->samples[0].time_ns, FIRST);
	assert_int_equal(p->samples[1].time_ns, FIRST + 10 * SECOND);
	profile_free(p);
	assert_int_equal(question_ask(&q, NULL, END - FIRST - 1, &p, &err), 0);
	assert_int_equal(p->n_samples, 1);
	assert_int_equal(p->samples[0].count, 3);
	assert_int_equal(p->samples[0].time_ns, 0);
	profile_free(p);
}

static void a_store_that_is_not_there_is_named(void **state)
{
	struct place *at = *state;
	const struct question q = {.store = at->path};
	struct profile *p = NULL;
	struct err err = {};

	assert_int_equal(question_ask(&q, NULL, 0, &p, &err), -ENOENT);
	assert_non_null(strstr(err_text(&err), at->path));
	assert_null(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_questions_are_refused_before_anything_is_opened),
		PLACE_TEST(open_ends_are_those_of_the_store),
		PLACE_TEST(an_empty_store_has_an_empty_answer),
		PLACE_TEST(short_ranges_keep_their_times),
		PLACE_TEST(a_store_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
