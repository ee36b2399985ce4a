/*
 * Resolve on the real kernel: real files, real workers in their jail, and what happens when they
 * die.
 *
 * Workers are this program again, so this program is the symbolizer worker as well: see main().
 */
#include "profiler/base/cleanup.h"
#include "profiler/jail/open_for.h"
#include "profiler/jail/worker.h"
#include "profiler/resolve/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ANSWER_MS   30000 /* a loaded machine; nothing is measured by it */
#define PATIENCE_MS 700 /* of resolve, where a test waits for it to run out */
#define OTHER_UID   12345
#define COPY	    "/tmp/hearth-resolve-copy"
#define NOT_ELF	    "/tmp/hearth-resolve-text"

void a_function_to_be_named(void);
__attribute__((noinline)) void a_function_to_be_named(void)
{
	__asm__ volatile("");
}

/* ---- what was answered ---- */

#define SEEN_OBJECTS 64

struct seen {
	struct {
		unsigned int named, nameless, identified, failed;
		int error;
		char sentence[256], function[256];
	} object[SEEN_OBJECTS];
	struct resolve *forget_at_once; /* on the first answer of an object, forget it */
};

static void on_named(void *ctx, uint32_t object, uint64_t offset, const struct resolve_line *lines,
		     uint32_t n)
{
	struct seen *s = ctx;

	(void)offset;
	if (n) {
		s->object[object].named++;
		snprintf(s->object[object].function, sizeof(s->object[object].function), "%s",
			 lines[n - 1].function);
	} else {
		s->object[object].nameless++;
	}
	if (s->forget_at_once)
		resolve_forget(s->forget_at_once, object);
}

static void on_identified(void *ctx, uint32_t object, const uint8_t *build_id, uint32_t bytes)
{
	struct seen *s = ctx;

	s->object[object].identified += bytes > 0 && build_id;
}

static void on_failed(void *ctx, uint32_t object, int error, const char *sentence)
{
	struct seen *s = ctx;

	s->object[object].failed++;
	s->object[object].error = error;
	snprintf(s->object[object].sentence, sizeof(s->object[object].sentence), "%s", sentence);
}

static const struct resolve_answers to_seen = {on_named, on_identified, on_failed};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Take answers until none is awaited. */
static void take_all(struct resolve *r, struct seen *s)
{
	uint64_t until = now_ms() + ANSWER_MS;
	struct pollfd p = {.fd = resolve_fd(r), .events = POLLIN};

	while (resolve_pending(r)) {
		assert_true(now_ms() < until);
		poll(&p, 1, 100);
		resolve_take(r, &to_seen, s, 0);
	}
	resolve_take(r, &to_seen, s, 0);
}

/* ---- what is asked ---- */

static struct resolve *new_resolve(unsigned int request_ms)
{
	struct resolve_options options = {.sandbox = true, .request_ms = request_ms};
	struct resolve *r = NULL;
	struct err err = {};

	if (resolve_new(&options, &r, &err) < 0)
		fail_msg("%s", err.text);
	return r;
}

static struct resolve_object file_object(uint32_t number, const char *path)
{
	struct resolve_object o = {.object = number, .kind = RESOLVE_FILE, .path = path};
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	o.key = (struct abi_file_key){
		.dev = major(st.st_dev) << 20 | minor(st.st_dev),
		.ino = st.st_ino,
		.mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec,
		.size = (uint64_t)st.st_size,
	};
	o.domain = open_for_domain(st.st_uid, st.st_mode);
	return o;
}

static int find_program(struct dl_phdr_info *info, size_t size, void *data)
{
	uint64_t *address = data;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD && *address >= start && *address < start + p->p_memsz) {
			*address += p->p_offset - start;
			return 1;
		}
	}
	return 0;
}

/* Where our function stands in the file that we run. */
static uint64_t function_offset(void)
{
	uint64_t address = (uintptr_t)a_function_to_be_named;

	assert_int_equal(dl_iterate_phdr(find_program, &address), 1);
	return address;
}

static char self[4096];

static void ask_function(struct resolve *r, uint32_t object)
{
	uint64_t offset = function_offset();

	assert_int_equal(resolve_ask(r, object, &offset, 1), 0);
}

static void announce_self(struct resolve *r, uint32_t object)
{
	struct resolve_object o = file_object(object, self);

	assert_int_equal(resolve_announce(r, &o), 0);
}

