/* The table pool's allocator against a map of every word: nothing overlaps, nothing is lost. */
#include "profiler/collector/table_pool.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define CHUNKS	    2u
#define CHUNK_BYTES (UNWIND_CHUNK_WORDS * 4ull)
#define HELD	    200u
#define ROUNDS	    4000u

struct bench {
	struct table_pool *pool;
	struct unwind_chunk *chunk[CHUNKS];
	uint32_t asked; /* chunks that the pool asked for */
	uint32_t again; /* times that it asked for one's memory again */
	int refuse; /* what the grower says instead */
	/* The model: who has each word. */
	bool taken[CHUNKS * UNWIND_CHUNK_WORDS];
	uint64_t words;
	uint32_t random;
};

static int add_chunk(void *ctx, uint32_t number, struct unwind_chunk **ret)
{
	struct bench *b = ctx;

	if (b->refuse)
		return b->refuse;
	assert_in_range(number, 0, b->asked);
	assert_true(number < CHUNKS);
	if (number == b->asked)
		b->asked++;
	else
		b->again++;
	*ret = b->chunk[number];
	return 0;
}

static int begin(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	for (uint32_t i = 0; i < CHUNKS; i++) {
		b->chunk[i] = calloc(1, sizeof(*b->chunk[i]));
		assert_non_null(b->chunk[i]);
	}
	memset(b->taken, true, UNWIND_REF_WORDS); /* place 0 stands for nothing */
	b->random = 12345;
	assert_int_equal(table_pool_new(CHUNKS * CHUNK_BYTES + 5, add_chunk, b, &b->pool), 0);
	*state = b;
	return 0;
}

static int end(void **state)
{
	struct bench *b = *state;

	assert_null(table_pool_free(b->pool));
	for (uint32_t i = 0; i < CHUNKS; i++)
		free(b->chunk[i]);
	free(b);
	return 0;
}

static uint32_t random_below(struct bench *b, uint32_t n)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 17;
	b->random ^= b->random << 5;
	return b->random % n;
}

/* Whether the model has a piece that is large enough. */
static bool has_room(const struct bench *b, uint32_t words, uint32_t align)
{
	uint32_t run = 0;

	for (uint32_t i = 0; i < CHUNKS * UNWIND_CHUNK_WORDS; i++) {
		if (i % UNWIND_CHUNK_WORDS == 0)
			run = 0;
		run = b->taken[i] ? 0 : run + 1;
		if (run >= words && (i + 1 - run + align - 1) / align * align + words <= i + 1)
			return true;
	}
	return false;
}

static void mark(struct bench *b, uint32_t place, uint32_t words, bool taken)
{
	for (uint32_t i = place; i < place + words; i++) {
		assert_int_equal(b->taken[i], !taken);
		b->taken[i] = taken;
	}
	b->words += taken ? words : 0u - (uint64_t)words;
}

static int64_t take(struct bench *b, uint32_t words, uint32_t align)
{
	int64_t place = table_pool_take(b->pool, words, align);

	if (place < 0) {
		assert_int_equal(place, -ENOSPC);
		assert_false(has_room(b, words, align));
		return place;
	}
	assert_true(place > 0);
	assert_int_equal(place % align, 0);
	assert_int_equal(place / UNWIND_CHUNK_WORDS, (place + words - 1) / UNWIND_CHUNK_WORDS);
	assert_ptr_equal(table_pool_words(b->pool, (uint32_t)place),
			 &b->chunk[place / UNWIND_CHUNK_WORDS]->word[place % UNWIND_CHUNK_WORDS]);
	mark(b, (uint32_t)place, words, true);
	return place;
}

static void give(struct bench *b, uint32_t place, uint32_t words)
{
	mark(b, place, words, false);
	table_pool_give(b->pool, place, words);
}

struct held {
	uint32_t place, words;
};

static void give_random(struct bench *b, struct held *held, uint32_t *n)
{
	uint32_t i = random_below(b, *n);

	give(b, held[i].place, held[i].words);
	held[i] = held[--*n];
}

