/* The profile model: interning, label sets, shown frames, merging. */
#include "storage/profile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct profile *fresh(bool merge)
{
	struct profile *p;

	assert_int_equal(profile_new(merge, &p), 0);
	return p;
}

static uint32_t str(struct profile *p, const char *s)
{
	int64_t id = profile_string(p, s);

	assert_true(id >= 0);
	return (uint32_t)id;
}

static uint32_t object(struct profile *p, enum profile_object_kind kind, const char *path)
{
	struct profile_object o = {.kind = kind, .path = str(p, path)};
	int64_t id = profile_object(p, &o);

	assert_true(id >= 0);
	return (uint32_t)id;
}

static uint32_t location(struct profile *p, uint32_t obj, uint64_t offset)
{
	int64_t id = profile_location(p, obj, offset);

	assert_true(id >= 0);
	return (uint32_t)id;
}

static uint32_t push(struct profile *p, uint32_t parent, uint32_t loc)
{
	int64_t id = profile_stack(p, parent, loc);

	assert_true(id >= 0);
	return (uint32_t)id;
}

static uint32_t function(struct profile *p, const char *name, const char *file)
{
	struct profile_function f = {str(p, name), str(p, name), str(p, file), 7};
	int64_t id = profile_function(p, &f);

	assert_true(id >= 0);
	return (uint32_t)id;
}

static uint32_t thread(struct profile *p, uint64_t pid, const char *comm)
{
	struct profile_labels l = {.has = 1u << PROFILE_LABEL_PID | 1u << PROFILE_LABEL_COMM};
	int64_t id;

	l.value[PROFILE_LABEL_PID] = pid;
	l.value[PROFILE_LABEL_COMM] = str(p, comm);
	id = profile_labels(p, &l);
	assert_true(id >= 0);
	return (uint32_t)id;
}

static void equal_strings_have_one_id_and_empty_is_zero(void **state)
{
	struct profile *p = fresh(false);

	(void)state;
	assert_int_equal(str(p, ""), 0);
	assert_int_equal(str(p, NULL), 0);
	assert_int_equal(str(p, "abc"), str(p, "abc"));
	assert_int_not_equal(str(p, "abc"), str(p, "ab"));
	assert_string_equal(profile_str(p, str(p, "abc")), "abc");
	profile_free(p);
}

static void many_strings_survive_growing(void **state)
{
	struct profile *p = fresh(false);
	char s[32];

	(void)state;
	for (int i = 0; i < 50000; i++) {
		snprintf(s, sizeof(s), "name-%d", i);
		assert_int_equal(str(p, s), i + 1);
	}
	for (int i = 0; i < 50000; i++) {
		snprintf(s, sizeof(s), "name-%d", i);
		assert_int_equal(str(p, s), i + 1);
		assert_string_equal(profile_str(p, (uint32_t)i + 1), s);
	}
	profile_free(p);
}

static void long_strings_end_in_an_ellipsis_on_a_character_border(void **state)
{
	struct profile *p = fresh(false);
	char s[PROFILE_STRING_BYTES_MAX + 64];
	const char *have;

	(void)state;
	/* Two-byte characters, so that a cut in the middle of one would show. */
	for (size_t i = 0; i + 1 < sizeof(s); i += 2)
		memcpy(s + i, "\xc3\xa9", 2);
	have = profile_str(p, (uint32_t)profile_string_len(p, s, sizeof(s)));
	assert_true(strlen(have) <= PROFILE_STRING_BYTES_MAX);
	assert_true(strlen(have) > PROFILE_STRING_BYTES_MAX - 8);
	assert_string_equal(have + strlen(have) - 5, "\xc3\xa9\xe2\x80\xa6");

	memset(s, 'x', sizeof(s));
	have = profile_str(p, (uint32_t)profile_string_len(p, s, PROFILE_STRING_BYTES_MAX));
	assert_int_equal(strlen(have), PROFILE_STRING_BYTES_MAX);
	assert_int_equal(have[PROFILE_STRING_BYTES_MAX - 1], 'x');
	profile_free(p);
}

static void nul_bytes_become_question_marks(void **state)
{
	struct profile *p = fresh(false);

	(void)state;
	assert_int_equal(profile_string_len(p, "a\0b", 3), str(p, "a?b"));
	profile_free(p);
}

