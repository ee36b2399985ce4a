/* Samples added up by stack and labels, and why stacks are incomplete. */
#include "web/export/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/web/build.h"

#define ROWS 500

static uint32_t build_mark(struct profile *p, const char *reason)
{
	return build_location(p, PROFILE_OBJECT_INCOMPLETE, reason, 0, NULL);
}

/* Of each stack and label set one row, in the order in which they came, however often. */
static void equal_samples_are_one_row(void **state)
{
	(void)state;
	for (int merge = 0; merge < 2; merge++) {
		struct profile *p = build_profile(merge);
		uint32_t f = build_frame(p, "/bin/a", 1, "f"), stack = 0;
		uint32_t one = build_labels(p, 1, 1, "a", "a"),
			 two = build_labels(p, 1, 2, "a", "b");
		struct export_rows r;

		for (uint64_t round = 1; round <= 3; round++) {
			stack = 0;
			for (uint64_t i = 0; i < ROWS; i += 2) {
				stack = (uint32_t)profile_stack(p, stack, f);
				build_sample(p, round * 1000 + i, stack, one, i + 1);
				build_sample(p, round * 1000 + i, stack, two, i + 2);
			}
		}
		assert_int_equal(export_rows_init(&r, p), 0);
		assert_int_equal(r.n, ROWS);
		assert_int_equal(r.samples, 3 * ROWS * (ROWS + 1) / 2);
		for (uint32_t i = 0; i < ROWS; i++) {
			assert_int_equal(r.row[i].stack, 1 + i / 2);
			assert_int_equal(r.row[i].labels, i % 2 ? two : one);
			assert_int_equal(r.row[i].count, 3 * (i + 1));
		}
		export_rows_done(&r);
		profile_free(p);
	}
}

static void an_empty_profile_has_no_rows(void **state)
{
	struct profile *p = build_profile(true);
	struct export_rows r;

	(void)state;
	assert_int_equal(export_rows_init(&r, p), 0);
	assert_int_equal(r.n, 0);
	assert_int_equal(r.samples, 0);
	assert_int_equal(r.reason[0], EXPORT_COMPLETE);
	export_rows_done(&r);
	export_rows_done(&r);
	profile_free(p);
}

/* Two marks on one way are no stack of ours, but may be one of an imported file. */
static struct profile *build_incomplete(uint32_t stacks[5])
{
	struct profile *p = build_profile(true);
	uint32_t f = build_frame(p, "/bin/a", 1, "f"), g = build_frame(p, "/bin/a", 2, "g");
	uint32_t far = build_mark(p, "far"), near = build_mark(p, "near");
	uint32_t labels = build_labels(p, 1, 1, "a", "a");

	stacks[0] = BUILD_STACK(p, f, g);
	stacks[1] = BUILD_STACK(p, far, f);
	stacks[2] = BUILD_STACK(p, far, near, f);
	stacks[3] = BUILD_STACK(p, f, near, g);
	stacks[4] = BUILD_STACK(p, near);
	for (uint32_t i = 0; i < 5; i++)
		build_sample(p, 0, stacks[i], labels, 1u << i);
	return p;
}

static void the_mark_next_to_the_root_counts(void **state)
{
	static const char *const reasons[] = {NULL, "far", "far", "near", "near"};
	uint32_t stacks[5];
	struct profile *p = build_incomplete(stacks);
	struct export_rows r;

	(void)state;
	assert_int_equal(export_rows_init(&r, p), 0);
	for (uint32_t i = 0; i < 5; i++) {
		uint32_t reason = r.reason[stacks[i]];

		assert_int_equal(reason == EXPORT_COMPLETE, !reasons[i]);
		if (reasons[i])
			assert_string_equal(profile_str(p, reason), reasons[i]);
	}
	/* What a mark stands above is another stack, and has none. */
	assert_int_equal(r.reason[BUILD_STACK(p, build_frame(p, "/bin/a", 1, "f"))],
			 EXPORT_COMPLETE);
	export_rows_done(&r);
	profile_free(p);
}

static void losses_and_reasons_are_counted(void **state)
{
	uint32_t stacks[5];
	struct profile *p = build_incomplete(stacks);
	struct export_rows r;
	uint64_t *count;
	struct buf out;
	struct json j;

	(void)state;
	assert_int_equal(profile_add_loss(p, "ring-full", 9), 0);
	assert_int_equal(export_rows_init(&r, p), 0);
	assert_int_equal(export_rows_incomplete(&r, p, &count), 0);
	assert_int_equal(count[profile_string(p, "far")], 2 + 4);
	assert_int_equal(count[profile_string(p, "near")], 8 + 16);
	assert_int_equal(count[0], 0);
	free(count);
	buf_init(&out, 1000);
	json_init(&j, &out);
	json_object_begin(&j);
	assert_int_equal(export_rows_losses(&r, p, &j), 0);
	json_object_end(&j);
	assert_string_equal(buf_str(&out), "{\"lost\":{\"ring-full\":9},"
					   "\"incomplete\":{\"far\":6,\"near\":24}}");
	buf_done(&out);
	export_rows_done(&r);
	profile_free(p);
}

static void a_path_is_leaf_first_and_without_marks(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t f = build_frame(p, "/bin/a", 1, "f"), g = build_frame(p, "/bin/a", 2, "g");
	uint32_t mark = build_mark(p, "cut"), deep = 0;
	struct export_path path = {};

	(void)state;
	assert_int_equal(export_path_read(&path, p, BUILD_STACK(p, f)), 0);
	assert_int_equal(path.n, 1);
	assert_int_equal(path.location[0], f);
	assert_int_equal(export_path_read(&path, p, BUILD_STACK(p, mark, f, f, g)), 0);
	assert_int_equal(path.n, 3);
	assert_int_equal(export_path_read(&path, p, BUILD_STACK(p, mark, f, g)), 0);
	assert_int_equal(path.n, 2);
	assert_int_equal(path.location[0], g);
	assert_int_equal(path.location[1], f);
	/* Into the same array: a longer one, and again a short one and none. */
	for (int i = 0; i < 1000; i++)
		deep = (uint32_t)profile_stack(p, deep, i ? f : g);
	assert_int_equal(export_path_read(&path, p, deep), 0);
	assert_int_equal(path.n, 1000);
	assert_int_equal(path.location[0], f);
	assert_int_equal(path.location[999], g);
	assert_int_equal(export_path_read(&path, p, BUILD_STACK(p, g)), 0);
	assert_int_equal(path.n, 1);
	assert_int_equal(path.location[0], g);
	assert_int_equal(export_path_read(&path, p, 0), 0);
	assert_int_equal(path.n, 0);
	export_path_done(&path);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_samples_are_one_row),
		cmocka_unit_test(an_empty_profile_has_no_rows),
		cmocka_unit_test(the_mark_next_to_the_root_counts),
		cmocka_unit_test(losses_and_reasons_are_counted),
		cmocka_unit_test(a_path_is_leaf_first_and_without_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
