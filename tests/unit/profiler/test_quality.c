/* How walks end: counted by reason, place and process name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "profiler/collector/quality.h"

static void whole_stacks_and_others_are_counted_apart(void **state)
{
	struct quality_ends e = {};

	(void)state;
	quality_count(&e, ABI_END_ROOT, 1, 2);
	quality_count(&e, ABI_END_FP_SHORT, 1, 0x10);
	quality_count(&e, ABI_END_FP_SHORT, 1, 0x10);
	quality_count(&e, ABI_END_NO_TABLE, 2, 0x20);
	quality_count(&e, ABI_END_NONE, 0, 0);
	quality_count(&e, ABI_END_EXEC, 0, 0);
	assert_int_equal(e.complete, 1);
	assert_int_equal(e.incomplete, 3);
	assert_int_equal(e.reason[ABI_END_FP_SHORT], 2);
	assert_int_equal(e.reason[ABI_END_NO_TABLE], 1);
	assert_int_equal(e.place[0].object, 1);
	assert_int_equal(e.place[0].offset, 0x10);
	assert_int_equal(e.place[0].count, 2);
	assert_int_equal(e.place[1].object, 2);
}

static void the_commonest_place_stays_among_many(void **state)
{
	struct quality_ends e = {};
	uint64_t most = 0, sum = 0;

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		quality_count(&e, ABI_END_FP_SHORT, 7, 0x777);
		quality_count(&e, ABI_END_FP_SHORT, 8, i);
	}
	for (size_t i = 0; i < QUALITY_PLACES; i++) {
		sum += e.place[i].count;
		if (e.place[i].object == 7)
			most = e.place[i].count;
	}
	assert_in_range(most, 1000, 1001);
	assert_int_equal(sum, 2000);
}

static const char *name_of(struct quality_rank rank)
{
	return ((const struct quality_name *)rank.whose)->comm;
}

static void names_past_the_maximum_share_one_entry(void **state)
{
	struct quality_rank poorest[2];
	struct quality q = {};
	char comm[ABI_COMM_BYTES];

	(void)state;
	for (unsigned int i = 0; i < 3 * QUALITY_NAMES_MAX; i++) {
		memset(comm, 0, sizeof(comm));
		snprintf(comm, sizeof(comm), "n%u", i);
		quality_count(quality_of_name(&q, comm), ABI_END_FP_SHORT, 1, i);
	}
	assert_int_equal(q.n, QUALITY_NAMES_MAX + 1);
	assert_int_equal(quality_poorest(&q, poorest, 2), 2);
	assert_string_equal(name_of(poorest[0]), "");
	assert_int_equal(poorest[0].ends->incomplete, 2 * QUALITY_NAMES_MAX);
	memset(comm, 0, sizeof(comm));
	memcpy(comm, "n5", 2);
	assert_int_equal(quality_of_name(&q, comm)->incomplete, 1);
	quality_done(&q);
}

static void names_without_losses_are_not_poor(void **state)
{
	struct quality_rank poorest[4];
	struct quality q = {};
	char a[ABI_COMM_BYTES] = "a", b[ABI_COMM_BYTES] = "b", c[ABI_COMM_BYTES] = "c";

	(void)state;
	quality_count(quality_of_name(&q, a), ABI_END_ROOT, 1, 1);
	quality_count(quality_of_name(&q, b), ABI_END_UNREADABLE, 1, 1);
	quality_count(quality_of_name(&q, c), ABI_END_UNREADABLE, 1, 1);
	quality_count(quality_of_name(&q, c), ABI_END_UNREADABLE, 1, 1);
	assert_int_equal(quality_poorest(&q, poorest, 4), 2);
	assert_string_equal(name_of(poorest[0]), "c");
	assert_string_equal(name_of(poorest[1]), "b");
	quality_done(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_stacks_and_others_are_counted_apart),
		cmocka_unit_test(the_commonest_place_stays_among_many),
		cmocka_unit_test(names_past_the_maximum_share_one_entry),
		cmocka_unit_test(names_without_losses_are_not_poor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
