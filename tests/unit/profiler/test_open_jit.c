/* The files of a process's run-time compiled code: which are opened for it, and which are not. */
#include "profiler/base/cleanup.h"
#include "profiler/jail/open_jit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* We are the process: its map is in the real /tmp, under our own pid. */
struct place {
	char map[64], dump[64];
	struct open_jit jit;
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->map, sizeof(p->map), "/tmp/perf-%d.map", getpid());
	snprintf(p->dump, sizeof(p->dump), "/tmp/jit-%d.dump", getpid());
	unlink(p->map);
	*state = p;
	return open_jit_begin(&p->jit, (uint32_t)getpid(), 0, geteuid());
}

static int remove_place(void **state)
{
	struct place *p = *state;

	unlink(p->map);
	unlink(p->dump);
	open_jit_end(&p->jit);
	free(p);
	return 0;
}

static void put(const char *path, mode_t mode)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "text", 4), 4);
	assert_int_equal(fchmod(fd, mode), 0);
}

static void assert_opens(int fd)
{
	char text[8];

	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(read(fd, text, sizeof(text)), 4);
	close(fd);
}

static void assert_refuses(const struct place *p, int error, const char *sentence)
{
	struct err err = {};

	assert_int_equal(open_jit_map(&p->jit, &err), error);
	assert_string_equal(err.text, sentence);
}

static void a_process_s_own_map_is_opened(void **state)
{
	struct place *p = *state;
	struct err err = {};
	char path[OPEN_JIT_PATH_BYTES];

	assert_int_equal(p->jit.inner_pid, getpid());
	open_jit_map_path(&p->jit, path);
	assert_string_equal(path, p->map);
	assert_refuses(p, -ENOENT, "");
	put(p->map, 0600);
	assert_opens(open_jit_map(&p->jit, &err));
}

static void what_is_no_regular_file_is_not_opened(void **state)
{
	struct place *p = *state;

	assert_int_equal(mkfifo(p->map, 0644), 0);
	assert_refuses(p, -EACCES, "it is not a regular file");
	unlink(p->map);
	assert_int_equal(symlink("/etc/shadow", p->map), 0);
	assert_refuses(p, -ELOOP, "it is a symbolic link");
	unlink(p->map);
	assert_int_equal(symlink("/dev/zero", p->map), 0);
	assert_refuses(p, -ELOOP, "it is a symbolic link");
	unlink(p->map);
	assert_int_equal(mkdir(p->map, 0755), 0);
	assert_refuses(p, -EACCES, "it is not a regular file");
	rmdir(p->map);
}

static void whose_and_how_open_a_map_is_decides(void **state)
{
	struct place *p = *state;
	uid_t own = geteuid();

	put(p->map, 0644);
	/* As if the process were somebody's. */
	p->jit.uid = own + 1000;
	if (own == 0) {
		assert_opens(open_jit_map(&p->jit, NULL)); /* root's, for all to read */
		put(p->map, 0640);
		assert_refuses(p, -EACCES, "the user of its process could not read it");
		assert_int_equal(chown(p->map, own + 1000, 0), 0);
		assert_opens(open_jit_map(&p->jit, NULL));
		assert_int_equal(chmod(p->map, 0044), 0);
		assert_refuses(p, -EACCES, "the user of its process could not read it");
		assert_int_equal(chown(p->map, own + 1001, 0), 0);
	}
	assert_refuses(p, -EACCES, "it belongs to another user than its process");
	p->jit.uid = own;
	if (own != 0)
		return;
	assert_refuses(p, -EACCES, "it belongs to another user than its process");
	assert_int_equal(chown(p->map, 0, 0), 0);
	assert_int_equal(chmod(p->map, 0666), 0);
	assert_refuses(p, -EACCES, "others than root can write it");
}

