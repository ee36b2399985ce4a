/*
 * Samples through JIT code: kept back, named by the moment, given on in order; a generation for
 * each name of an address. Resolve is played by the test.
 */
#include "profiler/collector/jit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define S     1000000000ull
#define GIVEN 256

/* ---- resolve, played ---- */

struct resolve {
	uint32_t announced, forgotten;
	struct resolve_object object; /* the last */
	struct resolve_jit_question questions[RESOLVE_JIT_QUESTIONS_MAX];
	uint32_t n;
	bool asked;
};

int resolve_announce(struct resolve *r, const struct resolve_object *o)
{
	r->announced++;
	r->object = *o;
	return 0;
}

void resolve_forget(struct resolve *r, uint32_t object)
{
	(void)object;
	r->forgotten++;
}

int resolve_ask_table(struct resolve *r, uint32_t object, bool is_missed)
{
	(void)r;
	(void)object;
	(void)is_missed;
	return -ENOENT;
}

int resolve_jit_ask(struct resolve *r, uint32_t object,
		    const struct resolve_jit_question *questions, uint32_t n)
{
	assert_false(r->asked);
	assert_int_equal(object, r->object.object);
	memcpy(r->questions, questions, n * sizeof(*questions));
	r->n = n;
	r->asked = true;
	return 0;
}

/* ---- what is given on ---- */

struct fixture {
	struct resolve resolve;
	struct objects *objects;
	struct jit *jit;
	struct profile *live;
	uint32_t n; /* given */
	uint64_t time_ns[GIVEN];
	int64_t location[GIVEN]; /* of the leaf, in live */
};

/* As stacks.c places a frame: the object of the process, as it is at that moment. */
static void on_given(void *ctx, const struct abi_sample *s, const uint64_t *kernel,
		     const struct abi_frame *user, const struct abi_object_ref *refs)
{
	struct fixture *f = ctx;
	struct object *object = objects_of_ref(f->objects, s, &refs[user[0].object], s->time_ns);
	int64_t id = objects_intern(f->objects, object, f->live);

	assert_int_equal(s->n_kernel, 1);
	assert_int_equal(kernel[0], 0xffffffff81000000);
	assert_in_range(f->n, 0, GIVEN - 1);
	f->time_ns[f->n] = s->time_ns;
	f->location[f->n++] = profile_location(f->live, (uint32_t)id, user[0].offset);
}

static int fixture_new(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(objects_new(NULL, NULL, NULL, &f->objects), 0);
	assert_int_equal(jit_new(&f->resolve, f->objects, on_given, f, &f->jit), 0);
	assert_int_equal(profile_new(true, &f->live), 0);
	*state = f;
	return 0;
}

static int fixture_done(void **state)
{
	struct fixture *f = *state;

	jit_free(f->jit);
	assert_int_equal(f->resolve.forgotten, f->resolve.announced);
	objects_free(f->objects);
	profile_free(f->live);
	free(f);
	return 0;
}

static void take_of(struct fixture *f, uint32_t pid, uint64_t address, uint64_t time_ns)
{
	const struct abi_object_ref refs[] = {{.kind = ABI_OBJECT_ANON}, {.kind = ABI_OBJECT_FILE}};
	const struct abi_frame user[] = {{.offset = address, .object = 0},
					 {.offset = 9, .object = 1}};
	const struct abi_sample s = {.time_ns = time_ns,
				     .pid = pid,
				     .start_ns = 5,
				     .uid = 1000,
				     .n_user = 2,
				     .n_kernel = 1,
				     .n_objects = 2};
	const uint64_t kernel = 0xffffffff81000000;

	assert_true(jit_wants(&s, refs));
	jit_take(f->jit, &s, &kernel, user, refs);
}

static void take(struct fixture *f, uint64_t address, uint64_t time_ns)
{
	take_of(f, 7, address, time_ns);
}

