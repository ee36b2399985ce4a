/*
 * Records of the ring buffer: parts where they should be, and records that are not what they say.
 */
#include "profiler/collector/events.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct seen {
	int samples, objects, cgroups;
	uint64_t kernel0;
	uint64_t last_offset;
	uint32_t last_number;
	char path[EVENTS_PATH_BYTES];
};

static void on_sample(void *ctx, const struct abi_sample *s, const uint64_t *kernel,
		      const struct abi_frame *user, const struct abi_object_ref *objects)
{
	struct seen *seen = ctx;

	seen->samples++;
	seen->kernel0 = s->n_kernel ? kernel[0] : 0;
	seen->last_offset = s->n_user ? user[s->n_user - 1].offset : 0;
	seen->last_number = s->n_objects ? objects[s->n_objects - 1].number : 0;
}

static void on_object(void *ctx, const struct abi_object *o, const char *path)
{
	struct seen *seen = ctx;

	(void)o;
	seen->objects++;
	snprintf(seen->path, sizeof(seen->path), "%s", path);
}

static void on_cgroup(void *ctx, const struct abi_cgroup *c, const char *path)
{
	struct seen *seen = ctx;

	(void)c;
	seen->cgroups++;
	snprintf(seen->path, sizeof(seen->path), "%s", path);
}

static const struct events_handlers handlers = {on_sample, on_object, on_cgroup};

struct whole_sample {
	struct abi_sample head;
	uint64_t kernel[2];
	struct abi_frame user[3];
	struct abi_object_ref object[2];
};

static struct whole_sample a_sample(void)
{
	struct whole_sample s = {.head = {.bytes = sizeof(s),
					  .kind = ABI_RECORD_SAMPLE,
					  .n_kernel = 2,
					  .n_user = 3,
					  .n_objects = 2}};

	s.kernel[0] = 0xffffffff81000000;
	s.user[2] = (struct abi_frame){.offset = 0x1234, .object = 1};
	s.object[1].number = 77;
	return s;
}

static void a_sample_is_taken_apart(void **state)
{
	struct whole_sample s = a_sample();
	struct seen seen = {};

	(void)state;
	assert_int_equal(events_dispatch(&s, sizeof(s), &handlers, &seen), 0);
	assert_int_equal(seen.samples, 1);
	assert_int_equal(seen.kernel0, 0xffffffff81000000);
	assert_int_equal(seen.last_offset, 0x1234);
	assert_int_equal(seen.last_number, 77);
}

static void samples_that_lie_about_their_parts_are_refused(void **state)
{
	struct seen seen = {};
	struct whole_sample s;

	(void)state;
	s = a_sample();
	s.head.n_user = 4;
	assert_int_equal(events_dispatch(&s, sizeof(s), &handlers, &seen), -EBADMSG);
	s = a_sample();
	s.head.n_user = ABI_USER_FRAMES_MAX + 1;
	assert_int_equal(events_dispatch(&s, sizeof(s), &handlers, &seen), -EBADMSG);
	s = a_sample();
	s.head.n_kernel = 255;
	assert_int_equal(events_dispatch(&s, sizeof(s), &handlers, &seen), -EBADMSG);
	s = a_sample();
	s.user[0].object = 2;
	assert_int_equal(events_dispatch(&s, sizeof(s), &handlers, &seen), -EBADMSG);
	s = a_sample();
	s.head.exe = 2;
	assert_int_equal(events_dispatch(&s, sizeof(s), &handlers, &seen), -EBADMSG);
	s = a_sample();
	s.head.end = ABI_END_COUNT;
	assert_int_equal(events_dispatch(&s, sizeof(s), &handlers, &seen), -EBADMSG);
	s = a_sample();
	s.head.kind = 99;
	assert_int_equal(events_dispatch(&s, sizeof(s), &handlers, &seen), -EBADMSG);
	s = a_sample();
	assert_int_equal(events_dispatch(&s, sizeof(s) - 1, &handlers, &seen), -EBADMSG);
	assert_int_equal(events_dispatch(&s, 7, &handlers, &seen), -EBADMSG);
	assert_int_equal(seen.samples, 0);
}

