/* Files that are truncated while they are mapped. */
#include "symbolizer/guard.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE 4096

static int three_pages(void)
{
	int fd = memfd_create("pages", MFD_CLOEXEC);
	uint8_t page[PAGE];

	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < PAGE; j++)
			page[j] = (uint8_t)(i + 1);
		assert_int_equal(write(fd, page, PAGE), PAGE);
	}
	return fd;
}

static void a_file_reads_as_it_is(void **state)
{
	struct guard g;
	int fd = three_pages();

	(void)state;
	assert_int_equal(guard_map(&g, fd, 3 * PAGE), 0);
	guard_enter(&g);
	assert_int_equal(g.data[2 * PAGE], 3);
	guard_leave(&g);
	guard_release_pages(&g);
	assert_int_equal(g.data[PAGE], 2);
	assert_false(guard_broken(&g));
	guard_unmap(&g);
	close(fd);
}

static void a_truncated_file_reads_zeros_and_is_broken(void **state)
{
	struct guard g;
	int fd = three_pages();

	(void)state;
	assert_int_equal(guard_map(&g, fd, 3 * PAGE), 0);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	guard_enter(&g);
	assert_int_equal(g.data[0], 1);
	assert_false(guard_broken(&g));
	assert_int_equal(g.data[PAGE + 17], 0);
	assert_true(guard_broken(&g));
	assert_int_equal(g.data[3 * PAGE - 1], 0);
	guard_leave(&g);
	guard_unmap(&g);
	close(fd);
}

static void each_of_nested_guards_marks_its_own_file(void **state)
{
	struct guard a, b;
	int fa = three_pages(), fb = three_pages();

	(void)state;
	assert_int_equal(guard_map(&a, fa, 3 * PAGE), 0);
	assert_int_equal(guard_map(&b, fb, 3 * PAGE), 0);
	assert_int_equal(ftruncate(fa, 0), 0);
	guard_enter(&a);
	guard_enter(&b);
	assert_int_equal(a.data[0], 0);
	assert_int_equal(b.data[0], 1);
	guard_leave(&b);
	guard_leave(&a);
	assert_true(guard_broken(&a));
	assert_false(guard_broken(&b));
	guard_unmap(&a);
	guard_unmap(&b);
	close(fa);
	close(fb);
}

/* What waitpid() says of a child that does this with a mapping and then exits with 0. */
static int end_of_child(void (*act)(struct guard *g, int fd))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct guard g;
		int fd = three_pages();

		if (guard_map(&g, fd, 3 * PAGE) == 0)
			act(&g, fd);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void touch_unguarded(struct guard *g, int fd)
{
	guard_enter(g);
	guard_leave(g);
	if (ftruncate(fd, 0) == 0)
		*(volatile const uint8_t *)g->data;
}

static void raise_guarded(struct guard *g, int fd)
{
	(void)fd;
	guard_enter(g);
	raise(SIGBUS); /* gives the signal back to what was there before us, */
	raise(SIGBUS); /* which is the end */
}

/* By the signal, or by a sanitizer's handler in its place. */
static void outside_of_a_guard_the_fault_is_fatal(void **state)
{
	(void)state;
	assert_int_not_equal(end_of_child(touch_unguarded), 0);
}

static void a_signal_that_was_sent_is_not_taken_for_a_fault(void **state)
{
	(void)state;
	assert_int_not_equal(end_of_child(raise_guarded), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_reads_as_it_is),
		cmocka_unit_test(a_truncated_file_reads_zeros_and_is_broken),
		cmocka_unit_test(each_of_nested_guards_marks_its_own_file),
		cmocka_unit_test(outside_of_a_guard_the_fault_is_fatal),
		cmocka_unit_test(a_signal_that_was_sent_is_not_taken_for_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