/* Answer all questions by their addresses: which[i] of addresses[i]; none else has a name. */
static void answer(struct fixture *f, bool over, size_t n, const uint64_t *addresses,
		   const char *const *called)
{
	uint32_t which[RESOLVE_JIT_QUESTIONS_MAX] = {};
	struct jit_place places[GIVEN];
	struct resolve_jit_names names = {.questions = f->resolve.questions,
					  .n = f->resolve.n,
					  .places = places,
					  .which = which,
					  .over = over};

	assert_true(f->resolve.asked);
	for (size_t i = 0; i < n; i++)
		places[i] = (struct jit_place){.name = called[i]};
	for (uint32_t q = 0; q < f->resolve.n; q++)
		for (size_t i = 0; i < n; i++)
			if (f->resolve.questions[q].address == addresses[i])
				which[q] = (uint32_t)i + 1;
	f->resolve.asked = false;
	jit_answered(f->jit, f->resolve.object.object, &names, f->live);
}

static void answer_one(struct fixture *f, uint64_t address, const char *called)
{
	answer(f, false, 1, &address, &called);
}

static const char *name_of(const struct fixture *f, uint32_t given)
{
	char scratch[PROFILE_SCRATCH_BYTES];
	struct profile_frame frame =
		profile_location_frame(f->live, (uint32_t)f->location[given], 0, scratch);

	assert_int_equal(frame.kind, PROFILE_FRAME_JIT);
	return frame.named ? frame.function : "[jit]";
}

/* ---- tests ---- */

static void a_sample_waits_for_its_names(void **state)
{
	struct fixture *f = *state;

	take(f, 0x1000, 1 * S);
	assert_int_equal(f->n, 0);
	assert_int_equal(jit_pending(f->jit), 1);
	assert_int_equal(f->resolve.object.kind, RESOLVE_JIT);
	assert_int_equal(f->resolve.object.pid, 7);
	assert_int_equal(f->resolve.object.domain, 1001);
	jit_ask(f->jit, true, 1 * S, f->live);
	assert_int_equal(f->resolve.n, 1); /* files' frames are not asked here */
	assert_int_equal(f->resolve.questions[0].time_ns, 1 * S);
	answer_one(f, 0x1000, "f");
	assert_int_equal(f->n, 1);
	assert_string_equal(name_of(f, 0), "f");
	assert_int_equal(jit_pending(f->jit), 0);
	assert_int_equal(jit_counts(f->jit).frames_named, 1);
}

static void what_is_renamed_begins_a_generation(void **state)
{
	struct fixture *f = *state;

	take(f, 0x1000, 1 * S);
	take(f, 0x2000, 1 * S);
	jit_ask(f->jit, true, 1 * S, f->live);
	answer(f, false, 2, (uint64_t[]){0x1000, 0x2000}, (const char *[]){"f", "h"});
	take(f, 0x1000, 2 * S);
	jit_ask(f->jit, true, 2 * S, f->live);
	answer_one(f, 0x1000, "f");
	take(f, 0x1000, 3 * S);
	take(f, 0x2000, 3 * S);
	jit_ask(f->jit, true, 3 * S, f->live);
	answer(f, false, 2, (uint64_t[]){0x1000, 0x2000}, (const char *[]){"g", "h"});
	assert_int_equal(f->n, 5);
	assert_string_equal(name_of(f, 0), "f");
	assert_int_equal(f->location[2], f->location[0]);
	assert_string_equal(name_of(f, 3), "g"); /* and the first is still f */
	assert_int_not_equal(f->location[3], f->location[0]);
	assert_string_equal(name_of(f, 4), "h");
	assert_int_not_equal(f->location[4], f->location[1]); /* all of a generation at once */
	assert_int_equal(jit_counts(f->jit).generations, 1);
}

static void within_one_answer_each_sample_has_its_own_name(void **state)
{
	struct fixture *f = *state;
	uint32_t which[] = {1, 2, 2, 1};
	const struct jit_place called[] = {{.name = "f"}, {.name = "g"}};
	struct resolve_jit_names names = {.n = 4, .places = called, .which = which};

	for (uint64_t i = 0; i < 4; i++)
		take(f, 0x1000, i * S + 1);
	jit_ask(f->jit, true, 1 * S, f->live);
	names.questions = f->resolve.questions;
	f->resolve.asked = false;
	jit_answered(f->jit, f->resolve.object.object, &names, f->live);
	assert_string_equal(name_of(f, 0), "f");
	assert_string_equal(name_of(f, 1), "g");
	assert_int_equal(f->location[1], f->location[2]);
	assert_string_equal(name_of(f, 3), "f");
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(f->time_ns[i], i * S + 1); /* in order */
}