static void a_sample_with_a_copied_stack_brings_registers_and_as_much_as_it_says(void **state)
{
	static struct {
		struct whole_sample sample;
		struct arch_regs regs;
		uint8_t stack[ABI_STACK_BYTES_MAX + 8];
	} s;
	const uint32_t whole = offsetof(typeof(s), stack) + 24;
	struct abi_sample *head = &s.sample.head;
	struct seen seen = {};

	(void)state;
	s.sample = a_sample();
	assert_null(events_registers(head));
	head->flags = ABI_SAMPLE_SNAPSHOT;
	assert_int_equal(events_dispatch(&s, sizeof(s), &handlers, &seen), -EBADMSG);
	head->bytes = whole;
	head->stack_bytes = 23;
	assert_int_equal(events_dispatch(&s, sizeof(s), &handlers, &seen), -EBADMSG);
	head->bytes = sizeof(s);
	head->stack_bytes = ABI_STACK_BYTES_MAX + 8;
	assert_int_equal(events_dispatch(&s, sizeof(s), &handlers, &seen), -EBADMSG);
	head->bytes = whole;
	head->stack_bytes = 24;
	head->flags = 0;
	assert_int_equal(events_dispatch(&s, sizeof(s), &handlers, &seen), -EBADMSG);
	assert_int_equal(seen.samples, 0);
	head->flags = ABI_SAMPLE_SNAPSHOT;
	assert_int_equal(events_dispatch(&s, sizeof(s), &handlers, &seen), 0);
	assert_int_equal(seen.samples, 1);
	assert_ptr_equal(events_registers(head), &s.regs);
}

static void an_object_brings_its_path(void **state)
{
	struct {
		struct abi_object head;
		char path[16];
	} o = {.head = {.bytes = sizeof(o.head) + 12, .kind = ABI_RECORD_OBJECT, .path_bytes = 12}};
	struct seen seen = {};

	(void)state;
	memcpy(o.path, "true\0bin\0usr", 13);
	assert_int_equal(events_dispatch(&o, sizeof(o), &handlers, &seen), 0);
	assert_string_equal(seen.path, "/usr/bin/true");
	o.head.path_bytes = 13;
	assert_int_equal(events_dispatch(&o, sizeof(o), &handlers, &seen), -EBADMSG);
	o.head.path_bytes = 12;
	o.head.build_id_bytes = ABI_BUILD_ID_MAX + 1;
	assert_int_equal(events_dispatch(&o, sizeof(o), &handlers, &seen), -EBADMSG);
	assert_int_equal(seen.objects, 1);
}

static void paths_are_turned_around(void **state)
{
	char path[EVENTS_PATH_BYTES];
	char long_one[ABI_PATH_BYTES + 600];

	(void)state;
	events_path("", 0, path);
	assert_string_equal(path, "/");
	events_path("c\0b\0a", 5, path);
	assert_string_equal(path, "/a/b/c");
	events_path("c\0\0a\0", 5, path);
	assert_string_equal(path, "/a/c");
	/* Without an end, and longer than fits: what fits stays whole. */
	memset(long_one, 'x', sizeof(long_one));
	long_one[4] = '\0';
	events_path(long_one, sizeof(long_one), path);
	assert_string_equal(path, "/xxxx");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sample_is_taken_apart),
		cmocka_unit_test(samples_that_lie_about_their_parts_are_refused),
		cmocka_unit_test(
			a_sample_with_a_copied_stack_brings_registers_and_as_much_as_it_says),
		cmocka_unit_test(an_object_brings_its_path),
		cmocka_unit_test(paths_are_turned_around),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
