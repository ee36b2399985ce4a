/*
 * Addresses of real processes, this one and its children, placed by /proc/PID/maps. Time is the
 * test's own; start_ns 0 is any process of that pid.
 */
#include "profiler/collector/mappings.h"

#include "profiler/base/cleanup.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

#define PAGE	 4096ul
#define SECOND	 1000000000ull
#define LATER	 (MAPPINGS_AGAIN_NS + 1)
#define CHILDREN 20
#define NOWHERE	 0x1000ul /* below vm.mmap_min_addr */

struct fixture {
	struct objects *objects;
	struct mappings *mappings;
	struct abi_sample sample;
	uint32_t exe;
	uint64_t now_ns;
	uint64_t offset; /* of the last address */
};

static struct fixture fixture_new(const struct mappings_limits *limits)
{
	struct fixture f = {.now_ns = SECOND, .sample = {.pid = (uint32_t)getpid()}};

	assert_int_equal(objects_new(NULL, NULL, NULL, &f.objects), 0);
	assert_int_equal(mappings_new(f.objects, limits, &f.mappings), 0);
	return f;
}

static void fixture_done(struct fixture *f)
{
	mappings_free(f->mappings);
	objects_free(f->objects);
}

static const struct object *place(struct fixture *f, const void *address)
{
	const struct object *object;

	f->sample.time_ns = f->now_ns;
	object = mappings_place(f->mappings, &f->sample, f->exe, (uint64_t)(uintptr_t)address,
				f->now_ns, &f->offset);
	assert_non_null(object);
	return object;
}

static uint64_t readings(const struct fixture *f)
{
	return mappings_counts(f->mappings).readings;
}

static uint8_t *map(size_t bytes, int prot, int flags, int fd, off_t offset)
{
	uint8_t *at = mmap(NULL, bytes, prot, MAP_PRIVATE | flags, fd, offset);

	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

static uint8_t *jit_page(void)
{
	return map(PAGE, PROT_READ | PROT_EXEC, MAP_ANONYMOUS, -1, 0);
}

static pid_t waiting_child(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int file_of_pages(const char *name, unsigned int pages)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)(pages * PAGE)), 0);
	return fd;
}

static void an_address_in_a_file_becomes_its_offset_there(void **state)
{
	_cleanup_close_ int fd = file_of_pages("code\nof two lines", 8);
	uint8_t *at = map(2 * PAGE, PROT_READ | PROT_EXEC, 0, fd, 5 * PAGE);
	struct fixture f = fixture_new(NULL);
	const struct object *object = place(&f, at + PAGE + 3);
	struct stat st;

	(void)state;
	assert_int_equal(object->kind, PROFILE_OBJECT_FILE);
	assert_string_equal(object->path, "/memfd:code\nof two lines");
	assert_int_equal(f.offset, 6 * PAGE + 3);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(object->key.ino, st.st_ino);
	/* Its owner is read by a privileged process only; else the file is nobody's word. */
	assert_int_equal(object->domain != UINT32_MAX - 1, object->key.size != 0);
	if (object->key.size)
		assert_int_equal(object->key.size, 8 * PAGE);
	/* The ends belong to it, their neighbours do not. */
	assert_ptr_equal(place(&f, at), object);
	assert_int_equal(f.offset, 5 * PAGE);
	assert_ptr_equal(place(&f, at + 2 * PAGE - 1), object);
	assert_int_equal(readings(&f), 1);
	munmap(at, 2 * PAGE);
	fixture_done(&f);
}

static void the_vdso_and_memory_without_a_file_are_told_apart(void **state)
{
	const uint8_t *vdso = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
	uint8_t *jit = jit_page();
	struct fixture f = fixture_new(NULL);

	(void)state;
	if (vdso) {
		assert_int_equal(place(&f, vdso + 0x123)->kind, PROFILE_OBJECT_VDSO);
		assert_int_equal(f.offset, 0x123);
	}
	assert_int_equal(place(&f, jit + 5)->kind, PROFILE_OBJECT_JIT);
	assert_int_equal(f.offset, (uint64_t)(uintptr_t)(jit + 5));
	munmap(jit, PAGE);
	fixture_done(&f);
}

static void what_is_not_executable_is_unknown(void **state)
{
	uint8_t *data = map(PAGE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS, -1, 0);
	struct fixture f = fixture_new(NULL);

	(void)state;
	assert_int_equal(place(&f, data)->kind, PROFILE_OBJECT_UNKNOWN);
	assert_string_equal(place(&f, data)->path, "[unknown]");
	assert_int_equal(f.offset, (uint64_t)(uintptr_t)data);
	assert_int_equal(place(&f, (void *)NOWHERE)->kind, PROFILE_OBJECT_UNKNOWN);
	assert_int_equal(place(&f, (void *)UINTPTR_MAX)->kind, PROFILE_OBJECT_UNKNOWN);
	munmap(data, PAGE);
	fixture_done(&f);
}

