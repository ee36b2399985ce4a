/* What is opened for others, and what is not: real files below a directory, no privileges. */
#include "profiler/base/cleanup.h"
#include "profiler/jail/open_for.h"

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
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
	char dir[64];
	char file[96], other[96];
	struct open_for what; /* of file, as it was when it was made */
};

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static struct abi_file_key key_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (struct abi_file_key){
		.dev = major(st.st_dev) << 20 | minor(st.st_dev),
		.ino = st.st_ino,
		.mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec,
		.size = (uint64_t)st.st_size,
	};
}

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->dir, sizeof(p->dir), "/tmp/hearth-open-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->file, sizeof(p->file), "%s/mapped", p->dir);
	snprintf(p->other, sizeof(p->other), "%s/other", p->dir);
	put(p->file, "what was mapped");
	chmod(p->file, 0644);
	p->what = (struct open_for){
		.key = key_of(p->file),
		.domain = open_for_domain(geteuid(), 0100644),
		.path = p->file,
	};
	*state = p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;

	unlink(p->file);
	unlink(p->other);
	rmdir(p->dir);
	free(p);
	return 0;
}

/* The error of opening, or 0 and the file is closed again. */
static int try_open(const struct open_for *what, bool *ret_exact)
{
	struct err err = {};
	int fd = open_for_mapped(what, ret_exact, &err);

	if (fd < 0) {
		assert_int_equal(err.code, fd);
		assert_string_not_equal(err.text, "");
		return fd;
	}
	close(fd);
	return 0;
}

static void assert_opens(const struct open_for *what, const char *text)
{
	_cleanup_close_ int fd = -1;
	char found[64] = "";
	bool exact = false;
	struct err err;

	fd = open_for_mapped(what, &exact, &err);
	assert_true(fd >= 0);
	assert_true(exact);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_true(read(fd, found, sizeof(found) - 1) > 0);
	assert_string_equal(found, text);
}

static void the_mapped_file_is_opened_by_its_path(void **state)
{
	struct place *p = *state;

	assert_opens(&p->what, "what was mapped");
}

static void another_device_is_no_other_file(void **state)
{
	struct place *p = *state;

	p->what.key.dev++;
	assert_opens(&p->what, "what was mapped");
}

static void a_replaced_file_is_not_opened_unless_a_build_id_can_tell(void **state)
{
	struct place *p = *state;
	struct timespec times[2];
	struct stat st;
	bool exact = true;

	put(p->other, "what was mapped");
	stat(p->file, &st);
	times[0] = times[1] = st.st_mtim; /* alike but for its inode */
	assert_int_equal(utimensat(AT_FDCWD, p->other, times, 0), 0);
	assert_int_equal(rename(p->other, p->file), 0);
	assert_int_equal(try_open(&p->what, &exact), -ESTALE);
	assert_true(exact); /* untouched */
	p->what.build_id_known = true;
	assert_int_equal(try_open(&p->what, &exact), 0);
	assert_false(exact);
}

static void a_file_that_was_written_since_is_not_the_mapped_one(void **state)
{
	struct place *p = *state;
	struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	bool exact;

	assert_int_equal(utimensat(AT_FDCWD, p->file, times, 0), 0);
	assert_int_equal(try_open(&p->what, &exact), -ESTALE);
	p->what.key = key_of(p->file);
	assert_int_equal(truncate(p->file, 3), 0);
	assert_int_equal(utimensat(AT_FDCWD, p->file, times, 0), 0);
	assert_int_equal(try_open(&p->what, &exact), -ESTALE);
}

static void a_deleted_file_is_gone(void **state)
{
	struct place *p = *state;
	bool exact;

	unlink(p->file);
	assert_int_equal(try_open(&p->what, &exact), -ENOENT);
}

static void a_link_to_a_secret_is_not_followed_to_it(void **state)
{
	struct place *p = *state;
	bool exact;
	int r;

	unlink(p->file);
	assert_int_equal(symlink("/etc/shadow", p->file), 0);
	p->what.domain = 1001; /* whoever made the link */
	p->what.build_id_known = true;
	r = try_open(&p->what, &exact);
	assert_true(r == -EACCES || r == -ENOENT);
	/*
	 * And not with a forged identity, which another file system can show: only its device
	 * cannot be forged.
	 */
	if (access("/etc/shadow", F_OK) == 0) {
		p->what.key = key_of("/etc/shadow");
		p->what.key.dev++;
		assert_int_equal(try_open(&p->what, &exact), -EACCES);
	}
}