static void copy_self(const char *to, uid_t owner)
{
	_cleanup_close_ int from = open(self, O_RDONLY);
	_cleanup_close_ int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	char bytes[65536];
	ssize_t n;

	while ((n = read(from, bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(fd, bytes, (size_t)n), n);
	assert_int_equal(fchown(fd, owner, owner), 0);
}

static void assert_named(const struct seen *s, uint32_t object)
{
	if (s->object[object].failed)
		fail_msg("object %u failed: %s", object, s->object[object].sentence);
	assert_int_equal(s->object[object].named, 1);
	assert_string_equal(s->object[object].function, "a_function_to_be_named");
}

/* ---- names ---- */

static void a_function_of_a_file_is_named_and_the_file_identified(void **state)
{
	struct resolve *r = new_resolve(0);
	struct seen s = {};

	(void)state;
	announce_self(r, 1);
	ask_function(r, 1);
	take_all(r, &s);
	assert_named(&s, 1);
	assert_int_equal(s.object[1].identified, 1);
	ask_function(r, 1);
	take_all(r, &s);
	assert_int_equal(s.object[1].named, 2);
	assert_int_equal(s.object[1].identified, 1); /* once */
	resolve_free(r);
}

/* A function of the kernel, offsets from _text, by the kernel's own table. */
static uint64_t kernel_offset(const char *name)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/kallsyms", "r");
	unsigned long long address, text = 0, found = 0;
	char symbol[512], type;

	assert_non_null(f);
	while ((!text || !found) &&
	       fscanf(f, "%llx %c %511s%*[^\n]", &address, &type, symbol) == 3) {
		if (strcmp(symbol, "_text") == 0)
			text = address;
		if (strcmp(symbol, name) == 0)
			found = address;
	}
	assert_true(found > text);
	return found - text;
}

static void the_kernel_and_the_vdso_are_named(void **state)
{
	struct resolve_object kernel = {
		.object = 1, .kind = RESOLVE_KERNEL, .path = "[kernel.kallsyms]"};
	struct resolve_object vdso = {.object = 2, .kind = RESOLVE_VDSO, .path = "[vdso]"};
	struct resolve_object module = {
		.object = 3, .kind = RESOLVE_MODULE, .path = "no_such_module", .base = 4096};
	uint64_t in_kernel = kernel_offset("vfs_read") + 4, nothing = 0;
	struct resolve *r = new_resolve(0);
	struct seen s = {};

	(void)state;
	resolve_announce(r, &module);
	resolve_announce(r, &kernel);
	resolve_announce(r, &vdso);
	resolve_ask(r, 3, &nothing,
		    1); /* a module first: the worker needs the kernel for it all the same */
	resolve_ask(r, 1, &in_kernel, 1);
	resolve_ask(r, 2, &nothing, 1);
	take_all(r, &s);
	assert_string_equal(s.object[1].function, "vfs_read");
	assert_int_equal(s.object[2].failed, 0);
	assert_int_equal(s.object[3].error, -ENOENT);
	resolve_free(r);
}

static void every_offset_is_answered_exactly_once(void **state)
{
	enum { MANY = 5 * 1000 };
	static uint64_t offsets[MANY];
	struct resolve *r = new_resolve(0);
	struct seen s = {};

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		offsets[i] = function_offset() + i;
	announce_self(r, 1);
	assert_int_equal(resolve_ask(r, 1, offsets, MANY), 0);
	take_all(r, &s);
	assert_int_equal(s.object[1].named + s.object[1].nameless, MANY);
	assert_true(s.object[1].named > MANY / 2);
	resolve_free(r);
}

static void answers_come_in_the_portions_that_are_asked_for(void **state)
{
	uint64_t offsets[10] = {};
	struct resolve *r = new_resolve(0);
	struct seen s = {};
	unsigned int total = 0;

	(void)state;
	announce_self(r, 1);
	resolve_ask(r, 1, offsets, 10);
	while (resolve_pending(r)) {
		int n = resolve_take(r, &to_seen, &s, 3);

		assert_in_range(n, 0, 3);
		total += (unsigned int)n;
		if (!n)
			usleep(1000);
	}
	assert_int_equal(total, 11); /* ten offsets, one identity */
	resolve_free(r);
}

/* ---- what is not a file to be named ---- */

static void what_is_no_elf_file_is_set_aside_and_others_are_not(void **state)
{
	struct resolve *r = new_resolve(0);
	struct resolve_object o;
	struct seen s = {};
	FILE *f = fopen(NOT_ELF, "w");

	(void)state;
	fputs("not an ELF file, but long enough that somebody may look at more than its head\n", f);
	fclose(f);
	o = file_object(1, NOT_ELF);
	resolve_announce(r, &o);
	announce_self(r, 2);
	ask_function(r, 1);
	ask_function(r, 2);
	take_all(r, &s);
	assert_int_equal(s.object[1].failed, 1);
	assert_int_equal(s.object[1].error, -EBADMSG);
	assert_int_equal(s.object[1].nameless, 1);
	assert_named(&s, 2);
	ask_function(r, 1); /* again: answered at once, not told again */
	take_all(r, &s);
	assert_int_equal(s.object[1].nameless, 2);
	assert_int_equal(s.object[1].failed, 1);
	unlink(NOT_ELF);
	resolve_free(r);
}

static void another_file_at_its_path_is_told_by_its_build_id(void **state)
{
	struct resolve *r = new_resolve(0);
	struct seen s = {};
	struct resolve_object o = file_object(1, self);

	(void)state;
	o.key.ino++; /* what was mapped is gone */
	o.build_id_bytes = 20; /* and was not this */
	memset(o.build_id, 0x5a, sizeof(o.build_id));
	resolve_announce(r, &o);
	ask_function(r, 1);
	take_all(r, &s);
	assert_int_equal(s.object[1].failed, 1);
	assert_int_equal(s.object[1].error, -ESTALE);
	assert_int_equal(s.object[1].named, 0);
	resolve_free(r);
}

static void a_file_that_is_gone_is_set_aside(void **state)
{
	struct resolve *r = new_resolve(0);
	struct seen s = {};
	struct resolve_object o = file_object(1, self);

	(void)state;
	o.path = "/nowhere/at/all";
	resolve_announce(r, &o);
	ask_function(r, 1);
	take_all(r, &s);
	assert_int_equal(s.object[1].error, -ENOENT);
	assert_int_equal(s.object[1].nameless, 1);
	resolve_free(r);
}

/* Deleted after it was announced: it was opened at once and stays open. */
static void a_file_that_is_deleted_later_keeps_its_names(void **state)
{
	struct resolve *r = new_resolve(0);
	struct resolve_object o;
	struct seen s = {};
	struct buf b;
	struct json j;

	(void)state;
	copy_self(COPY, 0);
	o = file_object(1, COPY);
	resolve_announce(r, &o);
	for (int i = 0; i < 1000; i++) {
		bool open_now;

		buf_init(&b, 1 << 20);
		json_init(&j, &b);
		resolve_status(r, &j);
		open_now = strstr(buf_str(&b), "\"files_open\":1") != NULL;
		buf_done(&b);
		if (open_now)
			break;
		usleep(10000);
	}
	unlink(COPY);
	ask_function(r, 1);
	take_all(r, &s);
	assert_named(&s, 1);
	resolve_free(r);
}

/* ---- workers that die ---- */

static pid_t only_worker(struct resolve *r)
{
	struct resolve_process p[RESOLVE_WORKERS_MAX];

	assert_int_equal(resolve_processes(r, p, RESOLVE_WORKERS_MAX), 1);
	assert_string_equal(p[0].role, "symbolizer");
	return p[0].pid;
}

static uint64_t status_number(struct resolve *r, const char *key)
{
	struct buf b;
	struct json j;
	char *at;
	uint64_t v;

	buf_init(&b, 1 << 20);
	json_init(&j, &b);
	resolve_status(r, &j);
	at = strstr(buf_str(&b), key);
	assert_non_null(at);
	v = strtoull(at + strlen(key) + strspn(at + strlen(key), ": "), NULL, 10);
	buf_done(&b);
	return v;
}

/* A resolve whose worker has named object 1 and is stopped now; objects 2 and 3 are asked for. */
static struct resolve *with_stopped_worker(unsigned int request_ms, struct seen *s,
					   pid_t *ret_worker)
{
	struct resolve *r = new_resolve(request_ms);

	announce_self(r, 1);
	ask_function(r, 1);
	take_all(r, s);
	*ret_worker = only_worker(r);
	assert_int_equal(kill(*ret_worker, SIGSTOP), 0);
	announce_self(r, 2);
	announce_self(r, 3);
	ask_function(r, 2);
	ask_function(r, 3);
	return r;
}

static void assert_only_2_is_set_aside(struct resolve *r, struct seen *s, const char *reason)
{
	take_all(r, s);
	assert_int_equal(s->object[2].failed, 1);
	if (!strstr(s->object[2].sentence, reason))
		fail_msg("\"%s\" does not say \"%s\"", s->object[2].sentence, reason);
	assert_int_equal(s->object[2].nameless, 1);
	assert_named(s, 3);
	ask_function(r, 1); /* known to the dead worker: the new one is told again */
	take_all(r, s);
	assert_int_equal(s->object[1].named, 2);
	assert_int_equal(status_number(r, "\"workers_restarted\""), 1);
	assert_int_equal(status_number(r, "\"objects_failed\""), 1);
	resolve_free(r);
}

static void the_object_that_stalls_a_worker_is_set_aside_and_the_rest_is_named(void **state)
{
	struct seen s = {};
	pid_t worker;
	struct resolve *r = with_stopped_worker(PATIENCE_MS, &s, &worker);

	(void)state;
	assert_only_2_is_set_aside(r, &s, "too long");
}

static void the_object_that_kills_a_worker_is_set_aside_and_the_rest_is_named(void **state)
{
	struct seen s = {};
	pid_t worker;
	struct resolve *r = with_stopped_worker(0, &s, &worker);

	(void)state;
	usleep(300000); /* the request is on its way */
	kill(worker, SIGKILL);
	assert_only_2_is_set_aside(r, &s, "signal 9");
}

static void a_worker_that_dies_between_requests_costs_no_object(void **state)
{
	struct resolve *r = new_resolve(0);
	struct seen s = {};
	pid_t worker;

	(void)state;
	announce_self(r, 1);
	ask_function(r, 1);
	take_all(r, &s);
	worker = only_worker(r);
	kill(worker, SIGKILL);
	usleep(100000);
	ask_function(r, 1);
	take_all(r, &s);
	assert_int_equal(s.object[1].failed, 0);
	assert_int_equal(s.object[1].named, 2);
	assert_int_not_equal(only_worker(r), worker);
	resolve_free(r);
}

static void the_end_waits_for_no_stalled_worker(void **state)
{
	struct seen s = {};
	pid_t worker;
	struct resolve *r = with_stopped_worker(0, &s, &worker);
	uint64_t started;

	(void)state;
	usleep(300000);
	started = now_ms();
	resolve_free(r);
	assert_true(now_ms() - started < 1500); /* a second, and this machine's sloth */
	assert_int_equal(kill(worker, 0), -1);
}

/* ---- domains ---- */

static void owners_do_not_share_a_worker_and_all_are_served(void **state)
{
	struct resolve_process p[RESOLVE_WORKERS_MAX];
	struct resolve *r = new_resolve(0);
	struct seen s = {};

	(void)state;
	announce_self(r, 1);
	for (uint32_t i = 2; i <= 5; i++) {
		char path[64];
		struct resolve_object o;

		snprintf(path, sizeof(path), COPY "-%u", i);
		copy_self(path, OTHER_UID + i);
		o = file_object(i, path);
		assert_int_equal(o.domain, OTHER_UID + i + 1);
		assert_int_equal(resolve_announce(r, &o), 0);
		ask_function(r, i);
	}
	ask_function(r, 1);
	take_all(r, &s);
	for (uint32_t i = 1; i <= 5; i++) {
		char path[64];

		assert_named(&s, i);
		snprintf(path, sizeof(path), COPY "-%u", i);
		unlink(path);
	}
	assert_true(status_number(r, "\"workers_started\"") >= 5); /* none was used for two */
	assert_int_equal(status_number(r, "\"workers_restarted\""), 0);
	assert_in_range(resolve_processes(r, p, RESOLVE_WORKERS_MAX), 1, RESOLVE_WORKERS_MAX);
	resolve_free(r);
}

/* ---- bounds and forgetting ---- */

static void too_many_questions_are_refused_whole_and_one_owner_s_sooner(void **state)
{
	static uint64_t offsets[RESOLVE_PENDING_MAX / 2 + 1];
	struct resolve *r = new_resolve(0);
	struct resolve_object o = file_object(2, self);

	(void)state;
	announce_self(r, 1);
	o.domain = OTHER_UID;
	resolve_announce(r, &o);
	assert_int_equal(resolve_ask(r, 2, offsets, RESOLVE_PENDING_MAX / 2 + 1), -ENOBUFS);
	assert_int_equal(resolve_pending(r), 0);
	assert_int_equal(resolve_ask(r, 1, offsets, RESOLVE_PENDING_MAX / 2 + 1), 0);
	assert_int_equal(resolve_ask(r, 1, offsets, RESOLVE_PENDING_MAX / 2 + 1), -ENOBUFS);
	assert_int_equal(resolve_ask(r, 7, offsets, 1), -ENOENT);
	assert_int_equal(resolve_announce(r, &o), -EEXIST);
	resolve_free(r);
}

static void a_forgotten_object_is_answered_no_more(void **state)
{
	uint64_t offsets[100] = {};
	struct resolve *r = new_resolve(0);
	struct seen s = {};

	(void)state;
	announce_self(r, 1);
	resolve_ask(r, 1, offsets, 100);
	resolve_forget(r, 1);
	assert_int_equal(resolve_pending(r), 0);
	announce_self(r, 1); /* the number may be used again */
	ask_function(r, 1);
	take_all(r, &s);
	assert_named(&s, 1);
	resolve_ask(r, 1, offsets, 100);
	s.object[1].named = s.object[1].nameless = 0;
	s.forget_at_once = r; /* from within an answer */
	take_all(r, &s);
	assert_int_equal(s.object[1].named + s.object[1].nameless, 1);
	assert_int_equal(resolve_pending(r), 0);
	resolve_free(r);
}

static void more_files_than_may_be_open_are_all_named(void **state)
{
	enum { FILES = 60, ALLOWED = 64 };
	struct rlimit before, few;
	struct resolve *r;
	struct seen s = {};

	(void)state;
	getrlimit(RLIMIT_NOFILE, &before);
	few = (struct rlimit){ALLOWED, before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &few);
	r = new_resolve(0);
	for (uint32_t i = 0; i < FILES; i++)
		announce_self(r, i);
	for (uint32_t i = 0; i < FILES; i++)
		ask_function(r, i);
	take_all(r, &s);
	for (uint32_t i = 0; i < FILES; i++)
		assert_named(&s, i);
	assert_true(status_number(r, "\"files_open\"") <= ALLOWED / 2);
	setrlimit(RLIMIT_NOFILE, &before);
	resolve_free(r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_of_a_file_is_named_and_the_file_identified),
		cmocka_unit_test(the_kernel_and_the_vdso_are_named),
		cmocka_unit_test(every_offset_is_answered_exactly_once),
		cmocka_unit_test(answers_come_in_the_portions_that_are_asked_for),
		cmocka_unit_test(what_is_no_elf_file_is_set_aside_and_others_are_not),
		cmocka_unit_test(another_file_at_its_path_is_told_by_its_build_id),
		cmocka_unit_test(a_file_that_is_gone_is_set_aside),
		cmocka_unit_test(a_file_that_is_deleted_later_keeps_its_names),
		cmocka_unit_test(
			the_object_that_stalls_a_worker_is_set_aside_and_the_rest_is_named),
		cmocka_unit_test(the_object_that_kills_a_worker_is_set_aside_and_the_rest_is_named),
		cmocka_unit_test(a_worker_that_dies_between_requests_costs_no_object),
		cmocka_unit_test(the_end_waits_for_no_stalled_worker),
		cmocka_unit_test(owners_do_not_share_a_worker_and_all_are_served),
		cmocka_unit_test(too_many_questions_are_refused_whole_and_one_owner_s_sooner),
		cmocka_unit_test(a_forgotten_object_is_answered_no_more),
		cmocka_unit_test(more_files_than_may_be_open_are_all_named),
	};
	ssize_t n;

	if (argc > 1 && argv[1][0] == '@')
		return worker_main(argc, argv);
	if (geteuid() != 0) {
		fprintf(stderr,
			"skipped: other people's files and the kernel's table are for root\n");
		return 77;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
