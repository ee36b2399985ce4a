/* Stacks from records: each frame in the object that the record says, raw ones in their mapping. */
#include "profiler/collector/stacks.h"

#include "profiler/base/quantity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define FILES 63 /* in one record */

struct fixture {
	struct objects *objects;
	struct stacks *stacks;
	struct profile *live;
};

static struct fixture fixture_new(void)
{
	struct fixture f = {};

	assert_int_equal(objects_new(NULL, NULL, NULL, &f.objects), 0);
	assert_int_equal(stacks_new(f.objects, &f.stacks), 0);
	assert_int_equal(profile_new(true, &f.live), 0);
	return f;
}

static void fixture_done(struct fixture *f)
{
	stacks_free(f->stacks);
	objects_free(f->objects);
	profile_free(f->live);
}

/* The path of the leaf's object. */
static const char *leaf(const struct fixture *f, int64_t stack, uint64_t *ret_offset)
{
	const struct profile_location *l;

	assert_true(stack > 0);
	l = &f->live->locations[f->live->stacks[stack].location];
	*ret_offset = l->offset;
	return f->live->text + f->live->string_offset[f->live->objects[l->object].path];
}

static void a_record_that_makes_the_table_of_objects_grow_keeps_its_frames(void **state)
{
	struct fixture f = fixture_new();
	struct abi_sample s = {.end = ABI_END_ROOT, .n_user = FILES, .n_objects = FILES};

	(void)state;
	for (unsigned int record = 0; record < 20; record++) {
		struct abi_object_ref refs[FILES] = {};
		struct abi_frame frames[FILES] = {};
		char expected[64];
		uint64_t offset;
		int64_t stack;

		for (unsigned int i = 0; i < FILES; i++) {
			refs[i].kind = ABI_OBJECT_FILE;
			refs[i].key.ino = 1000 * record + i + 1;
			frames[i].object = i;
			frames[i].offset = i;
		}
		s.time_ns++;
		stack = stacks_of(f.stacks, &s, NULL, frames, refs, f.live);
		for (unsigned int i = 0; i < FILES; i++) {
			snprintf(expected, sizeof(expected), "[file 0:0:%u]",
				 1000 * record + i + 1);
			assert_string_equal(leaf(&f, stack, &offset), expected);
			assert_int_equal(offset, i);
			stack = f.live->stacks[stack].parent;
		}
		assert_int_equal(stack, 0);
	}
	fixture_done(&f);
}

static void raw_frames_are_placed_and_others_left_alone(void **state)
{
	struct fixture f = fixture_new();
	struct abi_object_ref refs[2] = {{.kind = ABI_OBJECT_FILE, .key.ino = 7},
					 {.kind = ABI_OBJECT_RAW}};
	struct abi_sample s = {.end = ABI_END_ROOT,
			       .n_user = 2,
			       .n_objects = 2,
			       .pid = (uint32_t)getpid(),
			       .time_ns = quantity_monotonic_ns()};
	struct abi_frame frames[2] = {
		{.offset = (uint64_t)(uintptr_t)raw_frames_are_placed_and_others_left_alone,
		 .object = 1},
		{.offset = 77, .object = 0},
	};
	char exe[4096] = "";
	uint64_t offset;
	int64_t stack;

	(void)state;
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	stack = stacks_of(f.stacks, &s, NULL, frames, refs, f.live);
	assert_string_equal(leaf(&f, stack, &offset), exe);
	assert_int_equal(offset % 4096, frames[0].offset % 4096);
	assert_int_not_equal(offset, frames[0].offset);
	assert_string_equal(leaf(&f, f.live->stacks[stack].parent, &offset), "[file 0:0:7]");
	assert_int_equal(offset, 77);
	fixture_done(&f);
}

/* ---- stacks that begin as the one before ---- */

#define DEPTH	   250 /* more than is remembered of a way */
#define PROGRAMS   20 /* more than there are ways */
#define STACKS_MET 4000

static uint32_t number_of_file(struct fixture *f, uint32_t ino)
{
	struct abi_object o = {.key.ino = ino};
	char path[16];

	snprintf(path, sizeof(path), "/file%u", ino);
	return objects_describe(f->objects, &o, path, 1)->number;
}

/* The stack has these frames, leaf first, and where it is incomplete a root that says so. */
static void assert_frames(const struct fixture *f, int64_t stack, const struct abi_sample *s,
			  const struct abi_frame *frames)
{
	uint64_t offset;
	char path[16];

	assert_true(stack >= 0);
	for (unsigned int i = 0; i < s->n_user; i++) {
		snprintf(path, sizeof(path), "/file%u", frames[i].object + 1);
		assert_string_equal(leaf(f, stack, &offset), path);
		assert_int_equal(offset, frames[i].offset);
		stack = f->live->stacks[stack].parent;
	}
	if (s->end != ABI_END_ROOT) {
		assert_string_equal(leaf(f, stack, &offset), "no-table");
		stack = f->live->stacks[stack].parent;
	}
	assert_int_equal(stack, 0);
}

