/* Functions of a range with their own samples and those below them, and who calls whom. */
#include "storage/store_private.h"

#include "profiler/base/quantity.h"
#include "tests/unit/storage/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define T0_NS 1700000000000000000ull
#define MANY  34000 /* samples that become a block with sums */

static struct store_query everything = {.until_ns = INT64_MAX};

struct taker {
	struct store *s;
	struct store_feed *feed;
	struct profile *live;
};

static void begin(struct taker *t, const struct place *at)
{
	t->s = place_writer(at, NULL);
	assert_int_equal(profile_new(false, &t->live), 0);
	t->live->period_ns = 10101010;
	assert_int_equal(store_feed_new(t->s, t->live, &t->feed), 0);
}

static void flush(struct taker *t)
{
	struct err err = {};

	if (store_feed_flush(t->feed, "{}", false, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static void end(struct taker *t)
{
	store_feed_free(t->feed);
	profile_free(t->live);
	store_close(t->s);
}

/*
 * A location of /lib/x for a frame "f": named f; "fg": g inlined into f; "!f": that of f, which
 * nobody has named; "?": the walk's end.
 */
static uint32_t location(struct profile *p, const char *frame, size_t len)
{
	bool is_nameless = *frame == '!';
	struct profile_object o = {.kind = *frame == '?' ? PROFILE_OBJECT_INCOMPLETE
							 : PROFILE_OBJECT_FILE,
				   .path = (uint32_t)profile_string(p, "/lib/x")};
	uint64_t offset;
	uint32_t id;
	struct profile_line lines[2] = {};

	frame += is_nameless;
	len -= is_nameless;
	offset = len > 1 ? (uint64_t)frame[0] << 8 | (uint64_t)frame[1] : (uint64_t)*frame;
	id = (uint32_t)profile_location(p, (uint32_t)profile_object(p, &o), offset);

	for (size_t i = 0; i < len; i++) {
		char text[2] = {frame[len - 1 - i], '\0'};
		struct profile_function f = {.name = (uint32_t)profile_string(p, text)};

		f.system_name = f.name;
		lines[i].function = (uint32_t)profile_function(p, &f);
	}
	if (*frame != '?' && !is_nameless)
		assert_int_equal(profile_set_lines(p, id, lines, (uint32_t)len), 0);
	return id;
}

static void hit(struct taker *t, uint64_t time_ms, const char *path, uint64_t count)
{
	struct profile_labels none = {};
	uint32_t stack = 0;

	for (; *path; path += *path == ' ') {
		size_t len = strcspn(path, " ");

		stack = (uint32_t)profile_stack(t->live, stack, location(t->live, path, len));
		path += len;
	}
	assert_int_equal(profile_add_sample(t->live, T0_NS + time_ms * NS_PER_MS, stack,
					    (uint32_t)profile_labels(t->live, &none), count),
			 0);
}

/* As "f:self/total ..." in their order; of neighbours "f:samples ... none:samples". */
static void assert_answer(struct store_functions *f, bool neighbours, const char *want)
{
	char text[400] = "";
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++) {
		assert_string_equal(f->functions[i].object, "/lib/x");
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s:%llu", i ? " " : "",
				      f->functions[i].name,
				      (unsigned long long)f->functions[i].self);
		if (!neighbours)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "/%llu",
					      (unsigned long long)f->functions[i].total);
	}
	if (neighbours)
		snprintf(text + n, sizeof(text) - n, " none:%llu",
			 (unsigned long long)f->no_neighbour);
	assert_string_equal(text, want);
	store_functions_done(f);
}

static void assert_functions(struct store *s, const char *want)
{
	struct store_functions f;

	assert_int_equal(store_query_functions(s, &everything, &f, NULL), 0);
	assert_answer(&f, false, want);
}

static void assert_neighbours(struct store *s, const char *function, bool callers, const char *want)
{
	struct store_functions f;

	assert_int_equal(store_query_neighbours(s, &everything, function, callers, &f, NULL), 0);
	assert_int_equal(f.is_known, strcmp(function, "nobody") != 0);
	assert_answer(&f, true, want);
}

