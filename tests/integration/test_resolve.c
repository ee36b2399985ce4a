/* Resolve on the real kernel: names of real files, files that cannot be named, and its bounds. */
#include "tests/integration/resolve_asker.h"
#include "profiler/base/cleanup.h"
#include "tests/unit/symbolizer/fixture.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define OTHER_UID 12345
#define COPY	  "/tmp/hearth-resolve-copy"
#define NOT_ELF	  "/tmp/hearth-resolve-text"

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

/* Until nothing is pending; how often it was told that there is something to take. */
static unsigned int take_what_is_told(struct resolve *r, struct seen *s)
{
	struct pollfd p = {.fd = resolve_fd(r), .events = POLLIN};
	unsigned int told = 0;

	while (resolve_pending(r)) {
		assert_int_equal(poll(&p, 1, 60000), 1);
		resolve_take(r, &to_seen, s, 0);
		told++;
	}
	return told;
}

static void what_is_asked_of_many_objects_at_once_is_told_at_once(void **state)
{
	enum { OBJECTS = 5, OF_THE_FIRST = 600 };
	struct resolve_question q[OF_THE_FIRST + OBJECTS - 1], unknown = {.object = 77};
	struct resolve *r = new_resolve(0);
	struct seen s = {};

	(void)state;
	for (size_t i = 0; i < OF_THE_FIRST; i++)
		q[i] = (struct resolve_question){1, function_offset() + i};
	for (uint32_t object = 1; object <= OBJECTS; object++)
		announce_self(r, object);
	for (uint32_t object = 2; object <= OBJECTS; object++)
		q[OF_THE_FIRST + object - 2] = (struct resolve_question){object, function_offset()};
	/* The first time files are opened, and identified, each when it is. */
	for (unsigned int time = 0; time < 2; time++) {
		s = (struct seen){};
		assert_int_equal(resolve_ask_all(r, q, sizeof(q) / sizeof(q[0])), 0);
		assert_in_range(take_what_is_told(r, &s), 1, time ? 1 : UINT32_MAX);
		assert_int_equal(s.object[1].named + s.object[1].nameless, OF_THE_FIRST);
		for (uint32_t object = 2; object <= OBJECTS; object++)
			assert_named(&s, object);
	}
	assert_int_equal(resolve_ask_all(r, &unknown, 1), -ENOENT);
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

/* Its debug file stands beside it; the worker asks for it, and the collector opens it. */
static void a_stripped_file_is_named_by_its_debug_file(void **state)
{
	uint64_t offset = fixture_symbol("inlined", "mark_leaf", NULL);
	struct resolve_object linked = file_object(1, PROGRAMS "/inlined_linked");
	struct resolve_object stripped = file_object(2, PROGRAMS "/inlined_stripped");
	struct resolve *r = new_resolve(0);
	struct seen s = {};

	(void)state;
	resolve_announce(r, &linked);
	resolve_announce(r, &stripped);
	resolve_ask(r, 1, &offset, 1);
	resolve_ask(r, 2, &offset, 1);
	take_all(r, &s);
	assert_string_equal(s.object[1].function, "outer"); /* the outermost of three */
	assert_int_equal(s.object[2].nameless, 1);
	assert_int_equal(s.object[1].failed + s.object[2].failed, 0);
	resolve_free(r);
}

static unsigned int functions_of_the_table(const char *path)
{
	struct resolve_object o = file_object(1, path);
	struct resolve *r = new_resolve(0);
	struct seen s = {};
	unsigned int functions;

	resolve_announce(r, &o);
	functions = wait_for_table(r, &s, 1);
	resolve_free(r);
	return functions;
}

/* Its call frame information was stripped with the debug information that it was part of. */
/* Copies of one file without a build id known of them: each is compiled. */
static void a_table_that_is_missed_comes_before_what_may_wait(void **state)
{
	enum { FILES = SEEN_OBJECTS - 1 };
	struct resolve *r = new_resolve(0);
	unsigned int waiting = 0;
	struct seen s = {};

	(void)state;
	for (uint32_t object = 1; object <= FILES; object++)
		announce_self(r, object);
	for (uint32_t object = 1; object <= FILES; object++)
		assert_int_equal(resolve_ask_table(r, object, false), 0);
	assert_true(wait_for_table(r, &s, FILES) > 0);
	for (uint32_t object = 1; object < FILES; object++)
		waiting += !s.object[object].tables;
	/* Some had been made before it was asked for. */
	assert_true(waiting > FILES / 2);
	for (uint64_t until = now_ms() + 20000; waiting && now_ms() < until; usleep(1000)) {
		resolve_take(r, &to_seen, &s, 0);
		waiting = 0;
		for (uint32_t object = 1; object < FILES; object++)
			waiting += !s.object[object].tables;
	}
	assert_int_equal(waiting, 0);
	resolve_free(r);
}

static void the_table_of_a_stripped_file_is_that_of_its_debug_file(void **state)
{
	unsigned int whole = functions_of_the_table(PROGRAMS "/inlined_frames");

	(void)state;
	assert_int_equal(functions_of_the_table(PROGRAMS "/inlined_frames_linked"), whole);
	assert_true(functions_of_the_table(PROGRAMS "/inlined_frames_stripped") < whole);
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
		cmocka_unit_test(what_is_asked_of_many_objects_at_once_is_told_at_once),
		cmocka_unit_test(answers_come_in_the_portions_that_are_asked_for),
		cmocka_unit_test(a_stripped_file_is_named_by_its_debug_file),
		cmocka_unit_test(a_table_that_is_missed_comes_before_what_may_wait),
		cmocka_unit_test(the_table_of_a_stripped_file_is_that_of_its_debug_file),
		cmocka_unit_test(what_is_no_elf_file_is_set_aside_and_others_are_not),
		cmocka_unit_test(another_file_at_its_path_is_told_by_its_build_id),
		cmocka_unit_test(a_file_that_is_gone_is_set_aside),
		cmocka_unit_test(a_file_that_is_deleted_later_keeps_its_names),
		cmocka_unit_test(too_many_questions_are_refused_whole_and_one_owner_s_sooner),
		cmocka_unit_test(a_forgotten_object_is_answered_no_more),
		cmocka_unit_test(more_files_than_may_be_open_are_all_named),
	};
	int status;

	if (asker_begins(argc, argv, &status))
		return status;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
