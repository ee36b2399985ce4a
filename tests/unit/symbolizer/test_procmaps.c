/* Lines of /proc/PID/maps: what the kernel writes, what it never does, and our own mappings. */
#include "symbolizer/procmaps.h"

#include "profiler/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <cmocka.h>

static int parse(const char *line, struct procmaps_mapping *ret)
{
	return procmaps_parse_line(line, strlen(line), ret);
}

static void path_is(const struct procmaps_mapping *m, const char *expected)
{
	char path[256];

	assert_int_equal(procmaps_path(m, path, sizeof(path)), strlen(expected));
	assert_string_equal(path, expected);
}

static void every_field_of_a_file_is_read(void **state)
{
	struct procmaps_mapping m;

	(void)state;
	assert_int_equal(parse("55d0c8a00000-55d0c8a05000 r-xp 00002000 fd:1a2 18446744073709551615"
			       "              /usr/bin/two words",
			       &m),
			 0);
	assert_int_equal(m.start, 0x55d0c8a00000);
	assert_int_equal(m.end, 0x55d0c8a05000);
	assert_int_equal(m.perms, PROCMAPS_READ | PROCMAPS_EXEC);
	assert_int_equal(m.offset, 0x2000);
	assert_int_equal(m.major, 0xfd);
	assert_int_equal(m.minor, 0x1a2);
	assert_true(m.inode == UINT64_MAX);
	assert_false(m.deleted);
	path_is(&m, "/usr/bin/two words");
}

static void memory_without_a_file_has_no_path(void **state)
{
	struct procmaps_mapping m;

	(void)state;
	assert_int_equal(parse("1000-2000 rw-s 00000000 00:00 0 ", &m), 0);
	assert_int_equal(m.perms, PROCMAPS_READ | PROCMAPS_WRITE | PROCMAPS_SHARED);
	assert_int_equal(m.inode, 0);
	path_is(&m, "");
	assert_int_equal(parse("1000-2000 ---p 00000000 00:00 0", &m), 0);
	assert_int_equal(m.perms, 0);
	assert_int_equal(parse("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0"
			       "                  [vsyscall]",
			       &m),
			 0);
	assert_int_equal(m.perms, PROCMAPS_EXEC);
	path_is(&m, "[vsyscall]");
}

static void a_deleted_file_keeps_its_path(void **state)
{
	struct procmaps_mapping m;

	(void)state;
	assert_int_equal(parse("1000-2000 r--p 00000000 08:01 7 /tmp/a (deleted)", &m), 0);
	assert_true(m.deleted);
	path_is(&m, "/tmp/a");
	assert_int_equal(parse("1000-2000 r--p 00000000 08:01 7 /a (deleted) (deleted)", &m), 0);
	assert_true(m.deleted);
	path_is(&m, "/a (deleted)");
	/* No path at all is left: that is what it is called. */
	assert_int_equal(parse("1000-2000 r--p 00000000 08:01 7 (deleted)", &m), 0);
	assert_false(m.deleted);
	path_is(&m, "(deleted)");
}

static void a_newline_in_a_path_is_put_back(void **state)
{
	struct procmaps_mapping m;

	(void)state;
	assert_int_equal(parse("1000-2000 r--p 00000000 08:01 7 /a\\012b\\012", &m), 0);
	path_is(&m, "/a\nb\n");
	/* Only that is escaped. */
	assert_int_equal(parse("1000-2000 r--p 00000000 08:01 7 /a\\040\\01\\\t\x01\xff", &m), 0);
	path_is(&m, "/a\\040\\01\\\t\x01\xff");
}

static void a_path_is_cut_to_the_room_for_it(void **state)
{
	struct procmaps_mapping m;
	char path[4] = "xyz";

	(void)state;
	assert_int_equal(parse("1000-2000 r--p 00000000 08:01 7 /\\012b\\012", &m), 0);
	assert_int_equal(procmaps_path(&m, path, sizeof(path)), 3);
	assert_string_equal(path, "/\nb");
	assert_int_equal(procmaps_path(&m, path, 1), 0);
	assert_string_equal(path, "");
}

static void what_the_kernel_never_writes_is_refused(void **state)
{
	static const char *const malformed[] = {
		"",
		" ",
		"1000",
		"1000-",
		"1000-2000",
		"-2000 r--p 00000000 08:01 7",
		"1000-2000r--p 00000000 08:01 7",
		"1000 2000 r--p 00000000 08:01 7",
		"1000-2000 r--p",
		"1000-2000 r--p 00000000",
		"1000-2000 r--p 00000000 08:01",
		"1000-2000 r--p 00000000 08:01 ",
		"1000-2000 r--p 00000000 0801 7",
		"1000-2000 r--p 00000000 08: 7",
		"1000-2000 r--p 00000000 :01 7",
		"1000-2000 r--p 00000000 1000:01 7",
		"1000-2000 r--p 00000000 08:100000 7",
		"1000-2000 r--p 00000000 08:01 7/a",
		"1000-2000 r--p 00000000 08:01 7a",
		"1000-2000 r--p 00000000 08:01 -7",
		"1000-2000 r--p 00000000 08:01 18446744073709551616",
		"1000-2000 r--p 00000000 08:01 7 /a\nb",
		"1000-2000 r-- 00000000 08:01 7",
		"1000-2000 r--x 00000000 08:01 7",
		"1000-2000 rrxp 00000000 08:01 7",
		"1000-2000 x--p 00000000 08:01 7",
		"1000-2000 r--pp 00000000 08:01 7",
		"2000-1000 r--p 00000000 08:01 7",
		"1000-1000 r--p 00000000 08:01 7",
		"10000000000000000-20000000000000000 r--p 00000000 08:01 7",
		"1000-2000 r--p fffffffffffff001 08:01 7",
		"1000-2000 r--p 0x0 08:01 7",
		"A000-B000 r--p 00000000 08:01 7",
		" 1000-2000 r--p 00000000 08:01 7",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		struct procmaps_mapping m = {.start = 77};

		if (parse(malformed[i], &m) != -EBADMSG)
			fail_msg("taken: \"%s\"", malformed[i]);
		assert_int_equal(m.start, 77);
	}
}