static void a_file_that_the_kernel_described_is_the_same_object(void **state)
{
	_cleanup_close_ int fd = file_of_pages("described", 1);
	uint8_t *at = map(PAGE, PROT_READ | PROT_EXEC, 0, fd, 0);
	struct fixture f = fixture_new(NULL), other = fixture_new(NULL);
	struct abi_object described = {.key = place(&f, at)->key};
	const struct object *object;

	(void)state;
	described.key.generation = 77;
	object = objects_describe(other.objects, &described, "/as/described", SECOND);
	assert_ptr_equal(place(&other, at), object);
	assert_int_equal(objects_count(other.objects), 1);
	/* Another in any other part of the key. */
	described.key.size++;
	assert_ptr_not_equal(objects_describe(f.objects, &described, "/other", SECOND), NULL);
	assert_string_equal(place(&f, at)->path, "/memfd:described");
	munmap(at, PAGE);
	fixture_done(&f);
	fixture_done(&other);
}

static void a_miss_reads_again_after_a_while(void **state)
{
	struct fixture f = fixture_new(NULL);
	uint8_t *late;

	(void)state;
	place(&f, (void *)NOWHERE);
	late = jit_page();
	f.now_ns += MAPPINGS_AGAIN_NS - 1;
	assert_int_equal(place(&f, late)->kind, PROFILE_OBJECT_UNKNOWN);
	assert_int_equal(readings(&f), 1);
	f.now_ns += 1;
	assert_int_equal(place(&f, late)->kind, PROFILE_OBJECT_JIT);
	assert_int_equal(readings(&f), 2);
	f.now_ns += SECOND;
	assert_int_equal(place(&f, late)->kind, PROFILE_OBJECT_JIT);
	assert_int_equal(readings(&f), 2);
	munmap(late, PAGE);
	fixture_done(&f);
}

static void a_sample_of_before_the_reading_does_not_ask_for_another(void **state)
{
	struct fixture f = fixture_new(NULL);

	(void)state;
	place(&f, (void *)NOWHERE);
	f.sample.time_ns = f.now_ns;
	mappings_place(f.mappings, &f.sample, 0, NOWHERE, f.now_ns + 10 * SECOND, &f.offset);
	assert_int_equal(readings(&f), 1);
	fixture_done(&f);
}

static void misses_that_find_nothing_read_ever_more_rarely(void **state)
{
	struct fixture f = fixture_new(NULL);
	uint64_t first;

	(void)state;
	for (uint64_t end_ns = f.now_ns + 10 * SECOND; f.now_ns < end_ns; f.now_ns += SECOND / 100)
		place(&f, (void *)NOWHERE);
	first = readings(&f);
	/* At 0, then 0.1, 0.3, 0.7, 1.5, 3.1, 6.3, 9.5 seconds. */
	assert_in_range(first, 7, 9);
	for (uint64_t end_ns = f.now_ns + 32 * SECOND; f.now_ns < end_ns; f.now_ns += SECOND / 100)
		place(&f, (void *)NOWHERE);
	assert_in_range(readings(&f) - first, 9, 11);
	fixture_done(&f);
}

static void a_process_of_another_start_has_no_mappings(void **state)
{
	uint8_t *jit = jit_page();
	struct fixture f = fixture_new(NULL);

	(void)state;
	assert_int_equal(place(&f, jit)->kind, PROFILE_OBJECT_JIT);
	f.sample.start_ns = 1; /* the first of this boot */
	assert_int_equal(place(&f, jit)->kind, PROFILE_OBJECT_UNKNOWN);
	assert_int_equal(mappings_counts(f.mappings).processes, 2);
	munmap(jit, PAGE);
	fixture_done(&f);
}

static void a_process_that_has_ended_keeps_what_was_read(void **state)
{
	uint8_t *jit = jit_page();
	struct fixture f = fixture_new(NULL);
	pid_t child = waiting_child();

	(void)state;
	f.sample.pid = (uint32_t)child;
	assert_int_equal(place(&f, jit)->kind, PROFILE_OBJECT_JIT);
	end(child);
	f.now_ns += LATER;
	assert_int_equal(place(&f, (void *)NOWHERE)->kind, PROFILE_OBJECT_UNKNOWN);
	assert_int_equal(readings(&f), 2);
	assert_int_equal(place(&f, jit)->kind, PROFILE_OBJECT_JIT);
	munmap(jit, PAGE);
	fixture_done(&f);
}