static void equal_rows_have_one_id(void **state)
{
	struct profile *p = fresh(false);
	uint32_t libc = object(p, PROFILE_OBJECT_FILE, "/lib/libc.so.6");
	uint32_t a = location(p, libc, 0x10), b = location(p, libc, 0x20);
	uint32_t root = push(p, 0, a);

	(void)state;
	assert_int_equal(libc, object(p, PROFILE_OBJECT_FILE, "/lib/libc.so.6"));
	assert_int_not_equal(libc, object(p, PROFILE_OBJECT_VDSO, "/lib/libc.so.6"));
	assert_int_equal(a, location(p, libc, 0x10));
	assert_int_not_equal(a, b);
	assert_int_equal(root, push(p, 0, a));
	assert_int_not_equal(root, push(p, 0, b));
	assert_int_not_equal(root, push(p, root, a));
	assert_int_equal(thread(p, 1, "init"), thread(p, 1, "init"));
	assert_int_not_equal(thread(p, 1, "init"), thread(p, 2, "init"));
	profile_free(p);
}

/* As a reader's dictionary does it, and then an answer that takes more from elsewhere. */
static void what_was_appended_is_found(void **state)
{
	struct profile_object o = {.kind = PROFILE_OBJECT_FILE, .identity = 7};
	struct profile_function f = {.start_line = 3};
	struct profile *p;

	(void)state;
	assert_int_equal(profile_new(false, &p), 0);
	for (int64_t i = 0; i < 3; i++) {
		struct profile_stack s = {(uint32_t)i, (uint32_t)i};
		char text[16];

		snprintf(text, sizeof(text), "text %d", (int)i);
		assert_int_equal(profile_append_string(p, text, strlen(text)), 1 + i);
		o.path = f.name = (uint32_t)(1 + i);
		assert_int_equal(profile_append_objects(p, &o, 1), i);
		assert_int_equal(profile_append_functions(p, &f, 1), i);
		assert_int_equal(profile_append_location(p, (uint32_t)i, 9), i);
		assert_int_equal(profile_append_stacks(p, &s, 1), 1 + i);
	}
	assert_int_equal(profile_string(p, "text 1"), 2);
	o.path = f.name = 2;
	assert_int_equal(profile_object(p, &o), 1);
	assert_int_equal(profile_function(p, &f), 1);
	assert_int_equal(profile_location(p, 1, 9), 1);
	assert_int_equal(profile_stack(p, 1, 1), 2);
	assert_int_equal(profile_string(p, "another"), 4);
	assert_int_equal(profile_append_string(p, "one more", 8), 5);
	assert_int_equal(profile_string(p, "one more"), 5);
	for (uint32_t i = 0; i < p->n_strings; i++)
		assert_int_equal(profile_str_len(p, i), strlen(profile_str(p, i)));
	profile_free(p);
}

static void label_sets_are_compared_by_what_they_say(void **state)
{
	struct profile *p = fresh(false);
	struct profile_labels a = {.has = 1u << PROFILE_LABEL_PID}, b = a;
	char scratch[24];
	int64_t id;

	(void)state;
	a.value[PROFILE_LABEL_PID] = b.value[PROFILE_LABEL_PID] = 12;
	b.value[PROFILE_LABEL_UID] = 77; /* not present: not part of the set */
	b.has |= 1u << PROFILE_LABEL_COMM; /* an empty string is a missing label */
	a.n_extra = b.n_extra = 2;
	a.extra[0] = b.extra[1] = (struct profile_extra_label){str(p, "zone"), str(p, "eu")};
	a.extra[1] = b.extra[0] = (struct profile_extra_label){str(p, "arena"), str(p, "7")};
	id = profile_labels(p, &a);
	assert_int_equal(id, profile_labels(p, &b));
	assert_string_equal(profile_str(p, p->labels[id].extra[0].key), "arena");
	assert_string_equal(profile_label_text(p, (uint32_t)id, "pid", scratch), "12");
	assert_string_equal(profile_label_text(p, (uint32_t)id, "uid", scratch), "");
	assert_string_equal(profile_label_text(p, (uint32_t)id, "comm", scratch), "");
	assert_string_equal(profile_label_text(p, (uint32_t)id, "zone", scratch), "eu");
	assert_string_equal(profile_label_text(p, (uint32_t)id, "nothing", scratch), "");
	profile_free(p);
}

