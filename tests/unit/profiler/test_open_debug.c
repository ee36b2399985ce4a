/* Where a file that another one points to is looked for, and with whose rights it is opened. */
#include "profiler/jail/open_debug.h"

#include "profiler/base/cleanup.h"
#include "profiler/jail/open_for.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define OTHER_UID 12345

/* ---- paths ---- */

static void check(const char *of, const struct protocol_want *want, const char *const *expected,
		  int n)
{
	char *paths[OPEN_DEBUG_PATHS];

	assert_int_equal(open_debug_paths(of, want, paths), n);
	for (int i = 0; i < n; i++) {
		assert_string_equal(paths[i], expected[i]);
		free(paths[i]);
	}
}

static void a_build_id_is_a_path_of_its_hex_digits(void **state)
{
	static const char *const path[] = {"/usr/lib/debug/.build-id/01/ab02.debug"};
	struct protocol_want want = {
		.kind = SYM_WANT_BUILD_ID, .build_id = {0x01, 0xab, 0x02}, .build_id_bytes = 3};

	(void)state;
	check("/usr/bin/x", &want, path, 1);
	check(NULL, &want, path, 1);
	want.build_id_bytes = 1;
	check("/usr/bin/x", &want, NULL, 0);
}

static void a_link_stands_beside_below_or_among_the_debug_files(void **state)
{
	static const char *const paths[] = {"/opt/a/x.debug", "/opt/a/.debug/x.debug",
					    "/usr/lib/debug/opt/a/x.debug"};
	static const char *const at_root[] = {"/x.debug", "/.debug/x.debug",
					      "/usr/lib/debug/x.debug"};
	struct protocol_want want = {.kind = SYM_WANT_LINK, .name = "x.debug"};

	(void)state;
	check("/opt/a/x", &want, paths, 3);
	check("/x", &want, at_root, 3);
}

static void a_link_without_a_name_or_with_a_directory_is_nowhere(void **state)
{
	const struct protocol_want none = {.kind = SYM_WANT_LINK};
	const struct protocol_want above = {.kind = SYM_WANT_LINK, .name = "../../etc/shadow"};
	const struct protocol_want plain = {.kind = SYM_WANT_LINK, .name = "x.debug"};

	(void)state;
	check("/opt/a/x", &none, NULL, 0);
	check("/opt/a/x", &above, NULL, 0);
	check("memfd:x", &plain, NULL, 0);
	check("", &plain, NULL, 0);
	check(NULL, &plain, NULL, 0);
}

/* ---- opening ---- */

struct place {
	char dir[64];
	char file[96], link[96], debug[96], fifo[96];
	uint32_t domain; /* of whoever runs this */
};

static void put(const char *path, const char *text, mode_t mode)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	fchmod(fd, mode);
}

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->dir, sizeof(p->dir), "/tmp/hearth-debug-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	chmod(p->dir, 0755);
	snprintf(p->file, sizeof(p->file), "%s/x", p->dir);
	snprintf(p->debug, sizeof(p->debug), "%s/x.debug", p->dir);
	snprintf(p->link, sizeof(p->link), "%s/x.link", p->dir);
	snprintf(p->fifo, sizeof(p->fifo), "%s/x.fifo", p->dir);
	put(p->debug, "names", 0644);
	p->domain = open_for_domain(geteuid(), 0100644);
	*state = p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;

	unlink(p->debug);
	unlink(p->link);
	unlink(p->fifo);
	rmdir(p->dir);
	free(p);
	return 0;
}

/* 0 when it opens and reads as expected, else the error. */
static int try_open(const struct place *p, const char *name, uint32_t domain, unsigned int skip)
{
	struct protocol_want want = {.kind = SYM_WANT_LINK, .skip = skip};
	const struct open_debug whose = {.domain = domain, .path = p->file};
	char text[8] = "";
	_cleanup_close_ int fd = -1;

	snprintf(want.name, sizeof(want.name), "%s", name);
	fd = open_debug(&whose, &want);
	if (fd < 0)
		return fd;
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(read(fd, text, sizeof(text) - 1), 5);
	assert_string_equal(text, "names");
	return 0;
}

static void what_a_file_points_to_is_opened_once(void **state)
{
	struct place *p = *state;

	assert_int_equal(try_open(p, "x.debug", p->domain, 0), 0);
	assert_int_equal(try_open(p, "x.debug", p->domain, 1), -ENOENT);
	assert_int_equal(try_open(p, "nothing", p->domain, 0), -ENOENT);
}

/* A pipe would wait for its writer, a device would do what devices do. */
static void only_regular_files_are_opened(void **state)
{
	struct place *p = *state;

	assert_int_equal(mkfifo(p->fifo, 0644), 0);
	assert_true(try_open(p, "x.fifo", p->domain, 0) < 0);
	assert_int_equal(symlink("/dev/zero", p->link), 0);
	assert_true(try_open(p, "x.link", p->domain, 0) < 0);
}

static void a_link_is_followed_to_what_may_be_read(void **state)
{
	struct place *p = *state;

	assert_int_equal(symlink("x.debug", p->link), 0);
	assert_int_equal(try_open(p, "x.link", p->domain, 0), 0);
}

