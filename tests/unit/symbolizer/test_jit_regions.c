/*
 * Regions of JIT code: the latest wins whole, moments of before are remembered, memory is bounded.
 */
#include "symbolizer/jit_regions.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MAX (4u << 20)
#define NOW UINT64_MAX

static void load(struct jit_regions *r, uint64_t start, uint64_t end, const char *name,
		 uint64_t time_ns)
{
	assert_int_equal(jit_regions_load(r, start, end, name, strlen(name), time_ns), 0);
}

static void assert_name(const struct jit_regions *r, uint64_t address, uint64_t time_ns,
			const char *name)
{
	const char *found = jit_regions_find(r, address, time_ns).name;

	if (!name)
		assert_null(found);
	else if (!found)
		fail_msg("0x%" PRIx64 " at %" PRIu64 " has no name, not %s", address, time_ns,
			 name);
	else
		assert_string_equal(found, name);
}

static void a_region_names_its_own_addresses_alone(void **state)
{
	struct jit_regions r;

	(void)state;
	jit_regions_init(&r, MAX);
	assert_name(&r, 0, NOW, NULL);
	load(&r, 0x1000, 0x1100, "f", 0);
	load(&r, 0x1200, 0x1300, "g", 0);
	load(&r, 0x1400, 0x1400, "empty", 0);
	assert_name(&r, 0xfff, NOW, NULL);
	assert_name(&r, 0x1000, NOW, "f");
	assert_name(&r, 0x10ff, NOW, "f");
	assert_name(&r, 0x1100, NOW, NULL);
	assert_name(&r, 0x1200, NOW, "g");
	assert_name(&r, 0x1400, NOW, NULL);
	assert_name(&r, UINT64_MAX, NOW, NULL);
	jit_regions_clear(&r);
	assert_name(&r, 0x1000, NOW, NULL);
}

static void code_over_other_code_takes_its_place_whole(void **state)
{
	struct jit_regions r;

	(void)state;
	jit_regions_init(&r, MAX);
	load(&r, 0x1000, 0x1100, "old", 0);
	load(&r, 0x1100, 0x1200, "next", 0);
	load(&r, 0x1040, 0x1080, "new", 0);
	assert_name(&r, 0x1000, NOW, NULL); /* a method is gone as a whole */
	assert_name(&r, 0x1040, NOW, "new");
	assert_name(&r, 0x1080, NOW, NULL);
	assert_name(&r, 0x1100, NOW, "next");
	load(&r, 0, UINT64_MAX, "all", 0);
	assert_name(&r, 0x1100, NOW, "all");
	assert_int_equal(r.n, 1);
	assert_int_equal(jit_regions_load(&r, 0x1000, 0x2000, "", 0, 0), 0);
	assert_name(&r, 0x1100, NOW, NULL); /* of code without a name nobody knows more */
	assert_int_equal(r.n, 0);
	jit_regions_clear(&r);
}

static void a_moment_has_the_name_of_then(void **state)
{
	struct jit_regions r;

	(void)state;
	jit_regions_init(&r, MAX);
	load(&r, 0x1000, 0x1100, "first", 10);
	load(&r, 0x1000, 0x1080, "second", 20);
	load(&r, 0x1080, 0x1100, "third", 30);
	assert_name(&r, 0x1000, 9, NULL);
	assert_name(&r, 0x1000, 10, "first");
	assert_name(&r, 0x1000, 19, "first");
	assert_name(&r, 0x1000, 20, "second");
	assert_name(&r, 0x1090, 19, "first");
	assert_name(&r, 0x1090, 20, NULL); /* gone with the whole of it */
	assert_name(&r, 0x1090, 29, NULL);
	assert_name(&r, 0x1090, 30, "third");
	jit_regions_clear(&r);
}