static void uid_zero_is_not_a_missing_uid(void **state)
{
	struct profile *p = fresh(false);
	struct profile_labels root = {.has = 1u << PROFILE_LABEL_UID}, nobody = {};
	int64_t id = profile_labels(p, &root);
	char scratch[24];

	(void)state;
	assert_int_not_equal(id, profile_labels(p, &nobody));
	assert_string_equal(profile_label_text(p, (uint32_t)id, "uid", scratch), "0");
	profile_free(p);
}

static void merging_profiles_add_up_and_drop_times(void **state)
{
	struct profile *p = fresh(true);
	uint32_t l = thread(p, 1, "a");
	uint32_t s = push(p, 0, location(p, object(p, PROFILE_OBJECT_FILE, "/a"), 1));

	(void)state;
	assert_int_equal(profile_add_sample(p, 100, s, l, 2), 0);
	assert_int_equal(profile_add_sample(p, 200, s, l, 3), 0);
	assert_int_equal(profile_add_sample(p, 200, 0, l, 1), 0);
	assert_int_equal(p->n_samples, 2);
	assert_int_equal(p->samples[0].count, 5);
	assert_int_equal(p->samples[0].time_ns, 0);
	assert_int_equal(profile_sample_count(p), 6);
	profile_clear_samples(p);
	assert_int_equal(profile_add_sample(p, 300, s, l, 1), 0);
	assert_int_equal(profile_sample_count(p), 1);
	assert_int_equal(p->n_stacks, 2);
	profile_free(p);
}

static void rows_that_came_to_nothing_go(void **state)
{
	struct profile_labels none = {};
	struct profile *p;

	(void)state;
	assert_int_equal(profile_new(true, &p), 0);
	assert_int_equal(profile_labels(p, &none), 0);
	assert_int_equal(profile_labels(p, &(struct profile_labels){.has = 1, .value = {7}}), 1);
	assert_int_equal(profile_add_sample_row(p, 0, 0, 0, -(uint64_t)5), 0);
	assert_int_equal(profile_add_sample_row(p, 0, 0, 1, 3), 1);
	assert_int_equal(profile_add_sample_row(p, 0, 0, 0, 5), 0);
	assert_int_equal(profile_drop_empty(p), 0);
	assert_int_equal(p->n_samples, 1);
	assert_int_equal(profile_add_sample_row(p, 0, 0, 1, 1), 0);
	assert_int_equal(profile_add_sample_row(p, 0, 0, 0, 2), 1);
	assert_int_equal(p->samples[0].count, 4);
	profile_free(p);
}

static void live_profiles_keep_every_sample(void **state)
{
	struct profile *p = fresh(false);
	uint32_t l = thread(p, 1, "a");

	(void)state;
	profile_add_sample(p, 100, 0, l, 1);
	profile_add_sample(p, 100, 0, l, 1);
	assert_int_equal(p->n_samples, 2);
	assert_int_equal(p->samples[1].time_ns, 100);
	profile_free(p);
}

static void losses_are_summed_by_reason(void **state)
{
	struct profile *p = fresh(false);

	(void)state;
	profile_add_loss(p, "ring_full", 2);
	profile_add_loss(p, "other", 1);
	profile_add_loss(p, "ring_full", 3);
	assert_int_equal(p->n_losses, 2);
	assert_int_equal(p->losses[0].count, 5);
	profile_free(p);
}

static void stacks_are_read_leaf_first_without_the_mark(void **state)
{
	struct profile *p = fresh(false);
	uint32_t lost = location(p, object(p, PROFILE_OBJECT_INCOMPLETE, "no_row"), 0);
	uint32_t o = object(p, PROFILE_OBJECT_FILE, "/bin/x");
	uint32_t a = location(p, o, 1), b = location(p, o, 2), out[4] = {99, 99, 99, 99};
	uint32_t whole = push(p, push(p, 0, a), b);
	uint32_t cut = push(p, push(p, push(p, 0, lost), a), b);

	(void)state;
	assert_null(profile_stack_incomplete(p, whole));
	assert_null(profile_stack_incomplete(p, 0));
	assert_string_equal(profile_stack_incomplete(p, cut), "no_row");
	assert_int_equal(profile_stack_locations(p, cut, out, 4), 2);
	assert_int_equal(out[0], b);
	assert_int_equal(out[1], a);
	assert_int_equal(out[2], 99);
	out[1] = 99;
	assert_int_equal(profile_stack_locations(p, whole, out, 1), 2);
	assert_int_equal(out[1], 99);
	profile_free(p);
}