static void random_takes_and_gives_agree_with_a_map_of_words(void **state)
{
	struct bench *b = *state;
	struct held held[HELD];
	uint32_t n = 0, full = 0;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t align = random_below(b, 3) ? 1 : (uint32_t)UNWIND_REF_WORDS;
		uint32_t words = 1 + random_below(b, random_below(b, 4) ? 300 : 30000);
		int64_t place = -ENOSPC;

		if (n < HELD && random_below(b, 5) < 3)
			place = take(b, words, align);
		if (place >= 0)
			held[n++] = (struct held){(uint32_t)place, words};
		else if (n)
			give_random(b, held, &n);
		full += place < 0;
		assert_int_equal(table_pool_used_bytes(b->pool), b->words * 4);
	}
	assert_true(full > 100); /* or it was never tight */
	while (n)
		give_random(b, held, &n);
	/* All pieces have joined again. */
	assert_true(take(b, UNWIND_CHUNK_WORDS - UNWIND_REF_WORDS, UNWIND_REF_WORDS) > 0);
	assert_true(take(b, UNWIND_CHUNK_WORDS - UNWIND_REF_WORDS, UNWIND_REF_WORDS) > 0);
}

static void the_pool_grows_by_chunks_to_its_maximum(void **state)
{
	struct bench *b = *state;

	assert_int_equal(table_pool_max_bytes(b->pool), CHUNKS * CHUNK_BYTES);
	assert_int_equal(table_pool_bytes(b->pool), 0);
	for (uint32_t i = 1; i <= CHUNKS; i++) {
		assert_true(take(b, UNWIND_CHUNK_WORDS / 2 + 1, 1) > 0);
		assert_int_equal(table_pool_bytes(b->pool), i * CHUNK_BYTES);
	}
	assert_int_equal(take(b, UNWIND_CHUNK_WORDS / 2 + 1, 1), -ENOSPC);
	assert_true(take(b, UNWIND_CHUNK_WORDS / 2 - 1, 1) > 0);
	assert_int_equal(b->asked, CHUNKS);
}

static void more_than_a_chunk_is_never_given(void **state)
{
	struct bench *b = *state;

	assert_int_equal(table_pool_take(b->pool, UNWIND_CHUNK_WORDS, 1), -E2BIG);
	assert_int_equal(table_pool_take(b->pool, UINT32_MAX, 1), -E2BIG);
	assert_int_equal(b->asked, 0);
}

static void what_the_grower_says_is_passed_on_and_asked_again(void **state)
{
	struct bench *b = *state;

	b->refuse = -EPERM;
	assert_int_equal(table_pool_take(b->pool, 1, 1), -EPERM);
	assert_int_equal(table_pool_bytes(b->pool), 0);
	b->refuse = 0;
	assert_true(take(b, 1, 1) > 0);
}

static void after_a_rest_a_chunk_is_had_again_when_its_words_are(void **state)
{
	struct bench *b = *state;
	uint32_t place[CHUNKS];

	assert_false(table_pool_rest(b->pool));
	for (uint32_t i = 0; i < CHUNKS; i++)
		place[i] = (uint32_t)take(b, UNWIND_CHUNK_WORDS / 2 + 1, 1);
	assert_true(table_pool_rest(b->pool));
	assert_false(table_pool_rest(b->pool));
	assert_int_equal(b->again, 0);
	for (int i = 0; i < 3; i++)
		assert_non_null(table_pool_words(b->pool, place[1]));
	assert_int_equal(b->again, 1);
	b->refuse = -ENOMEM;
	assert_null(table_pool_words(b->pool, place[0]));
	assert_non_null(table_pool_words(b->pool, place[1]));
	b->refuse = 0;
	assert_non_null(table_pool_words(b->pool, place[0]));
	assert_true(table_pool_rest(b->pool));
}

static void the_smallest_piece_that_holds_it_is_cut(void **state)
{
	struct bench *b = *state;
	int64_t large = take(b, 1000, 1), wall = take(b, 1, 1), small = take(b, 100, 1);

	assert_true(wall > 0 && take(b, 1, 1) > 0);
	give(b, (uint32_t)large, 1000);
	give(b, (uint32_t)small, 100);
	assert_int_equal(take(b, 90, 1), small);
	assert_int_equal(take(b, 90, 1), large);
}

static void a_budget_below_a_chunk_is_one_chunk(void **state)
{
	struct table_pool *pool = NULL;

	assert_int_equal(table_pool_new(1, add_chunk, *state, &pool), 0);
	assert_int_equal(table_pool_max_bytes(pool), CHUNK_BYTES);
	table_pool_free(pool);
	assert_null(table_pool_free(NULL));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(random_takes_and_gives_agree_with_a_map_of_words),
		TEST(the_pool_grows_by_chunks_to_its_maximum),
		TEST(more_than_a_chunk_is_never_given),
		TEST(what_the_grower_says_is_passed_on_and_asked_again),
		TEST(after_a_rest_a_chunk_is_had_again_when_its_words_are),
		TEST(the_smallest_piece_that_holds_it_is_cut),
		TEST(a_budget_below_a_chunk_is_one_chunk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