/* A call tree: what is called from a frame differs, and so does how deep it goes. */
static void change(struct abi_sample *s, struct abi_frame *frames, unsigned int *seed)
{
	struct abi_frame before[DEPTH];
	unsigned int kept = (unsigned int)rand_r(seed) % (s->n_user + 1);
	unsigned int n = 1 + (unsigned int)rand_r(seed) % DEPTH;

	kept = kept < n ? kept : n;
	memcpy(before, frames, sizeof(before));
	for (unsigned int i = 0; i < kept; i++)
		frames[n - 1 - i] = before[s->n_user - 1 - i];
	for (unsigned int i = kept; i < n; i++)
		frames[n - 1 - i] = (struct abi_frame){
			.offset = (uint64_t)rand_r(seed) % 4,
			.object = (uint32_t)rand_r(seed) % PROGRAMS,
		};
	s->n_user = (uint16_t)n;
	s->end = rand_r(seed) % 4 ? ABI_END_ROOT : ABI_END_NO_TABLE;
	s->exe = (uint8_t)((unsigned int)rand_r(seed) % PROGRAMS);
	s->time_ns++;
}

static void stacks_that_begin_alike_keep_their_own_frames(void **state)
{
	struct fixture f = fixture_new();
	struct abi_object_ref refs[PROGRAMS] = {};
	struct abi_frame frames[DEPTH] = {};
	struct abi_sample s = {.n_objects = PROGRAMS};
	unsigned int seed = 1;

	(void)state;
	for (unsigned int i = 0; i < PROGRAMS; i++) {
		refs[i].kind = ABI_OBJECT_FILE;
		refs[i].number = number_of_file(&f, i + 1);
	}
	for (unsigned int met = 0; met < STACKS_MET; met++) {
		int64_t stack;

		change(&s, frames, &seed);
		if (met == STACKS_MET / 2) {
			profile_free(f.live);
			assert_int_equal(profile_new(true, &f.live), 0);
			objects_new_profile(f.objects);
			stacks_new_profile(f.stacks);
		}
		stack = stacks_of(f.stacks, &s, NULL, frames, refs, f.live);
		assert_frames(&f, stack, &s, frames);
		assert_int_equal(stacks_of(f.stacks, &s, NULL, frames, refs, f.live), stack);
	}
	fixture_done(&f);
}

/* ---- frames that may mean another thing in the next sample ---- */

#define JIT_OFFSET 64

static uint32_t generation_of(const struct fixture *f, int64_t stack)
{
	const struct profile_stack *s = &f->live->stacks[stack];

	return f->live->locations[s->location].object;
}

static void code_that_was_made_anew_is_another_place(void **state)
{
	struct fixture f = fixture_new();
	struct abi_object_ref ref = {.kind = ABI_OBJECT_ANON};
	struct abi_sample s = {
		.end = ABI_END_ROOT, .n_user = 1, .n_objects = 1, .pid = 5, .start_ns = 9};
	struct abi_frame frame = {.offset = JIT_OFFSET};
	int64_t first, second;

	(void)state;
	assert_non_null(objects_jit(f.objects, s.pid, s.start_ns, 1, 0, 1));
	first = stacks_of(f.stacks, &s, NULL, &frame, &ref, f.live);
	assert_int_equal(stacks_of(f.stacks, &s, NULL, &frame, &ref, f.live), first);
	assert_non_null(objects_jit(f.objects, s.pid, s.start_ns, 2, 0, 2));
	second = stacks_of(f.stacks, &s, NULL, &frame, &ref, f.live);
	assert_int_not_equal(generation_of(&f, second), generation_of(&f, first));
	fixture_done(&f);
}

static void a_file_that_is_described_later_is_another_object(void **state)
{
	struct fixture f = fixture_new();
	struct abi_object_ref ref = {.kind = ABI_OBJECT_FILE, .key.ino = 3};
	struct abi_sample s = {.end = ABI_END_ROOT, .n_user = 1, .n_objects = 1};
	struct abi_frame frame = {};
	uint64_t offset;
	int64_t stack = stacks_of(f.stacks, &s, NULL, &frame, &ref, f.live);

	(void)state;
	assert_string_equal(leaf(&f, stack, &offset), "[file 0:0:3]");
	number_of_file(&f, 3);
	stack = stacks_of(f.stacks, &s, NULL, &frame, &ref, f.live);
	assert_string_equal(leaf(&f, stack, &offset), "/file3");
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_that_makes_the_table_of_objects_grow_keeps_its_frames),
		cmocka_unit_test(raw_frames_are_placed_and_others_left_alone),
		cmocka_unit_test(stacks_that_begin_alike_keep_their_own_frames),
		cmocka_unit_test(code_that_was_made_anew_is_another_place),
		cmocka_unit_test(a_file_that_is_described_later_is_another_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