/* The same name, compiled anew: an address has one line in a generation. */
static void another_line_begins_a_generation_too(void **state)
{
	struct fixture *f = *state;
	uint32_t which[] = {1, 2, 2};
	const struct jit_place called[] = {{"f", "/srv/f.js", 10}, {"f", "/srv/f.js", 11}};
	struct resolve_jit_names names = {.n = 3, .places = called, .which = which};
	char scratch[PROFILE_SCRATCH_BYTES];

	for (uint64_t i = 0; i < 3; i++)
		take(f, 0x1000, i * S + 1);
	jit_ask(f->jit, true, 1 * S, f->live);
	names.questions = f->resolve.questions;
	f->resolve.asked = false;
	jit_answered(f->jit, f->resolve.object.object, &names, f->live);
	assert_int_equal(f->n, 3);
	for (uint32_t i = 0; i < 3; i++) {
		struct profile_frame frame =
			profile_location_frame(f->live, (uint32_t)f->location[i], 0, scratch);

		assert_string_equal(frame.function, "f");
		assert_string_equal(frame.file, "/srv/f.js");
		assert_int_equal(frame.line, i ? 11 : 10);
	}
	assert_int_equal(f->location[1], f->location[2]);
	assert_int_equal(jit_counts(f->jit).generations, 1);
}

static void the_nameless_are_named_later(void **state)
{
	struct fixture *f = *state;

	take(f, 0x1000, 101 * S);
	jit_ask(f->jit, true, 101 * S, f->live);
	answer(f, false, 0, NULL, NULL);
	assert_string_equal(name_of(f, 0), "[jit]");
	jit_ask(f->jit, true, 102 * S, f->live);
	assert_false(f->resolve.asked); /* not at once */
	jit_ask(f->jit, false, 101 * S + JIT_AGAIN_NS, f->live);
	assert_int_equal(f->resolve.n, 2); /* its first sample, and its last */
	assert_int_equal(jit_counts(f->jit).frames_nameless, 1);
	assert_int_equal(f->resolve.questions[0].time_ns, 101 * S);
	answer_one(f, 0x1000, "f");
	assert_string_equal(name_of(f, 0), "f");
	assert_int_equal(jit_counts(f->jit).generations, 0);
	assert_int_equal(jit_counts(f->jit).frames_nameless, 0);
	assert_int_equal(jit_counts(f->jit).frames_named, 1);
}

/* A dump that was written late: two names in the time of one location are none. */
static void who_was_renamed_while_nameless_stays_so(void **state)
{
	const struct jit_place called[] = {{.name = "f"}, {.name = "g"}};
	struct fixture *f = *state;
	uint32_t which[] = {1, 2};
	struct resolve_jit_names names = {.n = 2, .places = called, .which = which};

	take(f, 0x1000, 100 * S);
	take(f, 0x1000, 101 * S);
	jit_ask(f->jit, true, 101 * S, f->live);
	answer(f, false, 0, NULL, NULL);
	jit_ask(f->jit, true, 101 * S + JIT_AGAIN_NS, f->live);
	assert_int_equal(f->resolve.n, 2);
	assert_int_equal(f->resolve.questions[0].time_ns, 100 * S);
	assert_int_equal(f->resolve.questions[1].time_ns, 101 * S);
	names.questions = f->resolve.questions;
	f->resolve.asked = false;
	jit_answered(f->jit, f->resolve.object.object, &names, f->live);
	assert_string_equal(name_of(f, 0), "[jit]");
}

/* Its map appears while it runs: what is old and what is met now have the same names. */
static void the_nameless_are_named_also_while_others_come(void **state)
{
	const char *const called[] = {"f", "g"};
	const uint64_t addresses[] = {0x1000, 0x2000};
	struct fixture *f = *state;
	uint64_t now_ns = 100 * S;

	for (uint64_t i = 0; i < 10; i++, now_ns += S) {
		take(f, 0x1000, now_ns);
		take(f, 0x5000 + i, now_ns); /* always one more that nobody knows */
		jit_ask(f->jit, true, now_ns, f->live);
		answer(f, false, 0, NULL, NULL);
	}
	take(f, 0x2000, now_ns);
	take(f, 0x1000, now_ns);
	for (uint64_t i = 0; i < 4; i++, now_ns += S) {
		take(f, 0x6000 + i, now_ns);
		jit_ask(f->jit, true, now_ns, f->live);
		answer(f, false, 2, addresses, called);
	}
	assert_int_equal(jit_counts(f->jit).generations, 0);
	assert_string_equal(name_of(f, 0), "f");
	assert_string_equal(name_of(f, 1), "[jit]");
	assert_string_equal(name_of(f, 20), "g");
	assert_string_equal(name_of(f, 21), "f");
	assert_int_equal(f->location[21], f->location[0]);
}