static void code_that_moves_takes_its_name_along(void **state)
{
	struct jit_regions r;

	(void)state;
	jit_regions_init(&r, MAX);
	load(&r, 0x1000, 0x1100, "f", 10);
	load(&r, 0x2000, 0x2100, "g", 10);
	assert_int_equal(jit_regions_move(&r, 0x1000, 0x2000, 0x100, 20), 0);
	assert_name(&r, 0x1000, 19, "f");
	assert_name(&r, 0x1000, 20, NULL);
	assert_name(&r, 0x2000, 19, "g");
	assert_name(&r, 0x2000, 20, "f");
	/* Over itself, by less than its size. */
	assert_int_equal(jit_regions_move(&r, 0x2000, 0x2080, 0x100, 30), 0);
	assert_name(&r, 0x2000, 30, NULL);
	assert_name(&r, 0x2180 - 1, 30, "f");
	/* What nobody knew is not known where it comes to lie either. */
	assert_int_equal(jit_regions_move(&r, 0x9000, 0x2080, 0x100, 40), 0);
	assert_name(&r, 0x2080, 40, NULL);
	assert_name(&r, 0x2080, 39, "f");
	jit_regions_clear(&r);
}

/* Against an array with a name for each address. */
static void many_regions_are_as_an_array_has_them(void **state)
{
	enum { SPACE = 8192, LOADS = 60000 };
	static uint32_t region_at[SPACE], number[LOADS + 1];
	struct jit_regions r;
	char name[32];

	(void)state;
	srandom(1);
	jit_regions_init(&r, 64u << 20);
	for (uint32_t i = 1; i <= LOADS; i++) {
		uint64_t start = (uint64_t)random() % SPACE, size = (uint64_t)random() % 24;
		uint64_t end = start + size < SPACE ? start + size : SPACE;

		number[i] = (uint32_t)random() % 1000;
		snprintf(name, sizeof(name), "name %u", number[i]);
		load(&r, start, end, name, 0);
		for (uint64_t a = start; a < end; a++) {
			uint32_t gone = region_at[a];

			for (uint64_t b = a; gone && b < SPACE && region_at[b] == gone; b++)
				region_at[b] = 0;
			for (uint64_t b = a; gone && b-- > 0 && region_at[b] == gone;)
				region_at[b] = 0;
		}
		for (uint64_t a = start; a < end; a++)
			region_at[a] = i;
	}
	for (uint64_t a = 0; a < SPACE; a++) {
		snprintf(name, sizeof(name), "name %u", number[region_at[a]]);
		assert_name(&r, a, NOW, region_at[a] ? name : NULL);
	}
	jit_regions_clear(&r);
}

static void names_that_are_no_longer_used_give_their_memory_back(void **state)
{
	struct jit_regions r;
	char name[128];

	(void)state;
	jit_regions_init(&r, 256u << 10);
	for (unsigned int i = 0; i < 100000; i++) {
		uint64_t at = 0x1000 + 0x100 * (i % 100);

		snprintf(name, sizeof(name), "a method that was compiled for the %u. time", i);
		load(&r, at, at + 0x100, name, i + 1);
		assert_name(&r, at, NOW, name);
		assert_true(r.bytes <= r.bytes_max);
	}
	for (unsigned int i = 99900; i < 100000; i++) {
		snprintf(name, sizeof(name), "a method that was compiled for the %u. time", i);
		assert_name(&r, 0x1000 + 0x100 * (i % 100), NOW, name);
	}
	jit_regions_clear(&r);
	assert_int_equal(r.bytes, 0);
}

static void more_than_its_memory_is_refused(void **state)
{
	struct jit_regions r;
	char name[32];
	int result = 0;

	(void)state;
	jit_regions_init(&r, 256u << 10);
	for (uint64_t i = 0; result == 0; i++) {
		assert_true(i < 1000000);
		snprintf(name, sizeof(name), "name %" PRIu64, i);
		result = jit_regions_load(&r, i * 16, i * 16 + 16, name, strlen(name), 0);
		assert_true(r.bytes <= r.bytes_max);
	}
	assert_int_equal(result, -ENOMEM);
	jit_regions_clear(&r);
	load(&r, 0x1000, 0x1100, "f", 0); /* it may be used again */
	assert_name(&r, 0x1000, NOW, "f");
	jit_regions_clear(&r);
}

