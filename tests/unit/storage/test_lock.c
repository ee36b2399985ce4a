/* The writer's lock: one holder, who says who it is, and who need not say that it has gone. */
#include "storage/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/storage/place.h"

static int take(const struct place *p)
{
	struct err err = {};
	int fd = -1;

	if (lock_take(p->path, &fd, &err) < 0)
		fail_msg("%s", err_text(&err));
	return fd;
}

/* What taking it says; fails where it was taken. */
static const char *refused(const struct place *p, int code, struct err *err)
{
	int fd = -7;

	assert_int_equal(lock_take(p->path, &fd, err), code);
	assert_int_equal(fd, -7);
	return err_text(err);
}

static void a_second_holder_is_told_who_the_first_is(void **state)
{
	const struct place *p = *state;
	int fd = take(p);
	struct err err;

	assert_non_null(strstr(refused(p, -EBUSY, &err), "another writer has it open"));
	assert_non_null(strstr(refused(p, -EBUSY, &err), "it left no note"));
	assert_int_equal(lock_note(fd, "pid 7"), 0);
	assert_non_null(strstr(refused(p, -EBUSY, &err), "(pid 7)"));
	lock_release(fd);
	lock_release(take(p));
}

/* Closing any descriptor of a file gives up what fcntl()'s older locks hold of it. */
static void neither_asking_nor_closing_another_descriptor_gives_it_up(void **state)
{
	const struct place *p = *state;
	char text[LOCK_TEXT_BYTES];
	int fd = take(p), watch = -1;
	struct err err;

	assert_int_equal(lock_watch(p->path, &watch), 0);
	assert_true(lock_is_held(watch));
	assert_int_equal(lock_read(watch, text, sizeof(text)), 0);
	close(watch);
	refused(p, -EBUSY, &err);
	lock_release(fd);
}

/* A child that ends with the test, also where that fails. */
static pid_t start_child(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void end_child(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void it_goes_with_its_process(void **state)
{
	const struct place *p = *state;
	int ready[2], watch;
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = start_child();
	if (pid == 0) {
		int fd = -1;

		if (lock_take(p->path, &fd, NULL) == 0 && lock_note(fd, "the child") == 0 &&
		    write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	assert_int_equal(lock_watch(p->path, &watch), 0);
	assert_true(lock_is_held(watch));
	end_child(pid);
	assert_false(lock_is_held(watch));
	assert_int_equal(lock_read(watch, &c, 1), -ENOENT);
	close(watch);
	lock_release(take(p));
}

/* A program that we start does not have it; a child that only forked does. */
static void a_child_that_is_left_over_holds_it(void **state)
{
	const struct place *p = *state;
	int fd = take(p);
	struct err err;
	pid_t pid;

	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	pid = start_child();
	if (pid == 0) {
		pause();
		_exit(1);
	}
	close(fd);
	refused(p, -EBUSY, &err);
	end_child(pid);
	lock_release(take(p));
}

static void a_note_replaces_the_one_before(void **state)
{
	static const struct {
		const char *note, *read;
	} cases[] = {
		{"pid 12345 since yesterday", "pid 12345 since yesterday"},
		{"short", "short"},
		{"one line\nand no other", "one line"},
		{"", ""},
	};
	const struct place *p = *state;
	char text[LOCK_TEXT_BYTES + 1];
	int fd = take(p), watch;
	struct stat st;

	assert_int_equal(lock_watch(p->path, &watch), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(lock_note(fd, cases[i].note), 0);
		assert_int_equal(lock_read(watch, text, sizeof(text)), 0);
		assert_string_equal(text, cases[i].read);
		/* Nothing but it and a newline, for who reads the file by other means. */
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_size, strlen(cases[i].read) + 1);
	}
	/* The longest, and one byte more. */
	memset(text, 'x', LOCK_TEXT_BYTES);
	text[LOCK_TEXT_BYTES - 1] = '\0';
	assert_int_equal(lock_note(fd, text), 0);
	text[LOCK_TEXT_BYTES - 1] = 'x';
	text[LOCK_TEXT_BYTES] = '\0';
	assert_int_equal(lock_note(fd, text), -E2BIG);
	assert_int_equal(lock_read(watch, text, sizeof(text)), 0);
	assert_int_equal(strlen(text), LOCK_TEXT_BYTES - 1);
	close(watch);
	lock_release(fd);
}

static void a_note_is_cut_to_the_room_there_is(void **state)
{
	static const char *const read[] = {NULL, "", "f", "fo", "fou", "four", "four"};
	const struct place *p = *state;
	int fd = take(p), watch;

	assert_int_equal(lock_watch(p->path, &watch), 0);
	assert_int_equal(lock_note(fd, "four"), 0);
	for (size_t room = 0; room < sizeof(read) / sizeof(read[0]); room++) {
		char text[] = "-------";

		assert_int_equal(lock_read(watch, text, room), 0);
		if (room)
			assert_string_equal(text, read[room]);
		assert_int_equal(text[room], '-');
	}
	close(watch);
	lock_release(fd);
}

static void what_is_no_lock_of_ours_is_refused(void **state)
{
	const struct place *p = *state;
	char path[128], other[128];
	struct err err;
	int watch = -7;

	assert_int_equal(lock_watch(p->path, &watch), -ENOENT);
	assert_int_equal(watch, -7);
	assert_false(lock_is_held(-1));
	lock_release(-1);
	snprintf(path, sizeof(path), "%s.lock", p->path);
	snprintf(other, sizeof(other), "%s/other", p->dir);

	assert_int_equal(symlink(other, path), 0);
	assert_non_null(strstr(refused(p, -ELOOP, &err), ".lock: "));
	assert_int_equal(access(other, F_OK), -1);
	assert_int_equal(unlink(path), 0);

	assert_int_equal(mkfifo(path, 0600), 0);
	assert_non_null(strstr(refused(p, -EPERM, &err), "not a regular file"));
	assert_int_equal(unlink(path), 0);

	assert_int_equal(mkdir(path, 0700), 0);
	refused(p, -EISDIR, &err);
	assert_int_equal(rmdir(path), 0);
}

static void its_mode_is_ours_and_its_old_text_goes(void **state)
{
	const struct place *p = *state;
	mode_t old = umask(0777);
	char path[128];
	struct stat st;
	int fd = take(p);

	umask(old);
	snprintf(path, sizeof(path), "%s.lock", p->path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(lock_note(fd, "somebody who was killed"), 0);
	close(fd); /* without lock_release() */
	fd = take(p);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 0);
	lock_release(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(a_second_holder_is_told_who_the_first_is),
		PLACE_TEST(neither_asking_nor_closing_another_descriptor_gives_it_up),
		PLACE_TEST(it_goes_with_its_process),
		PLACE_TEST(a_child_that_is_left_over_holds_it),
		PLACE_TEST(a_note_replaces_the_one_before),
		PLACE_TEST(a_note_is_cut_to_the_room_there_is),
		PLACE_TEST(what_is_no_lock_of_ours_is_refused),
		PLACE_TEST(its_mode_is_ours_and_its_old_text_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