/* A dump says that the code was none when a sample met it first: that one stays nameless. */
static void who_had_no_name_at_its_first_moment_begins_a_generation_with_it(void **state)
{
	const struct jit_place called[] = {{.name = "f"}};
	struct fixture *f = *state;
	uint32_t which[] = {0, 0, 1};
	struct resolve_jit_names names = {.n = 3, .places = called, .which = which};

	take(f, 0x1000, 100 * S);
	jit_ask(f->jit, true, 100 * S, f->live);
	answer(f, false, 0, NULL, NULL);
	take(f, 0x1000, 101 * S);
	jit_ask(f->jit, true, 101 * S, f->live);
	assert_int_equal(f->resolve.n, 3); /* its first moment, its last until then, this one */
	assert_int_equal(f->resolve.questions[1].time_ns, 100 * S);
	assert_int_equal(f->resolve.questions[2].time_ns, 101 * S);
	names.questions = f->resolve.questions;
	f->resolve.asked = false;
	jit_answered(f->jit, f->resolve.object.object, &names, f->live);
	assert_string_equal(name_of(f, 0), "[jit]");
	assert_string_equal(name_of(f, 1), "f");
	assert_int_equal(jit_counts(f->jit).generations, 1);
}

/* Java writes its map when it ends. */
static void a_process_is_asked_about_until_its_end_and_then_forgotten(void **state)
{
	struct fixture *f = *state;
	uint64_t now_ns = 1 * S;

	take(f, 0x1000, now_ns);
	jit_ask(f->jit, true, now_ns, f->live);
	answer(f, false, 0, NULL, NULL);
	now_ns += 1000 * S;
	jit_ask(f->jit, false, now_ns, f->live);
	answer(f, true, 0, NULL, NULL);
	/* What was looked at then may have been written meanwhile: once more, at once. */
	assert_int_equal(f->resolve.forgotten, 0);
	jit_ask(f->jit, false, now_ns, f->live);
	answer(f, true, 1, (uint64_t[]){0x1000}, (const char *[]){"f"});
	assert_string_equal(name_of(f, 0), "f");
	assert_int_equal(f->resolve.forgotten, 1);
	assert_int_equal(jit_counts(f->jit).processes, 0);
}

static void who_is_not_answered_in_time_goes_on_unnamed(void **state)
{
	struct fixture *f = *state;

	take(f, 0x1000, 1 * S);
	jit_ask(f->jit, true, 1 * S, f->live);
	answer_one(f, 0x1000, "f");
	take(f, 0x1000, 2 * S);
	take(f, 0x2000, 2 * S);
	jit_ask(f->jit, true, 2 * S, f->live);
	jit_ask(f->jit, true, 2 * S + JIT_HELD_NS, f->live);
	assert_int_equal(f->n, 3);
	/* What had a name before may have another by now: it is not said. */
	assert_string_equal(name_of(f, 1), "[jit]");
	assert_string_equal(name_of(f, 2), "[jit]");
	/* The answer is late: it finds nobody, and nobody is named by mistake. */
	answer(f, false, 2, (uint64_t[]){0x1000, 0x2000}, (const char *[]){"g", "h"});
	assert_int_equal(f->n, 3);
	assert_string_equal(name_of(f, 0), "f");
	assert_string_equal(name_of(f, 1), "[jit]");
}

static void renaming_without_end_stays_unnamed_and_wrong_is_nobody(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < JIT_GENERATIONS + 5; i++) {
		take(f, 0x1000, S + i);
		jit_ask(f->jit, true, S + i, f->live);
		answer_one(f, 0x1000, i % 2 ? "odd" : "even");
		assert_int_equal(f->n, i + 1);
	}
	assert_int_equal(jit_counts(f->jit).generations, JIT_GENERATIONS);
	for (uint32_t i = 0; i < f->n; i++) {
		const char *name = name_of(f, i);

		if (i <= JIT_GENERATIONS)
			assert_string_equal(name, i % 2 ? "odd" : "even");
		else if (strcmp(name, "[jit]") != 0)
			assert_string_equal(name, i % 2 ? "odd" : "even");
	}
	assert_string_equal(name_of(f, JIT_GENERATIONS + 1), "[jit]");
	/* Later it may again. */
	take(f, 0x1000, 2 * S + JIT_GENERATION_NS);
	jit_ask(f->jit, true, 2 * S + JIT_GENERATION_NS, f->live);
	answer_one(f, 0x1000, "later");
	assert_string_equal(name_of(f, f->n - 1), "later");
}