static void another_executable_reads_at_once(void **state)
{
	struct fixture f = fixture_new(NULL);
	uint8_t *jit = jit_page();

	(void)state;
	f.exe = 1;
	assert_int_equal(place(&f, jit)->kind, PROFILE_OBJECT_JIT);
	munmap(jit, PAGE);
	f.now_ns++;
	/* Nothing tells that it has gone, until the process runs another file. */
	assert_int_equal(place(&f, jit)->kind, PROFILE_OBJECT_JIT);
	f.exe = 2;
	assert_int_equal(place(&f, jit)->kind, PROFILE_OBJECT_UNKNOWN);
	assert_int_equal(readings(&f), 2);
	/* A late sample of before the exec does not bring the old ones back. */
	jit = jit_page();
	f.exe = 1;
	f.sample.time_ns = f.now_ns - 1;
	assert_int_equal(mappings_place(f.mappings, &f.sample, f.exe, (uint64_t)(uintptr_t)jit,
					f.now_ns, &f.offset)
				 ->kind,
			 PROFILE_OBJECT_UNKNOWN);
	assert_int_equal(readings(&f), 2);
	munmap(jit, PAGE);
	fixture_done(&f);
}

static void the_process_not_met_for_longest_is_forgotten(void **state)
{
	const struct mappings_limits limits = {.processes = 2, .of_process = 100, .bytes = 1 << 20};
	struct fixture f = fixture_new(&limits);
	pid_t child[3];

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		child[i] = waiting_child();
		f.sample.pid = (uint32_t)child[0];
		place(&f, (void *)NOWHERE); /* met again and again */
		f.sample.pid = (uint32_t)child[i];
		place(&f, (void *)NOWHERE);
		assert_in_range(mappings_counts(f.mappings).processes, 1, 2);
	}
	assert_int_equal(readings(&f), 3);
	f.sample.pid = (uint32_t)child[0];
	place(&f, (void *)NOWHERE);
	assert_int_equal(readings(&f), 3);
	f.sample.pid = (uint32_t)child[1];
	place(&f, (void *)NOWHERE);
	assert_int_equal(readings(&f), 4);
	for (unsigned int i = 0; i < 3; i++)
		end(child[i]);
	fixture_done(&f);
}

static void mappings_past_the_limits_are_left_out_and_counted(void **state)
{
	const struct mappings_limits few = {.processes = 2, .of_process = 2, .bytes = 1 << 20};
	const struct mappings_limits small = {.processes = 2, .of_process = 100, .bytes = 2048};
	struct fixture f = fixture_new(&few);
	uint64_t all = 0;

	(void)state;
	place(&f, (void *)NOWHERE);
	all = mappings_counts(f.mappings).left_out + few.of_process;
	assert_true(all > few.of_process); /* libc, the loader, the vdso and this program */
	fixture_done(&f);
	f = fixture_new(&small);
	place(&f, (void *)NOWHERE);
	assert_int_equal(mappings_counts(f.mappings).left_out, all);
	assert_true(mappings_counts(f.mappings).bytes <= small.bytes);
	fixture_done(&f);
}

static void others_leave_where_all_together_are_too_large(void **state)
{
	struct mappings_limits limits = {.processes = 100, .of_process = 100, .bytes = 1 << 20};
	struct fixture f = fixture_new(&limits);
	uint8_t *jit = jit_page();
	pid_t child[CHILDREN];
	size_t one;

	(void)state;
	place(&f, jit);
	one = mappings_counts(f.mappings).bytes;
	assert_true(one > 0);
	fixture_done(&f);
	/* Each may have a sixteenth: as many fit, the others have to leave. */
	limits.bytes = 16 * one;
	f = fixture_new(&limits);
	for (unsigned int i = 0; i < CHILDREN; i++) {
		child[i] = waiting_child();
		f.sample.pid = (uint32_t)child[i];
		assert_int_equal(place(&f, jit)->kind, PROFILE_OBJECT_JIT);
		assert_true(mappings_counts(f.mappings).bytes <= limits.bytes);
	}
	assert_int_equal(mappings_counts(f.mappings).processes, 16);
	/* The last ones stayed. */
	assert_int_equal(place(&f, jit)->kind, PROFILE_OBJECT_JIT);
	assert_int_equal(readings(&f), CHILDREN);
	for (unsigned int i = 0; i < CHILDREN; i++)
		end(child[i]);
	munmap(jit, PAGE);
	fixture_done(&f);
}