static void each_sample_counts_once_however_deep_it_recurses(void **state)
{
	struct taker t;

	begin(&t, (const struct place *)*state);
	hit(&t, 1, "m f g", 1);
	hit(&t, 2, "m f g f g", 10);
	hit(&t, 3, "m h f", 100);
	hit(&t, 4, "f f h", 1000);
	hit(&t, 5, "m h", 10000);
	flush(&t);
	assert_functions(t.s, "h:11000/11100 f:100/1111 g:11/11 m:0/10111");
	assert_neighbours(t.s, "f", true, "h:100 m:11 none:1000");
	assert_neighbours(t.s, "f", false, "f:1000 h:1000 g:11 none:100");
	assert_neighbours(t.s, "h", true, "m:10100 f:1000 none:0");
	assert_neighbours(t.s, "h", false, "f:100 none:11000");
	assert_neighbours(t.s, "nobody", true, " none:0");
	end(&t);
}

static void inlined_frames_are_functions_and_ends_of_walks_are_not(void **state)
{
	struct taker t;

	begin(&t, (const struct place *)*state);
	hit(&t, 1, "? ab", 1);
	hit(&t, 2, "b a", 10);
	hit(&t, 3, "?", 100);
	flush(&t);
	assert_functions(t.s, "a:10/11 b:1/11");
	assert_neighbours(t.s, "a", true, "b:10 none:1");
	assert_neighbours(t.s, "a", false, "b:1 none:10");
	end(&t);
}

/* Each dictionary has other numbers, and large blocks are answered from sums. */
static void epochs_and_sums_add_up(void **state)
{
	static const char *const paths[] = {"m f", "m f g", "m h", "h m f", "m"};
	struct taker t;
	uint64_t time_ms = 0;

	begin(&t, (const struct place *)*state);
	for (int epoch = 0; epoch < 3; epoch++) {
		for (int i = 0; i < MANY; i++)
			hit(&t, time_ms++, paths[(epoch + i) % 5], 1);
		flush(&t);
		assert_int_equal(store_new_epoch(t.s, quantity_now_ns()), 0);
	}
	while (store_age(t.s, T0_NS + time_ms * NS_PER_MS, NULL) > 0)
		;
	assert_functions(t.s, "f:40800/61200 m:20400/102000 h:20400/40800 g:20400/20400");
	everything.from_ns = T0_NS + 5000 * NS_PER_MS;
	assert_functions(t.s, "f:38800/58200 m:19400/97000 h:19400/38800 g:19400/19400");
	assert_neighbours(t.s, "f", true, "m:58200 none:0");
	everything.from_ns = 0;
	end(&t);
}

/* A new dictionary and a new live profile, which know nothing of those before. */
static void forget_names(struct taker *t)
{
	store_feed_free(t->feed);
	profile_free(t->live);
	assert_int_equal(profile_new(false, &t->live), 0);
	assert_int_equal(store_feed_new(t->s, t->live, &t->feed), 0);
	assert_int_equal(store_new_epoch(t->s, quantity_now_ns()), 0);
	growth_done(&t->s->previous);
}

/* Of the same code, as the merged profile has it: a name that is known stays. */
static void a_name_that_one_dictionary_lacks_comes_from_those_before(void **state)
{
	const struct place *at = *state;
	struct taker t;

	begin(&t, at);
	hit(&t, 1, "m !f", 1);
	flush(&t);
	forget_names(&t);
	hit(&t, 2, "m f f", 10);
	flush(&t);
	forget_names(&t);
	hit(&t, 3, "!f", 100);
	flush(&t);
	assert_functions(t.s, "f:110/110 x+0x66:1/1 m:0/11");
	assert_neighbours(t.s, "f", true, "m:10 none:100");
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(each_sample_counts_once_however_deep_it_recurses),
		PLACE_TEST(inlined_frames_are_functions_and_ends_of_walks_are_not),
		PLACE_TEST(epochs_and_sums_add_up),
		PLACE_TEST(a_name_that_one_dictionary_lacks_comes_from_those_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
