/* Edges: found as they were added, or not at all. */
#include "profiler/collector/edges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define PATHS (4 * EDGES_SETS * EDGES_WAYS) /* more than there is room for */
#define KEPT  (EDGES_SETS / 2)

/* Paths of one frame and of two. */
struct edge {
	uint64_t path;
	uint64_t offset;
	uint32_t object;
	uint32_t from;
};

static struct edge edge_of(uint32_t i)
{
	struct edge e = {.object = i % 3 ? UINT32_MAX : 7, .offset = i % 3, .from = i / 3};

	if (i % 3 == 2)
		e.offset = 0xffffffff81000000u + i;
	e.path = edges_path(i / 3 ? edges_path(0, 1, i / 3) : 0, e.object, e.offset);
	return e;
}

static uint32_t find(const struct edges *e, uint32_t i)
{
	struct edge x = edge_of(i);

	return edges_find(edges_fetch(e, x.path), x.from, x.object, x.offset);
}

static void an_edge_that_is_forgotten_is_not_taken_for_another(void **state)
{
	struct edges e = {};
	uint32_t found = 0;

	(void)state;
	assert_int_equal(edges_new(&e), 0);
	assert_int_equal(edges_find(edges_fetch(&e, 0), 0, 0, 0), 0);
	for (uint32_t i = 0; i < PATHS; i++) {
		struct edge x = edge_of(i);

		assert_int_equal(find(&e, i), 0);
		edges_add(edges_fetch(&e, x.path), x.from, x.object, x.offset, i + 1);
		assert_int_equal(find(&e, i), i + 1);
	}
	for (uint32_t i = 0; i < PATHS; i++) {
		uint32_t to = find(&e, i);

		assert_true(to == 0 || to == i + 1);
		found += to != 0;
	}
	assert_true(found > EDGES_SETS * EDGES_WAYS * 99 / 100); /* it is full */
	edges_clear(&e);
	assert_int_equal(find(&e, PATHS - 1), 0);
	edges_done(&e);
}

/* What a set has in it is what tells them apart, not the path that led there. */
static void edges_of_one_set_are_told_apart(void **state)
{
	struct edges_set set = {};

	(void)state;
	edges_add(&set, 1, 2, 3, 10);
	edges_add(&set, 2, 2, 3, 11);
	edges_add(&set, 1, 3, 3, 12);
	assert_int_equal(edges_find(&set, 1, 2, 3), 10);
	assert_int_equal(edges_find(&set, 2, 2, 3), 11);
	assert_int_equal(edges_find(&set, 1, 3, 3), 12);
	assert_int_equal(edges_find(&set, 1, 2, 4), 0);
	edges_add(&set, 1, 2, 4, 13);
	assert_int_equal(edges_find(&set, 1, 2, 4), 13);
	assert_int_equal(edges_find(&set, 1, 2, 3), 0); /* the oldest went */
	assert_int_equal(edges_find(&set, 2, 2, 3), 11);
}

static void edges_from_one_place_have_sets_of_their_own(void **state)
{
	struct edges e = {};
	uint32_t found = 0;

	(void)state;
	assert_int_equal(edges_new(&e), 0);
	for (uint32_t i = 0; i < KEPT; i++)
		edges_add(edges_fetch(&e, edges_path(9, 7, 16ull * i)), 5, 7, 16ull * i, i + 1);
	for (uint32_t i = 0; i < KEPT; i++)
		found += edges_find(edges_fetch(&e, edges_path(9, 7, 16ull * i)), 5, 7,
				    16ull * i) == i + 1;
	assert_true(found > KEPT * 97 / 100); /* at random 99.8 % would be */
	edges_done(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_edge_that_is_forgotten_is_not_taken_for_another),
		cmocka_unit_test(edges_of_one_set_are_told_apart),
		cmocka_unit_test(edges_from_one_place_have_sets_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