static void inline_chains_are_shown_innermost_first(void **state)
{
	struct profile *p = fresh(false);
	uint32_t loc = location(p, object(p, PROFILE_OBJECT_KERNEL, "[kernel.kallsyms]"), 0x40);
	struct profile_line lines[] = {{function(p, "inner", "a.c"), 10, 2},
				       {function(p, "outer", "b.c"), 20, 0}};
	char scratch[PROFILE_SCRATCH_BYTES];
	struct profile_frame f;

	(void)state;
	assert_int_equal(profile_location_frames(p, loc), 1);
	assert_int_equal(profile_set_lines(p, loc, lines, 2), 0);
	assert_int_equal(p->locations[loc].naming, PROFILE_NAMED);
	assert_int_equal(profile_location_frames(p, loc), 2);
	f = profile_location_frame(p, loc, 0, scratch);
	assert_string_equal(f.function, "inner");
	assert_string_equal(f.file, "a.c");
	assert_int_equal(f.line, 10);
	assert_int_equal(f.column, 2);
	assert_int_equal(f.start_line, 7);
	assert_int_equal(f.kind, PROFILE_FRAME_INLINED);
	assert_true(f.named);
	f = profile_location_frame(p, loc, 1, scratch);
	assert_string_equal(f.function, "outer");
	assert_int_equal(f.kind, PROFILE_FRAME_KERNEL);
	assert_int_equal(f.offset, 0x40);
	profile_free(p);
}

static void a_location_can_be_renamed_and_unnamed(void **state)
{
	struct profile *p = fresh(false);
	uint32_t loc = location(p, object(p, PROFILE_OBJECT_FILE, "/x"), 0);
	struct profile_line one[] = {{function(p, "one", ""), 1, 0}};
	struct profile_line two[] = {{function(p, "two", ""), 2, 0},
				     {function(p, "out", ""), 3, 0}};
	char scratch[PROFILE_SCRATCH_BYTES];

	(void)state;
	profile_set_lines(p, loc, one, 1);
	profile_set_lines(p, loc, two, 2);
	assert_string_equal(profile_location_frame(p, loc, 0, scratch).function, "two");
	assert_string_equal(profile_location_frame(p, loc, 1, scratch).function, "out");
	profile_set_lines(p, loc, NULL, 0);
	assert_int_equal(p->locations[loc].naming, PROFILE_NAMELESS);
	assert_string_equal(profile_location_frame(p, loc, 0, scratch).function, "x+0x0");
	profile_free(p);
}

static void nameless_frames_never_show_a_run_time_address(void **state)
{
	static const struct {
		enum profile_object_kind kind;
		const char *path, *name;
		uint64_t offset;
		enum profile_frame_kind frame;
	} cases[] = {
		{PROFILE_OBJECT_FILE, "/usr/lib/libc.so.6", "libc.so.6+0x1234", 0x1234,
		 PROFILE_FRAME_NATIVE},
		{PROFILE_OBJECT_KERNEL, "[kernel.kallsyms]", "[kernel.kallsyms]+0x1234", 0x1234,
		 PROFILE_FRAME_KERNEL},
		{PROFILE_OBJECT_MODULE, "[ext4]", "[ext4]+0x1234", 0x1234, PROFILE_FRAME_KERNEL},
		{PROFILE_OBJECT_BPF, "[bpf]", "[bpf]+0x1234", 0x1234, PROFILE_FRAME_KERNEL},
		{PROFILE_OBJECT_VDSO, "[vdso]", "[vdso]+0x1234", 0x1234, PROFILE_FRAME_NATIVE},
		{PROFILE_OBJECT_JIT, "[jit]", "[jit]", 0, PROFILE_FRAME_JIT},
		{PROFILE_OBJECT_UNKNOWN, "", "[unknown]", 0, PROFILE_FRAME_NATIVE},
		{PROFILE_OBJECT_FILE, "", "[unknown]", 0x1234, PROFILE_FRAME_NATIVE},
	};
	struct profile *p = fresh(false);
	char scratch[PROFILE_SCRATCH_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t loc = location(p, object(p, cases[i].kind, cases[i].path), 0x1234);
		struct profile_frame f = profile_location_frame(p, loc, 0, scratch);

		assert_string_equal(f.function, cases[i].name);
		assert_string_equal(f.system_name, cases[i].name);
		assert_int_equal(f.offset, cases[i].offset);
		assert_int_equal(f.kind, cases[i].frame);
		assert_false(f.named);
		assert_string_equal(f.file, "");
	}
	profile_free(p);
}