static void a_line_that_is_cut_anywhere_is_read_within_its_bounds(void **state)
{
	static const char line[] = "1000-2000 r-xp 00001000 08:01 7    /a\\012 (deleted)";
	struct procmaps_mapping m;

	(void)state;
	for (size_t len = 0; len < sizeof(line); len++) {
		/* Memory of its own, so that a sanitizer sees a read past the end. */
		_cleanup_free_ char *copy = malloc(len ? len : 1);
		char path[64];

		memcpy(copy, line, len);
		if (procmaps_parse_line(copy, len, &m) == 0)
			procmaps_path(&m, path, sizeof(path));
	}
	/* The NUL at the end belongs to no path. */
	assert_int_equal(procmaps_parse_line(line, sizeof(line), &m), -EBADMSG);
}

struct seen {
	uint64_t address;
	struct procmaps_mapping found;
	char path[4096];
	unsigned int n;
	int answer;
};

static int take(void *context, const struct procmaps_mapping *m)
{
	struct seen *seen = context;

	seen->n++;
	if (m->start <= seen->address && seen->address < m->end) {
		seen->found = *m;
		procmaps_path(m, seen->path, sizeof(seen->path));
	}
	return seen->answer;
}

static int file_of(const char *text, size_t len)
{
	int fd = memfd_create("maps", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void our_own_mappings_are_found(void **state)
{
	_cleanup_close_ int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	struct seen seen = {.address = (uint64_t)(uintptr_t)our_own_mappings_are_found};
	struct stat exe;

	(void)state;
	assert_int_equal(procmaps_each(fd, take, &seen), 0);
	assert_int_equal(stat("/proc/self/exe", &exe), 0);
	assert_true(seen.n > 3);
	assert_int_equal(seen.found.inode, exe.st_ino);
	assert_true(seen.found.perms & PROCMAPS_EXEC);
	assert_int_equal(access(seen.path, R_OK), 0);
}

static void a_text_is_read_across_pieces_and_without_its_last_newline(void **state)
{
	static const char line[] = "1000-2000 r-xp 00000000 08:01 7 /a\n";
	const size_t len = sizeof(line) - 1, lines = 5000; /* several pieces */
	_cleanup_free_ char *text = malloc(lines * len);
	struct seen seen = {.address = 0x1000};
	_cleanup_close_ int fd = -1;

	(void)state;
	for (size_t i = 0; i < lines; i++)
		memcpy(text + i * len, line, len);
	fd = file_of(text, lines * len - 1);
	assert_int_equal(procmaps_each(fd, take, &seen), 0);
	assert_int_equal(seen.n, lines);
	assert_string_equal(seen.path, "/a");
}

static void a_reading_ends_where_it_is_told_to_or_at_a_bad_line(void **state)
{
	static const char text[] = "1000-2000 r-xp 00000000 08:01 7 /a\nbad\n"
				   "2000-3000 r-xp 00000000 08:01 7 /a\n";
	struct seen seen = {.answer = -ECANCELED};
	_cleanup_close_ int fd = file_of(text, sizeof(text) - 1);

	(void)state;
	assert_int_equal(procmaps_each(fd, take, &seen), -ECANCELED);
	assert_int_equal(seen.n, 1);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	seen.answer = 0;
	assert_int_equal(procmaps_each(fd, take, &seen), -EBADMSG);
	assert_int_equal(seen.n, 2);
}

static void a_line_without_an_end_is_refused(void **state)
{
	static const char head[] = "1000-2000 r-xp 00000000 08:01 7 /";
	const size_t longest = PROCMAPS_LINE_BYTES;
	_cleanup_free_ char *text = malloc(longest + 1);
	struct seen seen = {};
	_cleanup_close_ int fits = -1, too_long = -1;

	(void)state;
	memset(text, 'a', longest + 1);
	memcpy(text, head, sizeof(head) - 1);
	fits = file_of(text, longest);
	too_long = file_of(text, longest + 1);
	assert_int_equal(procmaps_each(fits, take, &seen), 0);
	assert_int_equal(seen.n, 1);
	assert_int_equal(procmaps_each(too_long, take, &seen), -EBADMSG);
	assert_int_equal(seen.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_of_a_file_is_read),
		cmocka_unit_test(memory_without_a_file_has_no_path),
		cmocka_unit_test(a_deleted_file_keeps_its_path),
		cmocka_unit_test(a_newline_in_a_path_is_put_back),
		cmocka_unit_test(a_path_is_cut_to_the_room_for_it),
		cmocka_unit_test(what_the_kernel_never_writes_is_refused),
		cmocka_unit_test(a_line_that_is_cut_anywhere_is_read_within_its_bounds),
		cmocka_unit_test(our_own_mappings_are_found),
		cmocka_unit_test(a_text_is_read_across_pieces_and_without_its_last_newline),
		cmocka_unit_test(a_reading_ends_where_it_is_told_to_or_at_a_bad_line),
		cmocka_unit_test(a_line_without_an_end_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
