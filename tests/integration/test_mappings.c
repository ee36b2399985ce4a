/*
 * The mapping walk against the real kernel: no wrong answer, whatever the sampled process does to
 * its own mappings.
 *
 * A thread runs code in a mapping that another thread replaces, splits and unmaps at full speed,
 * sampled at 5 kHz. Every frame that the kernel gives must be a pair that existed: file A at its
 * page, or file B at its. A frame of A with B's offset is a wrong answer.
 */
#include "profiler/collector/bpf_object.h"
#include "profiler/collector/events.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "profiler/collector/sampler.h"
#include "tests/integration/can_sample.h"

#define FREQUENCY_HZ 5000
#define RUN_NS	     3000000000ull
#define PAGES	     32
#define PAGE	     4096ul
#define PAGE_A	     0 /* the page of each file that is run */
#define PAGE_B	     16
#define SAMPLES_MIN  500 /* an emulated machine takes a tenth of what is due */

/* mov %rdi,%rcx; 1: dec %rcx; jnz 1b; ret */
static const uint8_t code[] = {0x48, 0x89, 0xf9, 0x48, 0xff, 0xc9, 0x75, 0xfb, 0xc3};

struct seen {
	uint64_t ino_a, ino_b;
	uint32_t tid;
	uint64_t samples, right, wrong, torn, not_code, elsewhere;
};

struct scene {
	int fd_a, fd_b;
	uint8_t *region; /* where the code is run */
	_Atomic(uint32_t) tid;
	atomic_bool over;
	void (*disturb)(struct scene *);
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int code_file(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, PAGES * PAGE), 0);
	for (unsigned int i = 0; i < PAGES; i++)
		assert_int_equal(pwrite(fd, code, sizeof(code), (off_t)(i * PAGE)), sizeof(code));
	return fd;
}

static uint64_t ino_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static void *run_code(void *arg)
{
	struct scene *scene = arg;

	scene->tid = (uint32_t)syscall(SYS_gettid);
	while (!scene->over) {
		void (*spin)(uint64_t n);

		memcpy(&spin, &scene->region, sizeof(spin));
		spin(20000);
	}
	return NULL;
}

static void *disturb(void *arg)
{
	struct scene *scene = arg;

	while (!scene->over)
		scene->disturb(scene);
	return NULL;
}

static void on_sample(void *ctx, const struct abi_sample *s, const uint64_t *kernel,
		      const struct abi_frame *user, const struct abi_object_ref *objects)
{
	struct seen *seen = ctx;
	const struct abi_object_ref *ref;
	uint64_t page;

	(void)kernel;
	if (s->tid != seen->tid || !(s->flags & ABI_SAMPLE_USER_MODE))
		return;
	seen->samples++;
	if (s->n_user == 0) {
		seen->torn += s->end == ABI_END_MAPPING_TORN;
		seen->not_code += s->end == ABI_END_NOT_CODE;
		return;
	}
	ref = &objects[user[0].object];
	page = user[0].offset / PAGE;
	if (ref->key.ino == seen->ino_a)
		*(page == PAGE_A ? &seen->right : &seen->wrong) += 1;
	else if (ref->key.ino == seen->ino_b)
		*(page == PAGE_B ? &seen->right : &seen->wrong) += 1;
	else
		seen->elsewhere++;
}

static void on_object(void *ctx, const struct abi_object *o, const char *path)
{
	(void)ctx;
	(void)o;
	(void)path;
}

static void on_cgroup(void *ctx, const struct abi_cgroup *c, const char *path)
{
	(void)ctx;
	(void)c;
	(void)path;
}

static void map_fixed(struct scene *scene, int fd, unsigned int page, size_t pages)
{
	void *at = mmap(scene->region, pages * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED,
			fd, (off_t)(page * PAGE));

	if (at != scene->region)
		abort();
}

static struct seen sample_scene(void (*how)(struct scene *))
{
	static const struct events_handlers handlers = {on_sample, on_object, on_cgroup};
	struct bpf_programs_options options = {
		.frequency_hz = FREQUENCY_HZ, .user = true, .filter = true, .filter_allows = true};
	struct abi_filter_key self = {.kind = ABI_FILTER_PID, .id = {(uint32_t)getpid()}};
	struct scene scene = {.fd_a = code_file("a"), .fd_b = code_file("b"), .disturb = how};
	struct seen seen = {.ino_a = ino_of(scene.fd_a), .ino_b = ino_of(scene.fd_b)};
	struct bpf_programs *programs = NULL;
	struct sampler *sampler = NULL;
	struct events *events = NULL;
	pthread_t runner, other;
	uint64_t until;

