/*
 * Two ways to one answer: frames that the kernel placed by its own walk of the mappings, and frames
 * that left it as addresses and were placed by /proc/PID/maps. A program that runs in its own code,
 * in a deleted file's, in memory without a file and in the vdso is sampled both ways; so each way
 * is the judge of the other, and the text of /proc/PID/maps that of the kernel's.
 */
#include "profiler/base/cleanup.h"
#include "profiler/base/quantity.h"
#include "profiler/collector/bpf_object.h"
#include "profiler/collector/events.h"
#include "profiler/collector/objects.h"
#include "profiler/collector/sampler.h"
#include "profiler/collector/stacks.h"
#include "tests/integration/can_sample.h"
#include "symbolizer/procmaps.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <time.h>
#include <cmocka.h>

#define FREQUENCY_HZ 997
#define SAMPLES	     1500
#define SECONDS_MAX  30 /* until so many are there, on a machine that has other work */
#define PAGE	     4096ul
#define CODE_PAGE    3 /* of the file that has been deleted */
#define PLACES_MAX   256
#define MAPS_MAX     1024
/* A page that one way met so often and the other never: p < 1e-4 where both see the same. */
#define OFTEN	   10
#define DEEP_FILES 80 /* more than a record holds */

/* ---- the program ---- */

/* push %rbp; mov %rsp,%rbp; mov %rdi,%rcx; 1: dec %rcx; jnz 1b; pop %rbp; ret */
static const uint8_t spin_code[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x89, 0xf9,
				    0x48, 0xff, 0xc9, 0x75, 0xfb, 0x5d, 0xc3};
/*
 * push %rbp; mov %rsp,%rbp; mov (%rdi),%rax; test %rax,%rax; je 2f; add $8,%rdi; call *%rax;
 * pop %rbp; ret; 2: mov %rsi,%rcx; 1: dec %rcx; jnz 1b; pop %rbp; ret
 */
static const uint8_t chain_code[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x8b, 0x07, 0x48, 0x85, 0xc0,
				     0x74, 0x08, 0x48, 0x83, 0xc7, 0x08, 0xff, 0xd0, 0x5d, 0xc3,
				     0x48, 0x89, 0xf1, 0x48, 0xff, 0xc9, 0x75, 0xfb, 0x5d, 0xc3};

typedef void (*spin)(uint64_t n);
typedef void (*chain)(const uint64_t *next, uint64_t n);

static uint64_t file_with_code(const char *name, const uint8_t *code, size_t bytes)
{
	int fd = memfd_create(name, MFD_CLOEXEC);
	void *at;

	if (fd < 0 || pwrite(fd, code, bytes, CODE_PAGE * PAGE) != (ssize_t)bytes)
		_exit(1);
	at = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, CODE_PAGE * PAGE);
	if (at == MAP_FAILED)
		_exit(1);
	close(fd);
	return (uint64_t)(uintptr_t)at;
}

static spin memory_with_code(void)
{
	void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	spin function;

	if (at == MAP_FAILED)
		_exit(1);
	memcpy(at, spin_code, sizeof(spin_code));
	mprotect(at, PAGE, PROT_READ | PROT_EXEC);
	memcpy(&function, &at, sizeof(function));
	return function;
}

static __attribute__((noinline)) void spin_here(uint64_t n)
{
	for (volatile uint64_t i = 0; i < n; i = i + 1)
		;
}

static __attribute__((noinline)) void read_clock(unsigned int n)
{
	struct timespec ts;

	for (unsigned int i = 0; i < n; i++)
		clock_gettime(CLOCK_MONOTONIC, &ts);
}

static void tell_ready(void)
{
	if (write(STDOUT_FILENO, "!", 1) != 1)
		_exit(1);
}

static _Noreturn void run_four_places(void)
{
	uint64_t address = file_with_code("deleted", spin_code, sizeof(spin_code));
	spin in_memory = memory_with_code(), in_file;

	memcpy(&in_file, &address, sizeof(in_file));
	tell_ready();
	for (;;) {
		spin_here(50000);
		in_file(150000);
		in_memory(150000);
		read_clock(2000);
	}
}