static void fifos_devices_and_directories_are_not_opened(void **state)
{
	struct place *p = *state;
	bool exact;

	p->what.build_id_known = true;
	unlink(p->file);
	assert_int_equal(mkfifo(p->file, 0644), 0); /* opening it for reading would wait */
	assert_int_equal(try_open(&p->what, &exact), -ESTALE);
	p->what.path = "/dev/null";
	assert_int_equal(try_open(&p->what, &exact), -ESTALE);
	p->what.path = p->dir;
	assert_int_equal(try_open(&p->what, &exact), -ESTALE);
}

static void a_file_of_another_owner_is_not_opened_for_a_domain(void **state)
{
	struct place *p = *state;
	bool exact;

	p->what.domain = open_for_domain(geteuid() + 1, 0100644);
	if (geteuid() == 0) /* what is root's alone may be read for others when everybody may */
		assert_int_equal(try_open(&p->what, &exact), 0);
	assert_int_equal(chmod(p->file, 0666), 0);
	assert_int_equal(try_open(&p->what, &exact), -EACCES);
}

static void magic_links_and_paths_without_a_root_are_not_followed(void **state)
{
	struct place *p = *state;
	char path[64];
	int fd = open(p->file, O_RDONLY);
	bool exact;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	p->what.path = path;
	assert_true(try_open(&p->what, &exact) < 0);
	p->what.path = "relative";
	assert_int_equal(try_open(&p->what, &exact), -ENOENT);
	p->what.path = NULL;
	assert_int_equal(try_open(&p->what, &exact), -ENOENT);
	close(fd);
}

/*
 * The start of this process as the sampler gives it: nanoseconds, of which /proc tells hundredths
 * of seconds.
 */
static uint64_t own_start_ns(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/stat", "r");
	unsigned long long ticks = 0;
	char text[1024] = "";
	char *at;

	assert_non_null(f);
	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	at = strrchr(text, ')');
	assert_non_null(at);
	assert_int_equal(sscanf(at,
				") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
				"%*d %*d %*d %llu",
				&ticks),
			 1);
	return ticks * (1000000000ull / (unsigned long long)sysconf(_SC_CLK_TCK)) + 1234567;
}

/*
 * Mapped and then deleted: only the process's own mapping leads to it. map_files wants a
 * capability.
 */
static void a_deleted_file_is_opened_by_its_mapping(void **state)
{
	struct place *p = *state;
	_cleanup_close_ int fd = open(p->file, O_RDONLY);
	void *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	bool exact;

	assert_ptr_not_equal(at, MAP_FAILED);
	unlink(p->file);
	p->what.pid = (uint32_t)getpid();
	p->what.start_ns = own_start_ns();
	p->what.vm_start = (uintptr_t)at;
	p->what.vm_end = (uintptr_t)at + 4096;
	if (geteuid() == 0)
		assert_opens(&p->what, "what was mapped");
	p->what.start_ns += 1000000000; /* its pid was another's before */
	assert_int_equal(try_open(&p->what, &exact), -ENOENT);
	munmap(at, 4096);
}

static void the_executable_is_opened_by_its_process(void **state)
{
	struct open_for what = ((struct place *)*state)->what;
	struct stat st;
	bool exact;

	assert_int_equal(stat("/proc/self/exe", &st), 0);
	what.key = key_of("/proc/self/exe");
	what.domain = open_for_domain(st.st_uid, st.st_mode);
	what.pid = (uint32_t)getpid();
	what.path = "/nowhere/at/all";
	assert_int_equal(try_open(&what, &exact), -ENOENT);
	what.is_exe = true;
	assert_int_equal(try_open(&what, &exact), 0);
	assert_true(exact);
}

static void domains_are_root_s_alone_and_each_owner_s(void **state)
{
	(void)state;
	assert_int_equal(open_for_domain(0, 0100755), OPEN_FOR_DOMAIN_ROOT);
	assert_int_equal(open_for_domain(0, 0100775), OPEN_FOR_DOMAIN_WRITABLE);
	assert_int_equal(open_for_domain(1000, 0100775), 1001);
	assert_int_equal(open_for_domain(UINT32_MAX, 0100755), UINT32_MAX - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_mapped_file_is_opened_by_its_path),
		TEST(another_device_is_no_other_file),
		TEST(a_replaced_file_is_not_opened_unless_a_build_id_can_tell),
		TEST(a_file_that_was_written_since_is_not_the_mapped_one),
		TEST(a_deleted_file_is_gone),
		TEST(a_link_to_a_secret_is_not_followed_to_it),
		TEST(fifos_devices_and_directories_are_not_opened),
		TEST(a_file_of_another_owner_is_not_opened_for_a_domain),
		TEST(magic_links_and_paths_without_a_root_are_not_followed),
		TEST(a_deleted_file_is_opened_by_its_mapping),
		TEST(the_executable_is_opened_by_its_process),
		TEST(domains_are_root_s_alone_and_each_owner_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