static uint64_t boot_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The first process of a container has always the same pid. */
static void a_map_of_a_process_of_before_is_not_opened(void **state)
{
	struct place *p = *state;
	struct timespec old[2] = {};

	put(p->map, 0600);
	p->jit.start_ns = boot_ns();
	assert_opens(open_jit_map(&p->jit, NULL));
	clock_gettime(CLOCK_REALTIME, &old[1]);
	old[1].tv_sec -= 2;
	assert_int_equal(utimensat(AT_FDCWD, p->map, old, 0), 0);
	assert_refuses(p, -ESTALE, "it is older than its process");
	p->jit.start_ns = 0;
}

/* What perf finds by the mapping of its first page, and we as well, wherever it lies. */
static void a_dump_is_found_by_its_mapping(void **state)
{
	struct place *p = *state;
	_cleanup_close_ int fd = -1;
	struct err err = {};
	void *page;

	assert_int_equal(open_jit_dump(&p->jit, &err), -ENOENT);
	put(p->dump, 0600);
	fd = open(p->dump, O_RDONLY | O_CLOEXEC);
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(page != MAP_FAILED);
	assert_int_equal(open_jit_dump(&p->jit, &err), -ENOENT); /* looked for a moment ago */
	p->jit.searched_ns = 0;
	if (geteuid() == 0) {
		assert_opens(open_jit_dump(&p->jit, &err));
		munmap(page, 4096);
		unlink(p->dump);
		assert_opens(open_jit_dump(&p->jit, &err)); /* once found it is kept */
	}
}

static void a_process_that_ends_is_seen_and_its_map_still_opened(void **state)
{
	struct open_jit j;
	char map[64];
	int gate[2], status;
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(gate), 0);
	pid = fork();
	if (pid == 0) {
		close(gate[1]);
		_exit(read(gate[0], &byte, 1) != 0);
	}
	close(gate[0]);
	assert_int_equal(open_jit_begin(&j, (uint32_t)pid, 0, geteuid()), 0);
	assert_false(open_jit_is_over(&j));
	snprintf(map, sizeof(map), "/tmp/perf-%d.map", pid);
	put(map, 0600);
	close(gate[1]);
	waitpid(pid, &status, 0);
	assert_true(open_jit_is_over(&j));
	assert_opens(open_jit_map(&j, NULL));
	open_jit_end(&j);
	unlink(map);
	assert_int_equal(open_jit_begin(&j, (uint32_t)pid, 0, geteuid()), -ENOENT);
	open_jit_end(&j);
}

static void the_innermost_pid_is_read(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint32_t pid;
	} cases[] = {
		{"Name:\tx\nNSpid:\t4711\nNSpgid:\t4711\n", 0, 4711},
		{"Name:\tx\nNSpid:\t4711\t37\t1\nNSpgid:\t4711\n", 0, 1},
		{"Name:\tNSpid:\t5\nNSpid:\t6\n", 0, 6},
		{"Name:\tx\nNSpid:\t2147483647 \n", 0, 2147483647},
		{"", -EBADMSG, 0},
		{"Name:\tx\n", -EBADMSG, 0},
		{"Name:\tx\nNSpid:\t4711", -EBADMSG, 0},
		{"Name:\tx\nNSpid:\n", -EBADMSG, 0},
		{"Name:\tx\nNSpid:\tabc\n", -EBADMSG, 0},
		{"Name:\tx\nNSpid:\t0\n", -EBADMSG, 0},
		{"Name:\tx\nNSpid:\t2147483648\n", -EBADMSG, 0},
		{"Name:\tx\nNSpid:\t99999999999999999999\n", -EBADMSG, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t pid = 77;

		assert_int_equal(open_jit_parse_pid(cases[i].text, &pid), cases[i].result);
		assert_int_equal(pid, cases[i].result ? 77 : cases[i].pid);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_process_s_own_map_is_opened, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(what_is_no_regular_file_is_not_opened, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(whose_and_how_open_a_map_is_decides, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(a_map_of_a_process_of_before_is_not_opened,
						make_place, remove_place),
		cmocka_unit_test_setup_teardown(a_dump_is_found_by_its_mapping, make_place,
						remove_place),
		cmocka_unit_test(a_process_that_ends_is_seen_and_its_map_still_opened),
		cmocka_unit_test(the_innermost_pid_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