static _Noreturn void run_deep(void)
{
	uint64_t address[DEEP_FILES + 1] = {};
	char name[16];
	chain first;

	for (unsigned int i = 0; i < DEEP_FILES; i++) {
		snprintf(name, sizeof(name), "deep%u", i);
		address[i] = file_with_code(name, chain_code, sizeof(chain_code));
	}
	memcpy(&first, address, sizeof(first));
	tell_ready();
	for (;;)
		first(address + 1, 100000);
}

static pid_t start(const char *what)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ready[1], STDOUT_FILENO);
		execl("/proc/self/exe", "raw_frames", what, NULL);
		_exit(127);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- sampling it ---- */

struct maps {
	struct procmaps_mapping m[MAPS_MAX];
	char path[MAPS_MAX][128];
	unsigned int n;
};

struct run {
	struct bpf_programs *programs;
	struct objects *objects;
	struct stacks *stacks;
	struct profile *live;
	const struct maps *maps; /* NULL: frames are not held against them */
	bool by_path; /* an overlay: the maps tell another inode than the kernel's */
	uint32_t pid;
	uint64_t samples, frames, raw, wrong;
};

static int take_mapping(void *context, const struct procmaps_mapping *m)
{
	struct maps *maps = context;

	assert_true(maps->n < MAPS_MAX);
	procmaps_path(m, maps->path[maps->n], sizeof(maps->path[0]));
	maps->m[maps->n++] = *m;
	return 0;
}

static void read_maps(pid_t pid, struct maps *ret)
{
	_cleanup_close_ int fd = -1;
	char path[32];

	ret->n = 0;
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(procmaps_each(fd, take_mapping, ret), 0);
}

static bool is_object(const struct run *run, unsigned int i, const struct object *object)
{
	const struct procmaps_mapping *m = &run->maps->m[i];

	switch (object->kind) {
	case PROFILE_OBJECT_FILE:
		if (run->by_path)
			return !strcmp(run->maps->path[i], object->path);
		return m->inode == object->key.ino &&
		       (m->major << 20 | m->minor) == object->key.dev;
	case PROFILE_OBJECT_VDSO:
		return !m->inode && !strcmp(run->maps->path[i], "[vdso]");
	case PROFILE_OBJECT_JIT:
		return !m->inode && !run->maps->path[i][0];
	default:
		return false;
	}
}

/* Whether the process has, executable, what the kernel says the frame lies in. */
static bool is_mapped(const struct run *run, const struct object *object, uint64_t offset)
{
	for (unsigned int i = 0; i < run->maps->n; i++) {
		const struct procmaps_mapping *m = &run->maps->m[i];
		uint64_t from = object->kind == PROFILE_OBJECT_JIT ? m->start : m->offset;

		if (m->perms & PROCMAPS_EXEC && is_object(run, i, object) && offset >= from &&
		    offset - from < m->end - m->start)
			return true;
	}
	return false;
}

static void on_sample(void *ctx, const struct abi_sample *s, const uint64_t *kernel,
		      const struct abi_frame *user, const struct abi_object_ref *refs)
{
	struct run *run = ctx;
	int64_t stack;

	if (s->pid != run->pid)
		return;
	run->samples++;
	stack = stacks_of(run->stacks, s, kernel, user, refs, run->live);
	assert_true(stack >= 0);
	assert_true(profile_add_sample(run->live, 0, (uint32_t)stack, 0, 1) >= 0);
	for (unsigned int i = 0; i < s->n_user; i++) {
		const struct abi_object_ref *ref = &refs[user[i].object];

		run->frames++;
		run->raw += ref->kind == ABI_OBJECT_RAW;
		if (!run->maps || ref->kind == ABI_OBJECT_RAW)
			continue;
		if (!is_mapped(run, objects_of_ref(run->objects, s, ref, s->time_ns),
			       user[i].offset))
			run->wrong++;
	}
}

static void on_object(void *ctx, const struct abi_object *o, const char *path)
{
	struct run *run = ctx;

	objects_describe(run->objects, o, path, quantity_monotonic_ns());
}

static void on_cgroup(void *ctx, const struct abi_cgroup *c, const char *path)
{
	(void)ctx;
	(void)c;
	(void)path;
}