static void a_new_profile_gets_the_names_again(void **state)
{
	struct fixture *f = *state;

	take(f, 0x1000, 1 * S);
	jit_ask(f->jit, true, 1 * S, f->live);
	answer_one(f, 0x1000, "f");
	profile_free(f->live);
	assert_int_equal(profile_new(true, &f->live), 0);
	objects_new_profile(f->objects);
	jit_new_profile(f->jit);
	take(f, 0x1000, 2 * S);
	jit_ask(f->jit, true, 2 * S, f->live);
	answer_one(f, 0x1000, "f");
	assert_string_equal(name_of(f, 1), "f");
}

static void past_the_most_processes_the_oldest_leaves(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < JIT_PROCESSES_MAX; i++)
		take_of(f, 100 + i, 0x1000, S + i);
	assert_int_equal(jit_counts(f->jit).processes, JIT_PROCESSES_MAX);
	/* All of them have samples that wait. */
	take_of(f, 99, 0x1000, 2 * S);
	assert_int_equal(f->n, 1);
	assert_string_equal(name_of(f, 0), "[jit]");
	assert_int_equal(jit_counts(f->jit).left_out, 1);
	f->n = GIVEN - 1 - JIT_PROCESSES_MAX;
	jit_release(f->jit, f->live);
	take_of(f, 99, 0x1000, 3 * S);
	assert_int_equal(jit_counts(f->jit).held, 1);
	assert_int_equal(f->resolve.forgotten, 1);
}

static void too_much_that_waits_goes_on_at_once(void **state)
{
	struct fixture *f = *state;
	uint64_t waiting = 0;

	while (f->n == 0) {
		take(f, 0x1000 + waiting, 1 * S);
		assert_in_range(++waiting, 1, JIT_HELD_BYTES_MAX / 100);
	}
	assert_int_equal(f->n, 1);
	assert_int_equal(jit_counts(f->jit).held, waiting - 1);
}

static void at_the_end_all_are_asked_once_more(void **state)
{
	struct fixture *f = *state;

	take(f, 0x1000, 1 * S);
	jit_ask(f->jit, true, 1 * S, f->live);
	answer(f, false, 0, NULL, NULL);
	take(f, 0x2000, 1 * S);
	jit_finish(f->jit);
	assert_int_equal(jit_pending(f->jit), 2); /* a sample, and a process */
	for (int rounds = 0; jit_pending(f->jit); rounds++) {
		assert_in_range(rounds, 0, 3);
		jit_ask(f->jit, false, 1 * S, f->live);
		answer(f, false, 2, (uint64_t[]){0x1000, 0x2000}, (const char *[]){"f", "g"});
	}
	assert_string_equal(name_of(f, 0), "f");
	assert_string_equal(name_of(f, 1), "g");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_done)
	const struct CMUnitTest tests[] = {
		TEST(a_sample_waits_for_its_names),
		TEST(what_is_renamed_begins_a_generation),
		TEST(within_one_answer_each_sample_has_its_own_name),
		TEST(another_line_begins_a_generation_too),
		TEST(the_nameless_are_named_later),
		TEST(who_was_renamed_while_nameless_stays_so),
		TEST(the_nameless_are_named_also_while_others_come),
		TEST(who_had_no_name_at_its_first_moment_begins_a_generation_with_it),
		TEST(a_process_is_asked_about_until_its_end_and_then_forgotten),
		TEST(who_is_not_answered_in_time_goes_on_unnamed),
		TEST(renaming_without_end_stays_unnamed_and_wrong_is_nobody),
		TEST(a_new_profile_gets_the_names_again),
		TEST(past_the_most_processes_the_oldest_leaves),
		TEST(too_much_that_waits_goes_on_at_once),
		TEST(at_the_end_all_are_asked_once_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