static void mappings_are_listed_for_a_walk_with_their_objects(void **state)
{
	static struct snapshot_mapping list[SNAPSHOT_MAPPINGS_MAX];
	struct fixture f = fixture_new(NULL);
	uint64_t here = (uint64_t)(uintptr_t)fixture_new;
	const struct object *object = place(&f, (void *)(uintptr_t)here);
	uint32_t n = mappings_list(f.mappings, &f.sample, 0, here, f.now_ns, list,
				   SNAPSHOT_MAPPINGS_MAX);
	bool vdso = false, found = false;

	(void)state;
	assert_in_range(n, 2, SNAPSHOT_MAPPINGS_MAX);
	for (uint32_t i = 0; i < n; i++) {
		assert_true(list[i].start < list[i].end && list[i].end <= 1ull << 48);
		assert_true(i == 0 || list[i - 1].end <= list[i].start);
		vdso |= list[i].file == SNAPSHOT_FILE_VDSO;
		if (here < list[i].start || here >= list[i].end)
			continue;
		found = true;
		assert_int_equal(list[i].file, object->number);
		assert_int_equal(here - list[i].start + list[i].offset, f.offset);
	}
	assert_true(found);
	assert_int_equal(vdso, getauxval(AT_SYSINFO_EHDR) != 0);
	assert_int_equal(mappings_list(f.mappings, &f.sample, 0, here, f.now_ns, list, 1), 1);
	fixture_done(&f);
}

static bool lists(struct fixture *f, const void *address)
{
	static struct snapshot_mapping list[SNAPSHOT_MAPPINGS_MAX];
	uint64_t here = (uint64_t)(uintptr_t)fixture_new, wanted = (uint64_t)(uintptr_t)address;
	uint32_t n;

	f->sample.time_ns = f->now_ns;
	n = mappings_list(f->mappings, &f->sample, 0, here, f->now_ns, list, SNAPSHOT_MAPPINGS_MAX);
	for (uint32_t i = 0; i < n; i++)
		if (list[i].start <= wanted && wanted < list[i].end)
			return true;
	return false;
}

static void what_a_walk_missed_is_read_again_after_a_while(void **state)
{
	struct fixture f = fixture_new(NULL);
	uint8_t *jit;

	(void)state;
	assert_true(lists(&f, (void *)fixture_new));
	jit = jit_page();
	f.now_ns += LATER;
	assert_false(lists(&f, jit)); /* nobody has missed it */
	mappings_missed(f.mappings, &f.sample);
	f.now_ns += 1;
	assert_true(lists(&f, jit));
	/* The sample of before that reading says nothing of it. */
	f.sample.time_ns = f.now_ns;
	mappings_missed(f.mappings, &f.sample);
	f.now_ns += LATER;
	assert_true(lists(&f, jit));
	assert_int_equal(readings(&f), 2);
	munmap(jit, PAGE);
	fixture_done(&f);
}

static void a_walk_that_finds_nothing_new_reads_ever_more_rarely(void **state)
{
	struct fixture f = fixture_new(NULL);

	(void)state;
	lists(&f, (void *)NOWHERE);
	for (int i = 0; i < 600; i++) { /* a minute */
		f.now_ns += LATER;
		lists(&f, (void *)NOWHERE);
		mappings_missed(f.mappings, &f.sample);
	}
	assert_in_range(readings(&f), 10, 30);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_in_a_file_becomes_its_offset_there),
		cmocka_unit_test(the_vdso_and_memory_without_a_file_are_told_apart),
		cmocka_unit_test(what_is_not_executable_is_unknown),
		cmocka_unit_test(a_file_that_the_kernel_described_is_the_same_object),
		cmocka_unit_test(a_miss_reads_again_after_a_while),
		cmocka_unit_test(a_sample_of_before_the_reading_does_not_ask_for_another),
		cmocka_unit_test(misses_that_find_nothing_read_ever_more_rarely),
		cmocka_unit_test(a_process_of_another_start_has_no_mappings),
		cmocka_unit_test(a_process_that_has_ended_keeps_what_was_read),
		cmocka_unit_test(another_executable_reads_at_once),
		cmocka_unit_test(the_process_not_met_for_longest_is_forgotten),
		cmocka_unit_test(mappings_past_the_limits_are_left_out_and_counted),
		cmocka_unit_test(others_leave_where_all_together_are_too_large),
		cmocka_unit_test(what_a_walk_missed_is_read_again_after_a_while),
		cmocka_unit_test(a_walk_that_finds_nothing_new_reads_ever_more_rarely),
		cmocka_unit_test(mappings_are_listed_for_a_walk_with_their_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