	scene.region = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(scene.region, MAP_FAILED);
	map_fixed(&scene, scene.fd_a, PAGE_A, 1);
	assert_int_equal(bpf_programs_load(&options, &programs, NULL), 0);
	assert_int_equal(bpf_programs_filter_set(programs, &self, ABI_FILTER_ALLOW), 0);
	assert_int_equal(events_open(bpf_programs_ring_fd(programs), &handlers, &seen, &events), 0);
	assert_int_equal(pthread_create(&runner, NULL, run_code, &scene), 0);
	while (!scene.tid)
		sched_yield();
	seen.tid = scene.tid;
	assert_int_equal(pthread_create(&other, NULL, disturb, &scene), 0);
	assert_int_equal(sampler_start(programs, FREQUENCY_HZ, &sampler, NULL), 0);
	for (until = now_ns() + RUN_NS; now_ns() < until;) {
		assert_true(events_consume(events) >= 0);
		usleep(10000);
	}
	sampler_stop(sampler);
	assert_true(events_consume(events) >= 0);
	assert_int_equal(events_malformed(events), 0);
	scene.over = true;
	pthread_join(runner, NULL);
	pthread_join(other, NULL);
	events_close(events);
	bpf_programs_free(programs);
	munmap(scene.region, PAGES * PAGE);
	close(scene.fd_a);
	close(scene.fd_b);
	print_message("samples %llu right %llu wrong %llu torn %llu not code %llu elsewhere %llu\n",
		      (unsigned long long)seen.samples, (unsigned long long)seen.right,
		      (unsigned long long)seen.wrong, (unsigned long long)seen.torn,
		      (unsigned long long)seen.not_code, (unsigned long long)seen.elsewhere);
	return seen;
}

static void swap_files(struct scene *scene)
{
	map_fixed(scene, scene->fd_b, PAGE_B, 1);
	map_fixed(scene, scene->fd_a, PAGE_A, 1);
}

static void a_mapping_that_is_replaced_gives_no_mixed_pair(void **state)
{
	struct seen seen = sample_scene(swap_files);

	(void)state;
	assert_int_equal(seen.wrong, 0);
	assert_true(seen.samples > SAMPLES_MIN);
	/* Before 6.4 a replacement leaves the address unmapped for a while: half of the samples. */
	assert_true(seen.right > seen.samples / 3);
}

/* Protect a page in the middle and back: the mapping that runs is split and merged. */
static void split_and_merge(struct scene *scene)
{
	static _Thread_local bool mapped;

	if (!mapped)
		map_fixed(scene, scene->fd_a, PAGE_A, PAGES);
	mapped = true;
	mprotect(scene->region + 5 * PAGE, PAGE, PROT_READ);
	mprotect(scene->region + 5 * PAGE, PAGE, PROT_READ | PROT_EXEC);
}

static void a_mapping_that_is_split_and_merged_keeps_its_offsets(void **state)
{
	struct seen seen = sample_scene(split_and_merge);

	(void)state;
	assert_int_equal(seen.wrong, 0);
	assert_true(seen.samples > SAMPLES_MIN);
	assert_true(seen.right > seen.samples / 2);
}

/* Neighbours come and go: the tree is rebuilt around the mapping that runs. */
static void churn_neighbours(struct scene *scene)
{
	void *at[64];

	(void)scene;
	for (unsigned int i = 0; i < 64; i++)
		at[i] = mmap(NULL, PAGE, i % 2 ? PROT_READ | PROT_EXEC : PROT_READ,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (unsigned int i = 0; i < 64; i++)
		munmap(at[i], PAGE);
}

static void neighbours_that_come_and_go_hide_nothing(void **state)
{
	struct seen seen = sample_scene(churn_neighbours);

	(void)state;
	assert_int_equal(seen.wrong, 0);
	assert_true(seen.samples > SAMPLES_MIN);
	assert_true(seen.right >= seen.samples * 97 / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mapping_that_is_replaced_gives_no_mixed_pair),
		cmocka_unit_test(a_mapping_that_is_split_and_merged_keeps_its_offsets),
		cmocka_unit_test(neighbours_that_come_and_go_hide_nothing),
	};

	if (!can_sample())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
