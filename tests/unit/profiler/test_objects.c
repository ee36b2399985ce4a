/* The table of objects when it is full: what leaves it, and when its number is another's. */
#include "profiler/collector/objects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#define LATER_NS (OBJECTS_REUSE_NS + 1)

static struct object *meet(struct objects *o, uint32_t ino, uint64_t now_ns)
{
	struct abi_object file = {.key.ino = ino};
	char path[32];

	snprintf(path, sizeof(path), "/file%u", ino);
	return objects_describe(o, &file, path, now_ns);
}

static struct objects *full(uint64_t now_ns)
{
	struct objects *o;

	assert_int_equal(objects_new(NULL, NULL, NULL, &o), 0);
	for (uint32_t i = 1; i <= OBJECTS_MAX; i++)
		assert_int_equal(meet(o, i, now_ns)->number, i);
	assert_int_equal(objects_count(o), OBJECTS_MAX);
	return o;
}

static void what_is_in_use_is_not_evicted(void **state)
{
	struct objects *o = full(1);

	(void)state;
	assert_null(meet(o, OBJECTS_MAX + 1, LATER_NS));
	assert_int_equal(objects_count(o), OBJECTS_MAX);
	assert_int_equal(objects_evicted(o), 0);
	assert_int_equal(meet(o, 1, LATER_NS)->number, 1);
	objects_free(o);
}

static void a_number_is_anothers_when_no_record_can_carry_it(void **state)
{
	uint64_t now_ns = 1 + LATER_NS;
	struct objects *o = full(1);
	uint32_t first;

	(void)state;
	for (uint32_t i = OBJECTS_MAX / 2 + 1; i <= OBJECTS_MAX; i++)
		objects_touch(o, i, now_ns);
	/* Records of that moment may have the number of any that leaves now. */
	first = meet(o, OBJECTS_MAX + 1, now_ns)->number;
	assert_true(first > OBJECTS_MAX);
	assert_true(objects_evicted(o) > 0);
	assert_null(objects_by_number(o, 1));
	assert_non_null(objects_by_number(o, OBJECTS_MAX));
	assert_true(meet(o, OBJECTS_MAX + 2, now_ns + OBJECTS_REUSE_NS)->number > OBJECTS_MAX);
	/* One behind the other, in the order in which they left. */
	now_ns += LATER_NS;
	assert_int_equal(meet(o, OBJECTS_MAX + 3, now_ns)->number, 1);
	assert_int_equal(meet(o, OBJECTS_MAX + 4, now_ns)->number, 2);
	assert_string_equal(objects_by_number(o, 1)->path, "/file16387");
	objects_free(o);
}

static void a_table_that_is_full_again_and_again_stays_bounded(void **state)
{
	struct objects *o = full(1);
	uint64_t now_ns = 1;
	uint32_t highest = 0;

	(void)state;
	for (uint32_t i = 1; i < 4 * OBJECTS_MAX; i++) {
		struct object *object;

		now_ns += 2 * OBJECTS_REUSE_NS / OBJECTS_MAX;
		object = meet(o, OBJECTS_MAX + i, now_ns);
		if (object && object->number > highest)
			highest = object->number;
	}
	assert_true(objects_count(o) <= OBJECTS_MAX);
	assert_true(highest <= 2 * OBJECTS_MAX);
	objects_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_use_is_not_evicted),
		cmocka_unit_test(a_number_is_anothers_when_no_record_can_carry_it),
		cmocka_unit_test(a_table_that_is_full_again_and_again_stays_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