static void a_long_name_is_cut_between_characters(void **state)
{
	_cleanup_free_ char *name = malloc(3 * JIT_NAME_BYTES_MAX + 1);
	struct jit_regions r;
	const char *found;

	(void)state;
	for (size_t i = 0; i < JIT_NAME_BYTES_MAX; i++)
		memcpy(name + 3 * i, "\xe2\x82\xac", 3);
	name[3 * JIT_NAME_BYTES_MAX] = '\0';
	jit_regions_init(&r, MAX);
	load(&r, 0x1000, 0x1100, name, 0);
	found = jit_regions_find(&r, 0x1000, NOW).name;
	assert_non_null(found);
	assert_true(strlen(found) <= JIT_NAME_BYTES_MAX);
	assert_int_equal(strlen(found) % 3, 0);
	assert_string_equal(found + strlen(found) - 3, "\xe2\x80\xa6");
	jit_regions_clear(&r);
}

/* ---- lines ---- */

static void put_lines(struct jit_regions *r, uint64_t code, size_t n, const uint64_t (*lines)[2])
{
	jit_regions_begin_lines(r, code);
	for (size_t i = 0; i < n; i++)
		jit_regions_add_line(r, code + lines[i][0], (uint32_t)lines[i][1], "/srv/f.js", 9);
}

static void assert_line(const struct jit_regions *r, uint64_t address, uint64_t time_ns,
			uint32_t line)
{
	struct jit_place place = jit_regions_find(r, address, time_ns);

	assert_non_null(place.name);
	assert_int_equal(place.line, line);
	if (line)
		assert_string_equal(place.file, "/srv/f.js");
	else
		assert_null(place.file);
}

static void lines_are_of_the_code_that_comes_next(void **state)
{
	static const uint64_t lines[][2] = {{0x4, 10}, {0x10, 20}, {0x10, 21}, {0x80, 30}};
	struct jit_regions r;

	(void)state;
	jit_regions_init(&r, MAX);
	put_lines(&r, 0x1000, 4, lines);
	load(&r, 0x1000, 0x1100, "f", 0);
	assert_line(&r, 0x1003, NOW, 0); /* before the first nobody knows */
	assert_line(&r, 0x1004, NOW, 10);
	assert_line(&r, 0x100f, NOW, 10);
	assert_line(&r, 0x1010, NOW, 21); /* of two the last one said */
	assert_line(&r, 0x10ff, NOW, 30);
	load(&r, 0x2000, 0x2100, "g", 0);
	assert_line(&r, 0x2010, NOW, 0);
	put_lines(&r, 0x3000, 4, lines);
	load(&r, 0x3004, 0x3100, "of another address", 0);
	assert_line(&r, 0x3014, NOW, 0);
	jit_regions_clear(&r);
	assert_int_equal(r.bytes, 0);
}

static void lines_belong_to_their_moment_and_move_along(void **state)
{
	static const uint64_t old[][2] = {{0, 10}}, new[][2] = {{0, 20}};
	struct jit_regions r;

	(void)state;
	jit_regions_init(&r, MAX);
	put_lines(&r, 0x1000, 1, old);
	load(&r, 0x1000, 0x1100, "f", 100);
	put_lines(&r, 0x1000, 1, new);
	load(&r, 0x1000, 0x1100, "f", 200);
	assert_int_equal(jit_regions_move(&r, 0x1000, 0x5000, 0x100, 300), 0);
	assert_line(&r, 0x1000, 150, 10);
	assert_line(&r, 0x1000, 250, 20);
	assert_line(&r, 0x5010, 300, 20);
	assert_null(jit_regions_find(&r, 0x1000, 300).name);
	jit_regions_clear(&r);
	assert_int_equal(r.bytes, 0);
}

/* V8 counts from an ELF header in front of the code, and says so by never being below. */
static void lines_that_count_from_a_header_are_told_by_all_of_them(void **state)
{
	static const uint64_t first[][2] = {{0x40, 10}, {0x50, 11}}, second[][2] = {{0x43, 20}},
			      plain[][2] = {{0, 30}};
	struct jit_regions r;

	(void)state;
	jit_regions_init(&r, MAX);
	put_lines(&r, 0x2000, 1, second);
	load(&r, 0x2000, 0x2010, "g", 0);
	put_lines(&r, 0x1000, 2, first);
	load(&r, 0x1000, 0x1010, "f", 0);
	assert_line(&r, 0x1000, NOW, 10);
	assert_line(&r, 0x100f, NOW, 10);
	assert_line(&r, 0x2002, NOW, 0);
	assert_line(&r, 0x2003, NOW, 20);
	put_lines(&r, 0x3000, 1, plain);
	load(&r, 0x3000, 0x3010, "h", 0);
	assert_line(&r, 0x3000, NOW, 30);
	assert_line(&r, 0x1000, NOW, 0);
	jit_regions_clear(&r);
}