static void imported_symbols_keep_their_kind(void **state)
{
	struct profile *p = fresh(false);
	char scratch[PROFILE_SCRATCH_BYTES];
	uint32_t loc = location(p, object(p, PROFILE_OBJECT_SYMBOL, "interpreted"), 1);

	(void)state;
	assert_int_equal(profile_location_frame(p, loc, 0, scratch).kind,
			 PROFILE_FRAME_INTERPRETED);
	loc = location(p, object(p, PROFILE_OBJECT_SYMBOL, ""), 1);
	assert_int_equal(profile_location_frame(p, loc, 0, scratch).kind, PROFILE_FRAME_NATIVE);
	profile_free(p);
}

/* Two stacks, one unused location, one label set; ids are shifted by `pad` strings and objects. */
static struct profile *example(bool merge, int pad, uint64_t count)
{
	struct profile *p = fresh(merge);
	char s[16];
	uint32_t o, a, b, l;
	struct profile_line line;

	for (int i = 0; i < pad; i++) {
		snprintf(s, sizeof(s), "pad%d", i);
		location(p, object(p, PROFILE_OBJECT_FILE, s), 1);
		thread(p, 9, s);
	}
	o = object(p, PROFILE_OBJECT_FILE, "/bin/x");
	a = location(p, o, 0x10);
	b = location(p, o, 0x20);
	line = (struct profile_line){function(p, "main", "m.c"), 3, 1};
	profile_set_lines(p, a, &line, 1);
	profile_set_lines(p, b, NULL, 0);
	l = thread(p, 5, "x");
	profile_add_sample(p, 1000, push(p, 0, a), l, count);
	profile_add_sample(p, 2000, push(p, push(p, 0, a), b), l, 1);
	profile_add_loss(p, "ring_full", count);
	p->period_ns = 10;
	p->start_ns = 1000 * (uint64_t)(pad + 1);
	p->end_ns = p->start_ns + 5000;
	return p;
}

static void merging_renumbers_and_adds_up(void **state)
{
	struct profile *into = example(true, 0, 4), *from = example(false, 3, 6);
	char scratch[PROFILE_SCRATCH_BYTES];
	uint32_t locs[2];

	(void)state;
	assert_int_equal(profile_merge(into, from), 0);
	assert_int_equal(into->n_samples, 2);
	assert_int_equal(profile_sample_count(into), 12);
	assert_int_equal(into->samples[0].count, 10);
	assert_int_equal(into->samples[1].count, 2);
	assert_int_equal(into->n_objects, 1); /* what no sample needs stays behind */
	assert_int_equal(into->n_labels, 1);
	assert_int_equal(into->losses[0].count, 10);
	assert_int_equal(into->start_ns, 1000);
	assert_int_equal(into->end_ns, 9000);
	assert_int_equal(profile_stack_locations(into, into->samples[1].stack, locs, 2), 2);
	assert_string_equal(profile_location_frame(into, locs[1], 0, scratch).function, "main");
	assert_int_equal(into->locations[locs[0]].naming, PROFILE_NAMELESS);
	profile_free(into);
	profile_free(from);
}

