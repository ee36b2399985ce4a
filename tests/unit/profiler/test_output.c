/* Output files: there whole or not at all, and what is no plain file is written in place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "profiler/cli/output.h"

static char folder[64];

static int enter(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test_output_XXXXXX");
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static unsigned int entries(void)
{
	DIR *d = opendir(".");
	unsigned int n = 0;

	for (struct dirent *e = readdir(d); e; e = readdir(d))
		n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
	closedir(d);
	return n;
}

static int leave(void **state)
{
	static const char *const names[] = {"new", "old", "link", "target", "fifo", "dir"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(names[i]);
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void write_file(const char *name, const char *content, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void check_file(const char *name, const char *content, mode_t mode)
{
	char found[64] = "";
	struct stat st;
	int fd = open(name, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, found, sizeof(found) - 1), strlen(content));
	assert_string_equal(found, content);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
	close(fd);
}

static void a_new_file_appears_when_it_is_complete(void **state)
{
	mode_t mask = umask(027);
	struct output o;

	(void)state;
	assert_int_equal(output_open("new", &o, NULL), 0);
	assert_int_equal(access("new", F_OK), -1);
	assert_int_equal(output_write(&o, "ab", 2, NULL), 0);
	assert_int_equal(output_write(&o, "c", 1, NULL), 0);
	assert_int_equal(access("new", F_OK), -1);
	assert_int_equal(output_commit(&o, NULL), 0);
	check_file("new", "abc", 0640);
	output_discard(&o);
	check_file("new", "abc", 0640);
	umask(mask);
	assert_int_equal(entries(), 1);
}

static void what_was_there_stays_when_it_fails(void **state)
{
	struct output o;

	(void)state;
	write_file("old", "precious", 0600);
	assert_int_equal(output_open("old", &o, NULL), 0);
	assert_int_equal(output_write(&o, "half", 4, NULL), 0);
	output_discard(&o);
	check_file("old", "precious", 0600);
	assert_int_equal(entries(), 1);
}

static void a_replaced_file_keeps_its_mode(void **state)
{
	struct output o;

	(void)state;
	write_file("old", "precious", 0604);
	assert_int_equal(output_open("old", &o, NULL), 0);
	assert_int_equal(output_write(&o, "new", 3, NULL), 0);
	assert_int_equal(output_commit(&o, NULL), 0);
	check_file("old", "new", 0604);
}

static void a_link_is_followed_not_replaced(void **state)
{
	struct output o;
	struct stat st;

	(void)state;
	write_file("target", "a longer text", 0600);
	assert_int_equal(symlink("target", "link"), 0);
	assert_int_equal(output_open("link", &o, NULL), 0);
	assert_int_equal(output_write(&o, "new", 3, NULL), 0);
	assert_int_equal(output_commit(&o, NULL), 0);
	check_file("target", "new", 0600);
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void devices_are_written_in_place(void **state)
{
	struct output o;
	struct stat st;

	(void)state;
	assert_int_equal(output_open("/dev/null", &o, NULL), 0);
	assert_int_equal(output_write(&o, "x", 1, NULL), 0);
	assert_int_equal(output_commit(&o, NULL), 0);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

static void failures_name_the_file(void **state)
{
	struct err err = {};
	struct output o;

	(void)state;
	assert_int_equal(output_open("nowhere/new", &o, &err), -ENOENT);
	assert_string_equal(err_text(&err), "cannot write nowhere/new: No such file or directory");
	assert_int_equal(mkdir("dir", 0700), 0);
	assert_int_equal(output_open("dir", &o, &err), -EISDIR);
	write_file("old", "x", 0600);
	assert_int_equal(output_open("old/new", &o, &err), -ENOTDIR);
	assert_int_equal(output_open("/dev/full", &o, &err), 0);
	assert_int_equal(output_write(&o, "x", 1, &err), -ENOSPC);
	assert_string_equal(err_text(&err), "cannot write /dev/full: No space left on device");
	output_discard(&o);
}

#define OUTPUT_TEST(f) cmocka_unit_test_setup_teardown(f, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OUTPUT_TEST(a_new_file_appears_when_it_is_complete),
		OUTPUT_TEST(what_was_there_stays_when_it_fails),
		OUTPUT_TEST(a_replaced_file_keeps_its_mode),
		OUTPUT_TEST(a_link_is_followed_not_replaced),
		OUTPUT_TEST(devices_are_written_in_place),
		OUTPUT_TEST(failures_name_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
