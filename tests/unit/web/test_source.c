/* web/source.c: what a path leads to, and what it never leads to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "web/source.h"

static char place[64], dir[96], other[96];

static void make_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static const char *in(const char *folder, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int make_place(void **state)
{
	(void)state;
	snprintf(place, sizeof(place), "/tmp/hearth-source-XXXXXX");
	assert_non_null(mkdtemp(place));
	snprintf(dir, sizeof(dir), "%s/src", place);
	snprintf(other, sizeof(other), "%s/other", place);
	mkdir(dir, 0755);
	mkdir(other, 0755);
	mkdir(in(dir, "lib"), 0755);
	make_file(in(dir, "lib/a.c"), "one\ntwo\n", 0644);
	make_file(in(dir, "a.c"), "shallow\n", 0644);
	make_file(in(other, "b.c"), "other\n", 0644);
	make_file(in(place, "outside.c"), "outside\n", 0644);
	make_file(in(dir, "private.c"), "private\n", 0640);
	make_file(in(dir, "empty.c"), "", 0644);
	make_file(in(dir, "large.c"), "", 0644);
	assert_int_equal(truncate(in(dir, "large.c"), WEB_SOURCE_BYTES_MAX + 1), 0);
	assert_int_equal(symlink("../outside.c", in(dir, "up.c")), 0);
	assert_int_equal(symlink("/etc/passwd", in(dir, "passwd")), 0);
	assert_int_equal(symlink("a.c", in(dir, "inside.c")), 0);
	assert_int_equal(symlink("..", in(dir, "parent")), 0);
	assert_int_equal(mkfifo(in(dir, "fifo.c"), 0644), 0);
	return 0;
}

static int remove_place(void **state)
{
	static const char *const made[] = {
		"src/lib/a.c", "src/lib",  "src/a.c",	 "src/private.c", "src/empty.c",
		"src/large.c", "src/up.c", "src/passwd", "src/inside.c",  "src/parent",
		"src/fifo.c",  "src",	   "other/b.c",	 "other",	  "outside.c"};

	(void)state;
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		assert_int_equal(remove(in(place, made[i])), 0);
	return rmdir(place);
}

/* What reading path gives: the text, or the error. */
static void check(const char *path, int wanted, const char *text, const char *found)
{
	const char *const dirs[] = {dir, other};
	struct web_source_dirs d;
	struct web_source s = {};
	struct err err = {};
	int r;

	assert_int_equal(web_source_open(&d, dirs, 2, &err), 0);
	r = web_source_read(&d, path, &s, &err);
	if (r != wanted)
		fail_msg("%s: %d (%s)", path, r, err_text(&err));
	if (r == 0) {
		assert_int_equal(s.text.len, strlen(text));
		assert_memory_equal(s.text.len ? (char *)s.text.data : "", text, s.text.len);
		assert_non_null(strstr(s.found, found));
		assert_true(s.modified_ns > 0);
	} else {
		assert_non_null(strstr(err_text(&err), path));
	}
	web_source_done(&s);
	web_source_close(&d);
}

static void the_longest_end_of_a_path_that_is_there_wins(void **state)
{
	(void)state;
	check("/build/project/lib/a.c", 0, "one\ntwo\n", "/src/lib/a.c");
	check("/build/project/a.c", 0, "shallow\n", "/src/a.c");
	check("lib/../lib/./a.c", 0, "one\ntwo\n", "/src/lib/a.c");
	check("/build/b.c", 0, "other\n", "/other/b.c");
	check("/build/empty.c", 0, "", "/src/empty.c");
}

static void nothing_outside_of_the_directories_is_opened(void **state)
{
	char path[128];

	(void)state;
	check("/etc/shadow", -ENOENT, NULL, NULL);
	check("/etc/passwd", -ENOENT, NULL, NULL); /* a link of that name is below one */
	check("../outside.c", -ENOENT, NULL, NULL);
	check("../../../../etc/shadow", -ENOENT, NULL, NULL);
	snprintf(path, sizeof(path), "%s/outside.c", place);
	check(path, -ENOENT, NULL, NULL);
	check("", -ENOENT, NULL, NULL);
	check("/", -ENOENT, NULL, NULL);
	check("..", -ENOENT, NULL, NULL);
	check("lib", -EACCES, NULL, NULL); /* a directory */
}

static void links_are_not_followed(void **state)
{
	(void)state;
	check("up.c", -ENOENT, NULL, NULL);
	check("inside.c", -ENOENT, NULL, NULL);
	check("parent/outside.c", -ENOENT, NULL, NULL);
	check("parent/src/a.c", 0, "shallow\n", "/src/a.c"); /* by its last part */
}

/* A pipe would hold whoever opens it; nobody waits here. */
static void only_regular_files_that_everyone_may_read_are_read(void **state)
{
	(void)state;
	check("fifo.c", -EACCES, NULL, NULL);
	check("private.c", -EACCES, NULL, NULL);
	check("large.c", -EFBIG, NULL, NULL);
}

static void the_last_parts_of_a_path_are_tried(void **state)
{
	const char *parts[4];
	char scratch[64];

	(void)state;
	assert_int_equal(web_source_suffixes("/a//./b/../c/d.c", scratch, parts, 4), 3);
	assert_string_equal(parts[0], "a/c/d.c");
	assert_string_equal(parts[1], "c/d.c");
	assert_string_equal(parts[2], "d.c");
	assert_int_equal(web_source_suffixes("../../a/b/c/d/e", scratch, parts, 2), 2);
	assert_string_equal(parts[0], "d/e");
	assert_int_equal(web_source_suffixes("../..", scratch, parts, 4), 0);
	assert_int_equal(web_source_suffixes("..a/...", scratch, parts, 4), 2);
}

static void a_directory_that_is_none_is_refused(void **state)
{
	const char *const dirs[] = {dir, "/nonexistent"};
	const char *const file[] = {in(dir, "a.c")};
	struct web_source_dirs d;
	struct err err = {};

	(void)state;
	assert_int_equal(web_source_open(&d, dirs, 2, &err), -ENOENT);
	assert_non_null(strstr(err_text(&err), "/nonexistent"));
	assert_int_equal(d.n, 0);
	assert_int_equal(web_source_open(&d, file, 1, &err), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_end_of_a_path_that_is_there_wins),
		cmocka_unit_test(nothing_outside_of_the_directories_is_opened),
		cmocka_unit_test(links_are_not_followed),
		cmocka_unit_test(only_regular_files_that_everyone_may_read_are_read),
		cmocka_unit_test(the_last_parts_of_a_path_are_tried),
		cmocka_unit_test(a_directory_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, make_place, remove_place);
}