static void another_owners_file_is_refused(void **state)
{
	struct place *p = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(p->debug, OTHER_UID, OTHER_UID), 0);
	assert_int_equal(try_open(p, "x.debug", OPEN_FOR_DOMAIN_ROOT, 0), -ENOENT);
	assert_int_equal(try_open(p, "x.debug", OTHER_UID + 2, 0), -ENOENT);
	assert_int_equal(try_open(p, "x.debug", OTHER_UID + 1, 0), 0);
}

/* Root opens, but with the rights of whoever's word it is. */
static void what_its_owner_could_not_read_is_refused(void **state)
{
	struct place *p = *state;

	if (geteuid() != 0)
		skip();
	chmod(p->debug, 0600);
	assert_int_equal(try_open(p, "x.debug", OTHER_UID + 1, 0), -ENOENT);
	assert_int_equal(try_open(p, "x.debug", OPEN_FOR_DOMAIN_ROOT, 0), -ENOENT);
	chmod(p->debug, 0644);
	assert_int_equal(try_open(p, "x.debug", OTHER_UID + 1, 0), 0);
	chmod(p->dir, 0700); /* and what stands where he may not go */
	assert_int_equal(try_open(p, "x.debug", OTHER_UID + 1, 0), -ENOENT);
	chmod(p->dir, 0755);
}

static void the_rights_come_back(void **state)
{
	struct place *p = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(try_open(p, "x.debug", OTHER_UID + 1, 0), 0);
	chmod(p->debug, 0);
	close(open(p->debug, O_RDONLY | O_CLOEXEC));
	assert_int_equal(access(p->debug, R_OK), 0);
}

/* What elsewhere was asked for. */
struct asked {
	unsigned int times, skip;
	const char *path; /* what it has */
};

static int elsewhere(void *ctx, const struct protocol_want *want, unsigned int skip)
{
	struct asked *a = ctx;

	assert_int_equal(want->build_id_bytes, 20);
	a->times++;
	a->skip = skip;
	return skip ? -ENOENT : open(a->path, O_RDONLY | O_CLOEXEC);
}

static void what_has_a_build_id_and_is_nowhere_is_asked_for_elsewhere(void **state)
{
	struct place *p = *state;
	struct asked asked = {.path = p->debug};
	struct protocol_want want = {
		.kind = SYM_WANT_BUILD_ID, .build_id_bytes = 20, .name = "x.debug"};
	struct open_debug whose = {.domain = p->domain, .path = p->file};
	int fd;

	assert_int_equal(open_debug(&whose, &want), -ENOENT);
	whose.elsewhere = elsewhere;
	whose.elsewhere_ctx = &asked;
	fd = open_debug(&whose, &want);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(asked.times, 1);
	/* What it gave was not the right one. */
	want.skip = 1;
	assert_int_equal(open_debug(&whose, &want), -ENOENT);
	assert_int_equal(asked.times, 2);
	assert_int_equal(asked.skip, 1);
	/* A name alone is for this host. */
	want.skip = 0;
	want.kind = SYM_WANT_LINK;
	close(open_debug(&whose, &want));
	want.name[0] = 'y';
	assert_int_equal(open_debug(&whose, &want), -ENOENT);
	assert_int_equal(asked.times, 2);
	/* Nor what was found here: of dwz's, by its path. */
	want.kind = SYM_WANT_ALT;
	want.name[0] = 'x';
	close(open_debug(&whose, &want));
	assert_int_equal(asked.times, 2);
	want.build_id_bytes = 0;
	want.name[0] = 'y';
	assert_int_equal(open_debug(&whose, &want), -ENOENT);
	assert_int_equal(asked.times, 2);
}

/* A file that nobody else finds, of so many bytes, and no more than are left. */
static void room_is_given_up_to_what_is_left(void **state)
{
	uint64_t left = 3 << 20;
	struct place *p = *state;
	const struct open_debug whose = {
		.domain = p->domain, .path = p->file, .room_dir = p->dir, .room_left = &left};
	const struct open_debug nowhere = {.domain = p->domain, .path = p->file};
	const struct protocol_want want = {.kind = SYM_WANT_ROOM, .bytes = 2 << 20};
	const struct protocol_want none = {.kind = SYM_WANT_ROOM};
	_cleanup_close_ int fd = open_debug(&whose, &want);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 2 << 20);
	assert_int_equal(st.st_nlink, 0);
	assert_true(st.st_blocks * 512 >= 2 << 20);
	assert_int_equal(left, 1 << 20);
	assert_int_equal(open_debug(&whose, &want), -ENOENT);
	assert_int_equal(open_debug(&whose, &none), -ENOENT);
	assert_int_equal(open_debug(&nowhere, &want), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_build_id_is_a_path_of_its_hex_digits),
		cmocka_unit_test(a_link_stands_beside_below_or_among_the_debug_files),
		cmocka_unit_test(a_link_without_a_name_or_with_a_directory_is_nowhere),
		cmocka_unit_test_setup_teardown(what_a_file_points_to_is_opened_once, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(only_regular_files_are_opened, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(a_link_is_followed_to_what_may_be_read, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(another_owners_file_is_refused, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(what_its_owner_could_not_read_is_refused,
						make_place, remove_place),
		cmocka_unit_test_setup_teardown(the_rights_come_back, make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			what_has_a_build_id_and_is_nowhere_is_asked_for_elsewhere, make_place,
			remove_place),
		cmocka_unit_test_setup_teardown(room_is_given_up_to_what_is_left, make_place,
						remove_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