static void merging_into_an_empty_profile_copies_names_labels_and_times(void **state)
{
	struct profile *into = fresh(false), *from = example(false, 2, 1);
	char scratch[PROFILE_SCRATCH_BYTES];
	struct profile_frame f;

	(void)state;
	assert_int_equal(profile_merge(into, from), 0);
	assert_int_equal(into->n_samples, 2);
	assert_int_equal(into->samples[1].time_ns, 2000);
	assert_int_equal(into->period_ns, 10);
	assert_int_equal(into->start_ns, from->start_ns);
	f = profile_location_frame(into, into->stacks[into->samples[0].stack].location, 0, scratch);
	assert_string_equal(f.function, "main");
	assert_string_equal(f.file, "m.c");
	assert_int_equal(f.line, 3);
	assert_string_equal(profile_label_text(into, into->samples[0].labels, "comm", scratch),
			    "x");
	assert_string_equal(profile_label_text(into, into->samples[0].labels, "pid", scratch), "5");
	profile_free(into);
	profile_free(from);
}

static void merging_names_what_had_no_name(void **state)
{
	struct profile *into = example(true, 0, 1), *from = example(true, 0, 1);
	struct profile_line line = {function(from, "leaf", ""), 1, 0};
	uint32_t leaf = into->stacks[into->samples[1].stack].location;
	char scratch[PROFILE_SCRATCH_BYTES];

	(void)state;
	profile_set_lines(from, from->stacks[from->samples[1].stack].location, &line, 1);
	assert_int_equal(profile_merge(into, from), 0);
	assert_string_equal(profile_location_frame(into, leaf, 0, scratch).function, "leaf");
	profile_free(into);
	profile_free(from);
}

static void merging_different_periods_is_refused(void **state)
{
	struct profile *into = example(true, 0, 1), *from = example(true, 0, 1);

	(void)state;
	from->period_ns = 11;
	assert_int_equal(profile_merge(into, from), -EINVAL);
	assert_int_equal(profile_sample_count(into), 2);
	from->period_ns = 0;
	assert_int_equal(profile_merge(into, from), 0);
	assert_int_equal(into->period_ns, 10);
	profile_free(into);
	profile_free(from);
}

static void words_are_parsed_back(void **state)
{
	(void)state;
	for (int i = 0; i < PROFILE_LABEL_COUNT; i++)
		assert_int_equal(profile_label_parse(profile_label_name((enum profile_label)i)), i);
	for (int i = 0; i < PROFILE_OBJECT_COUNT; i++)
		assert_int_equal(profile_object_kind_parse(
					 profile_object_kind_name((enum profile_object_kind)i)),
				 i);
	assert_int_equal(profile_label_parse("nope"), -ENOENT);
	assert_int_equal(profile_object_kind_parse(""), -ENOENT);
	assert_true(profile_label_is_number(PROFILE_LABEL_UID));
	assert_false(profile_label_is_number(PROFILE_LABEL_COMM));
	assert_string_equal(profile_frame_kind_suffix(PROFILE_FRAME_KERNEL), "_[k]");
	assert_string_equal(profile_frame_kind_name(PROFILE_FRAME_NATIVE), "native");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_strings_have_one_id_and_empty_is_zero),
		cmocka_unit_test(many_strings_survive_growing),
		cmocka_unit_test(long_strings_end_in_an_ellipsis_on_a_character_border),
		cmocka_unit_test(nul_bytes_become_question_marks),
		cmocka_unit_test(equal_rows_have_one_id),
		cmocka_unit_test(what_was_appended_is_found),
		cmocka_unit_test(label_sets_are_compared_by_what_they_say),
		cmocka_unit_test(uid_zero_is_not_a_missing_uid),
		cmocka_unit_test(merging_profiles_add_up_and_drop_times),
		cmocka_unit_test(rows_that_came_to_nothing_go),
		cmocka_unit_test(live_profiles_keep_every_sample),
		cmocka_unit_test(losses_are_summed_by_reason),
		cmocka_unit_test(stacks_are_read_leaf_first_without_the_mark),
		cmocka_unit_test(inline_chains_are_shown_innermost_first),
		cmocka_unit_test(a_location_can_be_renamed_and_unnamed),
		cmocka_unit_test(nameless_frames_never_show_a_run_time_address),
		cmocka_unit_test(imported_symbols_keep_their_kind),
		cmocka_unit_test(merging_renumbers_and_adds_up),
		cmocka_unit_test(merging_into_an_empty_profile_copies_names_labels_and_times),
		cmocka_unit_test(merging_names_what_had_no_name),
		cmocka_unit_test(merging_different_periods_is_refused),
		cmocka_unit_test(words_are_parsed_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