static void lines_that_are_garbage_are_left_out_and_told(void **state)
{
	static const struct {
		const char *what;
		uint64_t lines[2][2];
	} bad[] = {
		{"out of order", {{0x20, 1}, {0x10, 2}}},
		{"past the code", {{0, 1}, {0x1041, 2}}},
		{"before the code", {{0, 1}, {(uint64_t)-1, 2}}},
		{"farther than any code", {{0, 1}, {UINT64_MAX / 2, 2}}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct jit_regions r;

		jit_regions_init(&r, MAX);
		put_lines(&r, 0x10000, 2, bad[i].lines);
		if (jit_regions_load(&r, 0x10000, 0x11000, "f", 1, 0) != -EBADMSG)
			fail_msg("lines %s were taken", bad[i].what);
		assert_line(&r, 0x10020, NOW, 0);
		jit_regions_clear(&r);
	}
}

static void lines_leave_room_for_names(void **state)
{
	static const uint64_t lines[64][2];
	struct jit_regions r;
	uint64_t at = 0;

	(void)state;
	jit_regions_init(&r, 1 << 20);
	while (!r.lines_left_out) {
		at += 0x1000;
		put_lines(&r, at, 64, lines);
		load(&r, at, at + 0x100, "f", 0);
	}
	assert_in_range(r.lines_bytes, (1 << 20) / 2 - 4096, (1 << 20) / 2);
	load(&r, at, at + 0x100, "g", 0);
	assert_name(&r, at, NOW, "g");
	/* What goes gives room again. */
	load(&r, 0, UINT64_MAX, "all", 0);
	assert_int_equal(r.lines_bytes, 0);
	jit_regions_clear(&r);
	assert_int_equal(r.bytes, 0);
}

/* Names come and go until the text is made anew, under lines that stay. */
static void files_outlive_the_names_that_go(void **state)
{
	static const uint64_t lines[][2] = {{0, 10}};
	struct jit_regions r;
	char name[300];

	(void)state;
	jit_regions_init(&r, 1 << 20);
	load(&r, 0x1000, 0x1100, "first of all", 0);
	put_lines(&r, 0x2000, 1, lines);
	load(&r, 0x2000, 0x2100, "f", 0);
	for (unsigned int i = 0; i < 20000; i++) {
		memset(name, 'n', sizeof(name));
		snprintf(name, sizeof(name), "%0299u", i);
		load(&r, 0x9000, 0x9100, name, i + 1);
	}
	assert_line(&r, 0x2000, NOW, 10);
	assert_name(&r, 0x1000, NOW, "first of all");
	jit_regions_clear(&r);
	assert_int_equal(r.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_of_the_code_that_comes_next),
		cmocka_unit_test(lines_belong_to_their_moment_and_move_along),
		cmocka_unit_test(lines_that_count_from_a_header_are_told_by_all_of_them),
		cmocka_unit_test(lines_that_are_garbage_are_left_out_and_told),
		cmocka_unit_test(lines_leave_room_for_names),
		cmocka_unit_test(files_outlive_the_names_that_go),
		cmocka_unit_test(a_region_names_its_own_addresses_alone),
		cmocka_unit_test(code_over_other_code_takes_its_place_whole),
		cmocka_unit_test(a_moment_has_the_name_of_then),
		cmocka_unit_test(code_that_moves_takes_its_name_along),
		cmocka_unit_test(many_regions_are_as_an_array_has_them),
		cmocka_unit_test(names_that_are_no_longer_used_give_their_memory_back),
		cmocka_unit_test(more_than_its_memory_is_refused),
		cmocka_unit_test(a_long_name_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