static bool executable_is_on_an_overlay(void)
{
	struct statfs fs;

	return statfs("/proc/self/exe", &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC;
}

static void sample(pid_t pid, bool raw, const struct maps *maps, struct run *ret)
{
	static const struct events_handlers handlers = {on_sample, on_object, on_cgroup};
	const struct bpf_programs_options options = {.frequency_hz = FREQUENCY_HZ,
						     .user = true,
						     .filter = true,
						     .filter_allows = true,
						     .raw = raw};
	struct abi_filter_key key = {.kind = ABI_FILTER_PID, .id = {(uint32_t)pid}};
	const struct profile_labels none = {};
	struct sampler *sampler = NULL;
	struct events *events = NULL;
	uint64_t until = quantity_monotonic_ns() + SECONDS_MAX * 1000000000ull;

	*ret = (struct run){
		.maps = maps, .by_path = executable_is_on_an_overlay(), .pid = (uint32_t)pid};
	assert_int_equal(bpf_programs_load(&options, &ret->programs, NULL), 0);
	assert_int_equal(bpf_programs_walks_mappings(ret->programs), !raw);
	assert_int_equal(bpf_programs_filter_set(ret->programs, &key, ABI_FILTER_ALLOW), 0);
	assert_int_equal(objects_new(ret->programs, NULL, NULL, &ret->objects), 0);
	assert_int_equal(stacks_new(ret->objects, &ret->stacks), 0);
	assert_int_equal(profile_new(true, &ret->live), 0);
	assert_int_equal(profile_labels(ret->live, &none), 0);
	assert_int_equal(events_open(bpf_programs_ring_fd(ret->programs), &handlers, ret, &events),
			 0);
	assert_int_equal(sampler_start(ret->programs, FREQUENCY_HZ, &sampler, NULL), 0);
	while (ret->samples < SAMPLES && quantity_monotonic_ns() < until) {
		assert_true(events_consume(events) >= 0);
		usleep(50000);
	}
	sampler_stop(sampler);
	assert_true(events_consume(events) >= 0);
	assert_int_equal(events_malformed(events), 0);
	events_close(events);
	assert_true(ret->samples >= SAMPLES);
}

static void run_done(struct run *run)
{
	stacks_free(run->stacks);
	objects_free(run->objects);
	profile_free(run->live);
	bpf_programs_free(run->programs);
}

/* ---- what came of it ---- */

/* A page of an object, and how many frames lay in it. */
struct place {
	enum profile_object_kind kind;
	const char *path;
	uint64_t page;
	uint64_t frames;
};

struct places {
	struct place place[PLACES_MAX];
	unsigned int n;
	uint64_t unknown;
};

static uint64_t frames_in(const struct places *p, enum profile_object_kind kind, const char *path,
			  uint64_t page)
{
	for (unsigned int i = 0; i < p->n; i++)
		if (p->place[i].kind == kind && p->place[i].page == page &&
		    !strcmp(p->place[i].path, path))
			return p->place[i].frames;
	return 0;
}

static void add_frame(struct places *p, const struct profile *live, uint32_t location, uint64_t n)
{
	const struct profile_location *l = &live->locations[location];
	const struct profile_object *o = &live->objects[l->object];
	struct place place = {.kind = o->kind,
			      .path = live->text + live->string_offset[o->path],
			      .page = l->offset / PAGE};

	if (o->kind == PROFILE_OBJECT_INCOMPLETE)
		return;
	if (o->kind == PROFILE_OBJECT_UNKNOWN) {
		p->unknown += n;
		return;
	}
	for (unsigned int i = 0; i < p->n; i++) {
		if (p->place[i].kind == place.kind && p->place[i].page == place.page &&
		    !strcmp(p->place[i].path, place.path)) {
			p->place[i].frames += n;
			return;
		}
	}
	assert_true(p->n < PLACES_MAX);
	place.frames = n;
	p->place[p->n++] = place;
}

static void places_of(const struct profile *live, struct places *ret)
{
	*ret = (struct places){};
	for (uint32_t i = 0; i < live->n_samples; i++)
		for (uint32_t at = live->samples[i].stack; at; at = live->stacks[at].parent)
			add_frame(ret, live, live->stacks[at].location, live->samples[i].count);
}

static void print_places(const char *what, const struct run *run, const struct places *p)
{
	print_message("%s: %" PRIu64 " samples, %" PRIu64 " frames, %" PRIu64 " raw, %" PRIu64
		      " unknown\n",
		      what, run->samples, run->frames, run->raw, p->unknown);
	for (unsigned int i = 0; i < p->n && p->n < 32; i++)
		print_message("  %8" PRIu64 " %s page 0x%" PRIx64 "\n", p->place[i].frames,
			      p->place[i].path, p->place[i].page);
}

/* Everything that a met often, b met too. */
static void assert_met(const struct places *a, const struct places *b)
{
	for (unsigned int i = 0; i < a->n; i++) {
		const struct place *p = &a->place[i];

		if (p->frames >= OFTEN && !frames_in(b, p->kind, p->path, p->page))
			fail_msg("%s page 0x%" PRIx64 ": %" PRIu64
				 " frames one way, none the other",
				 p->path, p->page, p->frames);
	}
}

/* Where our own function lies in our own file, by our own maps. */
static uint64_t page_of_spin_here(struct maps *maps)
{
	uint64_t address = (uint64_t)(uintptr_t)spin_here;

	read_maps(getpid(), maps);
	for (unsigned int i = 0; i < maps->n; i++)
		if (maps->m[i].start <= address && address < maps->m[i].end)
			return (address - maps->m[i].start + maps->m[i].offset) / PAGE;
	fail();
	return 0;
}

static void both_ways_place_frames_alike(void **state)
{
	_cleanup_free_ struct maps *maps = calloc(1, sizeof(*maps));
	uint64_t own_page = page_of_spin_here(maps);
	pid_t pid = start("four-places");
	struct places walked, placed;
	struct run walk, raw;
	char exe[4096] = "";

	(void)state;
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	read_maps(pid, maps);
	sample(pid, false, maps, &walk);
	sample(pid, true, NULL, &raw);
	end(pid);
	places_of(walk.live, &walked);
	places_of(raw.live, &placed);
	print_places("kernel walk", &walk, &walked);
	print_places("raw frames", &raw, &placed);
	/* What the kernel walk says is there, and it says what the program does. */
	assert_int_equal(walk.wrong, 0);
	assert_int_equal(walk.raw, 0);
	assert_int_equal(walked.unknown, 0);
	assert_true(frames_in(&walked, PROFILE_OBJECT_FILE, exe, own_page) > SAMPLES / 20);
	assert_true(frames_in(&walked, PROFILE_OBJECT_FILE, "/memfd:deleted", CODE_PAGE) >
		    SAMPLES / 20);
	/* And raw frames end where it does. */
	assert_int_equal(raw.raw, raw.frames);
	assert_true(raw.frames > raw.samples);
	assert_met(&walked, &placed);
	assert_met(&placed, &walked);
	run_done(&walk);
	run_done(&raw);
}

static void files_that_no_record_holds_are_placed_all_the_same(void **state)
{
	pid_t pid = start("deep");
	struct places places;
	struct run run;
	char path[32];

	(void)state;
	sample(pid, false, NULL, &run);
	end(pid);
	places_of(run.live, &places);
	print_places("deep", &run, &places);
	assert_true(run.raw > 0);
	assert_int_equal(places.unknown, 0);
	for (unsigned int i = 0; i < DEEP_FILES; i++) {
		snprintf(path, sizeof(path), "/memfd:deep%u", i);
		assert_true(frames_in(&places, PROFILE_OBJECT_FILE, path, CODE_PAGE) >=
			    run.samples * 9 / 10);
	}
	/* And nothing in between: no page of a file but those that are run. */
	for (unsigned int i = 0; i < places.n; i++)
		if (!strncmp(places.place[i].path, "/memfd:deep", 11))
			assert_int_equal(places.place[i].page, CODE_PAGE);
	run_done(&run);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_place_frames_alike),
		cmocka_unit_test(files_that_no_record_holds_are_placed_all_the_same),
	};

	if (argc > 1)
		strcmp(argv[1], "deep") ? run_four_places() : run_deep();
	if (!can_sample())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
