/*
 * Samples that wait for their stack: each is handed on once, with its own time. The process is this
 * one; the answers are the test's own.
 */
#include "profiler/collector/snapshots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define NOW 1000000000ull

struct record {
	struct abi_sample head;
	struct abi_frame user[1];
	struct abi_object_ref object[1];
	struct arch_regs regs;
	uint8_t stack[16];
};

struct given {
	unsigned int n;
	struct abi_sample head;
	struct abi_frame user[4];
	uint32_t kinds[4]; /* of the objects of the user frames */
};

static struct resolve *resolve;
static struct objects *objects;
static struct mappings *mappings;
static struct snapshots *snapshots;
static struct given given;
static const uint64_t no_kernel;

static void give(void *ctx, const struct abi_sample *s, const uint64_t *kernel,
		 const struct abi_frame *user, const struct abi_object_ref *refs)
{
	(void)ctx;
	(void)kernel;
	given.n++;
	given.head = *s;
	for (unsigned int i = 0; i < s->n_user && i < 4; i++) {
		assert_in_range(user[i].object, 0, s->n_objects - 1);
		given.user[i] = user[i];
		given.kinds[i] = refs[user[i].object].kind;
	}
}

static int begin(void **state)
{
	/* No thread unwinds: what is asked waits. */
	const struct resolve_options options = {.snapshots = false};

	(void)state;
	memset(&given, 0, sizeof(given));
	assert_int_equal(resolve_new(&options, &resolve, NULL), 0);
	assert_int_equal(objects_new(NULL, NULL, NULL, &objects), 0);
	assert_int_equal(mappings_new(objects, NULL, &mappings), 0);
	return snapshots_new(resolve, objects, mappings, give, NULL, &snapshots);
}

static int end(void **state)
{
	(void)state;
	snapshots_free(snapshots);
	resolve_free(resolve);
	mappings_free(mappings);
	objects_free(objects);
	return 0;
}

static struct record a_record(void)
{
	return (struct record){
		.head = {.bytes = sizeof(struct record),
			 .kind = ABI_RECORD_SAMPLE,
			 .flags = ABI_SAMPLE_SNAPSHOT | ABI_SAMPLE_EXE_NONE,
			 .pid = (uint32_t)getpid(),
			 .time_ns = 42,
			 .end = ABI_END_FP_SHORT,
			 .n_user = 1,
			 .n_objects = 1,
			 .stack_bytes = 16},
		.object = {{.kind = ABI_OBJECT_ANON}},
	};
}

static void take(const struct record *r)
{
	snapshots_take(snapshots, &r->head, &no_kernel, r->user, r->object, NOW);
}

static void an_answer_takes_the_place_of_the_frames(void **state)
{
	static const struct snapshot_frame frames[] = {{0x1000, 0}, {0x2000, ABI_FRAME_RETURN}};
	struct record r = a_record();

	(void)state;
	take(&r);
	assert_int_equal(given.n, 0);
	assert_int_equal(snapshots_waiting(snapshots), 1);
	snapshots_answered(snapshots, 1, frames, 2, ABI_END_ROOT);
	assert_int_equal(given.n, 1);
	assert_int_equal(given.head.time_ns, 42);
	assert_int_equal(given.head.end, ABI_END_ROOT);
	assert_int_equal(given.head.n_user, 2);
	assert_int_equal(given.user[1].offset, 0x2000);
	assert_int_equal(given.user[1].flags, ABI_FRAME_RETURN);
	assert_int_equal(given.kinds[0], ABI_OBJECT_RAW);
	snapshots_answered(snapshots, 1, frames, 2, ABI_END_ROOT);
	assert_int_equal(given.n, 1);
	assert_int_equal(snapshots_waiting(snapshots), 0);
}

static void without_an_answer_the_frames_stay_and_say_so(void **state)
{
	struct record r = a_record();

	(void)state;
	take(&r);
	snapshots_answered(snapshots, 1, NULL, 0, 0);
	assert_int_equal(given.n, 1);
	assert_int_equal(given.head.end, ABI_END_NO_SNAPSHOT);
	assert_int_equal(given.head.n_user, 1);
	assert_int_equal(given.kinds[0], ABI_OBJECT_ANON);
}

/* Its code runs where it is known, and calls what was mapped after that. */
static void a_walk_that_left_the_mappings_has_them_read_again(void **state)
{
	static const struct snapshot_frame frame = {0x1000, 0};
	uint64_t now_ns = NOW, here = (uint64_t)(uintptr_t)begin, id = 0;
	struct record r = a_record();
	uint64_t word[sizeof(r.regs) / sizeof(uint64_t)];

	(void)state;
	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++)
		word[i] = here; /* the program counter is one of them */
	memcpy(&r.regs, word, sizeof(word));
	for (unsigned int i = 0; i < 4; i++) {
		now_ns += 2 * MAPPINGS_AGAIN_NS;
		r.head.time_ns = now_ns;
		snapshots_take(snapshots, &r.head, &no_kernel, r.user, r.object, now_ns);
		snapshots_answered(snapshots, ++id, &frame, 1,
				   i < 2 ? ABI_END_ROOT : ABI_END_NOT_CODE);
		assert_int_equal(mappings_counts(mappings).readings, i < 3 ? 1 : 2);
	}
}

static void nothing_waits_for_ever(void **state)
{
	struct record r = a_record();

	(void)state;
	take(&r);
	snapshots_give_up(snapshots, NOW);
	assert_int_equal(given.n, 0);
	snapshots_give_up(snapshots, NOW + 1);
	assert_int_equal(given.n, 1);
	assert_int_equal(given.head.end, ABI_END_NO_SNAPSHOT);
}

static void past_the_queue_s_end_samples_are_handed_on_at_once(void **state)
{
	struct record r = a_record();

	(void)state;
	for (unsigned int i = 0; i < RESOLVE_SNAPSHOTS_MAX; i++)
		take(&r);
	assert_int_equal(given.n, 0);
	take(&r);
	assert_int_equal(given.n, 1);
	assert_int_equal(given.head.end, ABI_END_NO_SNAPSHOT);
	snapshots_give_up(snapshots, UINT64_MAX);
	assert_int_equal(given.n, RESOLVE_SNAPSHOTS_MAX + 1);
}

static void a_process_that_has_ended_is_not_asked_for(void **state)
{
	struct record r = a_record();

	(void)state;
	r.head.start_ns = 1; /* no process of that pid began then */
	take(&r);
	assert_int_equal(given.n, 1);
	assert_int_equal(given.head.end, ABI_END_NO_SNAPSHOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_answer_takes_the_place_of_the_frames, begin,
						end),
		cmocka_unit_test_setup_teardown(without_an_answer_the_frames_stay_and_say_so, begin,
						end),
		cmocka_unit_test_setup_teardown(a_walk_that_left_the_mappings_has_them_read_again,
						begin, end),
		cmocka_unit_test_setup_teardown(nothing_waits_for_ever, begin, end),
		cmocka_unit_test_setup_teardown(past_the_queue_s_end_samples_are_handed_on_at_once,
						begin, end),
		cmocka_unit_test_setup_teardown(a_process_that_has_ended_is_not_asked_for, begin,
						end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
