/* web/export/tree.c and frames.c: which stacks meet in one node, and the order of nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/web/build.h"
#include "web/export/tree.h"

static void read_tree_by(struct tree *t, const struct profile *p, const char *const *by)
{
	struct export_rows rows;

	assert_int_equal(tree_init(t), 0);
	assert_int_equal(export_rows_init(&rows, p), 0);
	assert_int_equal(tree_add(t, p, &rows, by, TREE_NOW), 0);
	assert_int_equal(tree_order(t), 0);
	export_rows_done(&rows);
}

static void read_tree(struct tree *t, const struct profile *p)
{
	read_tree_by(t, p, NULL);
}

static const char *name_at(const struct tree *t, uint32_t place)
{
	return frames_name(&t->frames, t->node[t->order[place]].frame);
}

static uint64_t total_at(const struct tree *t, uint32_t place)
{
	return t->node[t->order[place]].total[TREE_NOW];
}

static void a_stack_of_50000_levels_is_a_path(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t f = build_frame(p, "/a", 1, "f"), stack = 0;
	struct tree t;

	(void)state;
	for (int i = 0; i < 50000; i++)
		stack = (uint32_t)profile_stack(p, stack, f);
	build_sample(p, 0, stack, build_labels(p, 1, 1, "c", "c"), 3);
	read_tree(&t, p);
	assert_int_equal(t.n, 50002);
	assert_int_equal(t.depth[50001], 50001);
	assert_int_equal(total_at(&t, 0), 3);
	assert_int_equal(total_at(&t, 50001), 3);
	tree_done(&t);
	profile_free(p);
}

static void one_stack_under_two_comms_is_two_branches(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t s = BUILD_STACK(p, build_frame(p, "/a", 1, "f"));
	struct tree t;

	(void)state;
	build_sample(p, 0, s, build_labels(p, 1, 1, "b", "x"), 3);
	build_sample(p, 0, s, build_labels(p, 2, 2, "a", "x"), 3);
	build_sample(p, 0, s, build_labels(p, 3, 3, "c", "x"), 9);
	build_sample(p, 0, s, build_labels(p, 4, 4, "b", "y"), 1);
	read_tree(&t, p);
	assert_int_equal(t.n, 7);
	assert_string_equal(name_at(&t, 1), "c");
	assert_string_equal(name_at(&t, 3), "b");
	assert_int_equal(total_at(&t, 3), 4);
	assert_string_equal(name_at(&t, 5), "a");
	tree_done(&t);
	profile_free(p);
}

static void labels_in_comms_place_are_levels_in_their_order(void **state)
{
	static const char *const by[] = {"thread", "pid", "container", NULL};
	struct profile *p = build_profile(true);
	uint32_t s = BUILD_STACK(p, build_frame(p, "/a", 1, "f"));
	struct tree t;

	(void)state;
	build_sample(p, 0, s, build_labels(p, 1, 1, "b", "x"), 3);
	build_sample(p, 0, s, build_labels(p, 1, 2, "a", "x"), 3);
	build_sample(p, 0, s, build_labels(p, 2, 3, "c", "x"), 9);
	build_labels(p, 3, 4, "unseen", "z");
	read_tree_by(&t, p, by);
	assert_int_equal(t.n, 8);
	assert_string_equal(name_at(&t, 1), "x");
	assert_int_equal(total_at(&t, 1), 15);
	assert_string_equal(name_at(&t, 2), "2");
	assert_string_equal(name_at(&t, 3), "-");
	assert_string_equal(name_at(&t, 4), "f");
	assert_string_equal(name_at(&t, 5), "1");
	assert_int_equal(total_at(&t, 7), 6);
	tree_done(&t);
	profile_free(p);
}

static void ties_go_by_name(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t l = build_labels(p, 1, 1, "c", "c");
	struct tree t;

	(void)state;
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 1, "z")), l, 1);
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 2, "y")), l, 1);
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 3, "x")), l, 2);
	read_tree(&t, p);
	assert_string_equal(name_at(&t, 2), "x");
	assert_string_equal(name_at(&t, 3), "y");
	assert_string_equal(name_at(&t, 4), "z");
	tree_done(&t);
	profile_free(p);
}

static void clones_of_a_function_are_one_frame_and_objects_keep_it_apart(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t l = build_labels(p, 1, 1, "c", "c");
	uint32_t cold = build_location(p, PROFILE_OBJECT_FILE, "/a", 9, NULL);
	struct profile_function fn = {
		.name = (uint32_t)profile_string(p, "f"),
		.system_name = (uint32_t)profile_string(p, "f.cold"),
		.file = (uint32_t)profile_string(p, "/src/a.c"),
		.start_line = 10,
	};
	struct profile_line line = {.function = (uint32_t)profile_function(p, &fn), .line = 99};
	struct tree t;

	(void)state;
	assert_int_equal(profile_set_lines(p, cold, &line, 1), 0);
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", 1, "f")), l, 1);
	build_sample(p, 0, BUILD_STACK(p, cold), l, 2);
	build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/b", 1, "f")), l, 4);
	read_tree(&t, p);
	assert_int_equal(t.n, 4);
	assert_int_equal(total_at(&t, 2), 4);
	assert_int_equal(total_at(&t, 3), 3);
	tree_done(&t);
	profile_free(p);
}

static void a_node_may_have_any_number_of_children(void **state)
{
	struct profile *p = build_profile(true);
	uint32_t l = build_labels(p, 1, 1, "c", "c");
	char name[16];
	struct tree t;

	(void)state;
	for (uint32_t i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "f%u", i % 1000);
		build_sample(p, 0, BUILD_STACK(p, build_frame(p, "/a", i, name)), l, 1);
	}
	read_tree(&t, p);
	assert_int_equal(t.n, 2 + 1000);
	for (uint32_t i = 2; i < t.n; i++)
		assert_int_equal(total_at(&t, i), 2);
	tree_done(&t);
	profile_free(p);
}

static void totals_add_up_at_every_node(void **state)
{
	struct profile *p = build_typical();
	struct tree t;

	(void)state;
	read_tree(&t, p);
	assert_int_equal(total_at(&t, 0), 29);
	for (uint32_t i = 0; i < t.n; i++) {
		uint64_t sum = t.node[t.order[i]].self[TREE_NOW];

		for (uint32_t k = i + 1; k < t.n && t.depth[k] > t.depth[i]; k++)
			if (t.depth[k] == t.depth[i] + 1)
				sum += total_at(&t, k);
		assert_int_equal(sum, total_at(&t, i));
	}
	tree_done(&t);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stack_of_50000_levels_is_a_path),
		cmocka_unit_test(one_stack_under_two_comms_is_two_branches),
		cmocka_unit_test(labels_in_comms_place_are_levels_in_their_order),
		cmocka_unit_test(ties_go_by_name),
		cmocka_unit_test(clones_of_a_function_are_one_frame_and_objects_keep_it_apart),
		cmocka_unit_test(a_node_may_have_any_number_of_children),
		cmocka_unit_test(totals_add_up_at_every_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
